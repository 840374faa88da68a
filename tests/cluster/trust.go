package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// trust are attacks by a tenant: somebody with the role `edit`, which KubeVirt's own is aggregated to, in the namespace of the VMs,
// on an operator with the roles that this project ships. What the tenant wants is a privileged pod with an image of their own.
func trust() []test {
	return []test{
		{"trust-pod-like-a-launcher", func(t *check) { t.likeALauncher(theirImage, false) }},
		{"trust-pod-like-a-launcher-adopted", func(t *check) { t.likeALauncher(theirImage, true) }},
		{"trust-pod-like-a-launcher-in-all-but-its-address", func(t *check) { t.likeALauncher(launcherImage(), true) }},
		{"trust-patched-launcher-image", patchedLauncherImage},
		{"trust-pod-like-a-debug-pod", likeADebugPod},
		{"trust-namespace-vmchaos", namespaceVmchaos},
		{"trust-namespace-of-kubevirt-restricted", kubevirtRestricted},
		{"trust-way-back-with-a-path", func(t *check) { wayBack(t, "../../../namespaces/default/virtualmachines/web-1/stop?x=") }},
		{"trust-way-back-of-another-vm", func(t *check) { wayBack(t, "web-1") }},
	}
}

// theirImage is the tenant's: any that is there and that a pod of theirs can run.
var theirImage = shells["dash"]

// tenant is the API as the tenant may use it.
func (t *check) tenant() *api {
	t.must(t.ca.issue("tenant", "tenant", nil))
	path, err := t.ca.kubeconfig("tenant", server)
	t.must(err)
	t.must(t.bind("tenant", "edit", "default"))
	tenant, err := newAPI(path)
	t.must(err)
	t.until(time.Minute, "the API server knows the tenant", func() bool {
		_, err := tenant.list(vms, "default", "")
		return err == nil
	})
	return tenant
}

// privileged are the pods with the whole of their node that were made while something is watched, as "NAMESPACE IMAGE".
type privileged struct {
	// namespace is where they may be.
	namespace string
	mutex     sync.Mutex
	seen      []string
	// marks are the values of an annotation that the watch has come by.
	marks []string
}

const mark = "vmchaos.test/mark"

// watchPrivileged looks at every pod that is made from now on.
func (t *check) watchPrivileged() *privileged {
	p := &privileged{namespace: "kubevirt"}
	watching, stop := context.WithCancel(context.Background())
	t.after(stop)
	list, err := t.api.at(pods, "").List(watching, v1.ListOptions{})
	t.must(err)
	watch, err := t.api.at(pods, "").Watch(watching, v1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	t.must(err)
	go func() {
		for event := range watch.ResultChan() {
			if pod, ok := event.Object.(*unstructured.Unstructured); ok {
				p.look(pod)
			}
		}
	}()
	return p
}

func (p *privileged) look(pod *unstructured.Unstructured) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if value := pod.GetAnnotations()[mark]; value != "" {
		p.marks = append(p.marks, value)
	}
	whole, _, _ := unstructured.NestedBool(pod.Object, "spec", "hostPID")
	containers, _, _ := unstructured.NestedSlice(pod.Object, "spec", "containers")
	for _, one := range containers {
		container, _ := one.(object)
		one, _, _ := unstructured.NestedBool(container, "securityContext", "privileged")
		if found := fmt.Sprintf("%s %v", pod.GetNamespace(), container["image"]); (one || whole) && !slices.Contains(p.seen, found) {
			p.seen = append(p.seen, found)
		}
	}
}

// made waits until the watch has come to now, and says what was made.
func (p *privileged) made(t *check) []string {
	value := fmt.Sprint(time.Now().UnixNano())
	pod, err := t.launcher("web-2")
	t.must(err)
	t.must(t.api.merge(pods, "default", pod.GetName(), object{"metadata": object{"annotations": object{mark: value}}}))
	t.until(patience, "the watch of pods is at its end", func() bool {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		return slices.Contains(p.marks, value)
	})
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.seen
}

