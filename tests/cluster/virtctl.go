package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// virtctl are tests in which KubeVirt's own command, which knows nothing of this program, sees and is seen.
func virtctl() []test {
	return []test{{"virtctl-ends-a-pause", virtctlEndsAPause}, {"virtctl-pauses-first", virtctlPausesFirst}}
}

// virtctl is that command as an administrator, with what it said.
func (c *cluster) virtctl(args ...string) (string, error) {
	command := exec.Command(filepath.Join(os.Getenv("VMCHAOS_CLUSTER_KUBEVIRT"), "virtctl"), args...)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.folder, "KUBECONFIG=" + c.pki("admin.kubeconfig")}
	said, err := command.CombinedOutput()
	return string(said), err
}

// virtctlEndsAPause is somebody who unpauses a guest that an outage has paused.
func virtctlEndsAPause(t *check) {
	t.after(func() { t.standingAgain() })
	four, _, err := t.address("web-3")
	t.must(err)
	j := t.operator("", "outage", "web-3", "--mode", "pause", "--duration", "10m", "--yes=vmchaos-test")
	t.says(j, "injected on")
	if said, err := t.virtctl("pause", "vmi", "web-3", "-n", "default"); err == nil || !strings.Contains(said, "already paused") {
		t.fail("virtctl does not see that it is paused: %v\n%s", err, said)
	}
	if said, err := t.virtctl("unpause", "vmi", "web-3", "-n", "default"); err != nil {
		t.fail("virtctl: %v\n%s", err, said)
	}
	if code := j.end(); code != 1 || !strings.Contains(j.stderr(), "somebody else unpaused it") {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	t.until(time.Minute, "the guest goes on", func() bool { return answers(four) })
	t.seen.add("outage --mode pause, and virtctl unpause meanwhile", "ended early: somebody else unpaused it", "the guest goes on; exit 1")
}

// virtctlPausesFirst is a guest that somebody has paused: it is refused, and what the refusal says to do helps.
func virtctlPausesFirst(t *check) {
	t.after(func() { t.standingAgain() })
	if said, err := t.virtctl("pause", "vmi", "web-3", "-n", "default"); err != nil {
		t.fail("virtctl: %v\n%s", err, said)
	}
	// KubeVirt answers before the VMI says so.
	t.until(10*time.Second, "the VMI is Paused", func() bool {
		vmi, err := t.api.get(vmis, "default", "web-3")
		return err == nil && condition(vmi, "Paused") == "True"
	})
	const help = "virtctl unpause vmi web-3 -n default"
	j := t.operator("", "outage", "web-3", "--mode", "delete", "--yes=vmchaos-test")
	if code := j.end(); code != 4 || !strings.Contains(j.stderr(), "is paused") || !strings.Contains(j.stderr(), help) {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	if said, err := t.virtctl(strings.Fields(help)[1:]...); err != nil {
		t.fail("%s: %v\n%s", help, err, said)
	}
	t.must(t.awaitGuest("web-3", time.Minute))
	t.seen.add("outage --mode delete, paused by virtctl", "refused: is paused; "+help, "what it says to do helps; exit 4")
}
