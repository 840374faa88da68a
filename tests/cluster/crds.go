package main

import (
	"time"
)

// installKubeVirt makes what an installation leaves in a cluster: the resource types (names, columns and subresources of
// KubeVirt 1.9: a VMI has no status subresource, everything else has one), the KubeVirt object, and the permissions of
// an operator who may run kubectl-vmchaos and nothing more.
func (c *cluster) installKubeVirt() error {
	column := func(name, path string, priority int64) any {
		kind := "string"
		if name == "Age" {
			kind = "date"
		}
		return object{"name": name, "type": kind, "jsonPath": path, "priority": priority}
	}
	age := column("Age", ".metadata.creationTimestamp", 0)
	ready := column("Ready", ".status.conditions[?(@.type=='Ready')].status", 0)
	for _, one := range []struct {
		kind, plural string
		short        []any
		status       bool
		columns      []any
	}{
		{"KubeVirt", "kubevirts", []any{"kv", "kvs"}, true, []any{age, column("Phase", ".status.phase", 0)}},
		{"VirtualMachine", "virtualmachines", []any{"vm", "vms"}, true, []any{age, column("Status", ".status.printableStatus", 0), ready}},
		{"VirtualMachineInstance", "virtualmachineinstances", []any{"vmi", "vmis"}, false, []any{
			age, column("Phase", ".status.phase", 0), column("IP", ".status.interfaces[0].ipAddress", 0), column("NodeName", ".status.nodeName", 0), ready,
			column("Live-Migratable", ".status.conditions[?(@.type=='LiveMigratable')].status", 1), column("Paused", ".status.conditions[?(@.type=='Paused')].status", 1),
		}},
		{"VirtualMachineInstanceMigration", "virtualmachineinstancemigrations", []any{"vmim", "vmims"}, true, []any{column("Phase", ".status.phase", 0), column("VMI", ".spec.vmiName", 0)}},
	} {
		version := object{
			"name": "v1", "served": true, "storage": true, "additionalPrinterColumns": one.columns,
			"schema": object{"openAPIV3Schema": object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
		}
		if one.status {
			version["subresources"] = object{"status": object{}}
		}
		if _, err := c.api.create(crds, "", object{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": object{"name": one.plural + ".kubevirt.io"},
			"spec": object{"group": "kubevirt.io", "scope": "Namespaced", "versions": []any{version}, "names": object{
				"plural": one.plural, "singular": singular(one.plural), "kind": one.kind, "listKind": one.kind + "List", "shortNames": one.short, "categories": []any{"all"},
			}},
		}); err != nil {
			return err
		}
	}
	if err := until(30*time.Second, "KubeVirt's types are served", func() bool {
		for _, kind := range []string{"kubevirts", "virtualmachines", "virtualmachineinstances", "virtualmachineinstancemigrations"} {
			crd, err := c.api.get(crds, "", kind+".kubevirt.io")
			if err != nil || condition(crd, "Established") != "True" {
				return false
			}
		}
		_, err := c.api.list(vmims, "default", "")
		return err == nil
	}); err != nil {
		return err
	}
	if _, err := c.api.create(namespaces, "", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{
		"name": "kubevirt", "labels": object{"pod-security.kubernetes.io/enforce": "privileged"},
	}}); err != nil {
		return err
	}
	if _, err := c.api.create(kubevirts, "kubevirt", object{"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt", "metadata": object{"name": "kubevirt"}, "spec": object{}}); err != nil {
		return err
	}
	if err := c.api.merge(kubevirts, "kubevirt", "kubevirt", object{"status": object{"phase": "Deployed", "observedKubeVirtVersion": "v1.9.0"}}, "status"); err != nil {
		return err
	}
	return c.operatorRole()
}

func singular(plural string) string { return plural[:len(plural)-1] }
