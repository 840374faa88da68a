package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// nodeInit is the first process of a node: it mounts what a node has to itself, keeps containerd and the kubelet
// running as an init system would, and reaps. ARGS: the node's folder, its name, its address.
func nodeInit(args []string) {
	folder, name := args[0], args[1]
	must("the node's mounts", nodeMounts(folder))
	if !underSystemd() {
		must("the node's cgroup", joinCgroup(filepath.Base(filepath.Dir(folder))+"/"+name+"/init"))
	}
	bin := os.Getenv("VMCHAOS_CLUSTER_BIN")
	path := "PATH=" + bin + "/usr/bin:" + bin + "/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
	config := func(file string) string { return filepath.Join(folder, file) }
	services := []*service{
		{name: "containerd", argv: []string{bin + "/usr/bin/containerd", "--config", config("containerd.toml"), "--log-level", "warn"}},
		{name: "kubelet", argv: []string{kubernetes(), "kubelet", "--config", config("kubelet.yaml"), "--kubeconfig", config("kubelet.kubeconfig"),
			"--hostname-override", name, "--node-ip", args[2], "--root-dir", "/var/lib/kubelet",
			"--cert-dir", "/var/lib/kubelet/pki", "--v", "1"}},
	}
	if underSystemd() {
		services = append(services, &service{name: "door", argv: []string{"/proc/self/exe", "door", name, args[2], filepath.Join(filepath.Dir(folder), "pki")}})
	}
	if images := os.Getenv("VMCHAOS_CLUSTER_IMAGES"); images != "" {
		// A kubelet would ask a registry for those that are not there yet.
		importer := "until " + bin + "/usr/bin/ctr version; do sleep 0.2; done; for images in " + images + "/*; do " + bin + "/usr/bin/ctr --namespace k8s.io images import $images; done"
		images := &service{name: "images", once: true, argv: []string{"/bin/sh", "-c", importer}}
		services[1].after = images
		services = append(services, images)
	}
	for {
		for _, s := range services {
			if s.pid == 0 && !(s.once && s.started) && time.Now().After(s.notBefore) && (s.after == nil || s.after.started && s.after.pid == 0) {
				must("starting "+s.name, s.start(folder, path))
			}
		}
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err != nil || pid <= 0 {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		for _, s := range services {
			if s.pid == pid {
				// As systemd's RestartSec.
				s.pid, s.notBefore = 0, time.Now().Add(time.Second)
			}
		}
	}
}

// underSystemd says whether the node's first process is systemd, which then makes all cgroups.
func underSystemd() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil
}

// tunDevice is a node's /dev/net/tun.
const tunDevice = "/run/tun"

// service is a program the node keeps running.
type service struct {
	name string
	argv []string
	pid  int
	// once says that it is not started again.
	once, started bool
	// after is one that ends before this is started; nil where none has to.
	after     *service
	notBefore time.Time
}

func (s *service) start(folder, path string) error {
	log, err := os.OpenFile(filepath.Join(filepath.Dir(folder), "log", filepath.Base(folder)+"-"+s.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	process, err := os.StartProcess(s.argv[0], append([]string{s.name}, s.argv[1:]...), &os.ProcAttr{
		Env: []string{path, "HOME=/root"}, Files: []*os.File{nil, log, log}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return err
	}
	s.pid, s.started = process.Pid, true
	return process.Release()
}

// nodeMounts gives the node a /proc for its PID namespace, and places of its own where containerd and the kubelet
// write to fixed paths.
func nodeMounts(folder string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	for _, path := range []string{"/run", "/var/lib", "/var/log"} {
		// Its own folder may be below, and systemd's sockets are in /run: they stay reachable.
		if strings.HasPrefix(folder, path+"/") || path == "/run" && underSystemd() {
			continue
		}
		if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := os.MkdirAll("/var/lib/kubelet", 0o755); err != nil {
		return err
	}
	if !underSystemd() {
		if err := keepSysctls(); err != nil {
			return fmt.Errorf("%s: %w", sysctls, err)
		}
	}
	// Some machines keep the host's own from everybody but root; a node's is everybody's.
	if err := syscall.Mknod(tunDevice, syscall.S_IFCHR|0o666, 10<<8|200); err != nil {
		return fmt.Errorf("%s: %w", tunDevice, err)
	}
	if err := os.Chmod(tunDevice, 0o666); err != nil {
		return err
	}
	if err := syscall.Mount(tunDevice, "/dev/net/tun", "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("/dev/net/tun: %w", err)
	}
	// Volumes are mounted by the kubelet and seen by containerd: one peer group, as systemd sets it up.
	return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, "")
}

// joinCgroup makes a cgroup in every hierarchy and moves this process there.
func joinCgroup(path string) error {
	for _, hierarchy := range hierarchies() {
		at := hierarchy
		for _, part := range strings.Split(path, "/") {
			parent := at
			// Version 2: children have only those controllers that their parent hands down.
			if controllers, err := os.ReadFile(filepath.Join(parent, "cgroup.controllers")); err == nil {
				for _, controller := range strings.Fields(string(controllers)) {
					_ = os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
				}
			}
			at = filepath.Join(at, part)
			if err := os.Mkdir(at, 0o755); err != nil && !os.IsExist(err) {
				return err
			}
			// A cpuset takes no process before it has processors and memory.
			for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
				if set, err := os.ReadFile(filepath.Join(parent, file)); err == nil && strings.HasSuffix(hierarchy, "cpuset") {
					_ = os.WriteFile(filepath.Join(at, file), set, 0o644)
				}
			}
		}
		if err := os.WriteFile(filepath.Join(at, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return nil
}

// must ends the process with what failed.
func must(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "cluster: %s: %v\n", what, err)
		os.Exit(1)
	}
}

// pause is one step of a poll of the kernel.
func pause() { time.Sleep(10 * time.Millisecond) }
