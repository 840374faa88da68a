package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// kubevirt installs the types and starts what stands in for virt-controller and virt-handler.
func (c *cluster) kubevirt() error {
	if c.virt != "" {
		return c.virtOperator()
	}
	if err := c.installKubeVirt(); err != nil {
		return err
	}
	if err := c.kubevirtPods(); err != nil {
		return err
	}
	if err := c.serveSubresources(); err != nil {
		return fmt.Errorf("virt-api: %w", err)
	}
	log, err := os.Create(filepath.Join(c.folder, "log", "kubevirt.log"))
	if err != nil {
		return err
	}
	controller := &controller{cluster: c, wired: map[string]bool{}}
	go func() {
		for {
			// The API server is stopped by some tests: then the next round tells.
			if err := controller.round(); err != nil {
				fmt.Fprintln(log, time.Now().Format(time.TimeOnly), err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	return nil
}

// controller does to VMIs and migrations what KubeVirt 1.9 does to those parts that kubectl-vmchaos touches.
type controller struct {
	*cluster
	// wired holds the launcher pods that have their network, by UID.
	wired map[string]bool
}

// round looks at everything once. What fails is tried again in the next round.
func (k *controller) round() error {
	all, err := k.api.list(vmis, "", "")
	if err != nil {
		return err
	}
	launchers, err := k.api.list(pods, "", "kubevirt.io=virt-launcher")
	if err != nil {
		return err
	}
	migrations, err := k.api.list(vmims, "", "")
	if err != nil {
		return err
	}
	var failed error
	keep := func(what *unstructured.Unstructured, err error) {
		if err != nil {
			failed = fmt.Errorf("%s %s: %w", what.GetKind(), what.GetName(), err)
		}
	}
	for i := range all {
		keep(&all[i], k.instance(&all[i], owned(launchers, &all[i])))
	}
	for i := range migrations {
		m := &migrations[i]
		for j := range all {
			if all[j].GetName() == text(m, "spec", "vmiName") && all[j].GetNamespace() == m.GetNamespace() {
				keep(m, k.migration(m, &all[j], owned(launchers, &all[j])))
			}
		}
	}
	machines, err := k.api.list(vms, "", "")
	if err != nil {
		return err
	}
	for i := range machines {
		keep(&machines[i], k.machine(&machines[i], all))
	}
	return failed
}

// owned are the pods that name the VMI as their controller: virt-controller adopts those that somebody else made, too.
func owned(launchers []unstructured.Unstructured, vmi *unstructured.Unstructured) []*unstructured.Unstructured {
	var mine []*unstructured.Unstructured
	for i := range launchers {
		if v1.IsControlledBy(&launchers[i], vmi) {
			mine = append(mine, &launchers[i])
		}
	}
	return mine
}

// instance moves a VMI on by at most one phase.
func (k *controller) instance(vmi *unstructured.Unstructured, launchers []*unstructured.Unstructured) error {
	if vmi.GetDeletionTimestamp() != nil {
		return k.end(vmi, launchers)
	}
	switch text(vmi, "status", "phase") {
	case "":
		return k.phase(vmi, "Pending", nil)
	case "Pending":
		if len(launchers) == 0 {
			if _, err := k.api.create(pods, vmi.GetNamespace(), launcherPod(vmi, k.place(vmi), nil)); err != nil {
				return err
			}
		}
		return k.phase(vmi, "Scheduling", nil)
	case "Scheduling":
		if pod := running(launchers); pod != nil {
			return k.phase(vmi, "Scheduled", object{"nodeName": text(pod, "spec", "nodeName"), "activePods": object{string(pod.GetUID()): text(pod, "spec", "nodeName")}})
		}
	case "Scheduled":
		if running(launchers) == nil {
			return k.watchLauncher(vmi, launchers)
		}
		if pod := running(launchers); pod != nil {
			if up, err := k.guestUp(vmi, pod); err != nil || !up {
				return err
			}
			return k.runs(vmi, pod, nil)
		}
	case "Running":
		if err := k.adopt(vmi, launchers); err != nil {
			return err
		}
		return k.watchLauncher(vmi, launchers)
	}
	return nil
}

// adopt takes a pod that somebody else made for a launcher into the VMI's status, its image too, as virt-controller 1.6 does.
func (k *controller) adopt(vmi *unstructured.Unstructured, launchers []*unstructured.Unstructured) error {
	for _, pod := range launchers {
		if k.wired[string(pod.GetUID())] || pod.GetLabels()["kubevirt.io/migrationJobUID"] != "" {
			continue
		}
		if text(vmi, "status", "activePods", string(pod.GetUID())) != "" || text(pod, "status", "phase") != "Running" {
			continue
		}
		containers, _, _ := unstructured.NestedSlice(pod.Object, "spec", "containers")
		return k.api.merge(vmis, vmi.GetNamespace(), vmi.GetName(), object{"status": object{
			"activePods": object{string(pod.GetUID()): text(pod, "spec", "nodeName")}, "launcherContainerImageVersion": containers[0].(object)["image"],
		}})
	}
	return nil
}

// guestUp wires a launcher pod once and says whether its guest answers.
func (k *controller) guestUp(vmi, pod *unstructured.Unstructured) (bool, error) {
	uid := string(pod.GetUID())
	if !k.wired[uid] {
		// Once: half a network cannot be built upon.
		k.wired[uid] = true
		if err := k.wire(vmi, pod); err != nil {
			return false, err
		}
	}
	return answers(text(pod, "status", "podIP")), nil
}

// runs records that the guest is up in a pod.
func (k *controller) runs(vmi, pod *unstructured.Unstructured, migrationState object) error {
	nodeName := text(pod, "spec", "nodeName")
	if err := k.api.merge(pods, pod.GetNamespace(), pod.GetName(), object{"status": object{"conditions": append(conditionsOf(pod), object{
		"type": "kubevirt.io/virtual-machine-unpaused", "status": "True", "reason": "NotPaused", "lastProbeTime": now(), "lastTransitionTime": now(),
	})}}, "status"); err != nil {
		return err
	}
	if err := k.api.merge(vmis, vmi.GetNamespace(), vmi.GetName(), object{"metadata": object{"labels": object{"kubevirt.io/nodeName": nodeName}}}); err != nil {
		return err
	}
	status := object{
		"nodeName": nodeName, "activePods": onlyPod(vmi, pod), "qosClass": "Burstable", "runtimeUser": int64(107), "launcherContainerImageVersion": launcherImage,
		"migrationMethod": "LiveMigration", "migrationTransport": "Unix",
		"interfaces": []any{object{
			"name": "default", "infoSource": "domain, guest-agent", "podInterfaceName": "eth0", "interfaceName": "eth0", "queueCount": int64(1), "linkState": "up",
			"ipAddress": text(pod, "status", "podIP"), "ipAddresses": podIPs(pod),
		}},
		"conditions": []any{
			object{"type": "Ready", "status": "True", "lastProbeTime": nil, "lastTransitionTime": now()},
			object{"type": "LiveMigratable", "status": "True", "lastProbeTime": nil, "lastTransitionTime": nil},
			object{"type": "AgentConnected", "status": "True", "lastProbeTime": nil, "lastTransitionTime": now()},
		},
	}
	if migrationState != nil {
		status["migrationState"] = migrationState
	}
	return k.phase(vmi, "Running", status)
}

// watchLauncher ends a VMI whose launcher has ended.
func (k *controller) watchLauncher(vmi *unstructured.Unstructured, launchers []*unstructured.Unstructured) error {
	for _, pod := range launchers {
		if text(pod, "spec", "nodeName") == text(vmi, "status", "nodeName") && text(pod, "status", "phase") == "Running" {
			return nil
		}
	}
	ended := "Failed"
	for _, pod := range launchers {
		if text(pod, "spec", "nodeName") == text(vmi, "status", "nodeName") && text(pod, "status", "phase") == "Succeeded" {
			ended = "Succeeded"
		}
	}
	return k.phase(vmi, ended, object{"conditions": []any{object{"type": "Ready", "status": "False", "reason": "PodTerminating", "lastProbeTime": nil, "lastTransitionTime": now()}}})
}

// end takes a VMI's pods away, and then the VMI.
func (k *controller) end(vmi *unstructured.Unstructured, launchers []*unstructured.Unstructured) error {
	for _, pod := range launchers {
		if pod.GetDeletionTimestamp() == nil {
			return k.api.remove(pods, pod.GetNamespace(), pod.GetName(), -1)
		}
	}
	if len(launchers) > 0 || len(vmi.GetFinalizers()) == 0 {
		return nil
	}
	return k.api.merge(vmis, vmi.GetNamespace(), vmi.GetName(), object{"metadata": object{"finalizers": nil}})
}

// phase writes a VMI's status; a VMI has no status subresource.
func (k *controller) phase(vmi *unstructured.Unstructured, phase string, status object) error {
	if status == nil {
		status = object{}
	}
	if text(vmi, "status", "phase") != phase {
		past, _, _ := unstructured.NestedSlice(vmi.Object, "status", "phaseTransitionTimestamps")
		status["phaseTransitionTimestamps"] = append(past, object{"phase": phase, "phaseTransitionTimestamp": now()})
	}
	status["phase"] = phase
	return k.api.merge(vmis, vmi.GetNamespace(), vmi.GetName(), object{"status": status})
}

// place is the node a VMI asks for, else the first.
func (k *controller) place(vmi *unstructured.Unstructured) string {
	if asked := vmi.GetAnnotations()[firstNode]; asked != "" {
		return asked
	}
	return k.nodes[0].name
}

func running(launchers []*unstructured.Unstructured) *unstructured.Unstructured {
	for _, pod := range launchers {
		if text(pod, "status", "phase") == "Running" && pod.GetDeletionTimestamp() == nil {
			return pod
		}
	}
	return nil
}

func conditionsOf(pod *unstructured.Unstructured) []any {
	conditions, _, _ := unstructured.NestedSlice(pod.Object, "status", "conditions")
	return conditions
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }
