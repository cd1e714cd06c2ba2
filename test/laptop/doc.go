// Package laptop holds the tests of packhorse serve under failure. They see what a
// user sees: the binary is built and started as a process, spoken to with the AWS SDK,
// killed, started again, given a full disk, a damaged file, an engine that goes away.
//
// What a job did is not believed from the server. Jobs run the program in worker, which
// adds a line to a file, the ledger, when an attempt starts and another when it ends.
// The kernel keeps the order of the lines. So the ledger proves what the server only
// tells: that no job was lost, that no attempt was started twice, and that no two
// attempts of a job ran at the same time.
//
// Chance comes from a seed, which every run prints:
//
//	go test ./test/laptop -run Kill -v -laptop.seed 42 -laptop.kills 200
package laptop
