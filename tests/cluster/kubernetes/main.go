// Command kubernetes is etcd and Kubernetes' own programs in one. It stands apart from the suite, which changes more often than
// these, so that it is built seldom.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: kubernetes etcd FOLDER | kube-apiserver … | kube-controller-manager … | kube-scheduler … | kubelet …")
		os.Exit(2)
	}
	name, args := os.Args[1], os.Args[2:]
	var command *cobra.Command
	switch name {
	case "etcd":
		etcd(args[0])
	case "kube-apiserver":
		command = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		command = controllers.NewControllerManagerCommand()
	case "kube-scheduler":
		command = scheduler.NewSchedulerCommand()
	case "kubelet":
		command = kubelet.NewKubeletCommand(context.Background())
	default:
		fmt.Fprintf(os.Stderr, "kubernetes: no program %q\n", name)
		os.Exit(2)
	}
	command.SetArgs(args)
	os.Args = append([]string{name}, args...)
	os.Exit(cli.Run(command))
}

// etcd serves on loopback's usual port: the control plane has a network namespace of its own.
func etcd(folder string) {
	config := embed.NewConfig()
	config.Dir = filepath.Join(folder, "etcd")
	// Nothing outlives the cluster, so nothing needs to be on disk.
	config.UnsafeNoFsync = true
	config.LogLevel = "error"
	local := func(port int) []url.URL { return []url.URL{{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}} }
	config.ListenClientUrls, config.AdvertiseClientUrls = local(2379), local(2379)
	config.ListenPeerUrls, config.AdvertisePeerUrls = local(2380), local(2380)
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	server, err := embed.StartEtcd(config)
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "etcd:", <-server.Err())
	os.Exit(1)
}
