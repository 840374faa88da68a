package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// recent is how far back warnings are of interest to a test that failed.
const recent = 5 * time.Minute

// waiting tells what the cluster is waiting for: migrations that are under way, pods that do not run and why, and the last
// warnings, of the namespace of all guests. For the words of a test that failed.
func (c *cluster) waiting() string {
	var told []string
	all, err := c.api.list(vmims, "default", "")
	if err != nil {
		return fmt.Sprintln("migrations:", err)
	}
	for i := range all {
		if phase := text(&all[i], "status", "phase"); !slices.Contains([]string{"Succeeded", "Failed"}, phase) {
			told = append(told, fmt.Sprintf("migration %s of %s is %q", all[i].GetName(), text(&all[i], "spec", "vmiName"), phase))
		}
	}
	if all, err = c.api.list(pods, "default", ""); err != nil {
		return fmt.Sprintln("pods:", err)
	}
	for i := range all {
		if text(&all[i], "status", "phase") == "Pending" || all[i].GetDeletionTimestamp() != nil {
			conditions, _, _ := unstructured.NestedSlice(all[i].Object, "status", "conditions")
			told = append(told, fmt.Sprintf("pod %s on %q, deleted %v: %v", all[i].GetName(), text(&all[i], "spec", "nodeName"), all[i].GetDeletionTimestamp(), conditions))
		}
	}
	if all, err = c.api.list(events, "default", ""); err != nil {
		return fmt.Sprintln("events:", err)
	}
	for i := range all {
		last, err := time.Parse(time.RFC3339, text(&all[i], "lastTimestamp"))
		if err == nil && time.Since(last) < recent && text(&all[i], "type") == "Warning" {
			told = append(told, fmt.Sprintf("%s %s %s: %s", text(&all[i], "lastTimestamp"), text(&all[i], "involvedObject", "name"), text(&all[i], "reason"), text(&all[i], "message")))
		}
	}
	return strings.Join(told, "\n")
}
