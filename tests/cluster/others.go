package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// others are what happens to more than one run's own parts: the control plane, the network, the VM, other people.
func others() []test {
	return []test{
		{"kill-network-cut", networkCut}, {"kill-launcher-pod", launcherKilled}, {"kill-launcher-processes", launcherProcessesKilled},
		{"kill-vmi-deleted", vmiDeleted}, {"kill-launcher-deleted-guest-hangs", launcherDeleted}, {"kill-vmi-deleted-guest-hangs", vmiDeletedHanging},
		{"migration-follows", migrationFollows}, {"two-operators", twoOperators}, {"foreign-qdisc", foreignQdisc},
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

// renewed waits until a VM's old launcher is gone with its processes, and the VM runs anew.
func (t *check) renewed(vm, uid string) {
	t.until(2*time.Minute, vm+" runs anew", func() bool {
		object, err := t.api.get(vmis, "default", vm)
		return err == nil && string(object.GetUID()) != uid
	})
	t.must(t.awaitGuest(vm, 2*time.Minute))
}

func (t *check) uid(vm string) string {
	object, err := t.api.get(vmis, "default", vm)
	t.must(err)
	return string(object.GetUID())
}

func launcherKilled(t *check) {
	t.vmEnds("launcher pod force-deleted", func(pod string) {
		t.must(t.api.remove(pods, "default", pod, 0))
	})
}

func launcherProcessesKilled(t *check) {
	t.vmEnds("launcher's processes killed", func(string) {
		pod, err := t.launcher("web-1")
		t.must(err)
		for _, pid := range processesIn(computeID(pod)) {
			_ = run("kill", "-KILL", pid)
		}
	})
}

// launcherDeleted and vmiDeletedHanging end a VM whose guest takes its time to shut down: until it has, its network is there, and
// the fault in it, unless somebody hears that the VM is going.
func launcherDeleted(t *check) {
	t.vmEnds("launcher deleted, its guest hangs", func(pod string) {
		t.hang()
		t.must(t.api.remove(pods, "default", pod, -1))
	})
}

func vmiDeletedHanging(t *check) {
	t.vmEnds("VMI deleted, its guest hangs", func(string) {
		t.hang()
		t.must(t.api.remove(vmis, "default", "web-1", -1))
	})
}

// hang stops the launcher's first process, which is to end the guest when the pod is told to.
func (t *check) hang() {
	pod, err := t.launcher("web-1")
	t.must(err)
	pid, err := t.computePid(pod)
	t.must(err)
	t.must(run("kill", "-STOP", pid))
	t.goOn = func() { _ = run("kill", "-CONT", pid) }
	t.after(t.goOn)
}

func vmiDeleted(t *check) {
	t.vmEnds("VMI deleted", func(string) { t.must(t.api.remove(vmis, "default", "web-1", -1)) })
}

// vmEnds lets a VM end under a fault: nothing may hold its network namespace, or delay its pod.
func (t *check) vmEnds(name string, do func(pod string)) {
	t.noPods()
	pod, err := t.launcher("web-1")
	t.must(err)
	uid := t.uid("web-1")
	n := t.network("web-1")
	j := t.hold(held, "bash")
	t.says(j, "injected on")
	// Also when this fails: the next one needs the VM.
	t.after(func() {
		_ = until(2*time.Minute, "web-1 runs anew", func() bool {
			now, err := t.launcher("web-1")
			return err == nil && now.GetUID() != pod.GetUID()
		})
	})
	began := time.Now()
	do(pod.GetName())
	// A VM whose launcher has ended has no network any more but the one that is held open here.
	clean := func() bool { return len(n.leftovers()) == 0 && (t.goOn == nil || len(n.ours()) == 0) }
	if err := until(soon, "nothing of the run is left in the VM's network namespace", clean); err != nil {
		t.fail("%v: %q, processes %q\n%s", err, n.ours(), n.leftovers(), j.stderr())
	}
	took := time.Since(began)
	if t.goOn != nil {
		t.goOn()
	}
	// A launcher pod of KubeVirt's has containers that outlive its guest until the pod is deleted.
	t.until(2*time.Minute, "no process is left in the VM's network namespace", func() bool { return len(n.leftovers()) == 0 && len(processesIn(string(pod.GetUID()))) == 0 })
	code := j.end()
	state, by := j.state()
	if code != 1 {
		t.fail("exit %d, %s by %s\n%s", code, state, by, j.stderr())
	}
	t.until(patience, "no debug pod runs", func() bool {
		pods, err := t.debugPods()
		return err == nil && !live(pods)
	})
	t.renewed("web-1", uid)
	t.table.add(name, took, fmt.Sprintf("exit %d, %s by %s", code, state, by))
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
