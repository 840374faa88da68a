package main

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"
)

// faults are the others than netem, each once, with its effect on the guest.
func faults() []test {
	return []test{
		{"filter", filter}, {"filter-isolate", isolate}, {"filter-icmp", filterICMP}, {"migrate", migrate}, {"outage-pause", outagePause}, {"outage-kill", outageKill},
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
func filter(t *check) {
	four, six, err := t.address("web-1")
	t.must(err)
	n := t.network("web-1")
	before := n.picture()
	ports := func(open bool) {
		for _, address := range []string{four, six} {
			if connects(address, "80") != open || !connects(address, "443") {
				t.fail("%s: port 80 open: %v, 443 open: %v", address, connects(address, "80"), connects(address, "443"))
			}
		}
	}
	ports(true)
	j := t.operator("", "filter", "web-1", "--ports", "80", "--duration", "5m", "-y")
	t.says(j, "injected on")
	ports(false)
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	ports(true)
	t.same(before, n.picture())
	t.seen.add("filter --ports 80", "injected", "the guest takes no connection on port 80 and does on 443, over IPv4 and IPv6; both afterwards")
}

// isolate cuts all datagrams and connections of a guest, IPv4 and IPv6; pings still pass, as is promised.
func isolate(t *check) {
	four, six, err := t.address("web-1")
	t.must(err)
	n := t.network("web-1")
	before := n.picture()
	const pings = 3
	reached := func(is bool) {
		back, err := ping(four, pings)
		t.must(err)
		for _, address := range []string{four, six} {
			if datagrams := probe(address, 1); connects(address, "443") != is || (datagrams == 1) != is || back != pings {
				t.fail("%s is to be reached: %v; a connection: %v, datagrams: %d, pings: %d of %d", address, is, connects(address, "443"), datagrams, back, pings)
			}
		}
	}
	reached(true)
	j := t.operator("", "filter", "web-1", "--preset", "isolate", "--duration", "5m", "--yes=vmchaos-test")
	t.says(j, "injected on")
	reached(false)
	if other, _, err := t.address("web-2"); err != nil || !answers(other) {
		t.fail("the guest next door is hit: %v", err)
	}
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	reached(true)
	t.same(before, n.picture())
	t.seen.add("filter --preset isolate", "injected", fmt.Sprintf("no datagram and no connection is answered, over IPv4 and IPv6, and %d of %d pings are; all of them afterwards, and next door meanwhile", pings, pings))
}

// filterICMP loses a guest's pings, and nothing else.
func filterICMP(t *check) {
	four, _, err := t.address("web-1")
	t.must(err)
	n := t.network("web-1")
	before := n.picture()
	const pings = 3
	answered := func(want int) {
		back, err := ping(four, pings)
		t.must(err)
		if back != want || !connects(four, "443") {
			t.fail("%d of %d pings are answered, and not %d; a connection: %v", back, pings, want, connects(four, "443"))
		}
	}
	answered(pings)
	j := t.operator("", "filter", "web-1", "--protocols", "icmp", "--duration", "5m", "-y")
	t.says(j, "injected on")
	answered(0)
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	answered(pings)
	t.same(before, n.picture())
	t.seen.add("filter --protocols icmp", "injected", fmt.Sprintf("none of %d pings is answered, and connections are; all of them afterwards", pings))
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
	t.seen.add("migrate", "migrated", fmt.Sprintf("from %s to %s, where the guest answers; exit 0", text(pod, "spec", "nodeName"), text(moved, "spec", "nodeName")))
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
	t.seen.add("outage --mode pause, its guest", "injected, recovered", "the guest is silent meanwhile, and goes on; exit 0")
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
	t.seen.add("outage --mode kill, its guest", "recovered", "its QEMU is gone from the node; exit 0")
}
