package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// recordingsFolder is where recordings are written to; none are made where it is not set.
const recordingsFolder = "VMCHAOS_CLUSTER_RECORDINGS"

// recordings play what happens to guests, each to one of its own, and write down what the API server told of it. The practice
// cluster is held to them.
func recordings() []test {
	if os.Getenv(recordingsFolder) == "" {
		return nil
	}
	var all []test
	for _, one := range []struct {
		name     string
		scenario func(r *recording)
	}{
		{"start", recordStart}, {"stop", recordStop}, {"pause", recordPause}, {"reset", recordReset}, {"crash", recordCrash}, {"delete", recordDelete},
		{"pod", recordPod}, {"migrate", recordMigrate}, {"evacuate", recordEvacuate}, {"abort", recordAbort}, {"refusals", recordRefusals},
	} {
		all = append(all, test{"recordings-" + one.name, func(t *check) { t.record(one.name, one.scenario) }})
	}
	return all
}

// record plays a scenario with a new guest, and writes the recording when nothing has failed.
func (t *check) record(name string, scenario func(r *recording)) {
	g := guest{name: t.fresh("recorded"), binding: "masquerade", node: "node-1", owner: always}
	g.app = g.name
	if name == "evacuate" {
		g.evictionStrategy = "LiveMigrate"
	}
	if name == "start" {
		g.owner = "Halted"
	}
	if name == "refusals" {
		g.claim = g.name
		t.must(t.claim(g.claim, t.nodes[0]))
		t.after(func() {
			_ = t.api.remove(claims, "default", g.claim, -1)
			_ = t.api.remove(volumes, "", g.claim, -1)
		})
	}
	t.after(func() { _ = t.removeGuest(g) })
	t.must(t.createGuest(g))
	if g.owner == always {
		t.running(g)
	}
	t.until(time.Minute, "the VM says what it is", func() bool {
		vm, err := t.api.get(vms, "default", g.name)
		return err == nil && text(vm, "status", "printableStatus") != "" && condition(vm, "Ready") != ""
	})
	if g.owner == always {
		// What a guest's start leaves to be done is no part of what happens to it then.
		time.Sleep(quiet)
	}
	r := t.newRecording(g)
	scenario(r)
	r.untilQuiet()
	t.must(r.write(name))
}

// The paths of the guest's objects.
func (r *recording) vm() string {
	return "/apis/kubevirt.io/v1/namespaces/default/virtualmachines/" + r.guest.name
}
func (r *recording) vmi() string {
	return "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/" + r.guest.name
}
func (r *recording) subresource(plural, verb string) string {
	return "/apis/subresources.kubevirt.io/v1/namespaces/default/" + plural + "/" + r.guest.name + "/" + verb
}
func (r *recording) ofVM(verb string) { r.ask("PUT", r.subresource("virtualmachines", verb), object{}) }
func (r *recording) ofVMI(verb string) {
	r.ask("PUT", r.subresource("virtualmachineinstances", verb), object{})
}

// runsAnew waits until the guest's VMI is another one, which runs and is Ready.
func (r *recording) runsAnew(before *unstructured.Unstructured) {
	r.until(3*time.Minute, r.guest.name+" runs anew", func() bool {
		now, err := r.api.get(vmis, "default", r.guest.name)
		return err == nil && (before == nil || now.GetUID() != before.GetUID()) && runs(now) && condition(now, "Ready") == "True"
	})
}

// now is the guest's VMI.
func (r *recording) now() *unstructured.Unstructured {
	vmi, err := r.api.get(vmis, "default", r.guest.name)
	r.must(err)
	return vmi
}

func recordStart(r *recording) {
	r.ofVM("start")
	r.runsAnew(nil)
	r.untilQuiet()
	r.ofVM("start")
}

func recordStop(r *recording) {
	r.ofVM("stop")
	r.until(3*time.Minute, "it is stopped", func() bool {
		vm, err := r.api.get(vms, "default", r.guest.name)
		return err == nil && text(vm, "status", "printableStatus") == "Stopped"
	})
	r.untilQuiet()
	for _, verb := range []string{"stop", "restart", "migrate"} {
		r.ofVM(verb)
	}
	r.ofVMI("pause")
}

func recordPause(r *recording) {
	paused := func(is string) {
		r.until(time.Minute, "the VMI says so", func() bool { return condition(r.now(), "Paused") == is })
		r.untilQuiet()
	}
	r.ofVMI("unpause")
	r.ofVMI("pause")
	paused("True")
	r.ofVMI("pause")
	r.ofVM("start")
	r.ofVMI("unpause")
	paused("")
}