// nothingOfTheTenant holds that all that ran privileged was KubeVirt's image in the namespace for it.
func (t *check) nothingOfTheTenant(p *privileged, said string) {
	for _, one := range p.made(t) {
		if one != p.namespace+" "+launcherImage() && !strings.HasPrefix(one, p.namespace+" "+registry+"/virt-launcher@") {
			t.fail("privileged: %s\n%s", one, said)
		}
	}
}

// podOf is a pod that the tenant makes: nothing in it that a restricted namespace would refuse.
func podOf(name, nodeName, container, image string, metadata object) object {
	metadata["name"] = name
	return object{
		"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
		"spec": object{
			"nodeName": nodeName, "restartPolicy": "Never", "terminationGracePeriodSeconds": int64(0), "automountServiceAccountToken": false,
			"securityContext": object{"runAsNonRoot": true, "runAsUser": int64(1000), "seccompProfile": object{"type": "RuntimeDefault"}},
			"containers": []any{object{
				"name": container, "image": image, "imagePullPolicy": "IfNotPresent", "command": []any{"sleep", "infinity"},
				"securityContext": object{"allowPrivilegeEscalation": false, "capabilities": object{"drop": []any{"ALL"}}},
			}},
		},
	}
}

// makes lets the tenant make a pod in the VMs' namespace, and waits until it runs.
func (t *check) makes(tenant *api, pod object) {
	made, err := tenant.create(pods, "default", pod)
	t.must(err)
	t.after(func() { _ = t.api.remove(pods, "default", made.GetName(), 0) })
	t.until(patience, made.GetName()+" runs", func() bool {
		now, err := t.api.get(pods, "default", made.GetName())
		return err == nil && text(now, "status", "phase") == "Running"
	})
}

// holdsWhereItBelongs runs a fault on a VM: in place where the guest is, and gone again, and nothing of the tenant's ran.
func (t *check) holdsWhereItBelongs(watched *privileged, user, vm string) {
	n := t.network(vm)
	before := n.picture()
	j := t.commandOf(user, "", "netem", vm, "--bandwidth", "4Mbit", "--duration", "10m", "-y", "-o", "json")
	t.until(patience, "the fault is in place, or the command has ended", func() bool { return j.over() || strings.Contains(j.stderr(), "injected on") })
	t.nothingOfTheTenant(watched, j.stderr())
	t.says(j, "injected on")
	if len(n.ours()) != 2 {
		t.fail("in place are: %q", n.ours())
	}
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	t.same(before, n.picture())
	t.nothingOfTheTenant(watched, j.stderr())
}

// likeALauncher is a pod with a launcher's labels and an owner with the VMI's UID: the VMI itself, whose controller adopts it then,
// or something of which the garbage collector knows nothing.
func (t *check) likeALauncher(image string, adopted bool) {
	t.noPods()
	tenant := t.tenant()
	user, _ := t.roleOf("netem")
	vmi, err := tenant.get(vmis, "default", "web-1")
	t.must(err)
	owner := object{"apiVersion": "tenant.example/v1", "kind": "ConfigMap", "name": "web-1", "uid": string(vmi.GetUID())}
	if adopted {
		owner = object{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "name": "web-1", "uid": string(vmi.GetUID()), "controller": true}
	}
	if adopted {
		// Once the pod is gone, KubeVirt forgets it again.
		t.after(func() {
			_ = t.api.await(patience, vmis, "default", "web-1", func(vmi *unstructured.Unstructured) bool { return activePods(vmi) == 1 })
		})
	}
	t.makes(tenant, podOf("virt-launcher-web-1-x2x2x", text(vmi, "status", "nodeName"), "compute", image, object{
		"labels":          object{"kubevirt.io": "virt-launcher", "kubevirt.io/created-by": string(vmi.GetUID()), "vm.kubevirt.io/name": "web-1"},
		"ownerReferences": []any{owner},
	}))
	if adopted {
		t.must(t.api.await(patience, vmis, "default", "web-1", func(vmi *unstructured.Unstructured) bool { return activePods(vmi) == 2 }))
	}
	watched := t.watchPrivileged()
	t.holdsWhereItBelongs(watched, user, "web-1")
}

