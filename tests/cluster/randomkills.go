package main

import (
	"fmt"
	"hash/fnv"
	"math/rand"
	"os"
	"slices"
	"strconv"
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

// randomSeed is the one in VMCHAOS_CLUSTER_SEED, else the sample's, else a new one.
func randomSeed() int64 {
	if seed, err := strconv.ParseInt(os.Getenv("VMCHAOS_CLUSTER_SEED"), 10, 64); err == nil {
		return seed
	}
	if sample() == "" {
		return time.Now().UnixNano()
	}
	hash := fnv.New32a()
	hash.Write([]byte(sample()))
	return int64(hash.Sum32())
}

// randomKill is something that ends a run, or a part of it.
type randomKill struct {
	name string
	do   func(t *check, random *rand.Rand, j *job, n *vmNet)
	// ends says that the VMI is another one afterwards, moves that it is elsewhere.
	ends, moves bool
	// lasts says that the run may go on: it is interrupted a moment later.
	lasts bool
	// weight is how often it is drawn, next to the others.
	weight int
}

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
		{name: "command KILL", weight: 4, do: signal(syscall.SIGKILL)}, {name: "command TERM", weight: 2, do: signal(syscall.SIGTERM)},
		{name: "command INT", weight: 2, do: signal(syscall.SIGINT)}, {name: "command HUP", weight: 2, do: signal(syscall.SIGHUP)},
		{name: "command INT, INT", weight: 2, do: signal(syscall.SIGINT, syscall.SIGINT)}, {name: "command STOP, KILL", weight: 2, do: signal(syscall.SIGSTOP, syscall.SIGKILL)},
		{name: "debug pod force-deleted", weight: 3, do: func(t *check, _ *rand.Rand, _ *job, _ *vmNet) { t.removeDebugPods() }, lasts: true},
		{name: "debug pod's containers", weight: 3, lasts: true, do: func(t *check, _ *rand.Rand, _ *job, _ *vmNet) {
			all, err := t.api.list(pods, "kubevirt", "app.kubernetes.io/managed-by=kubectl-vmchaos")
			t.must(err)
			for i := range all {
				t.killContainer(string(all[i].GetUID()))
			}
		}},
		{name: "one process of the run", weight: 4, lasts: true, do: func(_ *check, random *rand.Rand, _ *job, n *vmNet) {
			if all := n.ofAnyRun(); len(all) > 0 {
				n.kill("KILL", all[random.Intn(len(all))])
			}
		}},
		{name: "some processes of the run", weight: 4, lasts: true, do: func(_ *check, random *rand.Rand, _ *job, n *vmNet) {
			n.kill("KILL", slices.DeleteFunc(n.ofAnyRun(), func(string) bool { return random.Intn(2) == 0 })...)
		}},
		{name: "launcher deleted", weight: 1, ends: true, lasts: true, do: func(t *check, _ *rand.Rand, _ *job, _ *vmNet) {
			pod, err := t.launcher(randomVM)
			t.must(err)
			t.must(t.api.remove(pods, "default", pod.GetName(), -1))
		}},
		{name: "VMI deleted", weight: 1, ends: true, lasts: true, do: func(t *check, _ *rand.Rand, _ *job, _ *vmNet) {
			t.must(t.api.remove(vmis, "default", randomVM, -1))
		}},
		{name: "migration, command KILL (from the migration's end)", weight: 1, moves: true, do: func(t *check, random *rand.Rand, j *job, _ *vmNet) {
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

func (t *check) randomKills(kills int) {
	seed := randomSeed()
	fmt.Printf("# random kills: seed %d\n", seed)
	random := rand.New(rand.NewSource(seed))
	var drawnFrom []randomKill
	for _, kind := range randomKillKinds() {
		for range kind.weight {
			drawnFrom = append(drawnFrom, kind)
		}
	}
	faults := [][]string{{"netem", randomVM, "--bandwidth", "4Mbit"}, {"filter", randomVM, "--ports", "80", "--engine", "nft"}}
	t.must(t.awaitGuest(randomVM, 3*time.Minute))
	n := t.network(randomVM)
	// How long a run takes until its fault is in place: a kill falls before, or a little after.
	began := time.Now()
	j := t.hold(faults[0], "bash")
	t.says(j, "injected on")
	whole := time.Since(began) * 3 / 2
	j.signal(syscall.SIGINT)
	j.end()
	for number := range kills {
		kind, fault, shell := drawnFrom[random.Intn(len(drawnFrom))], faults[random.Intn(len(faults))], shellNames[random.Intn(len(shellNames))]
		at := time.Duration(random.Int63n(int64(whole)))
		if problem := t.attempt(func() { t.randomKill(n, kind, fault, shell, at, random) }); problem != "" {
			t.fail("seed %d, kill %d (%s, %s under %s, %v after its start): %s", seed, number, kind.name, fault[0], shell, at, problem)
		}
		if kind.ends || kind.moves {
			n = t.network(randomVM)
		}
	}
}

// randomKill lets one happen to a run, and waits until the kernel has nothing of the run any more.
func (t *check) randomKill(n *vmNet, kind randomKill, fault []string, shell string, at time.Duration, random *rand.Rand) {
	t.removePods()
	t.must(t.awaitGuest(randomVM, 3*time.Minute))
	before, uid := n.picture(), t.uid(randomVM)
	j := t.hold(fault, shell)
	time.Sleep(at)
	began := time.Now()
	kind.do(t, random, j, n)
	if kind.lasts {
		time.Sleep(time.Duration(random.Int63n(int64(time.Second))))
		j.signal(syscall.SIGINT)
	}
	places := []*vmNet{n}
	if kind.moves {
		t.until(3*time.Minute, "no migration is under way", func() bool {
			all, err := t.api.list(vmims, "default", "")
			return err == nil && !slices.ContainsFunc(all, func(one unstructured.Unstructured) bool {
				return !slices.Contains([]string{"Succeeded", "Failed"}, text(&one, "status", "phase"))
			})
		})
		places = append(places, t.network(randomVM))
		began = time.Now()
	}
	clean := func() bool {
		return !slices.ContainsFunc(places, func(n *vmNet) bool { return len(n.ours()) > 0 || len(n.leftovers()) > 0 })
	}
	if err := until(silent, "nothing of the run is left", clean); err != nil {
		t.fail("%v: %q, processes\n%s\n%s", err, n.ours(), n.described(n.leftovers()), j.stderr())
	}
	took := time.Since(began)
	code := j.end()
	// Whoever says that everything is back must be right at that moment.
	if code != 3 && !clean() {
		t.fail("exit %d, and it came back: %q\n%s", code, n.ours(), j.stderr())
	}
	t.until(patience, "no debug pod runs", func() bool {
		pods, err := t.debugPods()
		return err == nil && !live(pods)
	})
	// One that had only begun to start may have come later.
	if !clean() {
		t.fail("exit %d, and it came later: %q\n%s", code, n.ours(), j.stderr())
	}
	switch {
	case kind.ends:
		t.renewed(randomVM, uid)
	case !kind.moves:
		t.same(before, n.picture())
		t.answers(n)
	}
	end := "killed"
	if code >= 0 {
		end = fmt.Sprintf("exit %d", code)
	}
	t.table.add("at a random moment: "+kind.name, took, end)
}
