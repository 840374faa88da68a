package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"
)

// onNetem are the tests that need a kernel with netem: on the node that is a machine of its own. KubeVirt's guests take too long
// to boot there to be asked: the kernel is.
func (c *cluster) onNetem() []test {
	all := []test{{"latency-on-a-machine", latency}, {"loss-on-a-machine", loss}}
	if c.virt != "" {
		all = []test{{"netem-on-a-machine", func(t *check) { t.netemRead(emulated) }}, {"netem-on-a-bridge-on-a-machine", bridged}}
	}
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

// emulated is the VM on the machine: an emulated guest on an emulated node, which takes minutes to boot.
const emulated = "slow-1"

// bootEmulated starts that VM, to be there when the test that needs it comes.
func (c *cluster) bootEmulated() error {
	n := c.nodes[len(c.nodes)-1]
	if err := c.machineReady(n); err != nil {
		return err
	}
	c.say("%s is Ready", n.name)
	prepare := c.virtHandler
	if c.virt != "" {
		prepare = c.prepareForVirt
	}
	if err := prepare(n); err != nil {
		return err
	}
	if err := c.createGuest(guest{emulated, "masquerade", n.name, false}); err != nil {
		return err
	}
	if c.virt != "" {
		return c.api.await(20*time.Minute, vmis, "default", emulated, runs)
	}
	if err := c.awaitGuest(emulated, 20*time.Minute); err != nil {
		return err
	}
	c.say("the guest on %s answers", n.name)
	return nil
}

// emulatedUp waits for that VM, and for its node to start pods again: until then the API server was away, and back, several times.
func (c *cluster) emulatedUp() error {
	err := <-c.emulated
	if err == nil && !c.emulatedListens {
		err = c.canary(c.nodes[len(c.nodes)-1])
		c.emulatedListens = err == nil
	}
	c.emulated <- err
	return err
}

// latency adds 100 ms each way to a guest's round trip, and takes them away.
func latency(t *check) {
	n := t.network(emulated)
	before := n.picture()
	fastest := func(address string) time.Duration {
		least, count := probe(address, 20)
		if count == 0 {
			t.fail("nothing comes back from %s", address)
		}
		return least
	}
	healthy := map[string]time.Duration{}
	for _, address := range n.addresses {
		healthy[address] = fastest(address)
	}
	hold := func() *job {
		j := t.operator("", append(slices.Clone(slow), "--duration", "5m", "--probe", "tcp:80", "-y", "-o", "json")...)
		t.says(j, "injected on")
		return j
	}
	end := func(j *job) {
		j.signal(syscall.SIGINT)
		if code := j.end(); code != 130 {
			t.fail("exit %d\n%s", code, j.stderr())
		}
		t.same(before, n.picture())
	}
	j := hold()
	for address, was := range healthy {
		if trip := fastest(address); trip < 200*time.Millisecond || was >= 200*time.Millisecond {
			t.fail("round trip to %s: %v before, %v with 100 ms each way", address, was, trip)
		} else {
			fmt.Printf("# round trip to %s: %v before, %v with 100 ms each way\n", address, was, trip)
		}
	}
	if during := n.ours(); len(during) != 2 {
		t.fail("in place: %q", during)
	}
	end(j)
	// Its probes are few, and what is busy then makes every one of them late.
	problem := t.probed(j)
	for try := 1; problem != "" && try < 3; try++ {
		j = hold()
		end(j)
		problem = t.probed(j)
	}
	if problem != "" {
		t.fail("%s", problem)
	}
	for address := range healthy {
		if trip := fastest(address); trip >= 200*time.Millisecond {
			t.fail("round trip to %s afterwards: %v", address, trip)
		}
	}
}

// loss loses half of what goes in and half of what comes out: a quarter of the datagrams comes back.
func loss(t *check) {
	const sent = 100
	n := t.network(emulated)
	before := n.picture()
	back := func() map[string]int {
		counts := map[string]int{}
		var mutex sync.Mutex
		var group sync.WaitGroup
		for _, address := range n.addresses {
			group.Add(1)
			go func() {
				defer group.Done()
				count := burst(address, sent)
				mutex.Lock()
				counts[address] = count
				mutex.Unlock()
			}()
		}
		group.Wait()
		return counts
	}
	// An emulated machine is late for some now and then: the best of five counts.
	whole := func(when string) {
		var counts map[string]int
		for range 5 {
			counts = back()
			if !slices.ContainsFunc(n.addresses, func(address string) bool { return counts[address] < sent*8/10 }) {
				return
			}
		}
		t.fail("%s, so many of %d came back: %v", when, sent, counts)
	}
	whole("before")
	j := t.operator("", "netem", emulated, "--loss", "50%", "--pod-running-timeout", "3m", "--duration", "5m", "-y", "-o", "json")
	t.says(j, "injected on")
	for address, count := range back() {
		// 25 are expected; 5 standard deviations each way.
		if count < 4 || count > 47 {
			t.fail("with 50%% lost each way %d of %d came back from %s", count, sent, address)
		}
		fmt.Printf("# with 50%% lost each way %d of %d came back from %s\n", count, sent, address)
	}
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	t.same(before, n.picture())
	whole("afterwards")
}

// probed holds what the command's own probes of a guest saw against what was asked for. A busy machine only adds to a round
// trip, so that the fastest with the fault and the fastest without it are judged. Returns what is wrong.
func (t *check) probed(j *job) string {
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
	without, seen := fastest["before"]
	if after, too := fastest["after"]; too {
		without = min(without, after)
	}
	if during := fastest["during"]; !seen || during < 200 || without >= during {
		return fmt.Sprintf("the command's probes saw, at best, in ms: %v", fastest)
	}
	fmt.Printf("# the command's own probes: %v ms without, %v ms with 100 ms each way\n", without, fastest["during"])
	return ""
}
