package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
)

// cell is one thing that happens to a run that holds a fault on web-1.
type cell struct {
	name string
	// do makes it happen.
	do func(t *check, j *job, n *vmNet)
	// limit is how long the fault may outlast it.
	limit time.Duration
	// codes are the exit codes that tell the truth about it; empty when the command is what was killed.
	codes []int
}

const (
	soon = 5 * time.Second
	// unattended is how long a pod may be there, with its start, that nobody attaches to: 5 s.
	unattended = 10 * time.Second
	// silent is for what ends no connection: only missing heartbeats tell.
	silent = 15 * time.Second
)

// held is the fault that is in place while something happens.
var held = []string{"netem", "web-1", "--bandwidth", "4Mbit"}

// heldFilter is another fault, whose rules are nftables'; filterCells are the kills that are tried with it.
var (
	heldFilter  = []string{"filter", "web-1", "--ports", "80", "--engine", "nft"}
	filterCells = []string{"command-KILL", "command-STOP", "pod-force-deleted", "container-killed-whole", "command-and-container-killed", "sentinel-killed", "sentinel-stopped"}
)

// alike are the kills of which the debug pod sees what it sees of another: they are tried under one shell.
var alike = []string{
	"command-TERM", "command-HUP", "command-INT-twice", "pod-evicted", "kubelet-killed", "containerd-killed", "agents-helpers-killed-INT", "agents-helpers-killed-KILL",
}

// lookedAfter are the kills after which others look for what is left, too.
var lookedAfter = []string{"command-KILL", "command-INT-twice", "command-and-container-killed", "sentinel-and-guard-killed", "agents-helpers-killed-INT", "agents-helpers-killed-KILL"}

func matrix() []test {
	var all []test
	for _, one := range slices.Concat(cells(), disks()) {
		for _, shell := range shellNames {
			if shell != "bash" && slices.Contains(alike, one.name) {
				continue
			}
			all = append(all, test{"kill-" + one.name + "-" + shell, func(t *check) { t.cell(one, shell, held) }})
		}
	}
	for _, one := range cells() {
		if slices.Contains(filterCells, one.name) {
			all = append(all, test{"kill-" + one.name + "-filter", func(t *check) { t.cell(one, "bash", heldFilter) }})
		}
	}
	return slices.Concat(all, apiServer(), moments())
}

