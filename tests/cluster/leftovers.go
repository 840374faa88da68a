package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

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

// ownerFile of a cluster's folder has the number of the process that takes the cluster down when it is told to end, and its command.
const ownerFile = "owner"

// sweep removes what earlier clusters left whose process is gone, and says whether nothing of them is left.
func sweep(base string) bool {
	clean := true
	folders, _ := filepath.Glob(filepath.Join(base, prefix+"*"))
	for _, folder := range folders {
		if lock, err := lockFolder(folder); err == nil {
			fmt.Println("# removing what an earlier run left:", folder)
			clean = remove(folder) && clean
			lock.Close()
		}
	}
	return clean
}

// down ends the clusters that `up` has left there, and removes what killed runs left. Tests that run are not its to end.
func down(base string) int {
	code := 0
	folders, _ := filepath.Glob(filepath.Join(base, prefix+"*"))
	for _, folder := range folders {
		if lock, err := lockFolder(folder); err == nil {
			lock.Close()
			continue
		}
		var pid int
		var command string
		text, _ := os.ReadFile(filepath.Join(folder, ownerFile))
		if _, err := fmt.Sscan(string(text), &pid, &command); err != nil || command != "up" {
			fmt.Fprintf(os.Stderr, "cluster: %s is a run under way (process %d): it takes itself down at its end, or on Ctrl-C\n", folder, pid)
			code = 1
			continue
		}
		fmt.Println("# taking down", folder)
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			fmt.Fprintf(os.Stderr, "cluster: process %d of %s: %v\n", pid, folder, err)
			code = 1
			continue
		}
		if until(time.Minute, folder+" is gone", func() bool { _, err := os.Stat(folder); return err != nil }) != nil {
			fmt.Fprintf(os.Stderr, "cluster: %s is still there: process %d does not end\n", folder, pid)
			code = 1
		}
	}
	if !sweep(base) {
		code = 1
	}
	return code
}

// remove takes away a cluster's processes, cgroups and files, and says whether all are gone. While a cgroup is there the folder
// stays as well: by its name the next run finds them.
func remove(folder string) bool {
	for _, hierarchy := range hierarchies() {
		root := filepath.Join(hierarchy, filepath.Base(folder))
		if !killCgroup(root) {
			fmt.Fprintf(os.Stderr, "cluster: left behind: %s has processes that do not end, and %s\n", root, folder)
			return false
		}
	}
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, "cluster: left behind:", err)
		return false
	}
	return true
}

// killCgroup ends every process below a cgroup and removes it, deepest first. It says whether it is gone.
func killCgroup(root string) bool {
	var all []string
	_ = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			all = append(all, path)
		}
		return nil
	})
	for i := len(all) - 1; i >= 0; i-- {
		for began := time.Now(); time.Since(began) < 10*time.Second; {
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
	_, err := os.Stat(root)
	return os.IsNotExist(err)
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
