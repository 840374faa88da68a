package main

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand"
	"os"
	"slices"
	"strings"
)

// sample is the seed by which a part of the longest tests is drawn; empty where all are run.
func sample() string { return os.Getenv("VMCHAOS_CLUSTER_SAMPLE") }

// drawn says whether something is in the sample: one in five is, and all without a seed. The same seed draws the same ones.
func drawn(name string) bool {
	if sample() == "" {
		return true
	}
	hash := fnv.New32a()
	hash.Write([]byte(sample() + " " + name))
	return hash.Sum32()%5 == 0
}

// sampled leaves of the kills those that are drawn, and every test that is no kill.
func sampled(tests []test) []test {
	if sample() == "" {
		return tests
	}
	var left []test
	for _, one := range tests {
		if !strings.HasPrefix(one.name, "kill-") || drawn(one.name) {
			left = append(left, one)
		}
	}
	return left
}

// saySample tells what a sample has drawn, and how to draw it again.
func saySample(tests []test) {
	if sample() == "" {
		return
	}
	var kills []string
	for _, one := range tests {
		if strings.HasPrefix(one.name, "kill-") {
			kills = append(kills, one.name)
		}
	}
	fmt.Printf("# sample %s, the same again: VMCHAOS_CLUSTER_SAMPLE=%s tests/run kubevirt\n", sample(), sample())
	fmt.Printf("# of the kill matrix: %s\n", strings.Join(kills, ", "))
	for _, o := range outageOwners {
		var modes []string
		for _, mode := range drawnModes(o) {
			modes = append(modes, mode.name)
		}
		fmt.Printf("# outages of %s: %s\n", ownerWords(o), cmp.Or(strings.Join(modes, ", "), "none"))
	}
}

// sampleOrder puts the tests of a sample in an order of its own, because the time may not do for all: the kills drawn at random
// first, then the others as the seed has it.
func sampleOrder(tests []test) []test {
	if sample() == "" {
		return tests
	}
	rand.New(rand.NewSource(randomSeed())).Shuffle(len(tests), func(i, j int) { tests[i], tests[j] = tests[j], tests[i] })
	slices.SortStableFunc(tests, func(a, b test) int {
		switch {
		case a.name == randomKillsName:
			return -1
		case b.name == randomKillsName:
			return 1
		}
		return 0
	})
	return tests
}

// sampledKills is how many kills a test makes that could make any number of them.
func sampledKills(all int) int {
	if sample() == "" {
		return all
	}
	return (all + 2) / 3
}
