package main

import "time"

// guestAgent are tests with a guest that tells KubeVirt when it has booted.
func guestAgent() []test { return []test{{"guest-agent-after-a-reset", resetWithAgent}} }

// resetWithAgent resets a guest, which shows in its VMI by its agent alone: the command waits until that is connected again,
// and says how long it took.
func resetWithAgent(t *check) {
	name := t.fresh("agent")
	g := guest{name: name, binding: "masquerade", node: "node-2", owner: always, app: name, agent: true}
	t.after(func() { _ = t.removeGuest(g) })
	t.must(t.createGuest(g))
	t.must(t.awaitGuest(name, 3*time.Minute))
	connected := func() bool {
		vmi, err := t.api.get(vmis, "default", name)
		return err == nil && condition(vmi, "AgentConnected") == "True"
	}
	t.until(3*time.Minute, "the guest agent is connected", connected)
	j := t.operator("", "outage", name, "--mode", "reset", "--yes=vmchaos-test", "-o", "json")
	code := j.end()
	again := connected()
	report := t.outageReport(j)
	if code != 0 || report.State != "recovered" || !again {
		t.fail("exit %d, %s, connected again: %v\n%s", code, report.State, again, j.stderr())
	}
	if report.HeldSeconds <= 0 {
		t.fail("no time until the agent was connected again\n%s\n%s", j.out.String(), j.stderr())
	}
	t.seen.add("outage --mode reset, a guest with an agent", "recovered when its agent is connected again", "the VMI says AgentConnected at the command's end; exit 0")
}
