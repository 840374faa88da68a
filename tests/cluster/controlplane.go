package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Where the API server listens; the control plane has a network namespace of its own.
const (
	serverHost = "10.80.0.1"
	serverPort = "6443"
	server     = "https://" + serverHost + ":" + serverPort
)

func (c *cluster) certificates() error {
	folder := filepath.Join(c.folder, "pki")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var err error
	if c.ca, err = newAuthority(folder); err != nil {
		return err
	}
	for _, one := range []struct {
		file, name string
		groups     []string
		hosts      []string
	}{
		{"apiserver", "kube-apiserver", nil, []string{"10.80.0.1", "kubernetes.default.svc"}},
		{"kubelet-client", "kube-apiserver-kubelet-client", []string{"system:masters"}, nil},
		{"front-proxy", "front-proxy", nil, nil},
		{"service-account", "service-account", nil, nil},
		{"controller-manager", "system:kube-controller-manager", nil, nil},
		{"scheduler", "system:kube-scheduler", nil, nil},
		{"admin", "admin", []string{"system:masters"}, nil},
		{"operator", "operator", nil, nil},
	} {
		if err := c.ca.issue(one.file, one.name, one.groups, one.hosts...); err != nil {
			return err
		}
	}
	for _, user := range []string{"controller-manager", "scheduler", "admin", "operator"} {
		if _, err := c.ca.kubeconfig(user, server); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) pki(file string) string { return filepath.Join(c.folder, "pki", file) }

func (c *cluster) controlPlane() error {
	if err := c.start("etcd", c.folder); err != nil {
		return err
	}
	if err := c.startAPIServer(); err != nil {
		return err
	}
	var err error
	if c.api, err = newAPI(c.pki("admin.kubeconfig")); err != nil {
		return err
	}
	if err := until(3*time.Minute, "the API server is ready", func() bool { return c.api.ready() }); err != nil {
		return err
	}
	if err := c.start("kube-controller-manager", append(c.controllerFlags("controller-manager"),
		"--use-service-account-credentials", "--service-account-private-key-file", c.pki("service-account.key"), "--root-ca-file", c.pki("ca.crt"))...); err != nil {
		return err
	}
	return c.start("kube-scheduler", c.controllerFlags("scheduler")...)
}

// controllerFlags are what every client among the control plane's programs is told.
func (c *cluster) controllerFlags(user string) []string {
	config := c.pki(user + ".kubeconfig")
	return append(emulatedVersion(), "--kubeconfig", config, "--authentication-kubeconfig", config, "--authorization-kubeconfig", config,
		"--leader-elect=false", "--bind-address", "127.0.0.1")
}

// emulatedVersion keeps Kubernetes from using what KubeVirt 1.6 does not know: its virt-controller writes a pod's conditions
// back without the observedGeneration that Kubernetes 1.35 keeps there, and is refused.
func emulatedVersion() []string { return []string{"--emulated-version", "1.33"} }

func (c *cluster) startAPIServer() error {
	policy := filepath.Join(c.folder, "audit.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o644); err != nil {
		return err
	}
	// Nothing forwards a Service's address here: webhooks and parts of the API are reached at their pods'.
	return c.start("kube-apiserver", append(emulatedVersion(), "--enable-aggregator-routing", "--audit-policy-file", policy, "--audit-log-path", c.auditLog(), "--etcd-servers", "http://127.0.0.1:2379", "--bind-address", "10.80.0.1", "--advertise-address", "10.80.0.1",
		"--endpoint-reconciler-type", "none", "--client-ca-file", c.pki("ca.crt"), "--tls-cert-file", c.pki("apiserver.crt"), "--tls-private-key-file", c.pki("apiserver.key"),
		"--kubelet-client-certificate", c.pki("kubelet-client.crt"), "--kubelet-client-key", c.pki("kubelet-client.key"), "--kubelet-certificate-authority", c.pki("ca.crt"),
		"--kubelet-preferred-address-types", "InternalIP", "--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction", "--allow-privileged",
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", c.pki("service-account.crt"),
		"--service-account-signing-key-file", c.pki("service-account.key"), "--service-cluster-ip-range", "10.82.0.0/24",
		"--proxy-client-cert-file", c.pki("front-proxy.crt"), "--proxy-client-key-file", c.pki("front-proxy.key"), "--requestheader-client-ca-file", c.pki("ca.crt"),
		"--requestheader-allowed-names", "front-proxy", "--requestheader-username-headers", "X-Remote-User", "--requestheader-group-headers", "X-Remote-Group",
		"--requestheader-extra-headers-prefix", "X-Remote-Extra-")...)
}

// kubernetes is the program that is etcd, the control plane and the kubelet.
func kubernetes() string { return os.Getenv("VMCHAOS_CLUSTER_KUBERNETES") }

// start runs a part of the control plane; it is killed with this process.
func (c *cluster) start(name string, args ...string) error {
	log, err := os.OpenFile(filepath.Join(c.folder, "log", name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(kubernetes(), append([]string{name}, args...)...)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return err
	}
	c.parts[name] = command
	return nil
}

// auditPolicy lets the API server keep what is asked of KubeVirt's subresources.
const auditPolicy = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
  {"level": "Metadata", "resources": [{"group": "subresources.kubevirt.io"}]}, {"level": "None"}]}
`

func (c *cluster) auditLog() string { return filepath.Join(c.folder, "log", "audit.log") }

// asked are the paths of KubeVirt's subresources that a user has asked for so far.
func (t *check) asked(user string) []string {
	kept, err := os.ReadFile(t.auditLog())
	if err != nil && !os.IsNotExist(err) {
		t.fail("%v", err)
	}
	var paths []string
	for _, line := range bytes.Split(kept, []byte("\n")) {
		var event struct {
			RequestURI string
			User       struct{ Username string }
		}
		if json.Unmarshal(line, &event) == nil && event.User.Username == user {
			paths = append(paths, event.RequestURI)
		}
	}
	return paths
}
