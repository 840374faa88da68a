package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// interference is what comes between a run and its VMs: the network, a migration, other people.
func interference() []test {
	return []test{
		{"kill-network-cut", networkCut}, {"migration-follows", migrationFollows}, {"two-operators", twoOperators}, {"foreign-qdisc", foreignQdisc},
	}
}

// networkCut takes the operator's cable away: no connection is closed.
func networkCut(t *check) {
	t.noPods()
	t.must(run("sh", "-ec", `ip netns add desk
ip link add v-desk type veth peer name eth0 netns desk
ip link set v-desk master br0 up
ip -n desk link set lo up
ip -n desk link set eth0 up
ip -n desk addr add 10.80.0.99/24 dev eth0`))
	t.after(func() { _ = run("ip", "netns", "del", "desk") })
	n := t.network("web-1")
	before := n.picture()
	j := t.operator("desk", slices.Concat(held, lasting)...)
	t.says(j, "injected on")
	t.must(run("ip", "link", "set", "v-desk", "nomaster"))
	began := time.Now()
	t.until(silent, "nothing of the run is left", func() bool { return len(n.ours()) == 0 })
	took := time.Since(began)
	t.must(run("ip", "link", "set", "v-desk", "master", "br0"))
	t.judge("the operator's network cut", j, n, before, time.Now().Add(-took), silent, []int{1, 3})
}

// migrationFollows moves the VM to the other node: the fault goes along, and is gone from both at the end.
func migrationFollows(t *check) {
	t.noPods()
	source := t.network("web-1")
	j := t.hold(held, "bash")
	t.says(j, "injected on node-1")
	began := time.Now()
	if said, err := t.virtctl("migrate", "web-1", "-n", "default"); err != nil {
		t.fail("virtctl: %v\n%s", err, said)
	}
	t.says(j, "injected on node-2")
	took := time.Since(began)
	target := t.network("web-1")
	if len(target.ours()) != 2 {
		t.fail("on the new node are: %q", target.ours())
	}
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	if left := append(target.ours(), source.leftovers()...); len(left) > 0 {
		t.fail("left: %q", left)
	}
	t.table.add("VMI migrated (time until the fault is on the new node)", took, "exit 130 after SIGINT")
	t.seen.add("netem --bandwidth 4Mbit, and virtctl migrate meanwhile", "injected on the new node", fmt.Sprintf("tbf is in the new node's kernel after %.1f s; nothing is left on either", took.Seconds()))
	// Back to where the other tests look for it.
	uid := t.uid("web-1")
	t.must(t.api.remove(vmis, "default", "web-1", -1))
	t.renewed("web-1", uid)
}

// twoOperators meet on one VM: one is refused, the other's fault stays.
func twoOperators(t *check) {
	t.noPods()
	n := t.network("web-1")
	before := n.picture()
	first := t.hold(held, "bash")
	t.says(first, "injected on")
	inPlace := n.picture()
	second := t.operator("", "netem", "web-1", "--bandwidth", "9Mbit", "--duration", "5m", "-y")
	if code := second.end(); code != 1 && code != 4 {
		t.fail("the second: exit %d\n%s", code, second.stderr())
	}
	t.same(inPlace, n.picture())
	began := time.Now()
	first.signal(syscall.SIGINT)
	t.judge("a second operator on the VM", first, n, before, began, soon, []int{130})
}

// foreignQdisc is somebody else's: refused, and left alone.
func foreignQdisc(t *check) {
	t.noPods()
	n := t.network("web-1")
	n.run("tc", "qdisc", "add", "dev", "tap0", "root", "handle", "5:", "htb")
	t.after(func() { n.run("tc", "qdisc", "del", "dev", "tap0", "root") })
	before := n.picture()
	if !strings.Contains(before, "htb 5:") {
		t.fail("there is no qdisc of somebody else's:\n%s", before)
	}
	j := t.hold(held, "bash")
	code := j.end()
	if code != 1 && code != 4 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	t.same(before, n.picture())
	t.answers(n)
	t.table.add("a qdisc of somebody else's there already (refused, left alone)", 0, fmt.Sprintf("exit %d", code))
}
