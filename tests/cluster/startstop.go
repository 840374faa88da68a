package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// asked is what the start, stop and restart of a VM look at first.
func (c *cluster) asked(vm *unstructured.Unstructured) (vmi *unstructured.Unstructured, strategy string, err error) {
	vmi, err = c.api.get(vmis, vm.GetNamespace(), vm.GetName())
	if errors.IsNotFound(err) {
		vmi, err = nil, nil
	}
	if vmi != nil && (text(vmi, "status", "phase") == "Succeeded" || text(vmi, "status", "phase") == "Failed") {
		vmi = nil
	}
	return vmi, runStrategy(vm), err
}

func (c *cluster) startVM(vm *unstructured.Unstructured, opts options) error {
	vmi, strategy, err := c.asked(vm)
	switch {
	case err != nil:
		return err
	case vmi != nil:
		return refused(vm, "VM is already running")
	case strategy == "Always", strategy == "Once":
		return refused(vm, "%s does not support manual start requests", strategy)
	case opts.dry():
		return nil
	case strategy == "Halted":
		return c.setRunning(vm, true)
	}
	return c.request(vm, "Start")
}

func (c *cluster) stopVM(vm *unstructured.Unstructured, opts options) error {
	vmi, strategy, err := c.asked(vm)
	switch {
	case err != nil:
		return err
	case vmi == nil && strategy != "Always":
		return refused(vm, "VM is not running")
	case opts.dry():
		return nil
	}
	if opts.GracePeriod != nil && vmi != nil {
		if err := c.api.merge(vmis, vmi.GetNamespace(), vmi.GetName(), object{"spec": object{"terminationGracePeriodSeconds": *opts.GracePeriod}}); err != nil {
			return fmt.Errorf("its grace period: %w", err)
		}
	}
	if strategy == "Always" || strategy == "Once" {
		return c.setRunning(vm, false)
	}
	return c.request(vm, "Stop")
}

func (c *cluster) restartVM(vm *unstructured.Unstructured, opts options) error {
	vmi, strategy, err := c.asked(vm)
	switch {
	case err != nil:
		return err
	case strategy == "Halted", strategy == "Once":
		return refused(vm, "RunStategy %s does not support manual restart requests", strategy)
	case vmi == nil && strategy != "Always":
		return refused(vm, "VM is not running")
	case opts.dry():
		return nil
	}
	return c.request(vm, "Stop", "Start")
}

// setRunning writes the field the VM has: the deprecated `running`, or `runStrategy`, whatever that was before.
func (c *cluster) setRunning(vm *unstructured.Unstructured, on bool) error {
	if _, old, _ := unstructured.NestedBool(vm.Object, "spec", "running"); old {
		return c.api.merge(vms, vm.GetNamespace(), vm.GetName(), object{"spec": object{"running": on}})
	}
	return c.api.merge(vms, vm.GetNamespace(), vm.GetName(), object{"spec": object{"runStrategy": map[bool]string{true: "Always", false: "Halted"}[on]}})
}
