package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// startMachine boots a node with Debian's cloud kernel, which has netem, cgroup version 2 and systemd. It takes a while
// without hardware virtualization: whoever needs it waits in machineReady.
func (c *cluster) startMachine(launcher string, images []string) error {
	n := &node{name: "node-3", number: 3, machine: true}
	n.folder = filepath.Join(c.folder, n.name)
	if err := os.MkdirAll(n.folder, 0o755); err != nil {
		return err
	}
	if err := n.write(c.ca, c.bin); err != nil {
		return err
	}
	admin, err := mutualTLS(c.pki(""), "admin")
	if err != nil {
		return err
	}
	c.doorClient = &http.Client{Transport: &http.Transport{TLSClientConfig: admin}}
	out := filepath.Join(c.folder, "machine")
	if err := run(filepath.Join(os.Getenv("VMCHAOS_CLUSTER_SOURCES"), "image", "machine.sh"), append([]string{os.Getenv("VMCHAOS_CLUSTER_KERNEL"), launcher, c.program, kubernetes(), c.bin,
		n.folder, filepath.Join(c.folder, "pki"), os.Getenv("VMCHAOS_CLUSTER_SYSTEMD"), out}, images...)...); err != nil {
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
	command := exec.Command("nice", "-n", "5", "qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "3072",
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

// machineReady waits for the machine, which starts its kubelet once the images are there.
func (c *cluster) machineReady(n *node) error {
	return until(10*time.Minute, n.name+" is Ready", func() bool { return c.ready(n) })
}

// wireInMachine makes the network of a launcher pod there and starts its guest.
func (c *cluster) wireInMachine(n *node, pod *unstructured.Unstructured, binding, mac string) error {
	pid, err := c.computePidInMachine(n, pod)
	if err != nil {
		return err
	}
	script, err := os.ReadFile(filepath.Join(os.Getenv("VMCHAOS_CLUSTER_SOURCES"), "image", "wire.sh"))
	if err != nil {
		return err
	}
	told, err := c.inMachine(n, string(script), "nsenter", "--target", pid, "--net", "--", "bash", "-s", binding, mac)
	if err != nil {
		return err
	}
	_, err = c.inMachine(n, machineWords+told, "bash", "-ec", "cat >/proc/"+pid+"/root/tmp/guest.new; mv /proc/"+pid+"/root/tmp/guest.new /proc/"+pid+"/root/tmp/guest")
	return err
}
