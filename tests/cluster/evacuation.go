package main

import (
	"encoding/json"
	"fmt"
	"time"
)

// evacuation are tests with a guest that KubeVirt migrates when its pod is evicted, as a drain does.
func evacuation() []test { return []test{{"evacuation-follows", evacuationFollows}} }

// evacuationFollows evicts the launcher of a guest with a fault on: the eviction is refused, the guest is migrated, the fault goes
// with it, and ends at its deadline on the new node.
func evacuationFollows(t *check) {
	t.noPods()
	name := t.fresh("evacuated")
	g := guest{name: name, binding: "masquerade", node: "node-1", owner: always, app: name, evictionStrategy: "LiveMigrate"}
	t.after(func() { _ = t.removeGuest(g) })
	t.must(t.createGuest(g))
	t.must(t.awaitGuest(name, 3*time.Minute))
	source := t.network(name)
	pod, err := t.launcher(name)
	t.must(err)
	from := text(pod, "spec", "nodeName")
	to := map[string]string{"node-1": "node-2", "node-2": "node-1"}[from]
	j := t.operator("", "netem", name, "--bandwidth", "4Mbit", "--duration", "75s", "--yes=vmchaos-test", "-o", "json")
	t.says(j, "injected on "+from)
	if err := t.api.evict("default", pod.GetName()); err == nil {
		t.fail("KubeVirt let the pod be evicted")
	}
	t.says(j, "injected on "+to)
	target := t.network(name)
	if len(target.ours()) != 2 {
		t.fail("on the new node are: %q", target.ours())
	}
	code := j.end()
	var document struct {
		Targets []struct{ State, EndedBy string }
	}
	if err := json.Unmarshal(j.out.Bytes(), &document); err != nil || len(document.Targets) != 1 {
		t.fail("not a document with one target: %v\n%s\n%s", err, j.out.String(), j.stderr())
	}
	if one := document.Targets[0]; code != 0 || one.State != "restored" || one.EndedBy != "deadline" {
		t.fail("exit %d, %s by %s\n%s", code, one.State, one.EndedBy, j.stderr())
	}
	if left := append(target.ours(), source.leftovers()...); len(left) > 0 {
		t.fail("left: %q", left)
	}
	t.answers(target)
	t.seen.add("netem --bandwidth 4Mbit, and an eviction of the launcher meanwhile", "injected on the new node; ended by its deadline",
		fmt.Sprintf("KubeVirt migrates the guest to %s; tbf is in its kernel until the deadline; nothing is left on either; exit 0", to))
}
