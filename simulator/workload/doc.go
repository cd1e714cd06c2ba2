// Package workload reads the jobs that a simulation runs: when each arrives, what it
// needs and how long it runs.
//
// Three forms are read, told apart by the name of the file and its first line:
//
//   - CSV with a header: job_id, arrival_s, duration_s, vcpus, memory_mib, gpus, and
//     where wanted queue, definition, share, priority, depends_on;
//   - the Standard Workload Format (.swf) of the Parallel Workloads Archive;
//   - the trace file of a Nextflow run (trace.txt, separated by tabs).
//
// Whatever is wrong with a file is said with its line, its column and the next step.
package workload
