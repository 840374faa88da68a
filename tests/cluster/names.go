package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// badInput is the exit code when what is asked for cannot be.
const badInput = 2

// asked says what is wrong with what a run is asked for: words that no test has in its name, and variables that are no numbers.
func asked(words []string) error {
	for _, variable := range []string{seedVariable, caseVariable, untilVariable, deadlineVariable} {
		if value := os.Getenv(variable); value != "" {
			if number, err := strconv.ParseInt(value, 10, 64); err != nil || number < 0 {
				return fmt.Errorf("%s is %q: not a number of zero or more", variable, value)
			}
		}
	}
	if os.Getenv(caseVariable) != "" && os.Getenv(seedVariable) == "" {
		return fmt.Errorf("%s without %s: a case is drawn by both", caseVariable, seedVariable)
	}
	all, err := tests()
	if err != nil {
		return err
	}
	for _, word := range words {
		if len(choose(all, []string{word})) > 0 {
			continue
		}
		if strings.HasPrefix("recordings-", word) || strings.HasPrefix(word, "recordings-") {
			return fmt.Errorf("no test has %q in its name: recordings are made by `tests/run kubevirt record`, with the KubeVirt of kubevirt/go.mod alone", word)
		}
		return fmt.Errorf("no test has %q in its name; the names there are:\n%s", word, namesOf(all))
	}
	return nil
}

// list prints the names of all tests.
func list() int {
	all, err := tests()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		return 1
	}
	fmt.Println(namesOf(all))
	return 0
}

func namesOf(all []test) string {
	var names []string
	for _, one := range all {
		names = append(names, one.name)
	}
	return strings.Join(names, "\n")
}
