package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// gameDays are files with several kinds of fault, whose checks look at a real guest.
func gameDays() []test {
	return []test{{"game-day", gameDayHolds}, {"game-day-abort", gameDayAborts}}
}

// gameDayReport is what is looked at of a GameDayRun.
type gameDayReport struct {
	Verdict string
	Abort   *struct {
		Check         string
		RestoredAfter float64
	}
	Checks []struct {
		Name           string
		Passed, Failed int
	}
	Steps []struct {
		Name string
		Runs []struct{ Outcome string }
	}
}

// gameDay runs a file with this below its `spec:`, to its end.
func (t *check) gameDay(spec string, code int) (report gameDayReport, said string) {
	file := filepath.Join(t.folder, t.test+".yaml")
	day := "apiVersion: vmchaos.dev/v1alpha1\nkind: GameDay\nmetadata: {name: " + t.test + ", namespace: default}\nspec:\n" + spec
	t.must(os.WriteFile(file, []byte(day), 0o644))
	j := t.operator("", "run", "-f", file, "--image", shells["bash"], "--yes=vmchaos-test", "-o", "json")
	if ended := j.end(); ended != code {
		t.fail("exit %d\n%s\n%s", ended, j.stderr(), j.out.String())
	}
	if err := json.Unmarshal(j.out.Bytes(), &report); err != nil {
		t.fail("%v\n%s", err, j.out.String())
	}
	return report, j.stderr()
}

// gameDayHolds is a game day with every kind of fault while a guest is probed from its node, from one to the next.
func gameDayHolds(t *check) {
	t.noPods()
	for _, vm := range []string{"web-1", "web-2", "web-3"} {
		t.must(t.awaitGuest(vm, 3*time.Minute))
	}
	from := t.network("web-3")
	others := []*vmNet{t.network("web-1"), t.network("web-2")}
	report, said := t.gameDay(`  steadyState:
    - {name: web, tcp: {vm: web-3, port: 80}}
    - {name: ready, condition: {vm: web-3, type: Ready, status: "True"}}
  abort: {after: 5, of: 5}
  steps:
    - {name: slow, netem: {vms: [web-3], bandwidth: 4Mbit, duration: 5s}}
    - parallel:
        - {name: cut, filter: {vms: [web-1], ports: [443], duration: 3s}}
        - {name: freeze, outage: {vms: [web-2], mode: pause, duration: 3s}}
        - {name: move, migrate: {vms: [web-3]}}
    - {name: again, filter: {vms: [web-3], ports: [443], duration: 5s}}
`, 0)
	if report.Verdict != "held" {
		t.fail("verdict %q\n%s", report.Verdict, said)
	}
	for _, one := range report.Checks {
		// KubeVirt says of a guest that has just been migrated for about a second that it is not Ready.
		if one.Passed < 5 || one.Name == "web" && one.Failed > 0 {
			t.fail("check %s: %d good, %d failed\n%s", one.Name, one.Passed, one.Failed, said)
		}
	}
	now := t.network("web-3")
	if now.node.name == from.node.name {
		t.fail("web-3 is where it was: %s\n%s", now.node.name, said)
	}
	for _, n := range append(others, now) {
		if left := n.ours(); len(left) > 0 {
			t.fail("on %s %q\n%s", n.node.name, left, said)
		}
		t.answers(n)
	}
	t.noDebugPods()
	t.seen.add("run -f, four kinds of fault, and a port of a guest that moves is probed", "the hypothesis held", fmt.Sprintf("from %s to %s, %d looks at its port, all good; nothing is left; exit 0", from.node.name, now.node.name, report.Checks[0].Passed))
}

// gameDayAborts cuts the port that is looked at, with three kinds of fault in place.
func gameDayAborts(t *check) {
	t.noPods()
	for _, vm := range []string{"web-1", "web-2"} {
		t.must(t.awaitGuest(vm, 3*time.Minute))
	}
	one, two := t.network("web-1"), t.network("web-2")
	before := one.picture()
	report, said := t.gameDay(`  steadyState:
    - {name: web, tcp: {vm: web-1, port: 80}, within: 1s}
  abort: {after: 1, of: 1}
  steps:
    - parallel:
        - {name: freeze, outage: {vms: [web-2], mode: pause, duration: 1h}}
        - {name: slow, netem: {vms: [web-1], bandwidth: 4Mbit, duration: 1h}}
        - serial:
            - wait: 10s
            - {name: cut, filter: {vms: [web-1], ports: [80], duration: 1h}}
`, 6)
	// Whoever says that all is back must be right at that moment.
	t.same(before, one.picture())
	t.answers(one)
	t.answers(two)
	if report.Verdict != "aborted" || report.Abort == nil || report.Abort.Check != "web" {
		t.fail("verdict %q, abort %v\n%s", report.Verdict, report.Abort, said)
	}
	for _, step := range report.Steps {
		if len(step.Runs) != 1 || step.Runs[0].Outcome != "interrupted" {
			t.fail("step %s: %v\n%s", step.Name, step.Runs, said)
		}
	}
	t.noDebugPods()
	t.seen.add("run -f, its check's port cut with three kinds of fault in place", "aborted", fmt.Sprintf("all three are back %.1f s after the abort, and the guests answer; exit 6", report.Abort.RestoredAfter))
}

func (t *check) noDebugPods() {
	all, err := t.debugPods()
	t.must(err)
	if live(all) {
		t.fail("debug pods run: %v", all)
	}
}
