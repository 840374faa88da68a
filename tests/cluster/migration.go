package main

import (
	"fmt"
	"strconv"
	"syscall"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const migrationFinalizer = "kubevirt.io/migrationJobFinalize"

// migration moves a migration on by at most one phase. The guest of the target starts anew: what is looked at from
// outside (pods, network namespaces, taps, status) is what a live migration leaves.
func (k *controller) migration(m, vmi *unstructured.Unstructured, launchers []*unstructured.Unstructured) error {
	target := targetOf(m, launchers)
	source := sourceOf(vmi, without(launchers, target))
	phase := text(m, "status", "phase")
	if m.GetDeletionTimestamp() != nil {
		switch phase {
		case "Succeeded", "Failed":
			return k.api.merge(vmims, m.GetNamespace(), m.GetName(), object{"metadata": object{"finalizers": nil}})
		// From the hand-over until it runs, a cancellation waits.
		case "PreparingTarget", "TargetReady":
		default:
			return k.abort(m, vmi, source, target)
		}
	}
	switch phase {
	case "":
		if err := k.api.merge(vmims, m.GetNamespace(), m.GetName(), object{"metadata": object{"finalizers": []any{migrationFinalizer}}}); err != nil {
			return err
		}
		return k.migrationPhase(m, "Pending", nil)
	case "Pending":
		if source == nil || text(vmi, "status", "phase") != "Running" {
			return nil
		}
		if target == nil {
			if _, err := k.api.create(pods, vmi.GetNamespace(), launcherPod(vmi, k.other(source), m)); err != nil {
				return err
			}
		}
		return k.migrationPhase(m, "Scheduling", object{"sourcePod": source.GetName()})
	case "Scheduling":
		if target == nil {
			return k.migrationPhase(m, "Failed", nil)
		}
		if text(target, "status", "phase") == "Running" {
			return k.migrationPhase(m, "Scheduled", nil)
		}
	case "Scheduled":
		if target == nil || source == nil {
			return k.migrationPhase(m, "Failed", nil)
		}
		nodeName := text(target, "spec", "nodeName")
		if err := k.api.merge(vmis, vmi.GetNamespace(), vmi.GetName(), object{
			"metadata": object{"labels": object{"kubevirt.io/migrationTargetNodeName": nodeName}},
			"status": object{
				"activePods": object{string(target.GetUID()): nodeName},
				"migrationState": object{
					"migrationUid": string(m.GetUID()), "sourceNode": text(source, "spec", "nodeName"), "sourcePod": source.GetName(), "targetNode": nodeName, "targetPod": target.GetName(),
					"targetNodeAddress": text(target, "status", "podIP"), "mode": "PreCopy", "completed": nil, "failed": nil, "startTimestamp": nil, "endTimestamp": nil,
				},
			},
		}); err != nil {
			return err
		}
		return k.migrationPhase(m, "PreparingTarget", nil)
	case "PreparingTarget":
		if target == nil {
			return k.migrationPhase(m, "Failed", nil)
		}
		up, err := k.guestUp(vmi, target)
		if err != nil || !up {
			return err
		}
		return k.migrationPhase(m, "TargetReady", nil)
	case "TargetReady":
		if err := k.api.merge(vmis, vmi.GetNamespace(), vmi.GetName(), object{"status": object{"migrationState": object{"startTimestamp": now()}}}); err != nil {
			return err
		}
		return k.migrationPhase(m, "Running", nil)
	case "Running":
		return k.handOver(m, vmi, source, target)
	}
	return nil
}

// abort ends a migration whose object was deleted: the target's pod goes, the VMI stays where it is.
func (k *controller) abort(m, vmi, source, target *unstructured.Unstructured) error {
	if target != nil && target.GetDeletionTimestamp() == nil {
		if err := k.api.remove(pods, target.GetNamespace(), target.GetName(), -1); err != nil {
			return err
		}
	}
	if text(vmi, "status", "migrationState", "migrationUid") != string(m.GetUID()) {
		return k.migrationPhase(m, "Failed", nil)
	}
	state := object{
		"abortRequested": true, "abortStatus": "Succeeded", "failed": true, "completed": true, "endTimestamp": now(), "failureReason": "Live migration has been aborted",
	}
	status := object{"migrationState": state}
	if source != nil {
		status["activePods"] = onlyPod(vmi, source)
	}
	if err := k.api.merge(vmis, vmi.GetNamespace(), vmi.GetName(), object{"metadata": object{"labels": object{"kubevirt.io/migrationTargetNodeName": nil}}, "status": status}); err != nil {
		return err
	}
	return k.migrationPhase(m, "Failed", state)
}

// handOver lets the target's guest be the VMI's, and ends the source's.
func (k *controller) handOver(m, vmi, source, target *unstructured.Unstructured) error {
	if target == nil {
		return k.migrationPhase(m, "Failed", nil)
	}
	state, _, _ := unstructured.NestedMap(vmi.Object, "status", "migrationState")
	if state == nil {
		return fmt.Errorf("its VMI has no migrationState")
	}
	state["targetNodeDomainDetected"], state["completed"], state["endTimestamp"] = true, true, now()
	if err := k.runs(vmi, target, state); err != nil {
		return err
	}
	if source != nil {
		if pid, err := k.computePid(source); err == nil {
			if number, err := strconv.Atoi(pid); err == nil {
				_ = syscall.Kill(number, syscall.SIGTERM)
			}
		}
	}
	return k.migrationPhase(m, "Succeeded", state)
}

func (k *controller) migrationPhase(m *unstructured.Unstructured, phase string, state object) error {
	past, _, _ := unstructured.NestedSlice(m.Object, "status", "phaseTransitionTimestamps")
	status := object{"phase": phase, "phaseTransitionTimestamps": append(past, object{"phase": phase, "phaseTransitionTimestamp": now()})}
	if state != nil {
		status["migrationState"] = state
	}
	return k.api.merge(vmims, m.GetNamespace(), m.GetName(), object{"status": status}, "status")
}

// other is a node that a pod is not on.
func (k *controller) other(pod *unstructured.Unstructured) string {
	for _, n := range k.nodes {
		if n.name != text(pod, "spec", "nodeName") {
			return n.name
		}
	}
	return ""
}

func targetOf(m *unstructured.Unstructured, launchers []*unstructured.Unstructured) *unstructured.Unstructured {
	for _, pod := range launchers {
		if pod.GetLabels()["kubevirt.io/migrationJobUID"] == string(m.GetUID()) {
			return pod
		}
	}
	return nil
}

// sourceOf is the launcher pod the guest is in: not one that an earlier migration left and whose guest is still ending.
func sourceOf(vmi *unstructured.Unstructured, launchers []*unstructured.Unstructured) *unstructured.Unstructured {
	var here []*unstructured.Unstructured
	for _, pod := range launchers {
		if text(pod, "spec", "nodeName") == text(vmi, "status", "nodeName") && text(pod, "status", "podIP") == addressOf(vmi) {
			here = append(here, pod)
		}
	}
	return running(here)
}

func without(launchers []*unstructured.Unstructured, target *unstructured.Unstructured) []*unstructured.Unstructured {
	var rest []*unstructured.Unstructured
	for _, pod := range launchers {
		if pod != target {
			rest = append(rest, pod)
		}
	}
	return rest
}
