package main

import (
	"fmt"
	"strings"
	"syscall"
	"time"
)

// apiServer are the ways in which the API server goes away under a run that holds a fault.
func apiServer() []test {
	return []test{
		{"kill-apiserver-back-after-30s", func(t *check) { t.apiServerKilled(30 * time.Second) }},
		{"kill-apiserver-for-good", apiServerForGood}, {"kill-apiserver-stands-still", apiServerStopped},
	}
}

// withoutAPIServer holds a fault, lets the API server go away, and waits until the node has ended the fault.
func (t *check) withoutAPIServer(signal syscall.Signal, limit time.Duration) (j *job, n *vmNet, before string, began time.Time, took time.Duration) {
	t.noPods()
	n = t.network("web-1")
	before = n.picture()
	j = t.hold(held, "bash")
	t.says(j, "injected on")
	began = time.Now()
	process := t.parts["kube-apiserver"]
	t.must(process.Process.Signal(signal))
	t.after(func() {
		// Whatever failed, the next test finds one.
		if signal == syscall.SIGSTOP {
			_ = process.Process.Signal(syscall.SIGCONT)
		} else if t.parts["kube-apiserver"] == process {
			_ = t.startAPIServer()
		}
		_ = until(time.Minute, "", t.api.ready)
		t.kubeletsListen()
	})
	if signal == syscall.SIGKILL {
		_ = process.Wait()
	}
	t.until(limit, "nothing of the run is left", func() bool { return len(n.ours()) == 0 })
	return j, n, before, began, time.Since(began)
}

// kubeletsListen waits until the kubelets start pods again: they try ever more seldom while there is no API server.
func (t *check) kubeletsListen() {
	for _, n := range t.hosts() {
		_ = t.canary(n)
	}
}

// canary waits until a node has run a pod to its end.
func (c *cluster) canary(n *node) error {
	name := "canary-" + n.name
	_, _ = c.api.create(pods, "kubevirt", object{
		"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name},
		"spec": object{"nodeName": n.name, "restartPolicy": "Never", "automountServiceAccountToken": false, "containers": []any{
			object{"name": "canary", "image": shells["bash"], "imagePullPolicy": "IfNotPresent", "command": []any{"/usr/bin/true"}},
		}},
	})
	err := until(3*time.Minute, n.name+" runs a pod", func() bool {
		pod, err := c.api.get(pods, "kubevirt", name)
		return err == nil && text(pod, "status", "phase") == "Succeeded"
	})
	_ = c.api.remove(pods, "kubevirt", name, 0)
	return err
}

// apiServerKilled takes the API server away for a while.
func (t *check) apiServerKilled(away time.Duration) {
	j, n, before, began, took := t.withoutAPIServer(syscall.SIGKILL, soon)
	time.Sleep(time.Until(began.Add(away)))
	t.must(t.startAPIServer())
	t.until(time.Minute, "the API server is back", t.api.ready)
	t.judge(fmt.Sprintf("API server killed, back after %v", away), j, n, before, time.Now().Add(-took), soon, []int{1, 3})
}

// apiServerForGood takes the API server away until the command has given up: nobody can be asked what became of the
// fault, so it says that, and how to look later.
func apiServerForGood(t *check) {
	j, n, before, _, took := t.withoutAPIServer(syscall.SIGKILL, soon)
	code := j.end()
	state, by := j.state()
	if code != 3 || !strings.Contains(j.stderr(), "kubectl vmchaos halt") {
		t.fail("exit %d, %s by %s\n%s", code, state, by, j.stderr())
	}
	t.same(before, n.picture())
	t.must(t.startAPIServer())
	t.until(time.Minute, "the API server is back", t.api.ready)
	t.until(patience, "no debug pod runs", func() bool {
		pods, err := t.debugPods()
		return err == nil && !live(pods)
	})
	cleanup := t.operator("", "cleanup", "--all", "-y")
	if code := cleanup.end(); code != 0 {
		t.fail("cleanup afterwards: exit %d\n%s", code, cleanup.stderr())
	}
	t.table.add("API server killed for good", took, fmt.Sprintf("exit %d, %s by %s", code, state, by))
}

// apiServerStopped lets the API server stand still for 30 s: every connection stays open, nothing comes through.
func apiServerStopped(t *check) {
	j, n, before, began, took := t.withoutAPIServer(syscall.SIGSTOP, silent)
	time.Sleep(time.Until(began.Add(30 * time.Second)))
	t.must(t.parts["kube-apiserver"].Process.Signal(syscall.SIGCONT))
	t.until(time.Minute, "the API server answers", t.api.ready)
	t.judge("API server stands still for 30 s", j, n, before, time.Now().Add(-took), soon, []int{1, 3})
}
