package main

import (
	"fmt"
	"strings"
	"time"
)

// effects are what a guest's peers see of a fault: before, during, after, and on the guest next door.
func effects() []test {
	return []test{{"bandwidth", bandwidth}, {"no-netem-is-said", noNetemIsSaid}, {"kubectl-sees-the-run", kubectlSees}}
}

// noNetemIsSaid is a node whose kernel cannot do what is asked for.
func noNetemIsSaid(t *check) {
	net := t.network("web-1")
	before := net.picture()
	j := t.operator("", "netem", "web-1", "--latency", "100ms", "--duration", "2s", "-y")
	if code := j.end(); code != 1 || !strings.Contains(j.stderr(), "sch_netem") {
		t.fail("exit %d:\n%s", code, j.stderr())
	}
	t.same(before, net.picture())
	t.seen.add("netem --latency 100ms, a node without netem", "its kernel has no sch_netem", "nothing is left; exit 1")
}

// payload takes a second at 4 Mbit/s, each way.
const payload = 500_000

// bandwidth slows a guest down, and neither the guest next door nor their node.
func bandwidth(t *check) {
	four, six, err := t.address("web-1")
	t.must(err)
	other, _, err := t.address("web-2")
	t.must(err)
	net := t.network("web-1")
	before := net.picture()
	for _, address := range []string{four, six} {
		if _, err := transfer(address, payload); err != nil {
			t.fail("before, over %s: %v", address, err)
		}
	}
	j := t.operator("", "netem", "web-1", "--bandwidth", "4Mbit", "--duration", "5m", "-y", "-o", "json")
	t.says(j, "injected on")
	var slow time.Duration
	for _, address := range []string{four, six} {
		took, err := transfer(address, payload)
		t.must(err)
		// Both directions carry it at once; what the queue's burst lets through early is below a tenth.
		if took < 900*time.Millisecond {
			t.fail("%d bytes over %s took %v at 4 Mbit/s", payload, address, took)
		}
		slow = took
	}
	if took, err := transfer(other, payload); err != nil || took > 900*time.Millisecond {
		t.fail("the guest next door is hit: %v %v", took, err)
	}
	if ofNode, err := t.on(t.nodes[0], "tc", "qdisc", "show").Output(); err != nil || strings.Contains(string(ofNode), "tbf") || !t.serves(t.nodes[0]) {
		t.fail("the node itself is hit: %v\n%s", err, ofNode)
	}
	j.signal(2)
	if code := j.end(); code != 130 {
		t.fail("exit %d:\n%s", code, j.stderr())
	}
	t.same(before, net.picture())
	for _, address := range []string{four, six} {
		if took, err := transfer(address, payload); err != nil || took > 900*time.Millisecond {
			t.fail("afterwards, over %s: %v %v", address, took, err)
		}
	}
	t.seen.add("netem --bandwidth 4Mbit", "injected", fmt.Sprintf("the guest echoes %d bytes in %.1f s, the one next door in less than 0.9 s, as itself before and afterwards", payload, slow.Seconds()))
}

func (t *check) same(before, after string) {
	if before != after {
		t.fail("lines only before: %q\nlines only after: %q", only(before, after), only(after, before))
	}
}

// kubectlSees holds what the documentation says is visible against kubectl, which knows nothing of this program.
func kubectlSees(t *check) {
	kubectl := func(args ...string) string {
		out, err := t.kubectl(args...).CombinedOutput()
		if err != nil {
			t.fail("kubectl %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	holds := func(where, what string) {
		if !strings.Contains(where, what) {
			t.fail("%q is not in:\n%s", what, where)
		}
	}
	j := t.operator("", "netem", "web-1", "--bandwidth", "4Mbit", "--duration", "5m", "-y", "--reason", "game day")
	t.says(j, "injected on")
	selector := []string{"-n", "kubevirt", "-l", "app.kubernetes.io/managed-by=kubectl-vmchaos"}
	// The phase lags behind: a fault is in place before the kubelet has reported that the pod runs.
	t.until(time.Minute, "the pod is listed as running on its node", func() bool {
		listed := kubectl(append([]string{"get", "pods", "-o", "wide"}, selector...)...)
		return strings.Contains(listed, "Running") && strings.Contains(listed, "node-1")
	})
	described := kubectl(append([]string{"describe", "pods"}, selector...)...)
	for _, what := range []string{"vmchaos.dev/run=", "game day", "tbf rate 4mbit", "operator"} {
		holds(described, what)
	}
	j.signal(2)
	if code := j.end(); code != 130 {
		t.fail("exit %d:\n%s", code, j.stderr())
	}
	holds(kubectl(append([]string{"get", "pods"}, selector...)...), "No resources found")
	events := kubectl("get", "events", "-n", "default", "--field-selector", "involvedObject.name=web-1")
	for _, what := range []string{"VMChaosInjected", "VMChaosRestored"} {
		holds(events, what)
	}
}

// only lists the lines of one text that another has not.
func only(text, other string) []string {
	var found []string
	for _, line := range strings.Split(text, "\n") {
		if !strings.Contains("\n"+other+"\n", "\n"+line+"\n") {
			found = append(found, line)
		}
	}
	return found
}