func cells() []cell {
	signal := func(signal syscall.Signal) func(*check, *job, *vmNet) {
		return func(_ *check, j *job, _ *vmNet) { j.signal(signal) }
	}
	return []cell{
		{"command-INT", signal(syscall.SIGINT), soon, []int{130}},
		{"command-TERM", signal(syscall.SIGTERM), soon, []int{130}},
		{"command-HUP", signal(syscall.SIGHUP), soon, []int{130}},
		{"command-KILL", signal(syscall.SIGKILL), soon, nil},
		// The second one leaves where the rollback is not proven yet, and says so.
		{"command-INT-twice", func(_ *check, j *job, _ *vmNet) {
			j.signal(syscall.SIGINT)
			time.Sleep(200 * time.Millisecond)
			j.signal(syscall.SIGINT)
		}, soon, []int{3, 130}},
		{"command-STOP", func(t *check, j *job, n *vmNet) {
			j.signal(syscall.SIGSTOP)
			t.after(func() { j.signal(syscall.SIGCONT) })
			t.until(silent, "the fault ends while the command stands still", func() bool { return len(n.ours()) == 0 })
			j.signal(syscall.SIGCONT)
		}, silent, []int{1, 130}},
		{"pod-deleted", func(t *check, _ *job, _ *vmNet) { t.deletePods(-1) }, soon, []int{1}},
		{"pod-force-deleted", func(t *check, _ *job, _ *vmNet) { t.deletePods(0) }, soon, []int{1, 3}},
		{"pod-evicted", func(t *check, _ *job, _ *vmNet) {
			for _, pod := range t.podNames() {
				t.must(t.api.evict("kubevirt", pod))
			}
		}, soon, []int{1}},
		{"agent-killed", func(t *check, _ *job, n *vmNet) { n.kill("KILL", t.agent(n)[0]) }, soon, []int{1}},
		{"container-killed-whole", func(t *check, _ *job, n *vmNet) {
			// The youngest first: what undoes is killed before what it would learn its end from.
			all := t.agent(n)
			slices.Reverse(all)
			n.kill("KILL", all...)
		}, soon, []int{1}},
		// Nobody is left to look after it from outside.
		{"command-and-container-killed", func(t *check, j *job, n *vmNet) {
			all := t.agent(n)
			slices.Reverse(all)
			j.signal(syscall.SIGKILL)
			n.kill("KILL", all...)
		}, soon, nil},
		{"sentinel-killed", func(t *check, _ *job, n *vmNet) {
			n.kill("KILL", t.sentinel(n))
		}, soon, []int{1}},
		// Everything that would undo the fault beside it, and nothing of the debug pod: what is left there has to see it.
		{"sentinel-and-guard-killed", func(t *check, _ *job, n *vmNet) {
			all := t.outsideAgent(n)
			// None may see another one go.
			n.kill("STOP", all...)
			n.kill("KILL", all...)
		}, soon, []int{1}},
		// The agent hears neither its operator nor the clock any more.
		{"agents-helpers-killed-INT", func(t *check, j *job, n *vmNet) {
			n.kill("KILL", t.agent(n)[1:]...)
			j.signal(syscall.SIGINT)
		}, soon, []int{1, 130}},
		{"agents-helpers-killed-KILL", func(t *check, j *job, n *vmNet) {
			n.kill("KILL", t.agent(n)[1:]...)
			j.signal(syscall.SIGKILL)
		}, soon, nil},
		{"sentinel-stopped", func(t *check, j *job, n *vmNet) {
			n.kill("STOP", t.sentinel(n))
			j.signal(syscall.SIGINT)
		}, 2 * soon, []int{1, 130}},
		{"second-attach", func(t *check, _ *job, _ *vmNet) {
			for _, pod := range t.podNames() {
				attach := t.kubectl("attach", "-i", "-n", "kubevirt", pod)
				t.must(attach.Start())
				t.after(func() { _ = attach.Process.Kill(); _ = attach.Wait() })
			}
		}, soon, []int{1}},
		{"kubelet-killed", func(t *check, _ *job, n *vmNet) { t.killService(n, "kubelet") }, soon, []int{1, 3}},
		{"containerd-killed", func(t *check, _ *job, n *vmNet) { t.killService(n, "containerd") }, silent, []int{1, 3}},
	}
}

// cell holds a fault, lets something happen to it, and asks the kernel.
func (t *check) cell(one cell, shell string, fault []string) {
	n := t.network(fault[1])
	t.nothingOn(n.node)
	before := n.picture()
	j := t.hold(fault, shell)
	t.says(j, "injected on")
	if len(n.ours()) != 2 {
		t.fail("in place are: %q", n.ours())
	}
	began := time.Now()
	one.do(t, j, n)
	t.judge(one.name+told(fault), j, n, before, began, one.limit+n.limit, one.codes)
	if slices.Contains(lookedAfter, one.name) {
		t.nothingToHalt()
	}
}

// lasting are the flags of a fault that is in place for as long as any test takes.
var lasting = []string{"--duration", "10m", "-y", "-o", "json"}

// hold starts the command that puts such a fault in place.
func (t *check) hold(fault []string, shell string) *job {
	return t.operator("", slices.Concat(fault, lasting, []string{"--image", shells[shell]})...)
}

// told is what the table says of a fault that is not the usual one.
func told(fault []string) string {
	switch {
	case fault[1] == emulated:
		return " (netem, cgroup version 2, systemd, emulated)"
	case fault[0] == "filter":
		return " (filter, nftables)"
	}
	return ""
}

