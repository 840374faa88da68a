package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// test is one behaviour, proved on the running cluster. It fails by calling t.fail.
type test struct {
	name string
	body func(t *check)
}

// check is one test as it runs.
type check struct {
	*cluster
	test string
	// undo runs afterwards, last first, also when the test fails.
	undo []func()
	// goOn lets what a test has stopped go on; nil when it has stopped nothing.
	goOn func()
}

// failure is what t.fail throws.
type failure string

func (t *check) fail(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

func (t *check) must(err error) {
	if err != nil {
		t.fail("%v", err)
	}
}

func (t *check) until(limit time.Duration, what string, is func() bool) {
	t.must(until(limit, what, is))
}

func (t *check) after(undo func()) { t.undo = append(t.undo, undo) }

// suite runs every test whose name contains one of the words; all without any.
func (c *cluster) suite(words []string) int {
	shared, err := c.scenarios()
	if err != nil {
		fmt.Println("not ok", err)
		return 1
	}
	tests := sampleOrder(slices.Concat(effects(), commands(), roles(), shared, persistentDisk(), guestAgent(), evacuation(), virtctl(), trust(), others(), outages(), sampled(matrix()), randomKills(), recordings(), onNetem()))
	c.emulated = make(chan error, 1)
	if c.needsMachine {
		go func() { c.emulated <- c.bootEmulated() }()
	}
	passed := 0
	var failed []string
	var late []string
	for _, one := range tests {
		if !chosen(one.name, words) {
			continue
		}
		if timeIsUp() {
			late = append(late, one.name)
			continue
		}
		if problem := c.holds(one); problem != "" {
			failed = append(failed, problem)
		} else {
			passed++
		}
	}
	if err := c.writeTables(); err != nil {
		failed = append(failed, fmt.Sprintln("not ok writing the tables:", err))
	}
	// Once more at the end, where they are looked for.
	for _, problem := range failed {
		fmt.Print(problem)
	}
	for _, name := range c.flaky {
		fmt.Printf("flaky: %s passed on its second try only\n", name)
	}
	fmt.Printf("cluster: %d passed, %d of them flaky, %d failed, %.0f s\n", passed, len(c.flaky), len(failed), time.Since(c.began).Seconds())
	if len(late) > 0 {
		fmt.Printf("cluster: time was up before %s\n", strings.Join(late, ", "))
	}
	if len(failed) > 0 || passed == 0 {
		return 1
	}
	if len(late) > 0 {
		return timeWasUp
	}
	return 0
}

// timeWasUp is the exit code when all that ran passed, and not all ran.
const timeWasUp = 78

// timeIsUp says whether no further test may begin: where all of it has to end by a certain time, and the machine is slow.
func timeIsUp() bool {
	until, err := strconv.ParseInt(os.Getenv("VMCHAOS_CLUSTER_UNTIL"), 10, 64)
	return err == nil && time.Now().Unix() >= until
}

// holds runs a test, says how it went, and returns what it said of a failure. On a machine that others load too, one that
// failed is run once more, and both are printed.
func (c *cluster) holds(one test) string {
	tries := 1
	if os.Getenv("VMCHAOS_CLUSTER_TRIES") == "2" {
		tries = 2
	}
	for try := 1; try <= tries; try++ {
		began := time.Now()
		problem := c.one(one)
		took := time.Since(began).Seconds()
		switch {
		case problem == "":
			fmt.Printf("ok %s (%.1f s)\n", one.name, took)
			if try > 1 {
				c.flaky = append(c.flaky, one.name)
			}
			return ""
		case try < tries:
			load, _ := os.ReadFile("/proc/loadavg")
			fmt.Printf("# failed, once more: %s (%.1f s, load %s)\n%s\n", one.name, took, strings.TrimSpace(string(load)), indented(problem))
		default:
			failed := fmt.Sprintf("not ok %s (%.1f s)\n%s\n", one.name, took, indented(problem))
			fmt.Print(failed)
			return failed
		}
	}
	return ""
}

// one runs a test and puts the cluster back in order for the next: guests up, nothing of ours left.
func (c *cluster) one(one test) (problem string) {
	t := &check{cluster: c, test: one.name}
	defer func() {
		for i := len(t.undo) - 1; i >= 0; i-- {
			_ = t.attempt(t.undo[i])
		}
		if problem != "" {
			// A fault that is left must not fail the tests that follow as well.
			_ = c.operator("", "cleanup", "--all", "-y").end()
		}
	}()
	return t.attempt(func() { one.body(t) })
}

// attempt runs a part of a test, and returns what it failed with.
func (t *check) attempt(part func()) (problem string) {
	defer func() {
		thrown := recover()
		if what, ok := thrown.(failure); ok {
			problem = string(what)
		} else if thrown != nil {
			panic(thrown)
		}
	}()
	part()
	return ""
}

func chosen(name string, words []string) bool {
	for _, word := range words {
		if strings.Contains(name, word) {
			return true
		}
	}
	return len(words) == 0
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}
