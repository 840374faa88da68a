package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// cluster is everything that runs, as its first process sees it.
type cluster struct {
	folder string
	// bin is where Debian's packages with containerd, runc and the CNI plugins were unpacked.
	bin     string
	program string
	ca      *authority
	nodes   []*node
	parts   map[string]*exec.Cmd
	api     *api
	began   time.Time
	table   table
	seen    outcomes
	// made counts the guests that were made for one test each.
	made int
	// doorClient reaches a machine's door as the administrator.
	doorClient *http.Client
	// needsMachine says whether a node that is a machine of its own is wanted.
	needsMachine bool
	// emulated tells once whether the VM on the machine is up.
	emulated        chan error
	emulatedListens bool
	progress        progress
}

// inside brings the cluster up and runs the suite, as the first process of the namespaces that hold all of it.
func inside(args []string) int {
	c := &cluster{folder: args[0], bin: os.Getenv("VMCHAOS_CLUSTER_BIN"), parts: map[string]*exec.Cmd{}, began: time.Now()}
	c.progress.began = c.began
	c.progress.begin("the cluster's start")
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		return 1
	}
	c.program = program
	words := args[2:]
	if c.needsMachine = args[1] == "up"; !c.needsMachine {
		all, err := tests()
		if err != nil {
			fmt.Fprintln(os.Stderr, "cluster:", err)
			return 1
		}
		chosen := choose(all, words)
		c.needsMachine = slices.ContainsFunc(onNetem(), func(one test) bool {
			return slices.ContainsFunc(chosen, func(other test) bool { return other.name == one.name })
		})
	}
	if args[1] != "up" {
		go c.progress.watch()
	}
	if err := c.up(); err != nil {
		fmt.Fprintln(os.Stderr, "cluster: not up:", err)
		c.tails()
		return 1
	}
	c.say("the cluster is up")
	if args[1] == "up" {
		pid, _ := os.ReadFile(filepath.Join(c.folder, "pid"))
		fmt.Printf("nsenter --target %s --mount --net env HOME=%s KUBECONFIG=%s kubectl get pods -A\n", pid, c.folder, c.pki("admin.kubeconfig"))
		if err := c.bootEmulated(); err != nil {
			c.say("%s is not up: %v", emulated, err)
		}
		select {}
	}
	return c.suite(words)
}

func (c *cluster) say(format string, args ...any) {
	fmt.Printf("# %5.1f s  %s\n", time.Since(c.began).Seconds(), fmt.Sprintf(format, args...))
}

func (c *cluster) up() error {
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"mounts", c.mounts}, {"network", c.network}, {"certificates", c.certificates}, {"nodes", c.startNodes},
		{"control plane and images", func() error { return atOnce(c.controlPlane, c.images) }}, {"nodes Ready", c.nodesReady},
		{"KubeVirt and the machine's disk", func() error { return atOnce(c.kubevirt, c.startMachine) }}, {"guests", c.guests},
	} {
		c.progress.begin("the cluster's start: " + step.name)
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		c.say("%s", step.name)
	}
	return nil
}

func (c *cluster) mounts() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	return os.MkdirAll(filepath.Join(c.folder, "log"), 0o755)
}

