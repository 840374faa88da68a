package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// nodeOf is where a pod runs; every pod of a VM is bound to a node from the start.
func (c *cluster) nodeOf(pod *unstructured.Unstructured) *node {
	for _, n := range c.nodes {
		if n.name == text(pod, "spec", "nodeName") {
			return n
		}
	}
	return &node{}
}

// computePid is the first process of a launcher's compute container, as this PID namespace sees it.
func (c *cluster) computePid(pod *unstructured.Unstructured) (string, error) {
	if id := computeID(pod); id != "" {
		if pids := processesIn(id); len(pids) > 0 {
			return pids[0], nil
		}
	}
	return "", fmt.Errorf("%s: its compute container has no process", pod.GetName())
}

// computeID is the identifier of a launcher's compute container, empty before it runs.
func computeID(pod *unstructured.Unstructured) string {
	statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", "containerStatuses")
	for _, one := range statuses {
		fields, _ := one.(object)
		id, _ := fields["containerID"].(string)
		if _, hex, found := strings.Cut(id, "://"); found && fields["name"] == "compute" {
			return hex
		}
	}
	return ""
}

// processesIn lists the processes whose cgroup's path contains a container's or a pod's identifier, oldest first.
func processesIn(id string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/cgroup")
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil && strings.Contains(string(content), id) {
			found = append(found, filepath.Base(filepath.Dir(file)))
		}
	}
	sort.Slice(found, func(i, j int) bool {
		return len(found[i]) < len(found[j]) || len(found[i]) == len(found[j]) && found[i] < found[j]
	})
	return found
}

// computePidInMachine is the same on a node that is a machine, as its kernel counts.
func (c *cluster) computePidInMachine(n *node, pod *unstructured.Unstructured) (string, error) {
	id := computeID(pod)
	if id == "" {
		return "", fmt.Errorf("%s: its compute container has no identifier", pod.GetName())
	}
	found, err := c.inMachine(n, "", "bash", "-c", "grep -ls "+id+" /proc/[0-9]*/cgroup | sort -t/ -k3n | head -n 1 | cut -d/ -f3")
	if err == nil && strings.TrimSpace(found) == "" {
		err = fmt.Errorf("%s: its compute container has no process", pod.GetName())
	}
	return strings.TrimSpace(found), err
}
