package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// timeWasUp is the exit code when all that ran passed, and not all ran.
const timeWasUp = 78

// VMCHAOS_CLUSTER_UNTIL is when the last test may begin, VMCHAOS_CLUSTER_DEADLINE when the one that runs is broken off: seconds
// since 1970. Nothing is broken off without it, but a test that takes longer than any may.
const (
	untilVariable    = "VMCHAOS_CLUSTER_UNTIL"
	deadlineVariable = "VMCHAOS_CLUSTER_DEADLINE"
	longest          = 3 * time.Hour
)

// progress is how far a run has come.
type progress struct {
	mutex sync.Mutex
	began time.Time
	// now is what runs, since when.
	now    string
	since  time.Time
	passed int
	// failed is what was said of those that did; late are those for which there was no time.
	failed, late []string
	// flaky are the tests that passed on their second try only.
	flaky []string
}

func (p *progress) begin(what string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.now, p.since = what, time.Now()
}

// end takes down what was said of a failure; nothing where there was none.
func (p *progress) end(problem string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if problem == "" {
		p.passed++
	} else {
		p.failed = append(p.failed, problem)
	}
}

func (p *progress) passedLate(name string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.flaky = append(p.flaky, name)
}

// leaveOut names something for which there was no time.
func (p *progress) leaveOut(what string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.late = append(p.late, what)
}

// whole says whether all that was to run has, and passed.
func (p *progress) whole() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return len(p.failed) == 0 && len(p.late) == 0
}

// finish says how it went, and returns the exit code.
func (p *progress) finish() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.summary()
}

func (p *progress) summary() int {
	// Once more at the end, where they are looked for.
	for _, problem := range p.failed {
		fmt.Print(problem)
	}
	for _, name := range p.flaky {
		fmt.Printf("flaky: %s passed on its second try only\n", name)
	}
	fmt.Printf("cluster: %d passed, %d of them flaky, %d failed, %.0f s\n", p.passed, len(p.flaky), len(p.failed), time.Since(p.began).Seconds())
	if len(p.late) > 0 {
		fmt.Printf("cluster: time was up before %s\n", strings.Join(p.late, ", "))
	}
	switch {
	case len(p.failed) > 0 || p.passed == 0:
		return 1
	case len(p.late) > 0:
		return timeWasUp
	}
	return 0
}

// watch ends this process, and with it the cluster, when the time is up.
func (p *progress) watch() {
	deadline, limited := moment(deadlineVariable)
	for {
		time.Sleep(time.Second)
		p.mutex.Lock()
		switch {
		case limited && time.Now().After(deadline):
			fmt.Printf("cluster: time was up in %s, after %.0f s of it\n", p.now, time.Since(p.since).Seconds())
			p.late = append(p.late, "the end of "+p.now)
			os.Exit(p.summary())
		case time.Since(p.since) > longest:
			p.failed = append(p.failed, fmt.Sprintf("not ok %s: it did not end within %v\n", p.now, longest))
			os.Exit(p.summary())
		}
		p.mutex.Unlock()
	}
}

// moment is the time that a variable of the environment names, if it is set.
func moment(variable string) (time.Time, bool) {
	seconds, err := strconv.ParseInt(os.Getenv(variable), 10, 64)
	return time.Unix(seconds, 0), err == nil
}

// timeIsUp says whether no further test may begin: where all of it has to end by a certain time, and the machine is slow.
func timeIsUp() bool {
	until, limited := moment(untilVariable)
	return limited && !time.Now().Before(until)
}
