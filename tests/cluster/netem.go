package main

import (
	"fmt"
	"strings"
	"syscall"
	"time"
)

// onNetem are the tests that need a kernel with netem: on the node that is a machine of its own.
func onNetem() []test { return []test{{"latency-on-a-machine", latency}} }

// latency adds 100 ms each way to a guest's round trip, and takes them away.
func latency(t *check) {
	n := t.nodes[len(t.nodes)-1]
	t.must(t.machineReady(n))
	t.say("%s is Ready", n.name)
	t.must(t.createGuest(guest{"slow-1", "masquerade", n.name, false}))
	t.after(func() { _ = t.api.remove(vmis, "default", "slow-1", -1) })
	t.must(t.awaitGuest("slow-1", 8*time.Minute))
	t.say("the guest on %s answers", n.name)
	four, six, err := t.address("slow-1")
	t.must(err)
	pod, err := t.launcher("slow-1")
	t.must(err)
	pid, err := t.computePidInMachine(pod)
	t.must(err)
	qdiscs := func() string {
		out, err := t.inMachine("", "nsenter", "--net=/proc/"+pid+"/ns/net", "--", "tc", "qdisc", "show")
		t.must(err)
		return dropped(out, " refcnt ")
	}
	before := qdiscs()
	fastest := func(address string) time.Duration {
		least, count := probe(address, 20)
		if count == 0 {
			t.fail("nothing comes back from %s", address)
		}
		return least
	}
	healthy := map[string]time.Duration{four: fastest(four), six: fastest(six)}
	j := t.operator("", "netem", "slow-1", "--latency", "100ms", "--duration", "5m", "-y", "-o", "json")
	t.says(j, "injected on")
	for address, was := range healthy {
		if trip := fastest(address); trip < 200*time.Millisecond || was >= 200*time.Millisecond {
			t.fail("round trip to %s: %v before, %v with 100 ms each way", address, was, trip)
		} else {
			fmt.Printf("# round trip to %s: %v before, %v with 100 ms each way\n", address, was, trip)
		}
	}
	if during := qdiscs(); strings.Count(during, "netem") != 2 {
		t.fail("in place:\n%s", during)
	}
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	t.same(before, qdiscs())
	for address := range healthy {
		if trip := fastest(address); trip >= 200*time.Millisecond {
			t.fail("round trip to %s afterwards: %v", address, trip)
		}
	}
}
