package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// node is one machine of the cluster: a PID, mount and network namespace with a kubelet and a containerd.
type node struct {
	name   string
	number int
	folder string
	// machine says that it is a machine of its own instead, with a kernel of its own.
	machine bool
	// pid of its first process, as the control plane's PID namespace sees it.
	pid int
}

func (n *node) address() string { return fmt.Sprintf("10.80.0.%d", 10+n.number) }
func (n *node) pods4() string   { return fmt.Sprintf("10.81.%d.0/24", n.number) }
func (n *node) pods6() string   { return fmt.Sprintf("fd00:81:%d::/64", n.number) }

// write makes the node's configuration.
func (n *node) write(ca *authority, bin string) error {
	if err := os.MkdirAll(filepath.Join(n.folder, "cni"), 0o755); err != nil {
		return err
	}
	if err := ca.issue(n.name, "system:node:"+n.name, []string{"system:nodes"}, n.name, n.address()); err != nil {
		return err
	}
	kubeconfig, err := ca.kubeconfig(n.name, server)
	if err != nil {
		return err
	}
	if err := os.Rename(kubeconfig, filepath.Join(n.folder, "kubelet.kubeconfig")); err != nil {
		return err
	}
	// A machine has systemd, which is to make its cgroups; the others share this machine's hierarchies.
	driver, root := "cgroupfs", "/"+filepath.Base(filepath.Dir(n.folder))+"/"+n.name
	if n.machine {
		driver, root = "systemd", "/"
	}
	files := map[string]string{
		"containerd.toml": fmt.Sprintf(containerdConfig, n.folder, bin, n.machine),
		"kubelet.yaml":    fmt.Sprintf(kubeletConfig, n.address(), ca.folder, n.name, driver, root),
		"cni/10.conflist": fmt.Sprintf(cniConfig, n.pods4(), n.pods6()),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(n.folder, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Without CAP_SYS_RESOURCE a process may not lower what it inherited as its OOM score.
const containerdConfig = `version = 2
root = "%[1]s/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing", "io.containerd.internal.v1.opt"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.runtime.v1.linux"]
  runtime = "%[2]s/usr/sbin/runc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/vmchaos-test/pause:1"
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "%[2]s/usr/lib/cni"
    conf_dir = "%[1]s/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "%[2]s/usr/sbin/runc"
        SystemdCgroup = %[3]t
`

const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: %[1]s
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: %[2]s/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: %[2]s/%[3]s.crt
tlsPrivateKeyFile: %[2]s/%[3]s.key
clusterDNS: [10.82.0.10]
clusterDomain: cluster.local
cgroupDriver: %[4]s
cgroupRoot: %[5]s
failCgroupV1: false
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
failSwapOn: false
enforceNodeAllocatable: [none]
evictionHard: {memory.available: 10Mi, nodefs.available: 0%%, imagefs.available: 0%%, nodefs.inodesFree: 0%%, imagefs.inodesFree: 0%%}
imageGCHighThresholdPercent: 100
imageMaximumGCAge: 0s
localStorageCapacityIsolation: false
oomScoreAdj: 0
resolvConf: ""
nodeStatusUpdateFrequency: 4s
syncFrequency: 10s
volumeStatsAggPeriod: -1s
podLogsDir: /var/log/pods
`

const cniConfig = `{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "hairpinMode": true, "ipam": {"type": "host-local",
    "ranges": [[{"subnet": "%s"}], [{"subnet": "%s"}]], "dataDir": "/run/cni"}}]}
`
