package main

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var accessReviews = schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "subjectaccessreviews"}

// roleCommands are the commands that have a role of their own.
var roleCommands = []string{"netem", "filter", "migrate", "outage", "list", "status", "halt"}

// roles are the commands with exactly the role that this project ships for each: it is enough, and without any verb of what it
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
	for _, command := range roleCommands {
		if own, has := jobs[command]; has {
			all = append(all, test{"role-" + command, func(t *check) { t.role(command, own) }})
		}
	}
	for _, mode := range []string{"kill", "pod", "pause", "reset", "stop", "delete --disable-auto-restart"} {
		job := "outage web-3 --mode " + mode + " --yes=vmchaos-test"
		if mode != "kill" && mode != "pod" && mode != "reset" {
			job += " --duration 3s"
		}
		// What the role's rules name it by.
		words := strings.Fields(mode)
		all = append(all, test{"role-outage-" + strings.ReplaceAll(mode, " --", "-"), func(t *check) { t.roleOfMode(words[len(words)-1], job) }})
	}
	return append(all, test{"role-halt", (*check).roleOfHalt})
}

func (t *check) role(command string, jobs []string) {
	t.noPods()
	user, all := t.roleOf(command)
	for _, one := range jobs {
		t.doneWith(user, one)
	}
	t.seen.add(command+", with its role of plugin-manifest/rbac alone", "done", "exit 0")
	for _, one := range all {
		for _, verb := range one.required() {
			t.without(user, one, verb, all, func() { t.refusedWithout(user, verb, one, jobs) })
		}
	}
}

// doneWith is a command that succeeds with a user's permissions.
func (t *check) doneWith(user, job string) {
	j := t.commandOf(user, "", strings.Fields(job)...)
	if code := j.end(); code != 0 {
		t.fail("%s with the whole role: exit %d\n%s", job, code, j.stderr())
	}
	t.must(t.awaitStanding())
}

// roleOfMode is one mode of outages: it is done with the role, and refused without a verb of the rules that name it.
func (t *check) roleOfMode(mode, job string) {
	t.after(func() { t.standingAgain() })
	t.noPods()
	user, all := t.roleOf("outage")
	t.doneWith(user, job)
	t.seen.add(strings.TrimSuffix(job, " --yes=vmchaos-test")+", with the role of plugin-manifest/rbac alone", "done", "exit 0")
	named := 0
	for _, one := range all {
		if !one.isFor(mode) {
			continue
		}
		named++
		for _, verb := range one.verbs() {
			t.without(user, one, verb, all, func() { t.refusedWithout(user, verb, one, []string{job}) })
		}
	}
	if named == 0 {
		t.fail("no rule of the role is said to be for %s", mode)
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
	wanted := 1
	if rule.lack != "" {
		wanted = 0
	}
	if code := check.end(); code != wanted || !strings.Contains(check.stderr()+check.out.String(), verb+" "+rule.qualified()) {
		t.fail("%q succeed without %s %s, and check: exit %d\n%s", jobs, verb, resource, code, check.stderr())
	}
}

// haltWithout does not end a run, or not for sure, and says what is missing. What may still be listed and deleted is ended all the same.
func (t *check) haltWithout(n *vmNet, user, verb string, rule roleRule) {
	t.noPods()
	j := t.hold(held, "bash")
	t.says(j, "injected on")
	halt := t.commandOf(user, "", "halt", strings.Split(t.podNames()[0], "-")[1])
	code := halt.end()
	if said := halt.stderr() + halt.out.String(); code == 0 || !strings.Contains(said, rule.resource()) {
		t.fail("halt without %s %s: exit %d\n%s", verb, rule.resource(), code, said)
	}
	if left := n.ours(); verb != "watch" && (len(left) != 2 || j.over()) {
		t.fail("halt without %s %s: exit %d, and of the fault are left %q\n%s", verb, rule.resource(), code, left, halt.stderr())
	}
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 && verb != "watch" {
		t.fail("the run that was to be halted: exit %d\n%s", code, j.stderr())
	}
}

// roleOfHalt ends a run of somebody else's; without a verb of its role it says which.
func (t *check) roleOfHalt() {
	t.noPods()
	user, all := t.roleOf("halt")
	n := t.network("web-1")
	before := n.picture()
	for _, one := range all {
		for _, verb := range one.required() {
			t.without(user, one, verb, all, func() { t.haltWithout(n, user, verb, one) })
		}
	}
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
