// Package policy says how a simulated fleet behaves: which instance types it may have and
// what they cost, how hosts are chosen and when they go, how long they take to boot, how
// they are billed, how often Spot takes them away, and how fast AWS answers.
//
// A policy is a YAML file; every key may be left out:
//
//	name: spot-nights            # in reports; default: the strategy's name
//	strategy: packhorse          # or one-per-job, first-fit-decreasing, best-fit-progressive
//	market: on-demand            # or spot, cheapest (of the two for each job), fargate
//	environments: cheapest       # or soonest: jobs of a size that Fargate has may go there; default: none
//	types: [m6i, c6i, r6i.large] # families, types, optimal; or the name of a CSV file
//	usable_memory: registered    # what the ECS agent registers; or advertised
//	max_vcpus: 100000
//	idle: 60s                    # how long a host without tasks stays
//	boot: {median: 60s, p95: 90s}    # or 60s, or {from: 30s, to: 90s}
//	start: 0s                        # from RunTask to the container's start; the same forms
//	billing: {minimum: 60s}          # then by the second
//	spot: {price_factor: 0.35, interruptions_per_hour: 0.05, notice: 2m}
//	api: {launches_per_second: 5, run_task_per_second: 20}  # 0: without limit
//	pass_every: 1s               # the shortest time between two passes of the engine
//	seed: 1
package policy
