package main

import "fmt"

// operatorRole permits the user `operator` what `check` asks for each fault that runs here.
func (c *cluster) operatorRole() error {
	rule := func(group, resource string, verbs ...any) any {
		return object{"apiGroups": []any{group}, "resources": []any{resource}, "verbs": verbs}
	}
	if _, err := c.api.create(clusterRoles, "", object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": object{"name": "vmchaos-operator"},
		"rules": []any{
			rule("kubevirt.io", "virtualmachineinstances", "list", "get", "watch", "create", "delete", "patch"), rule("kubevirt.io", "virtualmachines", "get", "list", "patch"),
			rule("subresources.kubevirt.io", "virtualmachines/start", "update"), rule("subresources.kubevirt.io", "virtualmachines/stop", "update"),
			rule("subresources.kubevirt.io", "virtualmachineinstances/pause", "update"), rule("subresources.kubevirt.io", "virtualmachineinstances/unpause", "update"),
			rule("subresources.kubevirt.io", "virtualmachineinstances/reset", "update"),
			rule("kubevirt.io", "virtualmachineinstancemigrations", "create", "delete", "get", "list", "patch", "watch"), rule("kubevirt.io", "kubevirts", "list"),
			rule("", "pods", "create", "get", "list", "watch", "delete"), rule("", "pods/attach", "get", "create"),
			rule("events.k8s.io", "events", "create", "list", "watch"), rule("", "namespaces", "get"), rule("", "nodes", "list"),
		},
	}); err != nil {
		return err
	}
	_, err := c.api.create(clusterRoleBindings, "", object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": object{"name": "vmchaos-operator"},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "vmchaos-operator"},
		"subjects": []any{object{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "operator"}},
	})
	if err != nil {
		return fmt.Errorf("the operator's permissions: %w", err)
	}
	return nil
}
