package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// outageMode is a way to end, to stop or to freeze a guest.
type outageMode struct {
	// name is what comes after `--mode`.
	name string
	// ends says that what is there afterwards is another VMI.
	ends bool
	// vmOnly says that it is done to the VirtualMachine: it is refused where there is none.
	vmOnly bool
}

var (
	outageOwners = []owner{always, "RerunOnFailure", manual, "Once", replicaSet, nobody}
	outageModes  = []outageMode{
		{name: "delete", ends: true}, {name: "kill", ends: true}, {name: "pod", ends: true}, {name: "pod --grace-period 30", ends: true},
		{name: "pause"}, {name: "reset"}, {name: "stop", ends: true, vmOnly: true}, {name: "delete --disable-auto-restart", ends: true, vmOnly: true},
	}
)

// outages are all modes on guests of all owners, one test an owner: who brings the guest back is to be who the plan said.
func outages() []test {
	var all []test
	for _, o := range outageOwners {
		if modes := drawnModes(o); len(modes) > 0 {
			all = append(all, test{"outages-of-" + o.slug(), func(t *check) { t.outagesOf(o, modes) }})
		}
	}
	return all
}

// drawnModes are those that a sample has for an owner's guests; all without one.
func drawnModes(o owner) []outageMode {
	var modes []outageMode
	for _, mode := range outageModes {
		if drawn(fmt.Sprintf("outage %s %s", mode.name, o)) {
			modes = append(modes, mode)
		}
	}
	return modes
}

// outagesOf does them one after the other to one guest; after one that went wrong the next have another.
func (t *check) outagesOf(o owner, modes []outageMode) {
	var problems []string
	var g guest
	for i, mode := range modes {
		if i > 0 && timeIsUp() {
			t.progress.leaveOut(fmt.Sprintf("%s was through (%d of %d modes)", t.test, i, len(modes)))
			break
		}
		problem := t.attempt(func() {
			if g.name == "" {
				g = guest{name: t.fresh(o.slug()), binding: "masquerade", node: "node-2", owner: o}
				g.app = g.name
				subject := g
				t.after(func() { _ = t.removeGuest(subject) })
				t.must(t.createGuest(g))
			}
			t.outage(g, mode)
		})
		if problem != "" {
			problems = append(problems, fmt.Sprintf("--mode %s: %s", mode.name, problem))
			if g.name != "" {
				_ = t.removeGuest(g)
			}
			g = guest{}
		}
	}
	if len(problems) > 0 {
		t.fail("%s", strings.Join(problems, "\n"))
	}
}

// outageReport is the part of the command's document that tells of its only target.
type outageReport struct {
	State, RecoveredBy string
	// HeldSeconds is zero where nothing tells when the guest had booted.
	HeldSeconds float64
	Recovery    struct {
		Predicted, Why string
		Loses          []string
	}
}

func (t *check) outageReport(j *job) outageReport {
	var report struct{ Targets []outageReport }
	if err := json.Unmarshal(j.out.Bytes(), &report); err != nil || len(report.Targets) != 1 {
		t.fail("not a document with one target: %v\n%s\n%s", err, j.out.String(), j.stderr())
	}
	return report.Targets[0]
}

// outage does one to a guest, and holds what became of the guest against what was planned.
func (t *check) outage(g guest, mode outageMode) {
	vmi := t.running(g)
	name, uid := vmi.GetName(), vmi.GetUID()
	args := append([]string{"outage", name, "--mode"}, strings.Fields(mode.name)...)
	args = append(args, "--yes=vmchaos-test", "-o", "json")
	row := fmt.Sprintf("outage --mode %s, %s", mode.name, ownerWords(g.owner))
	plan := t.operator("", append(slices.Clone(args), "--dry-run")...)
	code := plan.end()
	if mode.vmOnly && !g.owner.isVM() {
		if code != 4 || !strings.Contains(plan.stderr(), "has no VM") {
			t.fail("planned: exit %d\n%s", code, plan.stderr())
		}
		t.seen.add(row, "refused: there is no VM", "exit 4")
		return
	}
	if code != 0 {
		t.fail("planned: exit %d\n%s", code, plan.stderr())
	}
	predicted := t.outageReport(plan).Recovery
	if mode.name != "reset" {
		// What is to come back by itself has all the time it needs; else there is as much as KubeVirt would need.
		args = append(args, "--duration", map[string]string{"platform": "10m", "vmchaos": "15s"}[predicted.Predicted])
	}
	before := len(t.asked("operator"))
	j := t.operator("", args...)
	code = j.end()
	report := t.outageReport(j)
	if code != 0 || report.State != "recovered" || report.RecoveredBy != predicted.Predicted {
		t.fail("exit %d, %s by %q, and the plan said by %q (%s)\n%s", code, report.State, report.RecoveredBy, predicted.Predicted, predicted.Why, j.stderr())
	}
	started := slices.ContainsFunc(t.asked("operator")[before:], func(path string) bool { return strings.HasSuffix(path, "/"+g.name+"/start") })
	if started && report.RecoveredBy == "platform" {
		t.fail("it is said to have come back by itself, and the command has started it\n%s", j.stderr())
	}
	after := t.running(g)
	if mode.ends != (after.GetUID() != uid) {
		t.fail("the VMI is another one: %v\n%s", after.GetUID() != uid, j.stderr())
	}
	if g.owner.isVM() {
		vm, err := t.api.get(vms, "default", g.name)
		t.must(err)
		if left := vm.GetAnnotations()["vmchaos.dev/undo"]; left != "" || text(vm, "spec", "runStrategy") != string(g.owner) {
			t.fail("the VM is left with run strategy %s and %q", text(vm, "spec", "runStrategy"), left)
		}
	}
	t.seen.add(row, predicted.Why, fmt.Sprintf("recovered by %s; exit 0", map[string]string{"platform": "KubeVirt", "vmchaos": "the command"}[report.RecoveredBy]))
}

func ownerWords(o owner) string {
	switch o {
	case nobody:
		return "a VMI without a VM"
	case replicaSet:
		return "a VMI of a replica set"
	}
	return "run strategy " + string(o)
}

// running waits for a guest that answers, and returns its VMI; that of a replica set has a name of its own.
func (t *check) running(g guest) *unstructured.Unstructured {
	var found *unstructured.Unstructured
	t.until(3*time.Minute, g.name+" runs and answers", func() bool {
		all, err := t.api.list(vmis, "default", "app="+g.app)
		if err != nil {
			return false
		}
		at := slices.IndexFunc(all, func(vmi unstructured.Unstructured) bool {
			return runs(&vmi) && condition(&vmi, "Ready") == "True" && answers(addressOf(&vmi))
		})
		if at >= 0 {
			found = &all[at]
		}
		return at >= 0
	})
	return found
}
