package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// scenarios are the Rust tests that run on the practice cluster as well: here the same program is told to use this one.
func scenarios() ([]test, error) {
	const variable, module = "VMCHAOS_CLUSTER_SCENARIOS", "scenarios::"
	program := os.Getenv(variable)
	if program == "" {
		return nil, fmt.Errorf("no program with the scenarios: %s names none", variable)
	}
	listed, err := output(program, "--list", "--format", "terse", module)
	if err != nil {
		return nil, fmt.Errorf("listing the scenarios: %w", err)
	}
	var all []test
	for _, line := range strings.Split(listed, "\n") {
		if name, found := strings.CutSuffix(line, ": test"); found {
			all = append(all, test{"scenario-" + strings.TrimPrefix(name, module), func(t *check) { t.scenario(program, name) }})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no test below %s", program, module)
	}
	return all, nil
}

// scenario runs one of them on this cluster.
func (t *check) scenario(program, name string) {
	t.noPods()
	inVM := filepath.Join(t.folder, "in-vm")
	script := fmt.Sprintf("#!/bin/sh\n%s='%s' exec %s in-vm %s \"$@\"\n", launcherRoot, os.Getenv(launcherRoot), t.program, t.folder)
	t.must(os.WriteFile(inVM, []byte(script), 0o755))
	t.after(func() { t.standingAgain() })
	command := exec.Command(program, "--exact", name, "--nocapture")
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.folder, "VMCHAOS_SCENARIOS_NODE=" + inVM,
		"VMCHAOS_SCENARIOS_OPERATOR=" + t.pki("operator.kubeconfig"), "VMCHAOS_SCENARIOS_ADMIN=" + t.pki("admin.kubeconfig"),
	}
	out, err := command.CombinedOutput()
	if err != nil {
		t.fail("%v\n%s", err, out)
	}
}

// standingAgain brings the VMs back that a scenario may have left ended or frozen.
func (t *check) standingAgain() {
	for _, g := range standing {
		vm, err := t.api.get(vms, "default", g.name)
		if err != nil {
			continue
		}
		if text(vm, "spec", "runStrategy") != "Always" {
			_ = t.api.merge(vms, "default", g.name, object{"spec": object{"runStrategy": "Always"}})
		}
		if vmi, err := t.api.get(vmis, "default", g.name); err == nil && condition(vmi, "Paused") == "True" {
			_ = t.api.subresource("virtualmachineinstances", g.name, "unpause")
		}
	}
	_ = t.awaitStanding()
}

// inVM runs a command in a VM's network namespace, for programs that know nothing of this cluster. ARGS: the cluster's
// folder, the VM's namespace and name, the command.
func inVM(args []string) int {
	c := &cluster{folder: args[0], nodes: []*node{{name: "node-1"}, {name: "node-2"}}}
	var err error
	if c.api, err = newAPI(c.pki("admin.kubeconfig")); err == nil {
		err = c.execInVM(args[2], args[3:])
	}
	fmt.Fprintln(os.Stderr, "cluster: in-vm:", err)
	return 1
}

// execInVM becomes the command; it returns only when it could not.
func (c *cluster) execInVM(name string, command []string) error {
	pod, err := c.launcher(name)
	if err != nil {
		return err
	}
	pid, err := c.computePid(pod)
	if err != nil {
		return err
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return err
	}
	return syscall.Exec(nsenter, append([]string{"nsenter", "--target", pid, "--net", "--"}, newest(command)...), os.Environ())
}
