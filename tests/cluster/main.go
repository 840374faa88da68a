// Command cluster is a real Kubernetes with KubeVirt and guests on one Linux machine, and the suite that runs kubectl-vmchaos on
// it. Kubernetes' own programs are another program, `kubernetes`; KubeVirt's are in images.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: cluster test [WORD…] | check [WORD…] | list | up | down | sweep")
		os.Exit(2)
	}
	command, args := os.Args[1], os.Args[2:]
	switch command {
	case "test", "up":
		os.Exit(outside(command, args))
	case "check":
		if err := asked(args); err != nil {
			fmt.Fprintln(os.Stderr, "cluster:", err)
			os.Exit(badInput)
		}
	case "list":
		os.Exit(list())
	case "sweep":
		if !sweep(baseFolder()) {
			os.Exit(1)
		}
	case "down":
		os.Exit(down(baseFolder()))
	case "kubevirt-images":
		must("KubeVirt's images", kubevirtImages(args))
	case "inside":
		os.Exit(inside(args))
	case "in-vm":
		os.Exit(inVM(args))
	case "node":
		nodeInit(args)
	case "door":
		must("the node's door", door(args))
	default:
		fmt.Fprintf(os.Stderr, "cluster: no command %q\n", command)
		os.Exit(2)
	}
}
