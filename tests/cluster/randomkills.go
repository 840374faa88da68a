package main

import (
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const randomKillsName = "random-kills"

// randomKills kills anything at any moment of a run, drawn by a seed: at least 300 times, in a sample 30.
func randomKills() []test {
	kills := 300
	if sample() != "" {
		kills = 30
	}
	return []test{{randomKillsName, func(t *check) { t.randomKills(kills) }}}
}

// randomKill is something that ends a run, or a part of it.
type randomKill struct {
	name string
	do   func(t *check, random *rand.Rand, j *job, n *vmNet)
	// ends says that the VMI is another one afterwards, moves that it is elsewhere.
	ends, moves bool
	// lasts says that the run may go on: it is interrupted a moment later.
	lasts bool
	// codes are the exit codes that tell the truth about it; killed where a signal ends the command.
	codes []int
	// weight is how often it is drawn, next to the others.
	weight int
}

// killed stands for the end of a command that a signal has ended.
const killed = -1

// randomVM may be moved and ended.
const randomVM = "web-3"

func randomKillKinds() []randomKill {
	signal := func(signals ...syscall.Signal) func(*check, *rand.Rand, *job, *vmNet) {
		return func(_ *check, random *rand.Rand, j *job, _ *vmNet) {
			for i, one := range signals {
				if i > 0 {
					time.Sleep(time.Duration(random.Int63n(int64(300 * time.Millisecond))))
				}
				j.signal(one)
			}
		}
	}
	return []randomKill{
		{name: "command KILL", weight: 4, do: signal(syscall.SIGKILL), codes: []int{killed}}, {name: "command TERM", weight: 2, do: signal(syscall.SIGTERM), codes: []int{130}},
		{name: "command INT", weight: 2, do: signal(syscall.SIGINT), codes: []int{130}}, {name: "command HUP", weight: 2, do: signal(syscall.SIGHUP), codes: []int{130}},
		{name: "command INT, INT", weight: 2, do: signal(syscall.SIGINT, syscall.SIGINT), codes: []int{3, 130}}, {name: "command STOP, KILL", weight: 2, do: signal(syscall.SIGSTOP, syscall.SIGKILL), codes: []int{killed}},
		{name: "debug pod force-deleted", weight: 3, do: func(t *check, _ *rand.Rand, _ *job, _ *vmNet) { t.removeDebugPods() }, lasts: true, codes: []int{1, 3, 130}},
		{name: "debug pod's containers", weight: 3, lasts: true, codes: []int{1, 130}, do: func(t *check, _ *rand.Rand, _ *job, _ *vmNet) {
			all, err := t.api.list(pods, "kubevirt", "app.kubernetes.io/managed-by=kubectl-vmchaos")
			t.must(err)
			for i := range all {
				t.killContainer(string(all[i].GetUID()))
			}
		}},
		{name: "one process of the run", weight: 4, lasts: true, codes: []int{1, 130}, do: func(_ *check, random *rand.Rand, _ *job, n *vmNet) {
			if all := n.ofAnyRun(); len(all) > 0 {
				n.kill("KILL", all[random.Intn(len(all))])
			}
		}},
		{name: "some processes of the run", weight: 4, lasts: true, codes: []int{1, 130}, do: func(_ *check, random *rand.Rand, _ *job, n *vmNet) {
			n.kill("KILL", slices.DeleteFunc(n.ofAnyRun(), func(string) bool { return random.Intn(2) == 0 })...)
		}},
		{name: "launcher deleted", weight: 1, ends: true, lasts: true, codes: []int{1, 4, 130}, do: func(t *check, _ *rand.Rand, _ *job, _ *vmNet) {
			pod, err := t.launcher(randomVM)
			t.must(err)
			t.must(t.api.remove(pods, "default", pod.GetName(), -1))
		}},
		{name: "VMI deleted", weight: 1, ends: true, lasts: true, codes: []int{1, 4, 130}, do: func(t *check, _ *rand.Rand, _ *job, _ *vmNet) {
			t.must(t.api.remove(vmis, "default", randomVM, -1))
		}},
		{name: "migration, command KILL (from the migration's end)", weight: 1, moves: true, codes: []int{killed}, do: func(t *check, random *rand.Rand, j *job, _ *vmNet) {
			if said, err := t.virtctl("migrate", randomVM, "-n", "default"); err != nil {
				t.fail("virtctl: %v\n%s", err, said)
			}
			time.Sleep(time.Duration(random.Int63n(int64(8 * time.Second))))
			j.signal(syscall.SIGKILL)
		}},
	}
}

// ofAnyRun are the processes of runs on the node, in their debug pods and beside them.
func (n *vmNet) ofAnyRun() []string {
	return n.processes(func(string, int, string) bool { return true })
}

// randomCase is one kill as it is drawn.
type randomCase struct {
	number int
	kind   randomKill
	fault  []string
	shell  string
	// moment is when it falls, in times that a run takes until its fault is in place: before, or a little after.
	moment float64
	// random is what the kill itself draws from.
	random *rand.Rand
}

func drawCase(seed int64, number int) randomCase {
	random := drawing(seed, randomKillsName, number)
	var kinds []randomKill
	for _, kind := range randomKillKinds() {
		kinds = append(kinds, slices.Repeat([]randomKill{kind}, kind.weight)...)
	}
	faults := [][]string{{"netem", randomVM, "--bandwidth", "4Mbit"}, {"filter", randomVM, "--ports", "80", "--engine", "nft"}}
	return randomCase{
		number: number, kind: kinds[random.Intn(len(kinds))], fault: faults[random.Intn(len(faults))], shell: shellNames[random.Intn(len(shellNames))],
		moment: random.Float64() * 2, random: random,
	}
}

func (t *check) randomKills(kills int) {
	seed, first := randomSeed(), 0
	if one, err := strconv.Atoi(os.Getenv(caseVariable)); err == nil {
		first, kills = one, 1
	}
	fmt.Printf("# random kills: seed %d\n", seed)
	t.must(t.awaitGuest(randomVM, 3*time.Minute))
	whole := t.injectionTakes()
	n := t.network(randomVM)
	made, hits := 0, 0
	for number := first; number < first+kills; number++ {
		if timeIsUp() {
			t.progress.leaveOut(fmt.Sprintf("%s was through (%d of %d kills)", randomKillsName, made, kills))
			break
		}
		one := drawCase(seed, number)
		at := time.Duration(one.moment * float64(whole))
		if problem := t.attempt(func() {
			if t.randomKill(n, one, at) {
				hits++
			}
		}); problem != "" {
			t.fail("kill %d (%s, %s under %s, %v after its start): %s\nthe same again: %s=%d %s=%d tests/run kubevirt test %s",
				number, one.kind.name, one.fault[0], one.shell, at, problem, seedVariable, seed, caseVariable, number, randomKillsName)
		}
		made++
		if one.kind.ends || one.kind.moves {
			n = t.network(randomVM)
		}
	}
	fmt.Printf("# %d random kills, %d of them hit a fault that was in place\n", made, hits)
	t.table.random = fmt.Sprintf("%d kills at a random moment, drawn by seed %d: %d hit a fault that was in place, the others the way there", made, seed, hits)
	// Half of them would, if every run took the same time.
	if made == 0 || made >= 10 && hits < made/10 {
		t.fail("%d of %d kills hit a fault that was in place", hits, made)
	}
}

// injectionTakes is how long a run takes until its fault is in place.
func (t *check) injectionTakes() time.Duration {
	began := time.Now()
	j := t.hold([]string{"netem", randomVM, "--bandwidth", "4Mbit"}, "bash")
	t.says(j, "injected on")
	took := time.Since(began)
	j.signal(syscall.SIGINT)
	if code := j.end(); code != 130 {
		t.fail("exit %d\n%s", code, j.stderr())
	}
	return took
}

// randomKill lets one happen to a run, waits until the kernel has nothing of the run any more, and says whether a fault was in place.
func (t *check) randomKill(n *vmNet, one randomCase, at time.Duration) (hit bool) {
	kind := one.kind
	t.removePods()
	t.must(t.awaitGuest(randomVM, 3*time.Minute))
	before, uid := n.picture(), t.uid(randomVM)
	j := t.hold(one.fault, one.shell)
	time.Sleep(at)
	hit = len(n.ours()) > 0
	// Before it has said anything it need not have come to handle signals.
	wordless := j.stderr() == ""
	began := time.Now()
	kind.do(t, one.random, j, n)
	if kind.lasts {
		time.Sleep(time.Duration(one.random.Int63n(int64(time.Second))))
		j.signal(syscall.SIGINT)
	}
	places := []*vmNet{n}
	if kind.moves {
		t.noMigration()
		places = append(places, t.network(randomVM))
		began = time.Now()
	}
	clean := func() bool {
		return !slices.ContainsFunc(places, func(n *vmNet) bool { return len(n.ours()) > 0 || len(n.leftovers()) > 0 })
	}
	left := func() string {
		var told []string
		for _, n := range places {
			told = append(told, fmt.Sprintf("on %s %q, processes\n%s", n.node.name, n.ours(), n.described(n.leftovers())))
		}
		return strings.Join(told, "\n")
	}
	if err := until(silent, "nothing of the run is left", clean); err != nil {
		t.fail("%v: %s\n%s", err, left(), j.stderr())
	}
	took := time.Since(began)
	code := j.end()
	// Whoever says that everything is back must be right at that moment.
	if code != 3 && !clean() {
		t.fail("exit %d, and it came back: %s\n%s", code, left(), j.stderr())
	}
	if !slices.Contains(kind.codes, code) && !(wordless && code == killed) {
		t.fail("exit %d\n%s\n%s", code, j.stderr(), j.out.String())
	}
	t.until(patience, "no debug pod runs", func() bool {
		pods, err := t.debugPods()
		return err == nil && !live(pods)
	})
	// One that had only begun to start may have come later.
	if !clean() {
		t.fail("exit %d, and it came later: %s\n%s", code, left(), j.stderr())
	}
	t.asBefore(n, kind, before, uid)
	end := "killed"
	if code >= 0 {
		end = fmt.Sprintf("exit %d", code)
	}
	t.table.add("at a random moment: "+kind.name, took, end)
	return hit
}

// noMigration waits until none of any guest is under way.
func (t *check) noMigration() {
	t.until(3*time.Minute, "no migration is under way", func() bool {
		all, err := t.api.list(vmims, "default", "")
		return err == nil && !slices.ContainsFunc(all, func(one unstructured.Unstructured) bool {
			return !slices.Contains([]string{"Succeeded", "Failed"}, text(&one, "status", "phase"))
		})
	})
}

// asBefore holds that the guest is what it was, as far as the kill lets it be.
func (t *check) asBefore(n *vmNet, kind randomKill, before, uid string) {
	switch {
	case kind.ends:
		t.renewed(randomVM, uid)
		n = t.network(randomVM)
	case kind.moves:
		if now := t.uid(randomVM); now != uid {
			t.fail("the VMI is another one: %s, and it was %s", now, uid)
		}
		n = t.network(randomVM)
	default:
		t.same(before, n.picture())
	}
	if left := n.ours(); len(left) > 0 {
		t.fail("the guest has %q", left)
	}
	t.answers(n)
}
