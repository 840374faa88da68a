package main

import "syscall"

// What stands in the way of everything that the agent writes: its scratch folder is in the pod's memory, its verdict in a
// file of the node that is mounted into the pod.
const (
	fullDisk = "cat /dev/zero >/dev/shm/full; ! echo more >>/dev/shm/full"
	readOnly = "mount -o remount,ro /dev/shm && mount -o remount,bind,ro /dev/termination-log && ! echo more >/dev/shm/more"
)

// disks are cells in which the pod can write no more. What became of a fault may then not be known, and is told as such.
func disks() []cell {
	spoil := func(script string, signal syscall.Signal) func(*check, *job, *vmNet) {
		return func(t *check, j *job, n *vmNet) {
			t.inAgent(n, script)
			j.signal(signal)
		}
	}
	return []cell{
		{"disk-full-command-INT", spoil(fullDisk, syscall.SIGINT), 2 * soon, []int{1, 3, 130}},
		{"disk-full-command-KILL", spoil(fullDisk, syscall.SIGKILL), 2 * soon, nil},
		{"read-only-command-INT", spoil(readOnly, syscall.SIGINT), 2 * soon, []int{1, 3, 130}},
		{"read-only-command-KILL", spoil(readOnly, syscall.SIGKILL), 2 * soon, nil},
	}
}

// inAgent runs a script in the debug pod's container, and fails unless it succeeds.
func (t *check) inAgent(n *vmNet, script string) {
	pid := t.agent(n)[0]
	if out := n.read("nsenter", "--target", pid, "--mount", "--", "sh", "-c", "if { "+script+"; } 2>/dev/null; then echo spoilt; fi"); out != "spoilt\n" {
		t.fail("the pod's disk is as it was: %q", out)
	}
}
