package main

import (
	"fmt"
	"os/exec"
)

func (c *cluster) suite(names []string) int {
	for _, g := range standing {
		four, six, err := c.address(g.name)
		fmt.Println(g.name, four, six, err)
		out, _ := exec.Command("ping", "-c3", "-i0.2", four).CombinedOutput()
		fmt.Println(string(out), answers(four), answers(six))
	}
	out, _ := exec.Command("sh", "-c", names[0]).CombinedOutput()
	fmt.Println(string(out))
	return 0
}
