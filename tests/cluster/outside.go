package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// prefix of the folder and the cgroups of one cluster.
const prefix = "vmchaos-cluster-"

// outside starts the cluster in namespaces of its own (PID, mount, network), so that the kernel takes all of it away,
// whatever happens to it: the cluster lives in the process it starts, and that dies with this one.
func outside(command string, args []string) int {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "cluster: needs root: it makes namespaces, mounts and cgroups; run it with sudo")
		return 77
	}
	base := os.Getenv("VMCHAOS_CLUSTER_FOLDER")
	if base == "" {
		base = os.TempDir()
	}
	sweep(base)
	folder, err := os.MkdirTemp(base, prefix)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster: no folder to work in:", err)
		return 1
	}
	lock, err := lockFolder(folder)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		return 1
	}
	defer lock.Close()
	// The parent-death signal is sent when the thread that started the child ends.
	runtime.LockOSThread()
	child := exec.Command("/proc/self/exe", append([]string{"inside", folder, command}, args...)...)
	child.Stdin, child.Stdout, child.Stderr = nil, os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL,
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if err := child.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "cluster: no namespaces of its own:", err)
		return 1
	}
	// Its number where the user is; inside it is 1.
	_ = os.WriteFile(filepath.Join(folder, "pid"), []byte(strconv.Itoa(child.Process.Pid)), 0o644)
	stopped := false
	go func() {
		<-signals
		stopped = true
		_ = child.Process.Kill()
	}()
	err = child.Wait()
	if logs := os.Getenv("VMCHAOS_CLUSTER_LOGS"); logs != "" {
		_ = os.RemoveAll(logs)
		_ = exec.Command("cp", "-r", filepath.Join(folder, "log"), logs).Run()
	}
	remove(folder)
	switch {
	case stopped && command == "up":
		return 0
	case stopped:
		return 130
	case err != nil && child.ProcessState.ExitCode() > 0:
		return child.ProcessState.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, "cluster: ended:", err)
		return 1
	}
	return 0
}

// lockFolder marks a folder as in use for as long as this process lives.
func lockFolder(folder string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s is in use: %w", folder, err)
	}
	return lock, nil
}

// sweep removes what earlier clusters left whose process is gone.
func sweep(base string) {
	folders, _ := filepath.Glob(filepath.Join(base, prefix+"*"))
	for _, folder := range folders {
		if lock, err := lockFolder(folder); err == nil {
			lock.Close()
			fmt.Println("# removing what an earlier run left:", folder)
			remove(folder)
		}
	}
}

// remove takes away a cluster's processes, cgroups and files.
func remove(folder string) {
	for _, hierarchy := range hierarchies() {
		root := filepath.Join(hierarchy, filepath.Base(folder))
		killCgroup(root)
	}
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, "cluster: left behind:", err)
	}
}

// killCgroup ends every process below a cgroup and removes it, deepest first.
func killCgroup(root string) {
	var all []string
	_ = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			all = append(all, path)
		}
		return nil
	})
	for i := len(all) - 1; i >= 0; i-- {
		for range 200 {
			pids, _ := os.ReadFile(filepath.Join(all[i], "cgroup.procs"))
			for _, pid := range strings.Fields(string(pids)) {
				var number int
				if _, err := fmt.Sscan(pid, &number); err == nil && number > 1 {
					_ = syscall.Kill(number, syscall.SIGKILL)
				}
			}
			// Busy until the last process is reaped.
			if err := os.Remove(all[i]); err == nil || os.IsNotExist(err) {
				break
			}
			pause()
		}
	}
}

// hierarchies lists the mount points of every cgroup hierarchy with processes of its own: several on version 1, one
// on version 2.
func hierarchies() []string {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	var found []string
	for _, line := range strings.Split(string(mounts), "\n") {
		fields := strings.Fields(line)
		if len(fields) > 2 && (fields[2] == "cgroup" || fields[2] == "cgroup2") && strings.HasPrefix(fields[1], "/sys/fs/cgroup") {
			found = append(found, fields[1])
		}
	}
	return found
}
