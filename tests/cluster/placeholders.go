package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// placeholders stand in a recording for what is another one in every run: names, identifiers, addresses, times. What is
// the same stays the same.
type placeholders struct {
	guest string
	seen  map[string]map[string]int
}

func newPlaceholders(guest string) *placeholders {
	return &placeholders{guest, map[string]map[string]int{}}
}

// kinds of placeholders, in the order in which they are looked for. tests/practice_cluster/recordings has the same ones.
var placeholderKinds = []struct {
	name    string
	pattern *regexp.Regexp
	// numbered says that one is told from another.
	numbered bool
}{
	{"TIME", regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+0000 UTC)`), false},
	{"UID", regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), true},
	{"HASH", regexp.MustCompile(`\b[0-9a-f]{64}\b`), false},
	{"MAC", regexp.MustCompile(`\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b`), true},
	{"IP", regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`), true},
	{"IP6", regexp.MustCompile(`\bf[de][0-9a-f]{2}:[0-9a-f:]+`), true},
	{"NODE", regexp.MustCompile(`\bnode-\d+\b`), true},
	{"REGISTRY", regexp.MustCompile(regexp.QuoteMeta(registry)), false},
	{"LAUNCHER", regexp.MustCompile(`\bvirt-launcher-GUEST-[a-z0-9]{5}\b`), true},
	{"EVACUATION", regexp.MustCompile(`\bkubevirt-evacuation-[a-z0-9]{5}\b`), true},
	{"VERSION", regexp.MustCompile(`\bv1\.\d+\.\d+\b`), false},
	// Drawn by KubeVirt.
	{"SECONDS", regexp.MustCompile(`^\d{3}s$`), false},
	// How often a kubelet tells which containers have come so far is a matter of time.
	{"CONTAINERS", regexp.MustCompile(`\[(guest-console-log|container-disk-binary|compute|volume)[a-z -]*\]`), false},
	{"PORTS", regexp.MustCompile(`\b\d{5},\d{5}\b`), false},
	{"EVENT", regexp.MustCompile(`\b[0-9a-f]{16}$`), false},
}

func (p *placeholders) text(text string) string {
	text = strings.ReplaceAll(text, p.guest, "GUEST")
	for _, kind := range placeholderKinds {
		text = kind.pattern.ReplaceAllStringFunc(text, func(found string) string {
			if !kind.numbered {
				return kind.name
			}
			if p.seen[kind.name] == nil {
				p.seen[kind.name] = map[string]int{}
			}
			number, known := p.seen[kind.name][found]
			if !known {
				number = len(p.seen[kind.name]) + 1
				p.seen[kind.name][found] = number
			}
			return fmt.Sprintf("%s-%d", kind.name, number)
		})
	}
	return text
}

// in is an object with placeholders and without what every change changes.
func (p *placeholders) in(o object) object {
	changed := p.value(o).(object)
	if metadata, ok := changed["metadata"].(object); ok {
		delete(metadata, "resourceVersion")
	}
	return changed
}

func (p *placeholders) value(value any) any {
	switch value := value.(type) {
	case string:
		return p.text(value)
	case []any:
		all := make([]any, len(value))
		for i, one := range value {
			all[i] = p.value(one)
		}
		return all
	case object:
		var keys []string
		for key := range value {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		all := object{}
		for _, key := range keys {
			all[p.text(key)] = p.value(value[key])
		}
		return all
	}
	return value
}
