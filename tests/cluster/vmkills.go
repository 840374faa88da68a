package main

import (
	"fmt"
	"time"
)

// vmKills are the ways in which a VM ends under a fault.
func vmKills() []test {
	return []test{
		{"kill-launcher-pod", launcherKilled}, {"kill-launcher-processes", launcherProcessesKilled}, {"kill-vmi-deleted", vmiDeleted},
		{"kill-launcher-deleted-guest-hangs", launcherDeleted}, {"kill-vmi-deleted-guest-hangs", vmiDeletedHanging},
	}
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
