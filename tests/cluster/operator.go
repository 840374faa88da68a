package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// job is kubectl-vmchaos as an operator runs it: with the permissions the README names, and no more.
type job struct {
	command *exec.Cmd
	out     bytes.Buffer
	mutex   sync.Mutex
	lines   []string
	ended   chan struct{}
}

// operator starts the command, in the network namespace named or the control plane's.
func (c *cluster) operator(netns string, args ...string) *job {
	return c.commandOf("operator", netns, args...)
}

// commandOf is the same as a user of whom there is a kubeconfig.
func (c *cluster) commandOf(user, netns string, args ...string) *job {
	argv := append([]string{os.Getenv("VMCHAOS_CLUSTER_BINARY")}, args...)
	if netns != "" {
		argv = append([]string{"nsenter", "--net=/run/netns/" + netns, "--"}, argv...)
	}
	j := &job{command: exec.Command(argv[0], argv[1:]...), ended: make(chan struct{})}
	j.command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.folder, "KUBECONFIG=" + c.pki(user+".kubeconfig")}
	j.command.Stdout = &j.out
	errors, err := j.command.StderrPipe()
	if err == nil {
		err = j.command.Start()
	}
	if err != nil {
		j.lines = append(j.lines, "it did not start: "+err.Error())
		close(j.ended)
		return j
	}
	go func() {
		scanner := bufio.NewScanner(errors)
		for scanner.Scan() {
			j.mutex.Lock()
			j.lines = append(j.lines, scanner.Text())
			j.mutex.Unlock()
		}
		_ = j.command.Wait()
		close(j.ended)
	}()
	return j
}

func (j *job) stderr() string {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return strings.Join(j.lines, "\n")
}

func (j *job) over() bool {
	select {
	case <-j.ended:
		return true
	default:
		return false
	}
}

// says waits for a part of a line on stderr.
func (t *check) says(j *job, part string) {
	deadline := time.Now().Add(patience)
	for !strings.Contains(j.stderr(), part) {
		if j.over() && !strings.Contains(j.stderr(), part) {
			t.fail("the command ended without %q:\n%s", part, j.stderr())
		}
		if time.Now().After(deadline) {
			t.fail("%q never came:\n%s", part, j.stderr())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// patience is how long a pod may take to start or to end, and a command to say something or to end. Where the API server was
// away for long it takes a minute and a half: it waits for what the pod's status says, and then for another pod that looks,
// while kubelets try again ever more seldom. An emulated node on a slow machine needs half a minute for a pod.
const patience = 4 * time.Minute

// end waits for the command's end and returns its exit code; -1 when a signal killed it or it does not end.
func (j *job) end() int {
	select {
	case <-j.ended:
	case <-time.After(patience):
		_ = j.command.Process.Kill()
		<-j.ended
		j.lines = append(j.lines, "(killed: it did not end)")
	}
	if j.command.ProcessState == nil {
		return -1
	}
	return j.command.ProcessState.ExitCode()
}

func (j *job) signal(signal syscall.Signal) { _ = j.command.Process.Signal(signal) }

// state is how the report on stdout says that its only target ended, and by what.
func (j *job) state() (string, string) {
	var report struct {
		Targets []struct{ State, EndedBy string }
	}
	if json.Unmarshal(j.out.Bytes(), &report) != nil || len(report.Targets) == 0 {
		return "", ""
	}
	return report.Targets[0].State, report.Targets[0].EndedBy
}
