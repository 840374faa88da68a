package main

import (
	"strings"
	"syscall"
	"time"
)

// netemRead puts a fault on a VM whose guest cannot be asked, and reads it from the kernel.
func (t *check) netemRead(vm string) {
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
}

// bridged is the same with KubeVirt's bridge binding, which takes the pod's address away from it.
func bridged(t *check) {
	const name = "bridged-1"
	t.must(t.emulatedUp())
	t.after(func() { _ = t.api.remove(vmis, "default", name, -1) })
	t.must(t.createGuest(guest{name, "bridge", "node-3", false}))
	t.must(t.api.await(10*time.Minute, vmis, "default", name, runs))
	t.netemRead(name)
}
