package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// moments are kills at every stage of a run, and at random moments of the shortest one.
func moments() []test {
	var all []test
	for _, one := range []struct {
		name   string
		signal syscall.Signal
	}{{"INT", syscall.SIGINT}, {"TERM", syscall.SIGTERM}, {"HUP", syscall.SIGHUP}, {"KILL", syscall.SIGKILL}} {
		name, signal := one.name, one.signal
		codes := []int{130}
		if signal == syscall.SIGKILL {
			codes = nil
		}
		for _, stage := range []string{"starting", "armed", "apply", "rollback"} {
			all = append(all, test{"kill-command-" + name + "-" + stage, func(t *check) { t.atStage(held, name, signal, stage, codes) }})
		}
	}
	for _, shell := range shellNames {
		all = append(all, test{"deadline-" + shell, func(t *check) { t.deadline(held, shell) }})
	}
	return append(all, test{"kill-command-INT-deadline", signalAtDeadline}, test{"kill-apply-window", func(t *check) { t.applyWindow(sampledKills(46), held, heldFilter) }})
}

func (t *check) atStage(fault []string, name string, signal syscall.Signal, stage string, codes []int) {
	n := t.network(fault[1])
	t.nothingOn(n.node)
	before := n.picture()
	j := t.hold(fault, "bash")
	switch stage {
	case "starting":
		t.until(patience, "the debug pod is there", func() bool { return len(t.podNames()) > 0 })
	case "armed":
		t.says(j, "armed on")
	case "apply":
		t.until(patience, "something is in place", func() bool { return len(n.ours()) > 0 || j.over() })
	case "rollback":
		t.says(j, "injected on")
		j.signal(syscall.SIGINT)
		t.says(j, "rolling back")
		if signal != syscall.SIGKILL {
			// It is the second signal: the command leaves, and says so with 3. The node ends the fault all the same.
			codes = []int{3, 130}
			stage = "rollback after a first SIGINT"
		}
	}
	began := time.Now()
	j.signal(signal)
	// In the first moments there may be nothing yet: what counts is that nothing comes any more.
	t.until(patience, "no debug pod runs", func() bool {
		pods, err := t.debugPods()
		return err == nil && !live(pods) && (j.over() || codes == nil)
	})
	if took := time.Since(began); stage == "starting" && took > unattended+n.limit {
		t.fail("a pod that nobody attached to was there for %v", took)
	}
	t.judge("command-"+name+" while "+stage+" (until its pod has ended)"+told(fault), j, n, before, began, soon+n.limit, codes)
}

// deadline lets a fault end by itself, with the operator still there.
func (t *check) deadline(fault []string, shell string) {
	n := t.network(fault[1])
	t.nothingOn(n.node)
	before := n.picture()
	j := t.operator("", slices.Concat(fault, []string{"--duration", "3s", "-y", "-o", "json", "--image", shells[shell]})...)
	t.says(j, "injected on")
	injected := time.Now()
	t.until(soon, "the fault's time is up", func() bool { return time.Since(injected) > 2900*time.Millisecond || len(n.ours()) == 0 })
	t.judge("the deadline, from 0.1 s before it"+told(fault), j, n, before, time.Now(), soon+n.limit, []int{0})
}

// signalAtDeadline sends a first signal while the fault is taken out because its time is up.
func signalAtDeadline(t *check) {
	t.noPods()
	n := t.network("web-1")
	before := n.picture()
	j := t.operator("", "netem", "web-1", "--bandwidth", "4Mbit", "--duration", "3s", "-y", "-o", "json")
	t.says(j, "injected on")
	t.until(time.Minute, "the first device is free again", func() bool { return len(n.ours()) < 2 })
	began := time.Now()
	j.signal(syscall.SIGINT)
	t.judge("command-INT while its deadline rolls back", j, n, before, began, soon, []int{0, 130})
}

// applyWindow kills the command, or the whole container where that takes no time, at random moments between `go` and the answer to it, until so many
// kills were before the command had heard that the fault is in place. The faults are one VM's, and take turns.
func (t *check) applyWindow(kills int, faults ...[]string) {
	n := t.network(faults[0][1])
	t.nothingOn(n.node)
	before := n.picture()
	seed := randomSeed()
	inside, number := 0, 0
	// How long the window is, about: most kills are to fall into it, and some right after it.
	window := t.applyTakes(faults[0])
	for ; inside < kills && number < 4*kills && !timeIsUp(); number++ {
		random := drawing(seed, t.test, number)
		t.removePods()
		shell := shellNames[number%len(shellNames)]
		fault := faults[number/2%len(faults)]
		j := t.hold(fault, shell)
		uid := ""
		t.until(patience, "the debug pod is there", func() bool {
			all, err := t.api.list(pods, "kubevirt", "app.kubernetes.io/managed-by=kubectl-vmchaos")
			if err == nil && len(all) > 0 {
				uid = string(all[0].GetUID())
			}
			return uid != ""
		})
		t.says(j, "armed on")
		time.Sleep(time.Duration(random.Int63n(int64(window))))
		if strings.Contains(j.stderr(), "injected on") {
			window = max(window-window/5, time.Millisecond)
		} else {
			inside++
			window += window / 20
		}
		began := time.Now()
		if number%2 == 0 && !n.node.machine {
			t.killContainer(uid)
		} else {
			j.signal(syscall.SIGKILL)
		}
		clean := func() bool { return len(n.ours()) == 0 && len(n.leftovers()) == 0 }
		if err := until(soon+n.limit, "nothing of the run is left", clean); err != nil {
			t.fail("seed %d, kill %d (%s): %v: %q", seed, number, shell, err, n.ours())
		}
		took := time.Since(began)
		j.end()
		if left := n.ours(); len(left) > 0 {
			t.fail("seed %d, kill %d (%s): it came back: %q", seed, number, shell, left)
		}
		t.table.add("killed at a random moment of the apply window"+told(fault), took, "")
	}
	t.same(before, n.picture())
	t.answers(n)
	fmt.Printf("# %d of %d kills before the command had heard that the fault is in place (seed %d)\n", inside, number, seed)
	if inside < kills && inside > 0 && timeIsUp() {
		t.progress.leaveOut(fmt.Sprintf("%s was through (%d of %d kills)", t.test, inside, kills))
	} else if inside < kills {
		t.fail("only %d of %d kills were inside the apply window", inside, number)
	}
}

// applyTakes is how long a command that nothing happens to waits for its fault to be in place.
func (t *check) applyTakes(fault []string) time.Duration {
	j := t.hold(fault, "bash")
	t.says(j, "armed on")
	began := time.Now()
	t.says(j, "injected on")
	took := time.Since(began)
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	return max(took, time.Millisecond)
}

// killContainer kills every process of a pod's containers, its sandbox's too, in the few microseconds that are there.
func (t *check) killContainer(uid string) {
	for _, hierarchy := range hierarchies() {
		files, _ := filepath.Glob(filepath.Join(hierarchy, filepath.Base(t.folder), "*", "kubepods", "*", "pod"+uid, "*", "cgroup.procs"))
		for _, file := range files {
			processes, _ := os.ReadFile(file)
			for _, word := range strings.Fields(string(processes)) {
				if pid, err := strconv.Atoi(word); err == nil && pid > 1 {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		}
	}
}