func recordReset(r *recording) {
	r.ofVMI("softreboot")
	r.ofVMI("reset")
	r.untilQuiet()
	r.must(r.awaitGuest(r.guest.name, 2*time.Minute))
}

func recordCrash(r *recording) {
	before := r.now()
	pod, err := r.launcher(r.guest.name)
	r.must(err)
	killed := 0
	for _, pid := range processesIn(computeID(pod)) {
		command, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		if strings.Contains(string(command), "guest=default_"+r.guest.name+",") {
			var number int
			_, _ = fmt.Sscan(pid, &number)
			r.must(syscall.Kill(number, syscall.SIGKILL))
			killed++
		}
	}
	if killed != 1 {
		r.fail("%d emulators of %s", killed, r.guest.name)
	}
	r.note("the guest's QEMU process is killed")
	r.runsAnew(before)
}

func recordDelete(r *recording) {
	before := r.now()
	r.ask("DELETE", r.vmi(), nil)
	r.runsAnew(before)
}

func recordPod(r *recording) {
	before := r.now()
	pod, err := r.launcher(r.guest.name)
	r.must(err)
	r.ask("DELETE", "/api/v1/namespaces/default/pods/"+pod.GetName(), nil)
	r.runsAnew(before)
}

const migrationsPath = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstancemigrations"

// migration asks for one of the guest.
func (r *recording) migration(name string) {
	r.ask("POST", migrationsPath, migrationOf(name, r.guest.name))
}

func migrationOf(name, vmi string) object {
	return object{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration", "metadata": object{"name": name}, "spec": object{"vmiName": vmi}}
}

// moved waits until the guest runs on another node.
func (r *recording) moved(from string) {
	r.until(3*time.Minute, "it is on another node", func() bool {
		now := r.now()
		return text(now, "status", "nodeName") != from && condition(now, "Ready") == "True"
	})
}

func recordMigrate(r *recording) {
	from := text(r.now(), "status", "nodeName")
	r.migration(r.guest.name + "-m1")
	r.migration(r.guest.name + "-m2")
	r.moved(from)
	r.untilQuiet()
	r.ask("PATCH", migrationsPath+"/"+r.guest.name+"-m1", object{"spec": object{"vmiName": "other"}})
}

func recordEvacuate(r *recording) {
	from := text(r.now(), "status", "nodeName")
	pod, err := r.launcher(r.guest.name)
	r.must(err)
	evict := func() {
		r.ask("POST", "/api/v1/namespaces/default/pods/"+pod.GetName()+"/eviction", object{
			"apiVersion": "policy/v1", "kind": "Eviction", "metadata": object{"name": pod.GetName(), "namespace": "default"},
		})
	}
	evict()
	evict()
	r.moved(from)
}

// recordAbort cancels a migration that is under way.
func recordAbort(r *recording) {
	name := r.guest.name + "-m1"
	r.migration(name)
	r.until(time.Minute, "the migration is being prepared", func() bool {
		migration, err := r.api.get(vmims, "default", name)
		return err == nil && text(migration, "status", "phase") == "Scheduling"
	})
	r.ask("DELETE", migrationsPath+"/"+name, nil)
	r.until(3*time.Minute, "the migration is gone", func() bool {
		_, err := r.api.get(vmims, "default", name)
		return err != nil
	})
}

// recordRefusals asks for what cannot be. The guest's disk keeps it on its node.
func recordRefusals(r *recording) {
	r.migration(r.guest.name + "-m1")
	r.ofVM("migrate")
	r.ofVM("start")
	r.ofVMI("unpause")
	for _, patch := range []object{
		{"spec": object{"terminationGracePeriodSeconds": 0}},
		{"metadata": object{"labels": object{"kubevirt.io/nodeName": "elsewhere"}}},
		{"status": object{"phase": "Failed"}},
	} {
		r.ask("PATCH", r.vmi(), patch)
	}
	r.ask("PATCH", r.vmi()+"/status", object{"status": object{"phase": "Failed"}})
	r.ask("PATCH", r.vm(), object{"spec": object{"running": true}})
	for _, vmi := range []string{"nobody", ""} {
		r.ask("POST", migrationsPath, migrationOf(r.guest.name+"-m2", vmi))
	}
	nobodys := *r
	nobodys.guest.name = "nobody"
	for _, verb := range []string{"start", "stop", "restart", "migrate"} {
		r.ask("PUT", nobodys.subresource("virtualmachines", verb), object{})
	}
	for _, verb := range []string{"pause", "unpause", "reset"} {
		r.ask("PUT", nobodys.subresource("virtualmachineinstances", verb), object{})
	}
	r.ask("DELETE", nobodys.vmi(), nil)
	r.ask("DELETE", migrationsPath+"/nobody", nil)
}
