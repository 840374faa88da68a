package main

import (
	"fmt"
	"hash/fnv"
	"math/rand"
	"os"
	"strconv"
	"time"
)

// seedVariable names the seed of all that is drawn, caseVariable the one kill of random-kills that is made again.
const (
	seedVariable = "VMCHAOS_CLUSTER_SEED"
	caseVariable = "VMCHAOS_CLUSTER_CASE"
)

// randomSeed is the one that is named, else the sample's, else a new one.
func randomSeed() int64 {
	if seed, err := strconv.ParseInt(os.Getenv(seedVariable), 10, 64); err == nil {
		return seed
	}
	if sample() == "" {
		return time.Now().UnixNano()
	}
	hash := fnv.New32a()
	hash.Write([]byte(sample()))
	return int64(hash.Sum32())
}

// drawing is what one case of a test draws from: the same for the same seed and number, whatever was drawn before.
func drawing(seed int64, test string, number int) *rand.Rand {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%d %s %d", seed, test, number)
	return rand.New(rand.NewSource(int64(hash.Sum64())))
}