// network lays a bridge between the control plane and the nodes:
//
//	control plane 10.80.0.1 -- br0 -- node-1 10.80.0.11 -- cni0 10.81.1.0/24 pods
//	                               -- node-2 10.80.0.12 -- cni0 10.81.2.0/24 pods
func (c *cluster) network() error {
	script := `set -e
ip link set lo up
ip link add br0 type bridge forward_delay 0 mcast_snooping 0
ip addr add 10.80.0.1/24 dev br0
ip addr add fd00:80::1/64 dev br0 nodad
ip link set br0 up
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
mkdir -p /run/netns
`
	for number := 1; number <= 2; number++ {
		n := &node{name: fmt.Sprintf("node-%d", number), number: number}
		n.folder = filepath.Join(c.folder, n.name)
		c.nodes = append(c.nodes, n)
		script += strings.NewReplacer("NODE", n.name, "NUMBER", fmt.Sprint(10+number), "PODS4", n.pods4(), "PODS6", n.pods6()).Replace(`
ip netns add NODE
ip link add v-NODE type veth peer name eth0 netns NODE
ip link set v-NODE master br0 up
ip -n NODE link set lo up
ip -n NODE link set eth0 up
ip -n NODE addr add 10.80.0.NUMBER/24 dev eth0
ip -n NODE addr add fd00:80::NUMBER/64 dev eth0 nodad
ip -n NODE route add default via 10.80.0.1
ip -n NODE route add default via fd00:80::1
ip netns exec NODE sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
ip route add PODS4 via 10.80.0.NUMBER
ip route add PODS6 via fd00:80::NUMBER
`)
	}
	if c.needsMachine {
		n := &node{name: "node-3", number: 3, machine: true}
		n.folder = filepath.Join(c.folder, n.name)
		c.nodes = append(c.nodes, n)
	}
	return run("sh", "-c", script)
}

// hosts are the nodes of this kernel.
func (c *cluster) hosts() []*node {
	return slices.DeleteFunc(slices.Clone(c.nodes), func(n *node) bool { return n.machine })
}

// startNodes starts them before there is an API server: their kubelets try until there is.
func (c *cluster) startNodes() error {
	for _, n := range c.hosts() {
		if err := os.MkdirAll(n.folder, 0o755); err != nil {
			return err
		}
		if err := n.write(c.ca, c.bin); err != nil {
			return err
		}
		if err := n.linkKubeVirtImages(); err != nil {
			return err
		}
		log, err := os.Create(filepath.Join(c.folder, "log", n.name+".log"))
		if err != nil {
			return err
		}
		command := exec.Command("nsenter", "--net=/run/netns/"+n.name, "--", c.program, "node", n.folder, n.name, n.address())
		command.Stdout, command.Stderr = log, log
		command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
		err = command.Start()
		log.Close()
		if err != nil {
			return err
		}
		n.pid = command.Process.Pid
		c.parts[n.name] = command
	}
	return nil
}

func (c *cluster) nodesReady() error {
	return until(90*time.Second, "the nodes are Ready", func() bool {
		return !slices.ContainsFunc(c.hosts(), func(n *node) bool { return !c.ready(n) })
	})
}

// ready says whether a node is.
func (c *cluster) ready(n *node) bool {
	object, err := c.api.get(nodes, "", n.name)
	return err == nil && condition(object, "Ready") == "True"
}

// tails shows the end of every log: what there is to see when something does not start.
func (c *cluster) tails() {
	logs, _ := filepath.Glob(filepath.Join(c.folder, "log", "*"))
	for _, log := range logs {
		out, _ := exec.Command("tail", "-n", "3", log).CombinedOutput()
		fmt.Fprintf(os.Stderr, "--- %s\n%s", filepath.Base(log), out)
	}
}

// kubectl is that command as the administrator. What it keeps of the API is kept in the cluster's folder.
func (c *cluster) kubectl(args ...string) *exec.Cmd {
	return exec.Command("kubectl", append([]string{"--kubeconfig", c.pki("admin.kubeconfig"), "--cache-dir", filepath.Join(c.folder, "kubectl")}, args...)...)
}

// run is a command whose output matters only when it fails.
func run(name string, args ...string) error {
	_, err := output(name, args...)
	return err
}

func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// atOnce does all of it at the same time, and returns what failed.
func atOnce(all ...func() error) error {
	var group sync.WaitGroup
	failed := make([]error, len(all))
	for i, one := range all {
		group.Go(func() { failed[i] = one() })
	}
	group.Wait()
	return errors.Join(failed...)
}

// until waits for what cannot be watched; the limit is patience, never a measure.
func until(limit time.Duration, what string, is func() bool) error {
	context, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for !is() {
		if context.Err() != nil {
			return fmt.Errorf("never happened within %v: %s", limit, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}
