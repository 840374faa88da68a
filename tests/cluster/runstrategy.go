package main

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// machine brings a VM's VMI to what its run strategy says, and its status to what is there, as virt-controller does since
// KubeVirt 1.2.
func (k *controller) machine(vm *unstructured.Unstructured, all []unstructured.Unstructured) error {
	var vmi *unstructured.Unstructured
	for i := range all {
		if all[i].GetName() == vm.GetName() && all[i].GetNamespace() == vm.GetNamespace() {
			vmi = &all[i]
		}
	}
	if vm.GetDeletionTimestamp() != nil {
		return nil
	}
	phase, leaving := "", false
	if vmi != nil {
		phase, leaving = text(vmi, "status", "phase"), vmi.GetDeletionTimestamp() != nil
	}
	ended := phase == "Failed" || phase == "Succeeded"
	failed := phase == "Failed" && !leaving
	start, stop := requested(vm, "Start"), requested(vm, "Stop")
	_, created, _ := unstructured.NestedBool(vm.Object, "status", "created")
	var wantsStart, wantsEnd bool
	switch runStrategy(vm) {
	case "Always":
		wantsStart, wantsEnd = true, ended
	case "RerunOnFailure":
		// Only a crash asks for a new start; a guest that shut down, or was deleted, stays away.
		wantsStart, wantsEnd = start || !created, failed || ended && start
		if failed && !start {
			if err := k.request(vm, "Start"); err != nil {
				return err
			}
		}
	case "Once":
		// A finished VMI that is still there is left alone; a deleted one is made again.
		wantsStart = true
	case "Manual":
		wantsStart, wantsEnd = start, ended && start
	default:
		wantsEnd = true
	}
	if (wantsEnd || stop) && vmi != nil && !leaving {
		return k.api.remove(vmis, vm.GetNamespace(), vm.GetName(), -1)
	}
	if stop && (vmi == nil || leaving) {
		return k.forget(vm, "Stop")
	}
	if vmi == nil && wantsStart {
		if start {
			if err := k.forget(vm, "Start"); err != nil {
				return err
			}
		}
		return k.instanceOf(vm)
	}
	return k.report(vm, vmi)
}

// instanceOf makes a VM's VMI.
func (k *controller) instanceOf(vm *unstructured.Unstructured) error {
	template, _, err := unstructured.NestedMap(vm.Object, "spec", "template")
	if err != nil {
		return err
	}
	metadata, _ := template["metadata"].(object)
	if metadata == nil {
		metadata = object{}
	}
	metadata["name"] = vm.GetName()
	metadata["finalizers"] = []any{finalizer}
	metadata["ownerReferences"] = []any{object{
		"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": vm.GetName(), "uid": string(vm.GetUID()), "controller": true, "blockOwnerDeletion": true,
	}}
	_, err = k.api.create(vmis, vm.GetNamespace(), object{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "metadata": metadata, "spec": template["spec"]})
	return err
}

// report writes a VM's status.
func (k *controller) report(vm, vmi *unstructured.Unstructured) error {
	status, ready := "Stopped", false
	if vmi != nil {
		ready = condition(vmi, "Ready") == "True"
		status = "Starting"
		switch phase := text(vmi, "status", "phase"); {
		case vmi.GetDeletionTimestamp() != nil:
			status = "Stopping"
		case phase == "Running" && condition(vmi, "Paused") == "True":
			status = "Paused"
		case phase == "Running":
			status = "Running"
		case phase == "Failed", phase == "Succeeded":
			status = "Stopped"
		}
	}
	created, known, _ := unstructured.NestedBool(vm.Object, "status", "created")
	wasReady, _, _ := unstructured.NestedBool(vm.Object, "status", "ready")
	if known && created == (vmi != nil) && wasReady == ready && text(vm, "status", "printableStatus") == status && text(vm, "status", "runStrategy") == runStrategy(vm) {
		return nil
	}
	return k.api.merge(vms, vm.GetNamespace(), vm.GetName(), object{"status": object{
		"printableStatus": status, "ready": ready, "created": vmi != nil, "runStrategy": runStrategy(vm),
	}}, "status")
}

// requests are what a VM's status keeps until it is fulfilled: to start, to stop.
func requests(vm *unstructured.Unstructured) []any {
	all, _, _ := unstructured.NestedSlice(vm.Object, "status", "stateChangeRequests")
	return all
}

func requested(vm *unstructured.Unstructured, action string) bool {
	for _, one := range requests(vm) {
		if fields, _ := one.(object); fields["action"] == action {
			return true
		}
	}
	return false
}

// request notes requests on a VM, as the start, stop and restart subresources do.
func (c *cluster) request(vm *unstructured.Unstructured, actions ...string) error {
	var all []any
	for _, action := range actions {
		all = append(all, object{"action": action})
	}
	return c.api.merge(vms, vm.GetNamespace(), vm.GetName(), object{"status": object{"stateChangeRequests": all}}, "status")
}

func (c *cluster) forget(vm *unstructured.Unstructured, action string) error {
	rest := []any{}
	for _, one := range requests(vm) {
		if fields, _ := one.(object); fields["action"] != action {
			rest = append(rest, one)
		}
	}
	return c.api.merge(vms, vm.GetNamespace(), vm.GetName(), object{"status": object{"stateChangeRequests": rest}}, "status")
}
