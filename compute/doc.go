// Package compute is the contract between the engine and what runs work: hosts
// that come and go, and tasks that run containers on them.
//
// A backend imitates or drives ECS and EC2 and knows nothing of queues or stores.
// The engine records what it is about to do, then asks for it with a token derived
// from that record, so every request here may be repeated: after a crash the
// engine looks at its records and asks again. What happens later (a host joined, a
// container ended) comes back as [News]; news may be late, doubled or lost, so
// ListTasks and ListHosts tell the same at any time. The suite in computetest holds every backend
// to these promises.
package compute
