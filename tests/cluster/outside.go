package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
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
	if command == "test" {
		if err := asked(args); err != nil {
			fmt.Fprintln(os.Stderr, "cluster:", err)
			return badInput
		}
		// One for all that is drawn, a second try too.
		_ = os.Setenv(seedVariable, strconv.FormatInt(randomSeed(), 10))
	}
	base := baseFolder()
	if !sweep(base) {
		return 1
	}
	before := readSysctls()
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
	_ = os.WriteFile(filepath.Join(folder, ownerFile), fmt.Appendf(nil, "%d %s", os.Getpid(), command), 0o644)
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
	gone := remove(folder)
	changed := sysctlsChanged(before)
	for _, one := range changed {
		fmt.Fprintf(os.Stderr, "cluster: this machine's sysctl %s, by the cluster or by somebody else meanwhile\n", one)
	}
	switch {
	case stopped && command == "up":
		return 0
	case stopped:
		return 130
	case !gone || len(changed) > 0:
		return 1
	case err != nil && child.ProcessState.ExitCode() > 0:
		return child.ProcessState.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, "cluster: ended:", err)
		return 1
	}
	return 0
}

// baseFolder is where the folders of clusters are.
func baseFolder() string {
	if base := os.Getenv("VMCHAOS_CLUSTER_FOLDER"); base != "" {
		return base
	}
	return os.TempDir()
}
