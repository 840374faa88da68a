package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const sysctls = "/proc/sys"

// tunables are those that a kubelet sets as it starts, for the whole kernel: one that is as the kubelet wants it is left alone.
var tunables = map[string]string{
	"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
	"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
}

// keepSysctls keeps a node that shares this machine's kernel from changing it: it can write what belongs to its network
// namespace and nothing else, and reads of tunables what its kubelet wants to find.
func keepSysctls() error {
	if err := syscall.Mount(sysctls, sysctls, "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	net := filepath.Join(sysctls, "net")
	if err := syscall.Mount(net, net, "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	for name, value := range tunables {
		file := filepath.Join("/run/tunables", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(value+"\n"), 0o444); err != nil {
			return err
		}
		if err := syscall.Mount(file, filepath.Join(sysctls, name), "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return syscall.Mount("", sysctls, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "")
}

// readSysctls are those that can be set and are the whole machine's, with their values.
func readSysctls() map[string]string {
	found := map[string]string{}
	for _, part := range []string{"kernel", "vm", "fs", "user"} {
		_ = filepath.WalkDir(filepath.Join(sysctls, part), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return nil
			}
			info, err := entry.Info()
			// The number of the newest process may be set as well.
			if err != nil || info.Mode().Perm()&0o222 == 0 || entry.Name() == "ns_last_pid" {
				return nil
			}
			if value, err := os.ReadFile(path); err == nil {
				name := strings.ReplaceAll(strings.TrimPrefix(path, sysctls+"/"), "/", ".")
				found[name] = strings.TrimSpace(string(value))
			}
			return nil
		})
	}
	return found
}

// sysctlsChanged lists what is different from before.
func sysctlsChanged(before map[string]string) []string {
	var changed []string
	for name, value := range readSysctls() {
		if was, known := before[name]; known && was != value {
			changed = append(changed, fmt.Sprintf("%s was %s and is %s", name, was, value))
		}
	}
	return changed
}
