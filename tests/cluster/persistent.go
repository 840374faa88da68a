package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// persistentDisk is a guest with a disk that outlasts it.
func persistentDisk() []test { return []test{{"persistent-disk", diskOutlastsGuest}} }

// diskOutlastsGuest ends a guest that counts its boots on a disk: the next one goes on counting, and the plan names no loss.
func diskOutlastsGuest(t *check) {
	name := t.fresh("disk")
	g := guest{name: name, binding: "masquerade", node: "node-2", owner: always, app: name, claim: name}
	t.must(t.claim(g.claim, t.nodes[1]))
	t.after(func() {
		_ = t.removeGuest(g)
		_ = t.api.remove(claims, "default", g.claim, -1)
		_ = t.api.remove(volumes, "", g.claim, -1)
	})
	t.must(t.createGuest(g))
	t.boots(g, 1)
	j := t.operator("", "outage", g.name, "--mode", "delete", "--duration", "10m", "--yes=vmchaos-test", "-o", "json")
	code := j.end()
	report := t.outageReport(j)
	if code != 0 || report.State != "recovered" || report.RecoveredBy != "platform" || len(report.Recovery.Loses) > 0 {
		t.fail("exit %d, %s by %s, loses %q\n%s", code, report.State, report.RecoveredBy, report.Recovery.Loses, j.stderr())
	}
	t.boots(g, 2)
	t.seen.add("outage --mode delete, a VM with a PersistentVolumeClaim", "no data is lost", "the next guest finds on its disk what the last one wrote; exit 0")
}

// claim makes a disk in a folder of a node, and claims it.
func (t *check) claim(name string, on *node) error {
	size := object{"storage": "64Mi"}
	if _, err := t.api.create(volumes, "", object{
		"apiVersion": "v1", "kind": "PersistentVolume", "metadata": object{"name": name},
		"spec": object{
			"capacity": size, "accessModes": []any{"ReadWriteOnce"}, "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "",
			"hostPath": object{"path": filepath.Join(on.folder, name), "type": "DirectoryOrCreate"},
			"nodeAffinity": object{"required": object{"nodeSelectorTerms": []any{object{
				"matchExpressions": []any{object{"key": "kubernetes.io/hostname", "operator": "In", "values": []any{on.name}}},
			}}}},
		},
	}); err != nil {
		return err
	}
	_, err := t.api.create(claims, "default", object{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": object{"name": name},
		"spec": object{"accessModes": []any{"ReadWriteOnce"}, "resources": object{"requests": size}, "storageClassName": "", "volumeName": name},
	})
	return err
}

// boots waits until a guest has told on its console that it is the so many that booted with its disk.
func (t *check) boots(g guest, number int) {
	t.must(t.awaitGuest(g.name, 3*time.Minute))
	pod, err := t.launcher(g.name)
	t.must(err)
	console := ""
	t.until(time.Minute, "the guest's console is read", func() bool {
		logged, _ := t.kubectl("logs", "-n", "default", pod.GetName(), "-c", "guest-console-log").CombinedOutput()
		console = string(logged)
		return strings.Contains(console, "with its disk")
	})
	if !strings.Contains(console, fmt.Sprintf("guest: boot %d with its disk", number)) {
		t.fail("not boot %d:\n%s", number, console)
	}
}
