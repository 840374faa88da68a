package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var jobs = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}

// commandImage is kubectl-vmchaos' own, which Jobs run.
const commandImage = registry + "/kubectl-vmchaos:1"

// gameDayJobs are game days that the cluster runs, by the manifests that `run --as-job` prints.
func gameDayJobs() []test {
	return []test{
		{"job-runs-to-its-end", jobRuns},
		{"job-deleted", func(t *check) {
			t.jobKilled("the pod of a Job deleted", soon, func(j *gameDayJob, _ *vmNet) { t.must(t.api.remove(pods, "kubevirt", j.pod(), 60)) })
		}},
		{"job-force-deleted", func(t *check) {
			t.jobKilled("the pod of a Job force-deleted", soon, func(j *gameDayJob, _ *vmNet) { t.must(t.api.remove(pods, "kubevirt", j.pod(), 0)) })
		}},
		{"job-process-killed", func(t *check) {
			t.jobKilled("the process of a Job killed on its node", soon, func(j *gameDayJob, n *vmNet) {
				pod, err := t.api.get(pods, "kubevirt", j.pod())
				t.must(err)
				t.killContainer(string(pod.GetUID()))
			})
		}},
	}
}

// commandLayer is the file system that plugin-manifest/Containerfile describes. A program that is not static, as that of the tests is,
// has its libraries beside it.
func (c *cluster) commandLayer() (string, error) {
	root := filepath.Join(c.folder, "images", "command")
	binary := os.Getenv("VMCHAOS_CLUSTER_BINARY")
	files := map[string]string{binary: "/kubectl-vmchaos", "/etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt"}
	libraries, _ := exec.Command("ldd", binary).Output()
	for _, word := range strings.Fields(string(libraries)) {
		if strings.HasPrefix(word, "/") {
			files[word] = word
		}
	}
	for from, to := range files {
		content, err := os.ReadFile(from)
		if os.IsNotExist(err) && strings.HasPrefix(from, "/etc/") {
			continue
		}
		if err != nil {
			return "", err
		}
		at := filepath.Join(root, to)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(at, content, 0o755); err != nil {
			return "", err
		}
	}
	// What a debugger needs is most of it, and every node keeps it.
	if _, err := exec.LookPath("strip"); err == nil {
		return root, run("strip", filepath.Join(root, "kubectl-vmchaos"))
	}
	return root, nil
}

// gameDayJob is a Job that was applied.
type gameDayJob struct {
	t    *check
	name string
}

// jobOf prints the manifests of a game day with these steps, and has kubectl apply them as they are. Nothing forwards a Service's
// address here, so that the pod is told the API server's.
func (t *check) jobOf(name, steps string) *gameDayJob {
	t.noPods()
	file := filepath.Join(t.folder, name+".yaml")
	day := "apiVersion: vmchaos.dev/v1alpha1\nkind: GameDay\nmetadata: {name: " + name + ", namespace: default}\nspec:\n  steps:\n" + steps
	t.must(os.WriteFile(file, []byte(day), 0o644))
	j := t.operator("", "run", "-f", file, "--as-job", "--job-image", commandImage, "--image", shells["bash"], "--yes=vmchaos-test", "-o", "json")
	if code := j.end(); code != 0 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	const state = "- name: XDG_STATE_HOME\n"
	before, _, found := strings.Cut(j.out.String(), state)
	if !found {
		t.fail("the pod has no %q:\n%s", state, j.out.String())
	}
	indent := before[strings.LastIndex(before, "\n")+1:]
	env := fmt.Sprintf("- name: KUBERNETES_SERVICE_HOST\n%s  value: %q\n%s- name: KUBERNETES_SERVICE_PORT\n%s  value: %q\n%s", indent, serverHost, indent, indent, serverPort, indent)
	manifests := strings.Replace(j.out.String(), state, env+state, 1)
	kubectl := func(verb string, flags ...string) error {
		command := t.kubectl(append([]string{verb, "-f", "-"}, flags...)...)
		command.Stdin = strings.NewReader(manifests)
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("kubectl %s: %w: %s", verb, err, out)
		}
		return nil
	}
	t.after(func() { t.must(kubectl("delete", "--ignore-not-found", "--cascade=foreground")) })
	t.must(kubectl("apply", "--validate=strict"))
	return &gameDayJob{t, "vmchaos-" + name}
}

// pods of the Job: it makes one, and never another.
func (j *gameDayJob) pods() []unstructured.Unstructured {
	all, err := j.t.api.list(pods, "kubevirt", "batch.kubernetes.io/job-name="+j.name)
	j.t.must(err)
	if len(all) > 1 {
		j.t.fail("%s has %d pods", j.name, len(all))
	}
	return all
}

func (j *gameDayJob) pod() string {
	all := j.pods()
	if len(all) == 0 {
		j.t.fail("%s has no pod", j.name)
	}
	return all[0].GetName()
}

// log is what the Job's program has said; empty where nobody can say.
func (j *gameDayJob) log() string {
	out, _ := j.t.kubectl("logs", "-n", "kubevirt", "job/"+j.name).CombinedOutput()
	return string(out)
}

// is waits for a condition of the Job.
func (j *gameDayJob) is(kind string) {
	err := j.t.api.await(patience, jobs, "kubevirt", j.name, func(o *unstructured.Unstructured) bool { return condition(o, kind) == "True" })
	if err != nil {
		j.t.fail("%v\n%s", err, j.log())
	}
}

// jobRuns runs three kinds of fault, each of which its own roles have to be enough for.
func jobRuns(t *check) {
	n := t.network("web-1")
	before := n.picture()
	j := t.jobOf("job-runs", `    - {name: slow, netem: {vms: [web-1], bandwidth: 4Mbit, duration: 2s}}
    - {name: cut, filter: {selector: app=web, target: web-1, ports: [80], duration: 2s}}
    - {name: still, outage: {vms: [web-3], mode: pause, duration: 2s}}
`)
	j.is("Complete")
	if log := j.log(); !strings.Contains(log, `"outcome": "completed"`) || strings.Count(log, `"kind": "Run"`) != 3 {
		t.fail("its log is\n%s", log)
	}
	t.same(before, n.picture())
	t.must(t.awaitGuest("web-3", time.Minute))
	t.seen.add("run --as-job | kubectl apply -f -", "completed", "three faults, with the printed roles alone; nothing is left in the node's kernel")
}

// jobKilled holds a fault by a Job, ends it in the middle, and looks into the node's kernel.
func (t *check) jobKilled(what string, limit time.Duration, end func(j *gameDayJob, n *vmNet)) {
	n := t.network("web-1")
	before := n.picture()
	j := t.jobOf(t.test, "    - {name: slow, netem: {vms: [web-1], bandwidth: 4Mbit, duration: 10m}}\n")
	if err := until(patience, "the Job's fault is in place", func() bool { return len(n.ours()) == 2 }); err != nil {
		t.fail("%v\n%s", err, j.log())
	}
	if err := until(patience, "the Job says so", func() bool { return strings.Contains(j.log(), "injected") }); err != nil {
		t.fail("%v\n%s", err, j.log())
	}
	began := time.Now()
	end(j, n)
	if err := until(limit+n.limit, "nothing of the run is left in the kernel", func() bool { return len(n.ours()) == 0 }); err != nil {
		t.fail("%v: %q", err, n.ours())
	}
	took := time.Since(began)
	t.nothingLeft(n, before)
	// It is not tried again.
	j.is("Failed")
	j.pods()
	if len(n.ours()) != 0 {
		t.fail("it came back: %q", n.ours())
	}
	t.table.add(what, took, "the Job is Failed, and not tried again")
}