// judge waits until nothing of the run is in the kernel, then holds the command to what it says.
func (t *check) judge(name string, j *job, n *vmNet, before string, began time.Time, limit time.Duration, codes []int) {
	clean := func() bool { return len(n.ours()) == 0 }
	if err := until(limit, "nothing of the run is left in the kernel", clean); err != nil {
		t.fail("%v: %q\n%s", err, n.ours(), j.stderr())
	}
	took := time.Since(began)
	if n.seen != nil {
		t.until(n.limit, "the node has seen the fault go", func() bool { return !n.seen().there })
		if gone := n.seen().gone; gone.After(began) {
			if took = gone.Sub(began); took > limit {
				t.fail("the fault was there for %v", took)
			}
		}
	}
	code := j.end()
	// Whoever says that everything is back must be right at that moment.
	if !clean() {
		t.fail("it came back: %q\n%s", n.ours(), j.stderr())
	}
	end := "killed"
	if codes != nil {
		state, by := j.state()
		end = fmt.Sprintf("exit %d, %s by %s", code, state, by)
		right := false
		for _, one := range codes {
			right = right || one == code
		}
		if !right {
			t.fail("exit %d\n%s\n%s", code, j.stderr(), j.out.String())
		}
	}
	t.nothingLeft(n, before)
	t.table.add(name, took, end)
}

// nothingLeft holds that the node and the guest are as before, that no debug pod runs, and no process of the run.
func (t *check) nothingLeft(n *vmNet, before string) {
	t.same(before, n.picture())
	t.answers(n)
	t.until(patience, "no debug pod runs", func() bool {
		pods, err := t.debugPods()
		return err == nil && !live(pods)
	})
	if until(soon+n.limit, "", func() bool { return len(n.leftovers()) == 0 }) != nil {
		left := n.leftovers()
		t.after(func() { n.kill("KILL", left...) })
		t.fail("processes of the run are left:\n%s", n.described(left))
	}
}

// nothingToHalt holds that everybody else can put right, and sees, what a run has left: an ended pod at most.
func (t *check) nothingToHalt() {
	if halt := t.operator("", "halt", "--all", "-y"); halt.end() != 0 {
		t.fail("halt --all: exit %d\n%s\n%s", halt.end(), halt.stderr(), halt.out.String())
	}
	status := t.operator("", "status", "-o", "name")
	if code := status.end(); code != 0 || status.out.Len() > 0 {
		t.fail("status after halt --all: exit %d\n%s\n%s", code, status.stderr(), status.out.String())
	}
}

// noPods leaves nothing of earlier tests, and waits until the node that most of them use is ready.
func (t *check) noPods() { t.nothingOn(t.nodes[0]) }

// nothingOn clears away what earlier cells rightly leave, ended pods of commands that were killed, and waits until a node
// is ready.
func (t *check) nothingOn(n *node) {
	t.removePods()
	t.until(2*time.Minute, n.name+" is ready", func() bool { return t.ready(n) && t.serves(n) })
}

// removeDebugPods force-deletes them; one that goes meanwhile is as good.
func (t *check) removeDebugPods() {
	for _, pod := range t.podNames() {
		if err := t.api.remove(pods, "kubevirt", pod, 0); err != nil && !errors.IsNotFound(err) {
			t.must(err)
		}
	}
}

func (t *check) removePods() {
	t.removeDebugPods()
	t.until(patience, "no debug pod is there", func() bool { return len(t.podNames()) == 0 })
}

func (t *check) podNames() []string {
	var names []string
	all, err := t.debugPods()
	t.must(err)
	for _, pod := range all {
		name, _, _ := strings.Cut(pod, " ")
		names = append(names, name)
	}
	return names
}

func (t *check) deletePods(grace int64) {
	for _, pod := range t.podNames() {
		t.must(t.api.remove(pods, "kubevirt", pod, grace))
	}
}

// serves says whether a node's kubelet and containerd are there: the kubelet asks containerd for it.
func (t *check) serves(n *node) bool {
	return t.runOn(n, t.bin+"/usr/bin/ctr", "version") == nil &&
		t.kubectl("get", "--raw", "/api/v1/nodes/"+n.name+"/proxy/healthz").Run() == nil
}

// killService kills a program of a VM's node; its init starts it again a second later.
func (t *check) killService(n *vmNet, name string) {
	services := n.node.name + "/init"
	if n.node.machine {
		services = "/node.service"
	}
	for _, line := range strings.Split(n.read("ps", "-ww", "-eo", "pid=,cgroup:4000=,args="), "\n") {
		if fields := strings.Fields(line); len(fields) > 2 && strings.Contains(fields[1], services) && fields[2] == name {
			n.kill("KILL", fields[0])
			return
		}
	}
	t.fail("no %s on %s", name, n.node.name)
}
