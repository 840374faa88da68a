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
	owner         owner
	// app is the value of its label app.
	app string
	// claim names the PersistentVolumeClaim with its disk; empty where it has none.
	claim string
	// agent says that a guest agent runs in it.
	agent bool
	// evictionStrategy is what becomes of it when its pod is evicted; empty leaves it to KubeVirt.
	evictionStrategy string
}

// owner is what keeps a guest in existence: a VirtualMachine of the run strategy that it names, or one of the others here.
type owner string

const (
	always     owner = "Always"
	manual     owner = "Manual"
	replicaSet owner = "replica set"
	nobody     owner = "nobody"
)

// isVM says whether it is a VirtualMachine.
func (o owner) isVM() bool { return o != replicaSet && o != nobody }

// slug is the owner in an object's name.
func (o owner) slug() string { return strings.ToLower(strings.ReplaceAll(string(o), " ", "-")) }

// kernelArgs are what a guest's kernel is told: little to do and little to say, because it is emulated.
const kernelArgs = "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off norandmaps nokaslr"

// standing are the guests that are there from the start: two on one node, so that one can be seen not to change. None is
// bridged: KubeVirt's bridge binding makes a dummy device, which this machine's kernel may not have.
var standing = []guest{
	{name: "web-1", binding: "masquerade", node: "node-1", owner: always, app: "web"},
	{name: "web-2", binding: "masquerade", node: "node-1", owner: always, app: "web"},
	{name: "web-3", binding: "masquerade", node: "node-2", owner: always, app: "web"},
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

// spec is that of its VMI.
func (g guest) spec() object {
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
	if g.agent {
		_ = unstructured.SetNestedField(spec, "/initrd-agent", "domain", "firmware", "kernelBoot", "container", "initrdPath")
	}
	// Elsewhere a node selector would forbid migrations.
	if g.node == "node-3" {
		spec["nodeSelector"] = object{"kubernetes.io/hostname": g.node}
	}
	if g.evictionStrategy != "" {
		spec["evictionStrategy"] = g.evictionStrategy
	}
	if g.claim != "" {
		spec["domain"].(object)["devices"].(object)["disks"] = []any{object{"name": "data", "disk": object{"bus": "virtio"}}}
		spec["volumes"] = []any{object{"name": "data", "persistentVolumeClaim": object{"claimName": g.claim}}}
	}
	return spec
}

// createGuest makes a guest, and lets it start.
func (c *cluster) createGuest(g guest) error {
	labels := object{"app": g.app}
	metadata := object{"name": g.name, "labels": labels}
	template := object{"metadata": object{"labels": labels}, "spec": g.spec()}
	kind, content := vms, object{"kind": "VirtualMachine", "spec": object{"runStrategy": string(g.owner), "template": template}}
	switch g.owner {
	case nobody:
		kind, content = vmis, object{"kind": "VirtualMachineInstance", "spec": g.spec()}
	case replicaSet:
		kind, content = replicaSets, object{"kind": "VirtualMachineInstanceReplicaSet", "spec": object{
			"replicas": int64(1), "selector": object{"matchLabels": labels}, "template": template,
		}}
	}
	content["apiVersion"], content["metadata"] = "kubevirt.io/v1", metadata
	if _, err := c.api.create(kind, "default", content); err != nil {
		return fmt.Errorf("%s: %w", g.name, err)
	}
	if g.owner != manual {
		return nil
	}
	var failed error
	if until(30*time.Second, g.name+" starts", func() bool {
		failed = c.api.subresource("virtualmachines", g.name, "start")
		return failed == nil
	}) != nil {
		return failed
	}
	return nil
}

// fresh is a name that no guest had before: one that is on its way out would be in the way of a test's second try.
func (c *cluster) fresh(of string) string {
	c.made++
	return fmt.Sprintf("%s-%d", of, c.made)
}

// removeGuest takes a guest away with what keeps it.
func (c *cluster) removeGuest(g guest) error {
	switch g.owner {
	case nobody:
		return c.api.remove(vmis, "default", g.name, -1)
	case replicaSet:
		return c.api.remove(replicaSets, "default", g.name, -1)
	}
	return c.api.remove(vms, "default", g.name, -1)
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
