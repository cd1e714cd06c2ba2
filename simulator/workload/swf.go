package workload

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// The fields of the Standard Workload Format, version 2.2, by position (Parallel
// Workloads Archive, "The Standard Workload Format"): 18 numbers a line, -1 where a
// value is not known, comments after a semicolon. Memory is in KB for each processor.
const (
	swfJob = iota
	swfSubmit
	swfWait
	swfRun
	swfProcessors // allocated
	swfCPUTime
	swfMemory // used
	swfWantedProcessors
	swfWantedTime
	swfWantedMemory
	swfStatus
	swfUser
	swfGroup
	swfProgram
	swfQueue
	swfPartition
	swfPreceding
	swfThink
	swfFields
)

var swfNames = [swfFields]string{
	"1 (job number)", "2 (submit time)", "3 (wait time)", "4 (run time)", "5 (allocated processors)", "6 (average CPU time)",
	"7 (used memory)", "8 (requested processors)", "9 (requested time)", "10 (requested memory)", "11 (status)", "12 (user)",
	"13 (group)", "14 (executable)", "15 (queue)", "16 (partition)", "17 (preceding job)", "18 (think time)",
}

// swfMiBPerVCPU is taken where a log says nothing about memory: what LCG's and many
// other sites gave each job slot.
const swfMiBPerVCPU = 2048

// readSWF reads a file in the Standard Workload Format. A job of many processors is one
// job of as many vCPUs: AWS Batch would have to run it on one host.
func readSWF(in *input) (lines []line, notes []string, err error) {
	const next = "a line is 18 numbers separated by spaces, -1 for what is not known (see cs.huji.ac.il/labs/parallel/workload/swf.html)"
	never, guessed, waits := 0, 0, 0
	arrivals := map[string]time.Duration{} // of the jobs so far
	for in.next() {
		if strings.HasPrefix(strings.TrimSpace(in.text), ";") {
			continue
		}
		if err := in.enough(lines); err != nil {
			return nil, nil, err
		}
		cells := strings.Fields(in.text)
		if len(cells) != swfFields {
			return nil, nil, in.wrong("", next, "%d fields instead of %d", len(cells), swfFields)
		}
		var f [swfFields]float64
		for i, text := range cells {
			if f[i], err = in.numberIn(swfNames[i], text, -1, 1e15); err != nil {
				return nil, nil, err
			}
		}
		processors := swfWantedProcessors
		if f[processors] <= 0 {
			processors = swfProcessors
		}
		vcpus := f[processors]
		switch {
		case f[swfSubmit] < 0 || f[swfSubmit] > maxSeconds:
			return nil, nil, in.wrong(swfNames[swfSubmit], "give seconds from the beginning of the log", "%s is no time", cells[swfSubmit])
		case f[swfRun] > maxSeconds:
			return nil, nil, in.wrong(swfNames[swfRun], "give seconds", "%s is too long", cells[swfRun])
		case vcpus > maxVCPUs:
			return nil, nil, in.wrong(swfNames[processors], "give at most "+strconv.Itoa(maxVCPUs), "there are too many")
		case vcpus != math.Trunc(vcpus):
			return nil, nil, in.wrong(swfNames[processors], "write a whole number", "%s has a fraction", cells[processors])
		case f[swfQueue] != math.Trunc(f[swfQueue]):
			return nil, nil, in.wrong(swfNames[swfQueue], "write the number of a queue, or -1", "%s has a fraction", cells[swfQueue])
		case f[swfRun] < 0 || vcpus <= 0:
			never++ // it never ran: cancelled before its start
			continue
		}
		kilobytes := f[swfWantedMemory]
		if kilobytes <= 0 {
			kilobytes = f[swfMemory]
		}
		mib := kilobytes / 1024 * vcpus
		if kilobytes <= 0 {
			guessed++
			mib = swfMiBPerVCPU * vcpus
		}
		if mib > maxMemoryMiB {
			return nil, nil, in.wrong(swfNames[swfWantedMemory], "it is in KB for each processor", "there is too much")
		}
		l := line{number: in.number, Job: Job{
			ID: strings.Clone(cells[swfJob]), Arrival: seconds(f[swfSubmit]), Duration: seconds(f[swfRun]),
			Need: batch.Resources{MilliVCPU: int64(vcpus) * 1000, MemoryMiB: max(1, int64(mib+0.999))},
		}}
		if f[swfQueue] >= 0 {
			l.Queue = in.shared("queue-" + number(f[swfQueue]))
		}
		// A log whose lines are not in order may name one that came later: that is no order.
		p := cells[swfPreceding]
		if arrival, known := arrivals[p]; f[swfPreceding] > 0 && known && arrival <= l.Arrival {
			l.after = []string{strings.Clone(p)}
			waits++
		}
		arrivals[l.ID] = l.Arrival
		lines = append(lines, l)
	}
	note := func(n int, format string) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf(format, n))
		}
	}
	note(never, "%d jobs of the log never ran and are left out")
	note(guessed, fmt.Sprintf("%%d jobs say nothing about memory; taken are %d MiB for each processor", swfMiBPerVCPU))
	note(waits, "%d jobs wait for their preceding job; the think time between them is left out")
	return lines, notes, nil
}
