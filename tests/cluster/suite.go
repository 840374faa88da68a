package main

import (
	"fmt"
	"os"
	"slices"
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

// tests are all there are, in the order in which they run.
func tests() ([]test, error) {
	shared, err := scenarios()
	if err != nil {
		return nil, err
	}
	return sampleOrder(slices.Concat(effects(), faults(), gameDays(), gameDayJobs(), roles(), shared, persistentDisk(), guestAgent(), evacuation(), virtctl(), trust(), interference(), vmKills(), outages(), sampled(matrix()), randomKills(), recordings(), onNetem())), nil
}

// suite runs the tests that the words name.
func (c *cluster) suite(words []string) int {
	all, err := tests()
	if err != nil {
		fmt.Println("not ok", err)
		return 1
	}
	saySample(all)
	c.emulated = make(chan error, 1)
	if c.needsMachine {
		go func() { c.emulated <- c.bootEmulated() }()
	}
	for _, one := range choose(all, words) {
		if timeIsUp() {
			c.progress.leaveOut(one.name)
			continue
		}
		c.progress.begin(one.name)
		c.progress.end(c.holds(one))
	}
	if c.progress.whole() {
		if err := c.writeTables(); err != nil {
			c.progress.end(fmt.Sprintln("not ok writing the tables:", err))
		}
	} else {
		fmt.Println("# no table is written: not all of it ran, and passed")
	}
	return c.progress.finish()
}

// holds runs a test, says how it went, and returns what it said of a failure. On a machine that others load too, one that
// failed is run once more, and both are printed.
func (c *cluster) holds(one test) string {
	tries := 1
	if os.Getenv("VMCHAOS_CLUSTER_TRIES") == "2" && !once(one.name) {
		tries = 2
	}
	for try := 1; try <= tries; try++ {
		kills, seen := c.table.copied(), slices.Clone(c.seen.rows)
		began := time.Now()
		problem := c.one(one)
		took := time.Since(began).Seconds()
		if problem == "" {
			fmt.Printf("ok %s (%.1f s)\n", one.name, took)
			if try > 1 {
				c.progress.passedLate(one.name)
			}
			return ""
		}
		// What it had found until then is not what is found when nothing goes wrong.
		c.table.rows, c.seen.rows = kills, seen
		if try == tries {
			failed := fmt.Sprintf("not ok %s (%.1f s)\n%s\n", one.name, took, indented(problem))
			fmt.Print(failed)
			return failed
		}
		load, _ := os.ReadFile("/proc/loadavg")
		fmt.Printf("# failed, once more: %s (%.1f s, load %s)\n%s\n", one.name, took, strings.TrimSpace(string(load)), indented(problem))
	}
	return ""
}

// once says whether a test is never tried again: what it looks for happens seldom, and a second try would hide it.
func once(name string) bool {
	return slices.ContainsFunc([]string{"kill-", "deadline-", randomKillsName}, func(kind string) bool { return strings.HasPrefix(name, kind) })
}

// one runs a test and puts the cluster back in order for the next: guests up, nothing of ours left.
func (c *cluster) one(one test) (problem string) {
	t := &check{cluster: c, test: one.name}
	defer func() {
		if problem != "" {
			problem += "\n" + c.waiting()
		}
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

// choose takes the tests that words name: one by its whole name, or all with the word in theirs; all tests without words.
func choose(all []test, words []string) []test {
	return slices.DeleteFunc(slices.Clone(all), func(one test) bool {
		return len(words) > 0 && !slices.ContainsFunc(words, func(word string) bool {
			whole := slices.ContainsFunc(all, func(other test) bool { return other.name == word })
			return one.name == word || !whole && strings.Contains(one.name, word)
		})
	})
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}
