package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// vmNet is a VM's network namespace, held open so that what is in it can be read whatever becomes of its processes.
type vmNet struct {
	file  *os.File
	inode string
}

func (t *check) network(vm string) *vmNet {
	pod, err := t.launcher(vm)
	t.must(err)
	pid, err := t.computePid(pod)
	t.must(err)
	path := filepath.Join("/proc", pid, "ns", "net")
	file, err := os.Open(path)
	t.must(err)
	inode, err := os.Readlink(path)
	t.must(err)
	t.after(func() { file.Close() })
	return &vmNet{file, inode}
}

func (n *vmNet) run(argv ...string) string {
	out, _ := exec.Command("nsenter", append([]string{fmt.Sprintf("--net=/proc/1/fd/%d", n.file.Fd()), "--"}, argv...)...).CombinedOutput()
	return string(out)
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

// leftovers are the processes of any run inside a VM's network namespace, oldest first.
func (t *check) leftovers(n *vmNet) []string {
	var found []string
	for _, pid := range processesIn("/") {
		if inode, err := os.Readlink(filepath.Join("/proc", pid, "ns", "net")); err != nil || inode != n.inode {
			continue
		}
		environment, err := os.ReadFile(filepath.Join("/proc", pid, "environ"))
		if err == nil && strings.Contains(string(environment), "VMCHAOS_RUN=") {
			found = append(found, pid)
		}
	}
	return found
}

// sentinel is the first process of a run inside a VM: of those in its network namespace the oldest that has joined a PID
// namespace of the VM's pod, below the control plane's and the node's.
func (t *check) sentinel(n *vmNet) string {
	for _, pid := range t.leftovers(n) {
		status, _ := os.ReadFile(filepath.Join("/proc", pid, "status"))
		for _, line := range strings.Split(string(status), "\n") {
			if strings.HasPrefix(line, "NSpid:") && len(strings.Fields(line)) >= 4 {
				return pid
			}
		}
	}
	t.fail("no process of the run is inside the VM's pod")
	return ""
}

// described is what processes are, for the one who has to find out why they are there.
func described(pids []string) string {
	out, _ := output("ps", append([]string{"-o", "pid,ppid,stat,wchan:20,args", "-p"}, strings.Join(pids, ","))...)
	return out
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

// agentProcesses are those of the debug pods' containers, oldest first, with the sandbox's left out.
func (t *check) agentProcesses() []string {
	var found []string
	all, err := t.api.list(pods, "kubevirt", "app.kubernetes.io/managed-by=kubectl-vmchaos")
	t.must(err)
	for i := range all {
		for _, pid := range processesIn(string(all[i].GetUID())) {
			if argv, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline")); err == nil && !strings.HasPrefix(string(argv), "/pause") {
				found = append(found, pid)
			}
		}
	}
	return found
}

func kill(signal string, pids ...string) {
	if len(pids) > 0 {
		_ = exec.Command("kill", append([]string{"-" + signal}, pids...)...).Run()
	}
}
