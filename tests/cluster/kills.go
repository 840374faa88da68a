package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// table is what the kill matrix found.
type table struct {
	mutex sync.Mutex
	rows  []*row
	// random is what became of the kills at random moments as a whole.
	random string
}

type row struct {
	fault   string
	runs    int
	seconds float64
	ends    map[string]bool
}

// copied are the rows as they are now.
func (t *table) copied() []*row {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var rows []*row
	for _, one := range t.rows {
		again := *one
		again.ends = maps.Clone(one.ends)
		rows = append(rows, &again)
	}
	return rows
}

func (t *table) add(fault string, took time.Duration, end string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var at *row
	for _, one := range t.rows {
		if one.fault == fault {
			at = one
		}
	}
	if at == nil {
		at = &row{fault: fault, ends: map[string]bool{}}
		t.rows = append(t.rows, at)
	}
	at.runs++
	at.seconds = max(at.seconds, took.Seconds())
	at.ends[end] = true
	fmt.Printf("# %s: clean after %.2f s; %s\n", fault, took.Seconds(), end)
}

// legend is above the table, notes is below.
const (
	legend = `# What was killed, and what was left

Written by ` + "`tests/run kubevirt record`" + `. Seconds are from what happened until the node's kernel has no rule and no qdisc of the
run, the longest of all runs and shells; the last column is what the command reported. In every row no rule, no qdisc, no
process of the run and no running pod was left.

| what happens | runs | s until clean, at most | the command |
|---|---:|---:|---|
`
	notes = `
- A command killed while its pod starts: nobody greets the agent, which leaves after 5 s. Nothing was changed.
- "Rollback after a first SIGINT": the second signal lets the command leave at once, with 3, as its documentation says; the
  node goes on by itself.
- The API server gone for good: the command cannot learn what became of the fault, and says so with 3 and the command that
  looks. The node had ended it.
- A disk that is full or read-only: what became of the fault may not be known, for there was no room to write it down.
- Silence (a cut network, a stopped command, a killed containerd) is noticed after 7 s.
- "Emulated" is a VM on an emulated node, which is slow to act and to answer when it is asked.
`
)

func (t *table) markdown() string {
	text := legend
	for _, one := range t.rows {
		var ends []string
		for end := range one.ends {
			ends = append(ends, end)
		}
		slices.Sort(ends)
		text += fmt.Sprintf("| %s | %d | %.2f | %s |\n", one.fault, one.runs, one.seconds, strings.Join(ends, "; "))
	}
	if t.random != "" {
		text += "\n- " + t.random + "."
	}
	return text + notes
}
