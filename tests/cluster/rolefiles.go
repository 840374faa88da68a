package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// roleRule is one rule of a role: some verbs on a resource, in the namespace it is bound in (empty: everywhere).
type roleRule struct {
	role, namespace string
	index           int
	rule            object
	// lack is what is said to be impossible without it; empty where it is required.
	lack string
}

func (r roleRule) resource() string { return r.rule["resources"].([]any)[0].(string) }

// qualified names the resource with its group, as kubectl does: virtualmachines.subresources.kubevirt.io/start.
func (r roleRule) qualified() string {
	group := r.rule["apiGroups"].([]any)[0].(string)
	plural, subresource, has := strings.Cut(r.resource(), "/")
	if group != "" {
		plural += "." + group
	}
	if has {
		plural += "/" + subresource
	}
	return plural
}

// named is where the rule stands.
func (r roleRule) named() string { return fmt.Sprintf("%s[%d]", r.role, r.index) }

func (r roleRule) verbs() []string {
	var verbs []string
	for _, verb := range r.rule["verbs"].([]any) {
		verbs = append(verbs, verb.(string))
	}
	return verbs
}

func (r roleRule) required() []string {
	if r.lack != "" {
		return nil
	}
	return r.verbs()
}

// isFor says whether a rule is there for a mode of outages.
func (r roleRule) isFor(mode string) bool {
	_, modes, found := strings.Cut(r.lack, "--mode ")
	return found && slices.Contains(strings.FieldsFunc(modes, func(r rune) bool { return r == ' ' || r == ',' }), mode)
}

// operatorRole gives the user `operator` the roles of all commands, bound as their files say.
func (c *cluster) operatorRole() error {
	for _, command := range roleCommands {
		if _, err := c.bindRoles("operator", command); err != nil {
			return err
		}
	}
	return nil
}

// roleOf makes a user who has a command's roles and no others.
func (t *check) roleOf(command string) (user string, all []roleRule) {
	user = "role-" + command
	t.must(t.ca.issue(user, user, nil))
	_, err := t.ca.kubeconfig(user, server)
	t.must(err)
	all, err = t.bindRoles(user, command)
	t.must(err)
	return user, all
}

// bindRoles makes a command's roles and binds them to a user as the file says.
func (c *cluster) bindRoles(user, command string) ([]roleRule, error) {
	path := filepath.Join(os.Getenv("VMCHAOS_CLUSTER_SOURCES"), "..", "..", "plugin-manifest", "rbac", command+".yaml")
	if out, err := c.kubectl("apply", "-f", path).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("kubectl apply -f %s: %w: %s", path, err, out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []roleRule
	for _, document := range strings.Split(string(text), "\n---\n")[1:] {
		_, rest, _ := strings.Cut(document, "\n  name: ")
		name, rest, _ := strings.Cut(rest, "\n")
		namespace := map[string]string{
			"vmchaos-" + command: "default", "vmchaos-" + command + "-pods": "kubevirt", "vmchaos-" + command + "-kubevirt": "kubevirt",
		}[name]
		if err := c.bind(user, name, namespace); err != nil {
			return nil, err
		}
		role, err := c.api.get(clusterRoles, "", name)
		if err != nil {
			return nil, err
		}
		rules, _, _ := unstructured.NestedSlice(role.Object, "rules")
		for i, chunk := range strings.Split(rest, "- apiGroups:")[:len(rules)] {
			_, lack, _ := strings.Cut(chunk[strings.LastIndex(chunk, "verbs:")+1:], "# Without it ")
			all = append(all, roleRule{name, namespace, i, rules[i].(object), lack})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no rules in %s", path)
	}
	return all, nil
}

func (c *cluster) bind(user, role, namespace string) error {
	kind, at := "RoleBinding", roleBindings
	if namespace == "" {
		kind, at = "ClusterRoleBinding", clusterRoleBindings
	}
	_, err := c.api.create(at, namespace, object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": object{"name": role + "-" + user},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
		"subjects": []any{object{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
	})
	// More than one test has the same user.
	if errors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
