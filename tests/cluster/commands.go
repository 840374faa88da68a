package main

import (
	"net"
	"strings"
	"syscall"
	"time"
)

// commands are the other faults, each once, with its effect on the guest.
func commands() []test {
	return []test{
		{"filter-web-1", func(t *check) { t.filter("web-1") }}, {"filter-web-2", func(t *check) { t.filter("web-2") }},
		{"migrate", migrate}, {"outage-delete", outage},
		{"outage-pause", outagePause}, {"outage-kill", outageKill},
	}
}

// connects says whether a guest takes a TCP connection.
func connects(address, port string) bool {
	connection, err := net.DialTimeout("tcp", net.JoinHostPort(address, port), 2*time.Second)
	if err == nil {
		connection.Close()
	}
	return err == nil
}

// filter closes one port of a guest, IPv4 and IPv6, and no other.
func (t *check) filter(vm string) {
	four, six, err := t.address(vm)
	t.must(err)
	n := t.network(vm)
	before := n.picture()
	ports := func(open bool) {
		for _, address := range []string{four, six} {
			if connects(address, "80") != open || !connects(address, "443") {
				t.fail("%s: port 80 open: %v, 443 open: %v", address, connects(address, "80"), connects(address, "443"))
			}
		}
	}
	ports(true)
	j := t.operator("", "filter", vm, "--ports", "80", "--duration", "5m", "-y")
	t.says(j, "injected on")
	ports(false)
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	ports(true)
	t.same(before, n.picture())
}

// migrate moves a VM to another node.
func migrate(t *check) {
	pod, err := t.launcher("web-3")
	t.must(err)
	j := t.operator("", "migrate", "web-3", "-y")
	if code := j.end(); code != 0 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	moved, err := t.launcher("web-3")
	t.must(err)
	if text(moved, "spec", "nodeName") == text(pod, "spec", "nodeName") {
		t.fail("it is where it was: %s\n%s", text(pod, "spec", "nodeName"), j.stderr())
	}
	t.must(t.awaitGuest("web-3", time.Minute))
}

// outage deletes a VMI that its VM brings back.
func outage(t *check) {
	uid := t.uid("web-3")
	j := t.operator("", "outage", "web-3", "-y")
	if code := j.end(); code != 0 || !strings.Contains(j.out.String(), "recovered") {
		t.fail("exit %d\n%s\n%s", code, j.stderr(), j.out.String())
	}
	if t.uid("web-3") == uid {
		t.fail("the VMI was not replaced")
	}
}

// outagePause freezes a guest: it is silent for as long, and goes on.
func outagePause(t *check) {
	t.must(t.awaitGuest("web-3", time.Minute))
	four, _, err := t.address("web-3")
	t.must(err)
	j := t.operator("", "outage", "web-3", "--mode", "pause", "--duration", "3s", "--yes=vmchaos-test")
	t.says(j, "injected on")
	if answers(four) {
		t.fail("the guest answers while it is paused")
	}
	if code := j.end(); code != 0 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	t.until(time.Minute, "the guest answers again", func() bool { return answers(four) })
}

// outageKill crashes a guest: its QEMU is gone from the node, and the VM starts another.
func outageKill(t *check) {
	t.noPods()
	uid := t.uid("web-3")
	pod, err := t.launcher("web-3")
	t.must(err)
	emulators := processesIn(computeID(pod))
	j := t.operator("", "outage", "web-3", "--mode", "kill", "--yes=vmchaos-test")
	if code := j.end(); code != 0 || !strings.Contains(j.out.String(), "recovered") {
		t.fail("exit %d\n%s\n%s", code, j.stderr(), j.out.String())
	}
	for _, pid := range emulators {
		if name, _ := output("ps", "-o", "comm=", "-p", pid); strings.HasPrefix(name, "qemu") {
			t.fail("the old guest's %s runs on as %s", strings.TrimSpace(name), pid)
		}
	}
	if t.uid("web-3") == uid {
		t.fail("the VMI was not replaced")
	}
	t.must(t.awaitGuest("web-3", time.Minute))
	if names := t.podNames(); len(names) > 0 {
		t.fail("left are %v", names)
	}
}
