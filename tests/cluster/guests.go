package main

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// guest is a VM that the suite disturbs or watches.
type guest struct {
	name, binding string
	node          string
	// vm says that a VirtualMachine keeps it in existence; else the VMI stands alone.
	vm bool
}

// kernelArgs are what a guest's kernel is told: little to do and little to say, because it is emulated.
const kernelArgs = "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off norandmaps nokaslr"

// standing are the guests that are there from the start: two on one node, so that one can be seen not to change. None is
// bridged: KubeVirt's bridge binding makes a dummy device, which this machine's kernel may not have.
var standing = []guest{
	{"web-1", "masquerade", "node-1", true},
	{"web-2", "masquerade", "node-1", true},
	{"web-3", "masquerade", "node-2", true},
}

// guests starts the standing VMs and waits until each answers.
func (c *cluster) guests() error {
	for _, g := range standing {
		if err := c.createGuest(g); err != nil {
			return err
		}
	}
	if err := c.awaitStanding(); err != nil {
		return fmt.Errorf("%w\n%s", err, c.unready("default"))
	}
	return nil
}

func (c *cluster) awaitStanding() error {
	for _, g := range standing {
		if err := c.awaitGuest(g.name, 3*time.Minute); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) createGuest(g guest) error {
	spec := object{
		"architecture": "amd64", "terminationGracePeriodSeconds": int64(30),
		"domain": object{
			"devices": object{"interfaces": []any{object{"name": "default", g.binding: object{}}}}, "memory": object{"guest": "96Mi"},
			"firmware": object{"kernelBoot": object{"kernelArgs": kernelArgs, "container": object{
				"image": guestImage, "imagePullPolicy": "IfNotPresent", "kernelPath": "/vmlinuz", "initrdPath": "/initrd",
			}}},
		},
		"networks": []any{object{"name": "default", "pod": object{}}},
		"affinity": object{"nodeAffinity": object{"preferredDuringSchedulingIgnoredDuringExecution": []any{object{
			"weight": int64(100), "preference": object{"matchExpressions": []any{object{"key": "kubernetes.io/hostname", "operator": "In", "values": []any{g.node}}}},
		}}}},
	}
	// Elsewhere a node selector would forbid migrations.
	if g.node == "node-3" {
		spec["nodeSelector"] = object{"kubernetes.io/hostname": g.node}
	}
	// Nobody who asks for the others by their label gets the one that stands alone.
	app := map[bool]string{true: "web", false: "alone"}[g.vm]
	metadata := object{"name": g.name, "labels": object{"app": app}}
	if g.vm {
		_, err := c.api.create(vms, "default", object{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": metadata, "spec": object{
			"runStrategy": "Always", "template": object{"metadata": object{"labels": object{"app": "web"}}, "spec": spec},
		}})
		return err
	}
	_, err := c.api.create(vmis, "default", object{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "metadata": metadata, "spec": spec})
	return err
}

// awaitGuest waits until a VM runs and its guest has booted.
func (c *cluster) awaitGuest(name string, limit time.Duration) error {
	return until(limit, name+" runs and answers", func() bool {
		vmi, err := c.api.get(vmis, "default", name)
		return err == nil && runs(vmi) && answers(addressOf(vmi))
	})
}

func runs(vmi *unstructured.Unstructured) bool {
	return text(vmi, "status", "phase") == "Running" && vmi.GetDeletionTimestamp() == nil
}

// launcher is the pod a VM runs in now. After a migration its address is known a moment later than its node.
func (c *cluster) launcher(name string) (*unstructured.Unstructured, error) {
	var found *unstructured.Unstructured
	var failed error
	if err := until(10*time.Second, name+" has a running launcher", func() bool {
		found, failed = c.launcherNow(name)
		return failed != nil || found != nil
	}); err != nil {
		return nil, err
	}
	return found, failed
}

func (c *cluster) launcherNow(name string) (*unstructured.Unstructured, error) {
	vmi, err := c.api.get(vmis, "default", name)
	if err != nil {
		return nil, err
	}
	all, err := c.api.list(pods, "default", "kubevirt.io/created-by="+string(vmi.GetUID()))
	if err != nil {
		return nil, err
	}
	for i := range all {
		at := text(&all[i], "spec", "nodeName") == text(vmi, "status", "nodeName") && text(&all[i], "status", "podIP") == addressOf(vmi)
		if at && text(&all[i], "status", "phase") == "Running" {
			return &all[i], nil
		}
	}
	return nil, nil
}

// address is where a VM is reached, IPv4 and IPv6.
func (c *cluster) address(name string) (string, string, error) {
	pod, err := c.launcher(name)
	if err != nil {
		return "", "", err
	}
	four, six := "", ""
	for _, ip := range podIPs(pod) {
		if strings.Contains(ip.(string), ":") {
			six = ip.(string)
		} else {
			four = ip.(string)
		}
	}
	return four, six, nil
}
