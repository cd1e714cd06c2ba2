// Package baseline has the plans that the provisioner's own is measured against. Each is
// a function like provisioner.Make, so that the same engine runs them.
//
//   - [OnePerJob]: a host for each job, of the cheapest type that holds it.
//   - [FirstFitDecreasing]: the textbook packing.
//   - [BestFitProgressive]: the allocation strategy of AWS Batch, as far as AWS says
//     what it does.
//
// They share what does not make them different, and what keeps the comparison fair:
// hosts that boot already count for what waits, nothing is launched above maxvCpus, and
// a host without tasks goes when its idle window is over. They are small and honest
// rather than complete: updates of an environment's hosts, and launches for minvCpus, are
// left to the real planner.
package baseline
