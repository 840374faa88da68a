package main

import (
	"fmt"
	"hash/fnv"
	"os"
	"strings"
)

// sampled leaves one kill in five, drawn by the seed in VMCHAOS_CLUSTER_SAMPLE, and every test that is no kill; all without
// a seed. The same seed draws the same ones.
func sampled(tests []test) []test {
	seed := os.Getenv("VMCHAOS_CLUSTER_SAMPLE")
	if seed == "" {
		return tests
	}
	var drawn []test
	for _, one := range tests {
		hash := fnv.New32a()
		hash.Write([]byte(seed + " " + one.name))
		if !strings.HasPrefix(one.name, "kill-") || hash.Sum32()%5 == 0 {
			drawn = append(drawn, one)
		}
	}
	fmt.Printf("# sample %s: %d of %d tests of the kill matrix\n", seed, len(drawn), len(tests))
	return drawn
}

// sampledKills is how many kills a test makes that could make any number of them.
func sampledKills(all int) int {
	if os.Getenv("VMCHAOS_CLUSTER_SAMPLE") == "" {
		return all
	}
	return (all + 2) / 3
}
