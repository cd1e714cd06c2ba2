// Package docker runs tasks as containers of a Docker Engine.
//
// The engine itself is the record. A container is named after its task, so
// creating it twice fails, and its labels say what a restarted server must know.
// Whether it ever ran is read from the engine (State.StartedAt): a container that
// was made but never started may still be started, one that was started never is
// again. Thus an attempt runs at most once, however often Run is asked, and
// whoever of the two is killed in the middle.
//
// Each task has one goroutine, its supervisor, which makes and starts the
// containers, waits for them and reports. It believes only what it reads by
// inspecting a container; events of the engine merely say that there is something
// to look at. So an event that is lost, doubled or late costs time and nothing
// else: after every break of the event stream, and every [compareEvery], all is
// compared with the engine's list.
//
// What the engine cannot hold (a task whose image is still being pulled, one that
// never could start, that a user stopped it) is kept in small files in
// Options.Dir.
package docker
