package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// vmNet is a VM's network namespace as its node's kernel has it.
type vmNet struct {
	// run is a command in the namespace, read is one on the node; a test in which one fails fails.
	run, read func(argv ...string) string
	inode     string
	// addresses are the guest's, IPv4 and IPv6; none where it takes too long to boot to be asked.
	addresses []string
	// seen is what the node itself sees of the fault; nil where asking it takes no time worth the name.
	seen func() sighting
	node *node
	// levels is how many process numbers a process inside the VM's pod has where read runs.
	levels int
	// limit is how long a fault may outlast what ends it: an emulated node is slow to ask and to answer.
	limit time.Duration
}

// network holds a VM's network namespace open, so that what is in it can be read whatever becomes of its processes.
func (t *check) network(vm string) *vmNet {
	if vm == emulated {
		t.must(t.emulatedUp())
	}
	pod, err := t.launcher(vm)
	t.must(err)
	on := t.nodeOf(pod)
	if on.machine {
		return t.networkInMachine(on, pod)
	}
	pid, err := t.computePid(pod)
	t.must(err)
	path := filepath.Join("/proc", pid, "ns", "net")
	file, err := os.Open(path)
	t.must(err)
	inode, err := os.Readlink(path)
	t.must(err)
	t.after(func() { file.Close() })
	read := func(argv ...string) string {
		var complaint strings.Builder
		command := exec.Command(argv[0], argv[1:]...)
		command.Stderr = &complaint
		out, err := command.Output()
		if err != nil {
			t.fail("%s: %v: %s", strings.Join(argv, " "), err, complaint.String())
		}
		return string(out)
	}
	run := func(argv ...string) string {
		return read(append([]string{"nsenter", fmt.Sprintf("--net=/proc/1/fd/%d", file.Fd()), "--"}, newest(argv)...)...)
	}
	return &vmNet{run: run, read: read, inode: inode, node: on, addresses: t.addresses(vm), levels: 3}
}

// newest is a command with the nft of KubeVirt's images: Debian 12's own (1.0.6) crashes on sets that a newer one has made.
func newest(argv []string) []string {
	root := os.Getenv(launcherRoot)
	if argv[0] != "nft" {
		return argv
	}
	libraries := root + "/usr/lib/x86_64-linux-gnu"
	return append([]string{libraries + "/ld-linux-x86-64.so.2", "--library-path", libraries, root + "/usr/sbin/nft"}, argv[1:]...)
}

// launcherRoot names the folder with what the launcher image is made of.
const launcherRoot = "VMCHAOS_CLUSTER_LAUNCHER_ROOT"

// networkInMachine is the same on a node that is a machine; there the guest's process keeps it open, and the guest is not asked.
func (t *check) networkInMachine(on *node, pod *unstructured.Unstructured) *vmNet {
	pid, err := t.computePidInMachine(on, pod)
	t.must(err)
	read := func(argv ...string) string {
		out, err := t.inMachine(on, "", argv...)
		t.must(err)
		return out
	}
	run := func(argv ...string) string {
		return read(append([]string{"nsenter", "--net=/proc/" + pid + "/ns/net", "--"}, argv...)...)
	}
	inode := strings.TrimSpace(read("readlink", "/proc/"+pid+"/ns/net"))
	return &vmNet{run: run, read: read, inode: inode, node: on, seen: t.watch(on, pid), levels: 2, limit: 20 * time.Second}
}

// sighting is whether a fault is there, and when it went if it had been there.
type sighting struct {
	there bool
	gone  time.Time
}

// watch looks into a network namespace on the machine for as long as the test takes: one command there, so that what is measured
// is the fault and not how long the machine takes to start a command.
func (t *check) watch(on *node, pid string) func() sighting {
	look := fmt.Sprintf("while sleep 0.2; do nsenter --net=/proc/%s/ns/net tc qdisc show | grep -cE '^qdisc (netem|tbf)'; done", pid)
	watching, stop := context.WithCancel(context.Background())
	t.after(stop)
	response, err := t.knock(watching, on, "", "bash", "-c", look)
	t.must(err)
	var mutex sync.Mutex
	var now sighting
	go func() {
		defer response.Body.Close()
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			mutex.Lock()
			if there := scanner.Text() != "0"; there {
				now = sighting{there: true}
			} else if now.there {
				now = sighting{gone: time.Now()}
			}
			mutex.Unlock()
		}
	}()
	return func() sighting {
		mutex.Lock()
		defer mutex.Unlock()
		return now
	}
}

func (t *check) addresses(vm string) []string {
	four, six, err := t.address(vm)
	t.must(err)
	return []string{four, six}
}

// answers holds that the guest is reached as before, over IPv4 and IPv6.
func (t *check) answers(n *vmNet) {
	for _, address := range n.addresses {
		if probe(address, 5) == 0 {
			t.fail("nothing comes back from %s any more", address)
		}
	}
}

