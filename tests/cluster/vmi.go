package main

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// addressOf is where a VMI is reached, as virt-handler reports it: of all pods that call themselves its launcher, one has it.
func addressOf(vmi *unstructured.Unstructured) string {
	interfaces, _, _ := unstructured.NestedSlice(vmi.Object, "status", "interfaces")
	if len(interfaces) == 0 {
		return ""
	}
	address, _ := interfaces[0].(object)["ipAddress"].(string)
	return address
}

func podIPs(pod *unstructured.Unstructured) []any {
	var all []any
	list, _, _ := unstructured.NestedSlice(pod.Object, "status", "podIPs")
	for _, one := range list {
		all = append(all, one.(object)["ip"])
	}
	return all
}

// onlyPod is a merge patch for activePods that leaves one pod.
func onlyPod(vmi, pod *unstructured.Unstructured) object {
	patch := object{}
	old, _, _ := unstructured.NestedMap(vmi.Object, "status", "activePods")
	for uid := range old {
		patch[uid] = nil
	}
	patch[string(pod.GetUID())] = text(pod, "spec", "nodeName")
	return patch
}

// runStrategy is the one in force: spec.runStrategy, or what the older spec.running means.
func runStrategy(vm *unstructured.Unstructured) string {
	if strategy := text(vm, "spec", "runStrategy"); strategy != "" {
		return strategy
	}
	if on, _, _ := unstructured.NestedBool(vm.Object, "spec", "running"); on {
		return "Always"
	}
	return "Halted"
}
