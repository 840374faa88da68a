package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
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
	// silent is for what ends no connection: only missing heartbeats tell.
	silent = 15 * time.Second
)

var held = []string{"netem", "web-1", "--bandwidth", "4Mbit", "--duration", "5m", "-y", "-o", "json"}

// heldFilter is another fault, whose rules are nftables'; filterCells are the kills that are tried with it.
var (
	heldFilter  = []string{"filter", "web-1", "--ports", "80", "--engine", "nft", "--duration", "5m", "-y", "-o", "json"}
	filterCells = []string{"command-KILL", "command-STOP", "pod-force-deleted", "container-killed-whole", "command-and-container-killed", "sentinel-killed", "sentinel-stopped"}
)

func matrix() []test {
	var all []test
	for _, shell := range shellNames {
		for _, one := range slices.Concat(cells(), disks()) {
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
		{"sentinel-stopped", func(t *check, j *job, n *vmNet) {
			n.kill("STOP", t.sentinel(n))
			j.signal(syscall.SIGINT)
		}, 2 * soon, []int{1, 130}},
		{"second-attach", func(t *check, _ *job, _ *vmNet) {
			for _, pod := range t.podNames() {
				attach := exec.Command("kubectl", "--kubeconfig", t.pki("admin.kubeconfig"), "attach", "-i", "-n", "kubevirt", pod)
				t.must(attach.Start())
				t.after(func() { _ = attach.Process.Kill(); _ = attach.Wait() })
			}
		}, soon, []int{1}},
		{"kubelet-killed", func(t *check, _ *job, _ *vmNet) { t.killService("kubelet") }, soon, []int{1, 3}},
		{"containerd-killed", func(t *check, _ *job, _ *vmNet) { t.killService("containerd") }, silent, []int{1, 3}},
	}
}

// cell holds a fault, lets something happen to it, and asks the kernel.
func (t *check) cell(one cell, shell string, command []string) {
	if command[1] == emulated {
		t.must(t.emulatedUp())
	}
	t.noPods()
	n := t.network(command[1])
	before := n.picture()
	j := t.operator("", slices.Concat(command, []string{"--image", shells[shell]})...)
	t.says(j, "injected on")
	if len(n.ours()) != 2 {
		t.fail("in place are: %q", n.ours())
	}
	began := time.Now()
	one.do(t, j, n)
	name := one.name
	if command[0] == "filter" {
		name += " (filter, nftables)"
	}
	if command[1] == emulated {
		name += " (netem, cgroup version 2, systemd, emulated)"
	}
	t.judge(name, j, n, before, began, one.limit+n.limit, one.codes)
}

// judge waits until nothing of the run is in the kernel, then holds the command to what it says.
func (t *check) judge(name string, j *job, n *vmNet, before string, began time.Time, limit time.Duration, codes []int) {
	clean := func() bool { return len(n.ours()) == 0 }
	if err := until(limit, "nothing of the run is left in the kernel", clean); err != nil {
		t.fail("%v: %q\n%s", err, n.ours(), j.stderr())
	}
	took := time.Since(began)
	if n.gone != nil {
		t.until(n.limit, "the node has seen the fault go", func() bool { _, is := n.gone(); return is })
		gone, _ := n.gone()
		if took = gone.Sub(began); took > limit {
			t.fail("the fault was there for %v", took)
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
	t.same(before, n.picture())
	t.answers(n)
	t.until(time.Minute, "no debug pod runs", func() bool {
		pods, err := t.debugPods()
		return err == nil && !live(pods)
	})
	if until(soon+n.limit, "", func() bool { return len(n.leftovers()) == 0 }) != nil {
		left := n.leftovers()
		t.after(func() { n.kill("KILL", left...) })
		t.fail("processes of the run are left:\n%s", n.described(left))
	}
	t.table.add(name, took, end)
}

// noPods clears away what earlier cells rightly leave: ended pods of commands that were killed.
func (t *check) noPods() {
	for _, pod := range t.podNames() {
		_ = t.api.remove(pods, "kubevirt", pod, 0)
	}
	t.until(time.Minute, "no debug pod is there", func() bool { return len(t.podNames()) == 0 })
	t.until(time.Minute, "the node is ready", func() bool {
		object, err := t.api.get(nodes, "", "node-1")
		return err == nil && condition(object, "Ready") == "True" && t.serves()
	})
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

// serves says whether node-1's kubelet and containerd are back: the kubelet asks containerd for it.
func (t *check) serves() bool {
	return t.on(t.nodes[0], t.bin+"/usr/bin/ctr", "version").Run() == nil && run("kubectl", "--kubeconfig", t.pki("admin.kubeconfig"), "get", "--raw", "/api/v1/nodes/node-1/proxy/healthz") == nil
}

// killService kills a program of node-1; its init starts it again a second later.
func (t *check) killService(name string) {
	for _, pid := range processesIn("/node-1/init") {
		argv, _ := output("ps", "-o", "args=", "-p", pid)
		if first, _, _ := strings.Cut(strings.TrimSpace(argv), " "); first == name {
			_ = run("kill", "-KILL", pid)
			return
		}
	}
	t.fail("no %s on node-1", name)
}