// ours lists what kubectl-vmchaos has in place, asked of the kernel.
func (n *vmNet) ours() []string {
	var found []string
	for _, line := range strings.Split(n.run("tc", "qdisc", "show"), "\n") {
		if strings.HasPrefix(line, "qdisc netem") || strings.HasPrefix(line, "qdisc tbf") {
			found = append(found, line)
		}
	}
	for _, line := range strings.Split(n.run("nft", "list", "tables"), "\n") {
		if strings.Contains(line, "vmchaos") {
			found = append(found, line)
		}
	}
	return found
}

// picture is everything of traffic control and nftables in the namespace, without what counts.
func (n *vmNet) picture() string {
	qdiscs := n.run("tc", "qdisc", "show")
	for _, count := range []string{" refcnt ", " direct_packets_stat "} {
		qdiscs = dropped(qdiscs, count)
	}
	return qdiscs + n.run("nft", "--stateless", "list", "ruleset")
}

// dropped cuts a word and the number after it out of every line.
func dropped(text, word string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if before, after, found := strings.Cut(line, word); found {
			_, rest, _ := strings.Cut(after, " ")
			lines[i] = before + " " + rest
		}
	}
	return strings.Join(lines, "\n")
}

// runProcesses lists the processes of every run: number, network namespace, how many numbers, cgroups.
const runProcesses = `for f in $(grep -ls VMCHAOS_RUN= /proc/[0-9]*/environ | sort -t/ -k3n); do
	p=${f%/environ}
	n=$(readlink $p/ns/net) && l=$(sed -n "s/^NSpid://p" $p/status | wc -w) && c=$(tr "\n" , <$p/cgroup) && echo "${p#/proc/} $n $l $c"
done 2>/dev/null; true`

// processes are those of runs for which a condition holds, oldest first.
func (n *vmNet) processes(which func(namespace string, levels int, cgroups string) bool) []string {
	var found []string
	for _, line := range strings.Split(n.read("bash", "-c", runProcesses), "\n") {
		if fields := strings.Fields(line); len(fields) == 4 {
			levels, _ := strconv.Atoi(fields[2])
			if which(fields[1], levels, fields[3]) {
				found = append(found, fields[0])
			}
		}
	}
	return found
}

// leftovers are the processes of any run inside the VM's network namespace.
func (n *vmNet) leftovers() []string {
	return n.processes(func(namespace string, _ int, _ string) bool { return namespace == n.inode })
}

// sentinel is the first process of a run inside a VM: of those in its network namespace the oldest that has joined a PID
// namespace of the VM's pod.
func (t *check) sentinel(n *vmNet) string {
	all := n.processes(func(namespace string, levels int, _ string) bool { return namespace == n.inode && levels >= n.levels })
	if len(all) == 0 {
		t.fail("no process of the run is inside the VM's pod")
	}
	return all[0]
}

// agent lists the processes of the debug pods' containers, the first one first.
func (t *check) agent(n *vmNet) []string { return t.ofRun(n, true) }

// outsideAgent lists the processes of runs that have left the debug pods' cgroups: what ends a fault when the pod is gone.
func (t *check) outsideAgent(n *vmNet) []string { return t.ofRun(n, false) }

// ofRun lists the processes of runs inside or outside of the debug pods' cgroups.
func (t *check) ofRun(n *vmNet, inside bool) []string {
	all, err := t.api.list(pods, "kubevirt", "app.kubernetes.io/managed-by=kubectl-vmchaos")
	t.must(err)
	found := n.processes(func(_ string, _ int, cgroups string) bool {
		for i := range all {
			// Dashes mean something else in the names of systemd's slices.
			if strings.Contains(strings.ReplaceAll(cgroups, "_", "-"), string(all[i].GetUID())) {
				return inside
			}
		}
		return !inside
	})
	if len(found) == 0 {
		t.fail("the run has no process there (in the debug pod: %v)", inside)
	}
	return found
}

// kill sends a signal to processes of the node.
func (n *vmNet) kill(signal string, pids ...string) {
	if len(pids) > 0 {
		n.read("bash", "-c", "kill -"+signal+" "+strings.Join(pids, " ")+" || true")
	}
}

// described is what processes are, for the one who has to find out why they are there.
func (n *vmNet) described(pids []string) string {
	return n.read("bash", "-c", "ps -o pid,ppid,stat,wchan:20,args -p '"+strings.Join(pids, ",")+"' || true")
}

// debugPods are the run's pods, as "name phase".
func (c *cluster) debugPods() ([]string, error) {
	all, err := c.api.list(pods, "kubevirt", "app.kubernetes.io/managed-by=kubectl-vmchaos")
	var found []string
	for i := range all {
		found = append(found, all[i].GetName()+" "+text(&all[i], "status", "phase"))
	}
	return found, err
}

// live says whether a debug pod may still do something: it is neither gone nor ended.
func live(pods []string) bool {
	for _, pod := range pods {
		if !strings.HasSuffix(pod, " Succeeded") && !strings.HasSuffix(pod, " Failed") {
			return true
		}
	}
	return false
}
