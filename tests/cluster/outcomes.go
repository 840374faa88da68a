package main

import (
	"fmt"
	"os"
	"strings"
)

// outcomes are what commands said before, and what was seen to happen then.
type outcomes struct{ rows []outcome }

type outcome struct{ command, said, happened string }

// add keeps the last outcome of a command: a test that failed may be run once more.
func (o *outcomes) add(command, said, happened string) {
	row := outcome{command, said, happened}
	for i := range o.rows {
		if o.rows[i].command == command {
			o.rows[i] = row
			return
		}
	}
	o.rows = append(o.rows, row)
}

func (o *outcomes) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, `# What kubectl-vmchaos said on KubeVirt %s, and what happened

Written by `+"`tests/run kubevirt record`"+`. "What happened" is what the API server, the node's kernel, the guest or virtctl showed,
none of which asks kubectl-vmchaos; who brought a guest back is the command's own word, which was held to the plan, to the
requests in the API server's audit log, and to the VMI that was there afterwards.

| command | it said | what happened |
|---|---|---|
`, os.Getenv("VMCHAOS_CLUSTER_KUBEVIRT_VERSION"))
	for _, row := range o.rows {
		fmt.Fprintf(&text, "| `%s` | %s | %s |\n", cellText(row.command), cellText(row.said), cellText(row.happened))
	}
	return text.String()
}

// cellText keeps a text in one cell of a table.
func cellText(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}

// writeTables keeps what was found in the files that the caller names.
func (c *cluster) writeTables() error {
	if file := os.Getenv("VMCHAOS_CLUSTER_KILLS"); file != "" && len(c.table.rows) > 0 {
		if err := os.WriteFile(file, []byte(c.table.markdown()), 0o644); err != nil {
			return err
		}
	}
	if file := os.Getenv("VMCHAOS_CLUSTER_OUTCOMES"); file != "" && len(c.seen.rows) > 0 {
		return os.WriteFile(file, []byte(c.seen.markdown()), 0o644)
	}
	return nil
}
