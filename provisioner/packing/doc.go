// Package packing decides which hosts to launch for jobs that wait, and what goes onto
// each, for the least money.
//
// The problem is vector bin packing with types of bins and prices: jobs need vCPUs,
// memory and GPUs, hosts have so much of each and a price. It is solved as a linear
// program over fillings: a filling is what one host of a type may hold, and the
// program takes fillings, in parts if it likes, so that all jobs are covered. There are
// far too many fillings to list. They are made when they are needed (Gilmore and Gomory
// 1961): the dual of the program says what a job of each kind is worth, and a filling
// that is worth more than its host costs makes the program cheaper. Looking for one is a
// knapsack problem for each type.
//
// The steps of Pack, and their files:
//
//   - problem.go joins equal jobs and drops types that another one makes useless;
//     classes.go joins jobs that are nearly alike where there are very many kinds.
//   - prices.go finds prices for the resources of each type: a first bound, and a first
//     idea of what each job is worth.
//   - greedy.go packs by such values, and corrects the values by what turned out hard.
//     The fillings of some such packings are the first columns of the program.
//   - master.go solves the program, with basis.go, and generate.go adds columns, which
//     knapsack.go, fill.go, branch.go and lagrange.go find; where hosts hold few jobs seek.go
//     does, by the table of ceiling.go. The duals then give the bound.
//   - fine.go solves it again with all kinds apart; floors.go makes the bound where those
//     are too many; bestfit.go is a simple packing to compare with.
//   - fillfit.go fills hosts one after the other with jobs that leave the least: the best
//     way where hosts hold several jobs that all differ.
//   - round.go turns the parts into whole hosts, emit.go puts real jobs there.
//   - improve.go, rework.go and merge.go go over the result; limits.go keeps to what may
//     be had, and makes the bound that knows it; warm.go makes a plan from the one before.
//
// Every plan carries a bound that no packing of its jobs can be below, so its quality is
// a number. FirstFit is the answer where there is no time at all.
//
// Nothing here reads a clock: work is counted in steps, so that the same input leads to
// the same plan everywhere.
package packing
