package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// launcherPod is the pod KubeVirt 1.9 would make for a VMI on a node; migration is the object it is the target of, or nil.
func launcherPod(vmi *unstructured.Unstructured, nodeName string, migration *unstructured.Unstructured) object {
	labels := object{
		"kubevirt.io": "virt-launcher", "kubevirt.io/created-by": string(vmi.GetUID()), "vm.kubevirt.io/name": vmi.GetName(), "vmi.kubevirt.io/id": vmi.GetName(),
	}
	for key, value := range vmi.GetLabels() {
		if key != "kubevirt.io/nodeName" && key != "kubevirt.io/migrationTargetNodeName" {
			labels[key] = value
		}
	}
	annotations := object{
		"kubevirt.io/domain": vmi.GetName(), "kubevirt.io/migrationTransportUnix": "true", "kubectl.kubernetes.io/default-container": "compute",
		"descheduler.alpha.kubernetes.io/request-evict-only": "",
	}
	if migration != nil {
		labels["kubevirt.io/migrationJobUID"] = string(migration.GetUID())
		annotations["kubevirt.io/migrationJobName"] = migration.GetName()
	}
	return object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": object{
			"generateName": "virt-launcher-" + vmi.GetName() + "-", "labels": labels, "annotations": annotations,
			"ownerReferences": []any{object{
				"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "name": vmi.GetName(), "uid": string(vmi.GetUID()), "controller": true, "blockOwnerDeletion": true,
			}},
		},
		"spec": object{
			"nodeName": nodeName, "hostname": vmi.GetName(), "restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false,
			"terminationGracePeriodSeconds": int64(60),
			"securityContext":               object{"runAsUser": int64(107), "runAsGroup": int64(107), "runAsNonRoot": true, "fsGroup": int64(107)},
			"nodeSelector":                  object{"kubernetes.io/arch": "amd64", "kubevirt.io/schedulable": "true"},
			"readinessGates":                []any{object{"conditionType": "kubevirt.io/virtual-machine-unpaused"}},
			"containers": []any{object{
				"name": "compute", "image": launcherImage, "imagePullPolicy": "IfNotPresent", "command": []any{"/usr/bin/virt-launcher-monitor"},
				"args": []any{"--qemu-timeout", "275s", "--name", vmi.GetName(), "--uid", string(vmi.GetUID()), "--namespace", vmi.GetNamespace(), "--run-as-nonroot"},
				"securityContext": object{
					"runAsUser": int64(107), "runAsGroup": int64(107), "runAsNonRoot": true, "allowPrivilegeEscalation": false,
					"capabilities": object{"add": []any{"NET_BIND_SERVICE"}, "drop": []any{"ALL"}},
				},
				"resources": object{"requests": object{"cpu": "100m", "memory": "256Mi"}},
				// KubeVirt hands the device out with a device plugin.
				"volumeMounts": []any{object{"name": "tun", "mountPath": "/dev/net/tun"}},
			}},
			"volumes": []any{object{"name": "tun", "hostPath": object{"path": tunDevice, "type": "CharDevice"}}},
		},
	}
}

// wire makes the network of a launcher pod and starts its guest, as virt-handler and virt-launcher do.
func (c *cluster) wire(vmi, pod *unstructured.Unstructured) error {
	binding := "masquerade"
	if interfaces, _, _ := unstructured.NestedSlice(vmi.Object, "spec", "domain", "devices", "interfaces"); len(interfaces) > 0 {
		if _, bridged := interfaces[0].(object)["bridge"]; bridged {
			binding = "bridge"
		}
	}
	uid := strings.ReplaceAll(string(pod.GetUID()), "-", "")
	mac := fmt.Sprintf("02:%s:%s:%s:%s:%s", uid[0:2], uid[2:4], uid[4:6], uid[6:8], uid[8:10])
	if n := c.nodeOf(pod); n.machine {
		return c.wireInMachine(n, pod, binding, mac)
	}
	pid, err := c.computePid(pod)
	if err != nil {
		return err
	}
	wiring := exec.Command("nsenter", "--target", pid, "--net", "--", "bash", filepath.Join(os.Getenv("VMCHAOS_CLUSTER_SOURCES"), "image", "wire.sh"), binding, mac)
	var complaint strings.Builder
	wiring.Stderr = &complaint
	told, err := wiring.Output()
	if err != nil {
		return fmt.Errorf("wiring %s: %w: %s", pod.GetName(), err, complaint.String())
	}
	at := filepath.Join("/proc", pid, "root", "tmp")
	if err := os.WriteFile(filepath.Join(at, "guest.new"), []byte(machineWords+string(told)), 0o644); err != nil {
		return err
	}
	return os.Rename(filepath.Join(at, "guest.new"), filepath.Join(at, "guest"))
}

// machineWords are what QEMU is to emulate: what runs fastest without hardware virtualization.
const machineWords = "machine='-M q35 -accel tcg -cpu max,-la57,-smap,-smep,-erms,-fsrm,-avx,-avx2'\n"
