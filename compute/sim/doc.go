// Package sim imitates hosts and tasks: nothing is launched and nothing runs, but
// everything that the contract of compute promises happens, at the times that a
// seed and a clock give.
//
// A [Backend] is a heap of events. [New] makes one that stands still until
// [Backend.Advance] moves it: the simulator runs the real engine on it in virtual
// time, and tests step through it. [Start] makes one that follows the real clock
// with a goroutine and a single timer: benchmarks of the service run on it.
//
// Chance is drawn from a stream per purpose and per subject: how long host h boots
// depends on the seed and on h and on nothing else, so one more job, or another
// order of calls, leaves the rest of a run as it was. The ids of hosts and tasks
// are part of that: a run is reproducible when its ids are.
//
// The [Ledger] keeps what the tests of the engine ask about afterwards: whether a
// task was started twice, whether two attempts of a job ran at once, and how long
// hosts were up.
package sim
