# shellcheck shell=bash
# What a run may leave on a node, and the waiting until it is gone: processes, files, objects in a VM.

CUTS="" # network namespaces in which traffic is cut: there nft tables and flower filters are looked for, too

# No process of the run, no file in the scratch directory, no object of the run in any pod. Processes
# on their way out are given two seconds.
nothing_left() { # NAME
	local left end=$((SECONDS + 2))
	while left=$(processes_left; marks_left; [ -n "${2:-}" ] || ls -A "$(agent_dir "$1")/shm") && [ -n "$left" ]; do
		pause
		[ $SECONDS -le $end ] || { echo "left: $left"; return 1; }
	done
}

# After a SIGKILL of everything the scratch directory goes with the container.
nothing_left_but_scratch() { nothing_left "$1" scratch; }

# Everything an agent starts has its environment.
processes_left() {
	local f
	for f in $(grep -ls VMCHAOS_RUN= /proc/[0-9]*/environ); do
		f=${f%/environ}
		[ "$(sed -n 's/^State:\t\(.\).*/\1/p' "$f/status" 2>/dev/null)" = Z ] || process "${f#/proc/}"
	done
}

# Processes of a run inside a VM: in its network namespace and in its PID namespace, outermost first.
sentinels() { # POD
	local ns f
	ns=$(stat -Lc %i "/run/netns/pod$1")
	for f in $(grep -ls VMCHAOS_RUN= /proc/[0-9]*/environ | sort -t/ -k3n); do
		f=${f%/environ}
		[ "$(stat -Lc %i "$f/ns/net" 2>/dev/null)" = "$ns" ] && grep -q $'^NSpid:\t[0-9]*\t' "$f/status" && echo "${f#/proc/}"
	done
}

# One process in a line: name, cgroup, what it was started with without a script's text.
process() { # PID
	echo "$1 $(<"/proc/$1/comm") $(sed 's/.*\///' "/proc/$1/cgroup") $(tr '\0\n' '  ' <"/proc/$1/cmdline" | cut -c1-60)"
} 2>/dev/null

# Objects of any run in a network namespace, as the tools print them.
marks_in() { # NETNS
	local device
	tc -n "$1" qdisc show | grep -E " 7[0-9a-f]{3}: "
	[[ " $CUTS " = *" $1 "* ]] || return
	ip netns exec "$1" nft list tables netdev | grep vmchaos_
	while read -r device; do
		tc -n "$1" filter show dev "$device" ingress
		tc -n "$1" filter show dev "$device" egress
	done < <(tc -n "$1" qdisc show | sed -n 's/^qdisc clsact .* dev \([^ ]*\) .*/\1/p') | grep ' handle 0x7[0-9a-f]\{7\}'
}

marks_left() {
	local ns
	for ns in /run/netns/pod*; do marks_in "${ns##*/}"; done
}

declare -A monitor=()

# The kernel tells of every change of a VM's qdiscs: waiting for that costs nothing, and the only CPU
# stays with the agent. Of nft it does not, but whoever waits for that has no other pods to look into.
watch_pod() { # POD
	exec {fd}< <(close_wires && exec tc -n "pod$1" monitor)
	monitor[$1]=$fd
}

# Milliseconds until a VM's network namespace has nothing of ours; fails after LIMIT milliseconds.
clean_within() { # POD LIMIT
	local start now left fd=${monitor[$1]}
	start=$(ms_now)
	while read -r -t 0 -u "$fd"; do read -r -u "$fd"; done
	while [ -n "$(marks_in "pod$1")" ]; do
		now=$(ms_now)
		left=$((start + $2 - now))
		[ $left -ge 0 ] || { echo "still there after $((now - start)) ms"; return 1; }
		[[ " $CUTS " != *" pod$1 "* ]] || [ $left -lt 100 ] || left=100
		read -r -t "$((left / 1000)).$(printf %03d $((left % 1000)))1" -u "$fd"
	done
	echo "clean after $(($(ms_now) - start)) ms"
}
