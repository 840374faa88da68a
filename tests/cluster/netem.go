package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// onNetem are the tests that need a kernel with netem: on the node that is a machine of its own.
func onNetem() []test {
	all := []test{{"latency-on-a-machine", latency}, {"loss-on-a-machine", loss}}
	for _, one := range cells() {
		if slices.Contains(emulatedCells, one.name) {
			all = append(all, test{"kill-" + one.name + "-on-a-machine", func(t *check) { t.cell(one, "bash", slow) }})
		}
	}
	return all
}

// emulatedCells are the kills that depend on the node's kernel.
var emulatedCells = []string{"command-INT", "command-KILL", "command-STOP", "pod-deleted", "pod-force-deleted", "agent-killed", "command-and-container-killed", "sentinel-killed"}

// slow is the command whose fault is held there.
var slow = []string{"netem", emulated, "--latency", "100ms", "--duration", "10m", "-y", "-o", "json"}

// emulated is the VM on the machine: an emulated guest on an emulated node, which takes minutes to boot.
const emulated = "slow-1"

// bootEmulated starts that VM, to be there when the test that needs it comes.
func (c *cluster) bootEmulated() error {
	n := c.nodes[len(c.nodes)-1]
	if err := c.machineReady(n); err != nil {
		return err
	}
	c.say("%s is Ready", n.name)
	if err := c.createGuest(guest{emulated, "masquerade", n.name, false}); err != nil {
		return err
	}
	if err := c.awaitGuest(emulated, 10*time.Minute); err != nil {
		return err
	}
	c.say("the guest on %s answers", n.name)
	return nil
}

// emulatedUp waits for that VM.
func (c *cluster) emulatedUp() error {
	err := <-c.emulated
	c.emulated <- err
	return err
}

// latency adds 100 ms each way to a guest's round trip, and takes them away.
func latency(t *check) {
	t.must(t.emulatedUp())
	four, six, err := t.address(emulated)
	t.must(err)
	pod, err := t.launcher(emulated)
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
	j := t.operator("", "netem", emulated, "--latency", "100ms", "--duration", "5m", "--probe", "tcp:80", "-y", "-o", "json")
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
	t.probed(j)
	for address := range healthy {
		if trip := fastest(address); trip >= 200*time.Millisecond {
			t.fail("round trip to %s afterwards: %v", address, trip)
		}
	}
}

// loss loses half of what goes in and half of what comes out: a quarter of the datagrams comes back.
func loss(t *check) {
	const sent = 200
	t.must(t.emulatedUp())
	n := t.network(emulated)
	before := n.picture()
	back := func() map[string]int {
		counts := map[string]int{}
		for _, address := range n.addresses {
			counts[address] = burst(address, sent)
		}
		return counts
	}
	whole := func(when string, counts map[string]int) {
		for address, count := range counts {
			// An emulated machine may be late for one now and then.
			if count < sent*8/10 {
				t.fail("%s, %d of %d came back from %s", when, count, sent, address)
			}
		}
	}
	whole("before", back())
	j := t.operator("", "netem", emulated, "--loss", "50%", "--duration", "5m", "-y", "-o", "json")
	t.says(j, "injected on")
	for address, count := range back() {
		// 50 are expected; 6 standard deviations each way.
		if count < 14 || count > 87 {
			t.fail("with 50%% lost each way %d of %d came back from %s", count, sent, address)
		}
		fmt.Printf("# with 50%% lost each way %d of %d came back from %s\n", count, sent, address)
	}
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	t.same(before, n.picture())
	whole("afterwards", back())
}

// probed holds what the command's own probes of a guest saw against what was asked for. A busy machine only adds to a round
// trip, so that the fastest of each phase is judged.
func (t *check) probed(j *job) {
	var report struct {
		Targets []struct {
			Probes []struct {
				Samples []struct {
					Phase string
					Ms    *float64
				}
			}
		}
	}
	t.must(json.Unmarshal(j.out.Bytes(), &report))
	if len(report.Targets) != 1 || len(report.Targets[0].Probes) != 1 {
		t.fail("no probe in the report:\n%s", j.out.String())
	}
	fastest := map[string]float64{}
	for _, sample := range report.Targets[0].Probes[0].Samples {
		if was, seen := fastest[sample.Phase]; sample.Ms != nil && (!seen || *sample.Ms < was) {
			fastest[sample.Phase] = *sample.Ms
		}
	}
	before, seen := fastest["before"]
	if during := fastest["during"]; !seen || during < 200 || before >= during {
		t.fail("the command's probes saw, at best, in ms: %v", fastest)
	}
	fmt.Printf("# the command's own probes: %v ms before, %v ms with 100 ms each way\n", before, fastest["during"])
}
