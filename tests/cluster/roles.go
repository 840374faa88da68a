package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var accessReviews = schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "subjectaccessreviews"}

// roles are the commands with exactly the role that this project ships for each: it is enough, and without what it
// calls required the command says what is missing and changes nothing.
func roles() []test {
	// By a pattern and by name: the one has to list VMs, the other to get one.
	jobs := map[string][]string{
		"netem":   {"netem --target web-1 --bandwidth 4Mbit --duration 1s -y", "netem web-1 --bandwidth 4Mbit --duration 1s -y"},
		"filter":  {"filter --target web-1 --ports 80 --duration 1s -y", "filter web-1 --ports 80 --duration 1s -y"},
		"migrate": {"migrate --target web-3 -y", "migrate web-3 -y"},
		"outage":  {"outage --target web-3 --mode delete -y", "outage web-3 --mode delete -y"},
		"list":    {"list"}, "status": {"status"},
	}
	var all []test
	for _, command := range []string{"netem", "filter", "migrate", "outage", "list", "status"} {
		all = append(all, test{"role-" + command, func(t *check) { t.role(command, jobs[command]) }})
	}
	return append(all, test{"role-halt", (*check).roleOfHalt})
}

func (t *check) role(command string, jobs []string) {
	t.noPods()
	user, all := t.bindRoles(command)
	for _, one := range jobs {
		j := t.commandOf(user, "", strings.Fields(one)...)
		if code := j.end(); code != 0 {
			t.fail("%s with the whole role: exit %d\n%s", one, code, j.stderr())
		}
		t.must(t.awaitStanding())
	}
	t.seen.add(command+", with its role of plugin-manifest/rbac alone", "done", "exit 0")
	if command == "filter" {
		// Its table is netem's, which is enough to take apart once.
		return
	}
	// One verb a rule; the practice cluster takes out every one.
	for _, one := range all {
		if verbs := one.required(); len(verbs) > 0 {
			t.without(user, one, verbs[0], all, func() { t.refusedWithout(user, verbs[0], one, jobs) })
		}
	}
}

// refusedWithout says that one of the jobs is refused, with what is missing, and that nothing is begun. What only a turn of
// events needs is told by `check`.
func (t *check) refusedWithout(user, verb string, rule roleRule, jobs []string) {
	resource := rule.resource()
	for _, one := range jobs {
		j := t.commandOf(user, "", strings.Fields(one)...)
		code := j.end()
		if names := t.podNames(); len(names) > 0 {
			t.fail("%s without %s %s: %v", one, verb, resource, names)
		}
		if code == 0 {
			t.must(t.awaitStanding())
			continue
		}
		if said := j.stderr(); code == 3 || !strings.Contains(said, resource) && !strings.Contains(said, rule.qualified()) {
			t.fail("%s without %s %s: exit %d\n%s", one, verb, resource, code, j.stderr())
		}
		return
	}
	check := t.commandOf(user, "", "check", strings.Fields(jobs[0])[0])
	if code := check.end(); code != 1 || !strings.Contains(check.stderr()+check.out.String(), verb+" "+rule.qualified()) {
		t.fail("%q succeed without %s %s, and check: exit %d\n%s", jobs, verb, resource, code, check.stderr())
	}
}

// roleOfHalt ends a run of somebody else's.
func (t *check) roleOfHalt() {
	t.noPods()
	user, _ := t.bindRoles("halt")
	n := t.network("web-1")
	before := n.picture()
	j := t.hold(held, "bash")
	t.says(j, "injected on")
	run := strings.Split(t.podNames()[0], "-")[1]
	halt := t.commandOf(user, "", "halt", run)
	if code := halt.end(); code != 0 {
		t.fail("exit %d\n%s", code, halt.stderr())
	}
	t.same(before, n.picture())
	if code := j.end(); code != 1 {
		t.fail("the run that was halted: exit %d\n%s", code, j.stderr())
	}
	t.seen.add("halt, with its role of plugin-manifest/rbac alone", "ended", "the node's kernel is as before; exit 0, and 1 of the run that was halted")
}

// roleRule is one rule of a role: some verbs on a resource, in the namespace it is bound in (empty: everywhere).
type roleRule struct {
	role, namespace string
	index           int
	rule            object
	optional        bool
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
	if r.optional {
		return nil
	}
	return r.verbs()
}

