package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// keeper is the pod through which a node that is a machine is reached: nothing else enters it from outside.
const keeper = "node-keeper"

// startMachine boots a node with Debian's cloud kernel, which has netem, cgroup version 2 and systemd. It takes a while
// without hardware virtualization: whoever needs it waits in machineReady.
func (c *cluster) startMachine(launcher, images string) error {
	n := &node{name: "node-3", number: 3, machine: true}
	n.folder = filepath.Join(c.folder, n.name)
	if err := os.MkdirAll(n.folder, 0o755); err != nil {
		return err
	}
	if err := n.write(c.ca, c.bin); err != nil {
		return err
	}
	out := filepath.Join(c.folder, "machine")
	if err := run(filepath.Join(os.Getenv("VMCHAOS_CLUSTER_SOURCES"), "image", "machine.sh"), os.Getenv("VMCHAOS_CLUSTER_KERNEL"), launcher, c.program, c.bin,
		n.folder, filepath.Join(c.folder, "pki"), images, os.Getenv("VMCHAOS_CLUSTER_SYSTEMD"), out); err != nil {
		return err
	}
	if err := run("sh", "-ec", fmt.Sprintf(`ip tuntap add dev v-node-3 mode tap
ip link set v-node-3 master br0 up
ip route add %s via %s
ip route add %s via fd00:80::13`, n.pods4(), n.address(), n.pods6())); err != nil {
		return err
	}
	kernels, err := filepath.Glob(filepath.Join(os.Getenv("VMCHAOS_CLUSTER_KERNEL"), "boot", "vmlinuz-*"))
	if err != nil || len(kernels) == 0 {
		return fmt.Errorf("no kernel: %v", err)
	}
	log, err := os.Create(filepath.Join(c.folder, "log", "node-3.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command("nice", "-n", "5", "qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "2048",
		"-cpu", "max,-la57,-smap,-smep,-erms,-fsrm,-avx,-avx2", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
		"-kernel", kernels[0], "-initrd", filepath.Join(out, "initrd"), "-append", "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off norandmaps nokaslr",
		"-drive", "if=virtio,format=raw,cache=unsafe,file="+filepath.Join(out, "disk"),
		"-netdev", "tap,id=net0,ifname=v-node-3,script=no,downscript=no", "-device", "virtio-net-pci,netdev=net0,mac=02:00:00:00:80:13,romfile=")
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return err
	}
	c.parts[n.name] = command
	c.nodes = append(c.nodes, n)
	return nil
}

// machineReady waits for the machine and for the pod through which it is reached.
func (c *cluster) machineReady(n *node) error {
	if err := until(5*time.Minute, n.name+" is Ready and has the images", func() bool {
		object, err := c.api.get(nodes, "", n.name)
		if err != nil || condition(object, "Ready") != "True" {
			return false
		}
		images, _, _ := unstructured.NestedSlice(object.Object, "status", "images")
		return strings.Contains(fmt.Sprint(images), launcherImage)
	}); err != nil {
		return err
	}
	if _, err := c.api.create(pods, "kubevirt", object{
		"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": keeper},
		"spec": object{"nodeName": n.name, "hostPID": true, "terminationGracePeriodSeconds": int64(0), "automountServiceAccountToken": false, "containers": []any{object{
			"name": "keeper", "image": launcherImage, "imagePullPolicy": "IfNotPresent", "command": []any{"/usr/bin/sleep", "infinity"}, "securityContext": object{"privileged": true},
		}}},
	}); err != nil {
		return err
	}
	return until(3*time.Minute, "the keeper of "+n.name+" runs", func() bool {
		pod, err := c.api.get(pods, "kubevirt", keeper)
		return err == nil && text(pod, "status", "phase") == "Running"
	})
}

// inMachine runs a command on a machine, with what it reads.
func (c *cluster) inMachine(input string, argv ...string) (string, error) {
	command := c.machineCommand(argv...)
	command.Stdin = strings.NewReader(input)
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		return string(out), fmt.Errorf("on the machine: %s: %w: %s", strings.Join(argv, " "), err, complaint.String())
	}
	return string(out), nil
}

func (c *cluster) machineCommand(argv ...string) *exec.Cmd {
	command := exec.Command("kubectl", append([]string{"--kubeconfig", c.pki("admin.kubeconfig"), "--cache-dir", c.folder + "/kubectl", "exec", "-i", "-n", "kubevirt", keeper, "--"}, argv...)...)
	// Over WebSocket kubectl 1.32 may discard what comes before it has set up its streams, and says so on stderr.
	command.Env = append(os.Environ(), "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false")
	return command
}

// wireInMachine makes the network of a launcher pod there and starts its guest.
func (c *cluster) wireInMachine(pod *unstructured.Unstructured, binding, mac string) error {
	pid, err := c.computePidInMachine(pod)
	if err != nil {
		return err
	}
	script, err := os.ReadFile(filepath.Join(os.Getenv("VMCHAOS_CLUSTER_SOURCES"), "image", "wire.sh"))
	if err != nil {
		return err
	}
	told, err := c.inMachine(string(script), "nsenter", "--target", pid, "--net", "--", "bash", "-s", binding, mac)
	if err != nil {
		return err
	}
	_, err = c.inMachine(machineWords+told, "bash", "-ec", "cat >/proc/"+pid+"/root/tmp/guest.new; mv /proc/"+pid+"/root/tmp/guest.new /proc/"+pid+"/root/tmp/guest")
	return err
}

func (c *cluster) computePidInMachine(pod *unstructured.Unstructured) (string, error) {
	id := computeID(pod)
	if id == "" {
		return "", fmt.Errorf("%s: its compute container has no identifier", pod.GetName())
	}
	found, err := c.inMachine("", "bash", "-c", "grep -ls "+id+" /proc/[0-9]*/cgroup | sort -t/ -k3n | head -n 1 | cut -d/ -f3")
	if err == nil && strings.TrimSpace(found) == "" {
		err = fmt.Errorf("%s: its compute container has no process", pod.GetName())
	}
	return strings.TrimSpace(found), err
}
