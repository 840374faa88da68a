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

// activePods is how many pods count as a VMI's launchers.
func activePods(vmi *unstructured.Unstructured) int {
	active, _, _ := unstructured.NestedMap(vmi.Object, "status", "activePods")
	return len(active)
}