// patchedLauncherImage gives the real launcher's container another image, which its kubelet starts at once.
func patchedLauncherImage(t *check) {
	t.noPods()
	tenant := t.tenant()
	user, _ := t.roleOf("netem")
	uid := t.uid("web-3")
	pod, err := t.launcher("web-3")
	t.must(err)
	watched := t.watchPrivileged()
	t.after(func() {
		_ = t.api.remove(vmis, "default", "web-3", -1)
		_ = t.api.remove(pods, "default", pod.GetName(), 0)
		t.renewed("web-3", uid)
	})
	t.must(tenant.patch(pods, "default", pod.GetName(), object{"op": "replace", "path": "/spec/containers/0/image", "value": theirImage}))
	j := t.commandOf(user, "", "netem", "web-3", "--bandwidth", "4Mbit", "--duration", "1s", "-y")
	code := j.end()
	t.nothingOfTheTenant(watched, j.stderr())
	if code != 4 || !strings.Contains(j.stderr(), theirImage) {
		t.fail("exit %d, and what is odd about the launcher is not said\n%s", code, j.stderr())
	}
}

// likeADebugPod is a pod as this program would make it, in the namespace of the VMs.
func likeADebugPod(t *check) {
	t.noPods()
	tenant := t.tenant()
	faults, _ := t.roleOf("netem")
	// What one looks like is known to everybody.
	j := t.commandOf(faults, "", "netem", "web-3", "--bandwidth", "4Mbit", "--duration", "10m", "-y")
	t.says(j, "injected on")
	real, err := t.api.get(pods, "kubevirt", t.podNames()[0])
	t.must(err)
	j.signal(syscall.SIGINT)
	j.end()
	labels, annotations := object{}, object{}
	for key, value := range real.GetLabels() {
		labels[key] = value
	}
	for key, value := range real.GetAnnotations() {
		annotations[key] = value
	}
	labels["vmchaos.dev/run"] = "k3f9ab"
	t.makes(tenant, podOf("vmchaos-k3f9ab-0", "node-2", "agent", theirImage, object{"labels": labels, "annotations": annotations}))
	watched := t.watchPrivileged()
	const told = "not made by this tool"
	for command, args := range map[string][]string{"halt": {"halt", "k3f9ab"}, "status": {"status"}} {
		user, _ := t.roleOf(command)
		j := t.commandOf(user, "", args...)
		code := j.end()
		t.nothingOfTheTenant(watched, j.stderr())
		if said := j.stderr() + j.out.String(); !strings.Contains(said, told) {
			t.fail("%q: exit %d, and nothing is said of the pod\n%s", args, code, said)
		}
	}
	user, _ := t.roleOf("halt")
	j = t.commandOf(user, "", "halt", "--all", "-y")
	j.end()
	t.nothingOfTheTenant(watched, j.stderr())
	if pod, err := t.api.get(pods, "default", "vmchaos-k3f9ab-0"); err != nil || pod.GetDeletionTimestamp() != nil {
		t.fail("it was not left alone: %v\n%s", err, j.stderr())
	}
	// Nor does it keep a fault from the VM it names.
	t.holdsWhereItBelongs(watched, faults, "web-3")
}

