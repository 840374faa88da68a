# shellcheck shell=bash
# What scenarios about effects have in common: inject, check, roll back, and compare with before.

declare -A picture=()

# Injects the plan under a shell; `down` ends it. Neither leaves the run: a failure is a result.
up() { # LABEL SHELL [VM…]
	local vm
	for vm in "${@:3}"; do picture[$vm]=$(snapshot "$(pod_of "$vm")"); done
	step "$1: injected ($2)" inject fault "$2"
}

down() { # LABEL VM…
	local vm
	step "$1: restored, nothing left" roll_back fault || abandon fault
	for vm in "${@:2}"; do same "$1: VM $vm is as before" "${picture[$vm]}" "$(snapshot "$(pod_of "$vm")")"; done
}

# After a failure: ends an agent and removes what it left, so that the next scenario starts clean.
abandon() { # NAME
	local ns device # the sentinels, which are in PID 1's cgroup, go last
	[ -z "${agent_pid[$1]:-}" ] || echo 1 >"$(agent_cgroup "$1")/cgroup.kill"
	hang_up "$1"
	for ns in /run/netns/pod*; do
		ns=${ns##*/}
		clean_within "${ns#pod}" 3000 >/dev/null && continue
		for device in $(tc -n "$ns" qdisc show | sed -nE 's/.* 7[0-9a-f]{3}: dev ([^ ]*) root.*/\1/p'); do tc -n "$ns" qdisc del dev "$device" root; done
		[[ " $CUTS " = *" $ns "* ]] || continue
		for device in $(tc -n "$ns" qdisc show | sed -n 's/^qdisc clsact .* dev \([^ ]*\) .*/\1/p'); do tc -n "$ns" qdisc del dev "$device" clsact; done
		ip netns exec "$ns" nft list tables netdev | grep vmchaos_ | sed 's/^/delete /' | ip netns exec "$ns" nft -f -
	done
	grep -ls VMCHAOS_RUN= /proc/[0-9]*/environ | cut -d/ -f3 | xargs -r kill -9 2>/dev/null
}

# Runs a step of the operator and makes it a result; in this shell, to which the wires belong.
step() { # NAME COMMAND…
	if "${@:2}" >/tmp/step.log 2>&1; then
		ok "$1" "$(measured "$(</tmp/step.log)")"
	else
		not_ok "$1" "$(measured "$(</tmp/step.log)")"
		return 1
	fi
}
