package main

import (
	"fmt"
	"time"
)

// kubevirtPods runs those of KubeVirt's own pods in its namespace that name the launcher image: virt-controller by an argument,
// virt-handler by an init container that runs it on every node (KubeVirt 1.6). What stands in for them is outside of the cluster:
// they only pause.
func (c *cluster) kubevirtPods() error {
	if err := c.kubevirtPod("virt-controller", c.nodes[0].name, nil, object{
		"name": "virt-controller", "image": pauseImage, "imagePullPolicy": "IfNotPresent", "command": []any{"/pause"},
		"args": []any{"--launcher-image", launcherImage, "--exporter-image", "localhost/vmchaos-test/virt-exportserver:1", "--port", "8443", "-v", "2"},
	}); err != nil {
		return err
	}
	// A machine has one once it is there.
	for _, n := range c.nodes {
		if n.machine {
			continue
		}
		if err := c.virtHandler(n); err != nil {
			return err
		}
	}
	return until(2*time.Minute, "KubeVirt's own pods run", func() bool {
		all, err := c.api.list(pods, "kubevirt", "kubevirt.io in (virt-controller,virt-handler)")
		if err != nil || len(all) < 3 {
			return false
		}
		for i := range all {
			if text(&all[i], "status", "phase") != "Running" {
				return false
			}
		}
		return true
	})
}

// virtHandler is a node's pod of that DaemonSet.
func (c *cluster) virtHandler(n *node) error {
	return c.kubevirtPod("virt-handler", n.name, []any{object{
		"name": "virt-launcher", "image": launcherImage, "imagePullPolicy": "IfNotPresent", "command": []any{"/bin/sh", "-c"}, "args": []any{"true"},
	}}, object{"name": "virt-handler", "image": pauseImage, "imagePullPolicy": "IfNotPresent", "command": []any{"/pause"}})
}

// kubevirtPod makes one of KubeVirt's own pods on a node, as soon as its namespace takes any.
func (c *cluster) kubevirtPod(component, nodeName string, init []any, container object) error {
	spec := object{
		"nodeName": nodeName, "automountServiceAccountToken": false, "enableServiceLinks": false, "tolerations": []any{object{"operator": "Exists"}},
		"terminationGracePeriodSeconds": int64(0), "containers": []any{container},
	}
	if init != nil {
		spec["initContainers"] = init
	}
	var failed error
	if err := until(time.Minute, "namespace kubevirt takes pods", func() bool {
		// Its service account comes a moment after it.
		_, failed = c.api.create(pods, "kubevirt", object{
			"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": component + "-" + nodeName, "labels": object{"kubevirt.io": component}}, "spec": spec,
		})
		return failed == nil
	}); err != nil {
		return fmt.Errorf("%s: %w: %w", component, err, failed)
	}
	return nil
}
