// Command worker is what the jobs of these tests run. It notes in the ledger that it
// starts and that it ends, prints numbered lines in between, and exits as it is told.
//
// It is linked statically, so that it runs in an image that holds nothing else.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// leftBehind is a variable of a daemon that a worker leaves: it notes nothing.
const leftBehind = "LEFT_BEHIND"

// look is how often a worker looks for the file that it waits for.
const look = 5 * time.Millisecond

func main() {
	ledger := flag.String("ledger", "", "`file` to note starts and ends in")
	lines := flag.Int("lines", 0, "lines to print")
	last := flag.Duration("last", 0, "how long to take over them")
	wait := flag.String("wait", "", "`file` to wait for before the end")
	exits := flag.String("exits", "0", "exit codes of the first, second ... attempt; the last is that of all others")
	index := flag.Int("index", -1, "the array child that exits so; others exit with 0")
	leave := flag.Bool("leave", false, "leave a daemon behind that outlives this process")
	flag.Parse()
	w := worker{
		ledger: *ledger, job: os.Getenv("AWS_BATCH_JOB_ID"), attempt: os.Getenv("AWS_BATCH_JOB_ATTEMPT"),
	}
	if os.Getenv(leftBehind) != "" {
		w.await(*wait)
		return
	}
	if err := w.begin(*leave); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(99)
	}
	w.print(*lines, *last)
	w.await(*wait)
	code := codeOf(*exits, w.attempt)
	if *index >= 0 && strconv.Itoa(*index) != os.Getenv("AWS_BATCH_JOB_ARRAY_INDEX") {
		code = 0
	}
	if err := w.note("end", code); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(99)
	}
	os.Exit(code)
}

type worker struct{ ledger, job, attempt string }

// note adds a line to the ledger: what, job, attempt, process, time, number.
func (w worker) note(what string, number int) error {
	f, err := os.OpenFile(w.ledger, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s %s %s %d %d %d\n", what, w.job, w.attempt, os.Getpid(), time.Now().UnixNano(), number)
	if err != nil {
		return err
	}
	return f.Close()
}

// begin notes the start, and whoever of an earlier attempt still lives.
func (w worker) begin(leave bool) error {
	if err := w.note("start", 0); err != nil {
		return err
	}
	if w.attempt != "1" {
		for _, pid := range w.earlier() {
			if err := w.note("beside", pid); err != nil {
				return err
			}
		}
	}
	if !leave {
		return nil
	}
	_, err := syscall.ForkExec("/proc/self/exe", []string{"worker", "-ledger", w.ledger, "-wait", "/never"}, &syscall.ProcAttr{
		Env: append(os.Environ(), leftBehind+"=1"), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	return err
}

// earlier finds the living processes of other attempts of this job.
func (w worker) earlier() []int {
	var found []int
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		text := "\x00" + string(data)
		if strings.Contains(text, "\x00AWS_BATCH_JOB_ID="+w.job+"\x00") &&
			!strings.Contains(text, "\x00AWS_BATCH_JOB_ATTEMPT="+w.attempt+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			found = append(found, pid)
		}
	}
	return found
}

func (w worker) print(lines int, last time.Duration) {
	for i := range lines {
		if last > 0 {
			time.Sleep(last / time.Duration(lines))
		}
		fmt.Printf("line %d of %d, attempt %s\n", i+1, lines, w.attempt)
	}
}

// await waits until a file is there, or the test's directory is gone with its ledger.
func (w worker) await(file string) {
	for file != "" {
		if _, err := os.Stat(file); err == nil {
			return
		}
		if _, err := os.Stat(w.ledger); err != nil {
			os.Exit(98)
		}
		time.Sleep(look)
	}
}

// codeOf is the exit code of an attempt.
func codeOf(exits, attempt string) int {
	codes := strings.Split(exits, ",")
	n, _ := strconv.Atoi(attempt)
	code, _ := strconv.Atoi(codes[max(0, min(n, len(codes))-1)])
	return code
}
