package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// registry is where all images seem to come from; none is pulled.
const registry = "localhost/vmchaos-test"

// kubevirt installs KubeVirt by its own operator, and waits until that has deployed it on both nodes of this kernel.
func (c *cluster) kubevirt() error {
	// A machine is there later.
	for _, n := range c.hosts() {
		if err := c.prepare(n); err != nil {
			return err
		}
	}
	printed, err := exec.Command(os.Getenv("VMCHAOS_CLUSTER_KUBEVIRT")+"/manifests", registry, serverHost, serverPort).Output()
	if err != nil {
		return fmt.Errorf("the operator's manifests: %w", err)
	}
	var manifests []object
	if err := json.Unmarshal(printed, &manifests); err != nil {
		return fmt.Errorf("the operator's manifests: %w", err)
	}
	for _, content := range manifests {
		if err := c.install(&unstructured.Unstructured{Object: content}); err != nil {
			return err
		}
	}
	if err := c.api.await(15*time.Minute, kubevirts, "kubevirt", "kubevirt", func(o *unstructured.Unstructured) bool {
		return text(o, "status", "phase") == "Deployed" && condition(o, "Available") == "True"
	}); err != nil {
		return fmt.Errorf("KubeVirt is not deployed: %w\n%s", err, c.unready("kubevirt"))
	}
	return c.operatorRole()
}

// launcherImage is what KubeVirt starts guests in.
func launcherImage() string {
	return registry + "/virt-launcher:" + os.Getenv("VMCHAOS_CLUSTER_KUBEVIRT_VERSION")
}

// prepare gives a node what KubeVirt asks of one: a role for its operator's pods, and room on a disk that the kubelet does
// not count here.
func (c *cluster) prepare(n *node) error {
	err := c.api.merge(nodes, "", n.name, object{"metadata": object{"labels": object{"node-role.kubernetes.io/control-plane": ""}}})
	if err == nil {
		err = c.api.merge(nodes, "", n.name, object{"status": object{"capacity": object{"ephemeral-storage": "20Gi"}}}, "status")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	return nil
}

// install makes an object as soon as its type is served.
func (c *cluster) install(o *unstructured.Unstructured) error {
	kind, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
	var failed error
	if err := until(time.Minute, o.GetKind()+" "+o.GetName()+" is there", func() bool {
		_, failed = c.api.create(kind, o.GetNamespace(), o.Object)
		return !errors.IsNotFound(failed)
	}); err != nil || failed != nil {
		return fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), failed)
	}
	return nil
}

// unready tells of every container of a namespace that does not run, and why.
func (c *cluster) unready(namespace string) string {
	all, err := c.api.list(pods, namespace, "")
	if err != nil {
		return err.Error()
	}
	var told strings.Builder
	for i := range all {
		fmt.Fprintf(&told, "%s: %s %s\n", all[i].GetName(), text(&all[i], "status", "phase"), text(&all[i], "status", "reason"))
		for _, kind := range []string{"initContainerStatuses", "containerStatuses"} {
			statuses, _, _ := unstructured.NestedSlice(all[i].Object, "status", kind)
			for _, one := range statuses {
				fmt.Fprintf(&told, "  %v: ready %v, %v\n", one.(object)["name"], one.(object)["ready"], one.(object)["state"])
			}
		}
	}
	return told.String()
}