// namespaceVmchaos is made by somebody who may make namespaces for themselves, and who lets the operator make pods there.
func namespaceVmchaos(t *check) {
	t.noPods()
	tenant := t.tenant()
	role := object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": object{"name": "self-provisioner"}, "rules": []any{
		object{"apiGroups": []any{""}, "resources": []any{"namespaces"}, "verbs": []any{"create"}},
	}}
	if _, err := t.api.create(clusterRoles, "", role); err != nil && !errors.IsAlreadyExists(err) {
		t.fail("%v", err)
	}
	t.must(t.bind("tenant", "self-provisioner", ""))
	t.until(time.Minute, "the tenant may make namespaces", func() bool {
		_, err := tenant.create(namespaces, "", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "vmchaos"}})
		return err == nil || errors.IsAlreadyExists(err)
	})
	t.after(func() {
		_ = t.api.remove(namespaces, "", "vmchaos", -1)
		_ = until(patience, "namespace vmchaos is gone", func() bool {
			_, err := t.api.get(namespaces, "", "vmchaos")
			return errors.IsNotFound(err)
		})
	})
	t.must(t.bind("tenant", "admin", "vmchaos"))
	t.until(time.Minute, "namespace vmchaos takes pods", func() bool {
		_, err := t.api.get(serviceAccounts, "vmchaos", "default")
		return err == nil
	})
	watched := t.watchPrivileged()
	t.holdsWhereItBelongs(watched, "operator", "web-3")
	// Whoever administers the cluster makes it the place for debug pods: then it is used.
	t.must(t.api.merge(namespaces, "", "vmchaos", object{"metadata": object{"labels": object{
		"vmchaos.dev/debug-pods": "allowed", "pod-security.kubernetes.io/enforce": "privileged",
	}}}))
	t.must(t.bind("operator", "vmchaos-netem-pods", "vmchaos"))
	watched = t.watchPrivileged()
	watched.namespace = "vmchaos"
	t.holdsWhereItBelongs(watched, "operator", "web-3")
}

// kubevirtRestricted leaves no namespace that takes debug pods: they do not go to the VM's.
func kubevirtRestricted(t *check) {
	t.noPods()
	enforce := func(level string) error {
		return t.api.merge(namespaces, "", "kubevirt", object{"metadata": object{"labels": object{"pod-security.kubernetes.io/enforce": level}}})
	}
	t.after(func() {
		_ = enforce("privileged")
		// Admission hears of it a moment later.
		time.Sleep(time.Second)
	})
	t.must(enforce("restricted"))
	watched := t.watchPrivileged()
	j := t.operator("", "netem", "web-3", "--bandwidth", "4Mbit", "--duration", "1s", "-y")
	code := j.end()
	if made := watched.made(t); len(made) > 0 {
		t.fail("privileged: %q\n%s", made, j.stderr())
	}
	for _, part := range []string{"kubevirt", "vmchaos.dev/debug-pods=allowed"} {
		if !strings.Contains(j.stderr(), part) {
			t.fail("exit %d, and %q is not said\n%s", code, part, j.stderr())
		}
	}
	if code != 4 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
}

// wayBack is an annotation on one VM that names another, or has a path to another one's subresource in the place of a name: it would be
// done to that one with the permissions of whoever halts everything.
func wayBack(t *check, vmi string) {
	t.noPods()
	tenant := t.tenant()
	uid := t.uid("web-1")
	way := fmt.Sprintf(`{"run":"k3f9ab","mode":"pause","at":"2026-11-20T12:00:00.000Z","duration":"1s","vmi":%q,"node":"node-2","paused":true}`, vmi)
	t.must(tenant.merge(vms, "default", "web-3", object{"metadata": object{
		"annotations": object{"vmchaos.dev/undo": way}, "labels": object{"vmchaos.dev/run": "k3f9ab"},
	}}))
	t.after(func() {
		_ = t.api.merge(vms, "default", "web-3", object{"metadata": object{"annotations": object{"vmchaos.dev/undo": nil}, "labels": object{"vmchaos.dev/run": nil}}})
		t.standingAgain()
	})
	before := len(t.asked("admin"))
	j := t.commandOf("admin", "", "halt", "--all", "-y")
	code := j.end()
	for _, one := range t.asked("admin")[before:] {
		if !strings.Contains(one, "/namespaces/default/virtualmachineinstances/web-3/") {
			t.fail("asked for %s\n%s", one, j.stderr())
		}
	}
	if now := t.uid("web-1"); now != uid {
		t.fail("web-1 was ended")
	}
	if vm, err := t.api.get(vms, "default", "web-1"); err != nil || text(vm, "spec", "runStrategy") != "Always" {
		t.fail("web-1 was stopped: %v", err)
	}
	if said := j.stderr() + j.out.String(); code == 0 || !strings.Contains(said, "web-3") {
		t.fail("exit %d, and nothing is said of the way back on web-3\n%s", code, said)
	}
}
