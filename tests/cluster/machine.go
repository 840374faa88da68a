package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// machine is the node that is a machine of its own.
func (c *cluster) machine() *node { return c.nodes[len(c.nodes)-1] }

// startMachine boots that node, if there is to be one, with Debian's cloud kernel, which has netem, cgroup version 2 and systemd.
// It takes a while without hardware virtualization: whoever needs it waits in machineReady.
func (c *cluster) startMachine() error {
	if !c.needsMachine {
		return nil
	}
	n := c.machine()
	if err := os.MkdirAll(n.folder, 0o755); err != nil {
		return err
	}
	if err := n.write(c.ca, c.bin); err != nil {
		return err
	}
	if err := n.linkKubeVirtImages(); err != nil {
		return err
	}
	admin, err := mutualTLS(c.pki(""), "admin")
	if err != nil {
		return err
	}
	c.doorClient = &http.Client{Transport: &http.Transport{TLSClientConfig: admin}}
	out := filepath.Join(c.folder, "machine")
	if err := run(filepath.Join(os.Getenv("VMCHAOS_CLUSTER_SOURCES"), "image", "machine.sh"), os.Getenv("VMCHAOS_CLUSTER_KERNEL"), c.toolsRoot(), c.program, kubernetes(), c.bin,
		n.folder, filepath.Join(c.folder, "pki"), os.Getenv("VMCHAOS_CLUSTER_SYSTEMD"), out, c.archive()); err != nil {
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
	return nil
}

// machineReady waits for the machine, which starts its kubelet once the images are there.
func (c *cluster) machineReady(n *node) error {
	return until(10*time.Minute, n.name+" is Ready", func() bool { return c.ready(n) })
}
