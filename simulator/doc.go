// Package simulator says what a fleet policy would cost for a workload, and how long its
// jobs would wait.
//
// It has no scheduler, no provisioner and no loop of its own: [Run] starts a whole
// Packhorse (the real engine, control and stores, over memory and imitated hosts), submits
// each job through the real SubmitJob when its time comes, and moves a virtual clock from
// one event to the next. What differs from a day in AWS is only who answers the calls.
//
// Everything chance decides is drawn from the policy's seed, so the same workload, policy
// and seed give the same [Result], byte for byte.
//
//   - workload reads what is to run, policy how the fleet behaves;
//   - [Run] drives one policy; books.go keeps what happens, host by host and job by job;
//   - [Bound] is what no fleet could go below;
//   - report shows results: JSON, a table, an HTML page.
package simulator