// bindRoles makes a command's roles and a user who has them as the file says.
func (t *check) bindRoles(command string) (user string, all []roleRule) {
	user = "role-" + command
	t.must(t.ca.issue(user, user, nil))
	_, err := t.ca.kubeconfig(user, server)
	t.must(err)
	path := filepath.Join(os.Getenv("VMCHAOS_CLUSTER_SOURCES"), "..", "..", "plugin-manifest", "rbac", command+".yaml")
	if out, err := t.kubectl("apply", "-f", path).CombinedOutput(); err != nil {
		t.fail("kubectl apply -f %s: %v: %s", path, err, out)
	}
	text, err := os.ReadFile(path)
	t.must(err)
	for _, document := range strings.Split(string(text), "\n---\n")[1:] {
		_, rest, _ := strings.Cut(document, "\n  name: ")
		name, rest, _ := strings.Cut(rest, "\n")
		namespace := map[string]string{
			"vmchaos-" + command: "default", "vmchaos-" + command + "-pods": "kubevirt", "vmchaos-" + command + "-kubevirt": "kubevirt",
		}[name]
		t.must(t.bind(user, name, namespace))
		role, err := t.api.get(clusterRoles, "", name)
		t.must(err)
		rules, _, _ := unstructured.NestedSlice(role.Object, "rules")
		for i, chunk := range strings.Split(rest, "- apiGroups:")[:len(rules)] {
			optional := strings.Contains(chunk[strings.LastIndex(chunk, "verbs:")+1:], "# Without it")
			all = append(all, roleRule{name, namespace, i, rules[i].(object), optional})
		}
	}
	if len(all) == 0 {
		t.fail("no rules in %s", path)
	}
	return user, all
}

func (t *check) bind(user, role, namespace string) error {
	kind, at := "RoleBinding", roleBindings
	if namespace == "" {
		kind, at = "ClusterRoleBinding", clusterRoleBindings
	}
	_, err := t.api.create(at, namespace, object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": object{"name": role},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
		"subjects": []any{object{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
	})
	// More than one test has the same user.
	if errors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// without takes a verb out of a rule, and out of what grants it in more places, for as long as something is tried.
func (t *check) without(user string, one roleRule, verb string, all []roleRule, try func()) {
	taken := []roleRule{one}
	for _, other := range all {
		wide := other.namespace == "" || other.namespace == one.namespace
		if other.qualified() == one.qualified() && wide && slices.Contains(other.verbs(), verb) && other.named() != one.named() {
			taken = append(taken, other)
		}
	}
	for _, rule := range taken {
		t.must(t.write(rule, verb))
		defer func() {
			t.must(t.write(rule, ""))
			t.until(time.Minute, "the API server knows the role again", func() bool { return t.may(user, rule, verb) })
		}()
	}
	t.until(time.Minute, "the API server knows the role", func() bool { return !t.may(user, one, verb) })
	try()
}

// write gives a rule all of its verbs but one.
func (t *check) write(rule roleRule, without string) error {
	role, err := t.api.get(clusterRoles, "", rule.role)
	if err != nil {
		return err
	}
	rules, _, _ := unstructured.NestedSlice(role.Object, "rules")
	verbs := []any{}
	for _, verb := range rule.verbs() {
		if verb != without {
			verbs = append(verbs, verb)
		}
	}
	// A rule without verbs is not allowed.
	if len(verbs) == 0 {
		verbs = []any{"none"}
	}
	rules[rule.index].(object)["verbs"] = verbs
	return t.api.merge(clusterRoles, "", rule.role, object{"rules": rules})
}

// may asks the API server what a user may do.
func (t *check) may(user string, one roleRule, verb string) bool {
	resource, sub, _ := strings.Cut(one.resource(), "/")
	group := one.rule["apiGroups"].([]any)[0]
	review, err := t.api.at(accessReviews, "").Create(context.Background(), &unstructured.Unstructured{Object: object{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": object{"user": user, "resourceAttributes": object{
			"namespace": one.namespace, "verb": verb, "group": group, "resource": resource, "subresource": sub,
		}},
	}}, v1.CreateOptions{})
	t.must(err)
	allowed, _, _ := unstructured.NestedBool(review.Object, "status", "allowed")
	return allowed
}
