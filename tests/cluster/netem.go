package main

import (
	"slices"
	"strings"
	"syscall"
	"time"
)

// onNetem are the tests that need a kernel with netem: on the node that is a machine of its own. A guest takes too long to boot
// there to be asked: the kernel is.
func onNetem() []test {
	// It takes longer to boot and to import KubeVirt's images than a sample may take.
	if sample() != "" {
		return nil
	}
	all := []test{{"netem-on-a-machine", func(t *check) { t.netemRead(emulated, "masquerade") }}, {"netem-on-a-bridge-on-a-machine", bridged}}
	for _, one := range slices.Concat(cells(), disks()) {
		for _, shell := range shellNames {
			if slices.Contains(onHosts, one.name) {
				continue
			}
			if shell == "bash" || slices.Contains(shellCells, one.name) {
				all = append(all, test{"kill-" + one.name + "-" + shell + "-on-a-machine", func(t *check) { t.cell(one, shell, slow) }})
			}
		}
	}
	for _, shell := range shellNames {
		all = append(all, test{"deadline-" + shell + "-on-a-machine", func(t *check) { t.deadline(slow, shell) }})
	}
	for _, stage := range []string{"armed", "apply", "rollback"} {
		all = append(all, test{"kill-command-KILL-" + stage + "-on-a-machine", func(t *check) { t.atStage(slow, "KILL", syscall.SIGKILL, stage, nil) }})
	}
	return append(all, test{"kill-apply-window-on-a-machine", func(t *check) { t.applyWindow(sampledKills(4), slow) }})
}

// shellCells are the kills that what undoes the fault outlives by its shell's own means, signals and ends of files: they are
// tried there under every shell, as the deadline is, the others under one.
var shellCells = []string{"command-KILL", "container-killed-whole", "sentinel-killed"}

// onHosts are kills of which a machine has nothing of its own to show.
var onHosts = []string{"command-INT-twice", "agents-helpers-killed-KILL"}

// slow is the fault that is held there; a pod takes its time.
var slow = []string{"netem", emulated, "--latency", "100ms", "--pod-running-timeout", "3m"}

// emulated is the VM on the machine: an emulated guest on an emulated node.
const emulated = "slow-1"

// bootEmulated starts that VM, to be there when the test that needs it comes.
func (c *cluster) bootEmulated() error {
	n := c.machine()
	if err := c.machineReady(n); err != nil {
		return err
	}
	c.say("%s is Ready", n.name)
	if err := c.prepare(n); err != nil {
		return err
	}
	if err := c.createGuest(guest{name: emulated, binding: "masquerade", node: n.name, owner: nobody, app: "alone"}); err != nil {
		return err
	}
	return c.api.await(20*time.Minute, vmis, "default", emulated, runs)
}

// emulatedUp waits for that VM, and for its node to start pods again: until then the API server was away, and back, several times.
func (c *cluster) emulatedUp() error {
	err := <-c.emulated
	if err == nil && !c.emulatedListens {
		err = c.canary(c.machine())
		c.emulatedListens = err == nil
	}
	c.emulated <- err
	return err
}

// netemRead puts a fault on a VM whose guest cannot be asked, and reads it from the kernel.
func (t *check) netemRead(vm, binding string) {
	n := t.network(vm)
	before := n.picture()
	j := t.operator("", "netem", vm, "--latency", "100ms", "--loss", "10%", "--pod-running-timeout", "3m", "--duration", "5m", "-y")
	t.says(j, "injected on")
	in := n.ours()
	if len(in) != 2 {
		t.fail("in place are: %q", in)
	}
	for _, line := range in {
		if !strings.Contains(line, "qdisc netem") || !strings.Contains(line, "delay 100ms loss 10%") {
			t.fail("in place is: %q", line)
		}
	}
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	t.same(before, n.picture())
	t.seen.add("netem --latency 100ms --loss 10%, "+binding, "injected", "the node's kernel has netem with both on tap and uplink; nothing afterwards")
}

// bridged is the same with KubeVirt's bridge binding, which takes the pod's address away from it.
func bridged(t *check) {
	t.must(t.emulatedUp())
	name := t.fresh("bridged")
	g := guest{name: name, binding: "bridge", node: "node-3", owner: nobody, app: "alone"}
	t.after(func() { _ = t.removeGuest(g) })
	t.must(t.createGuest(g))
	t.must(t.api.await(10*time.Minute, vmis, "default", name, runs))
	t.netemRead(name, "bridge")
}
