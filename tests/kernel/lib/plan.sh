# shellcheck shell=bash
# The plan an agent is started with, line by line as `kubectl vmchaos` writes it.

PLAN=""
HANDLE=7a31:
NETEM_OFF="delay 0ms loss 0% duplicate 0% corrupt 0% reorder 0% rate 0bit"

# Devices of each VM as 10-wiring.sh makes them: tap, its bridge, uplink, the uplink's bridge.
devices_of() { # INDEX
	case $1 in
	1 | 7) echo tap0 k6t-eth0 eth0-nic k6t-eth0 ;;
	4) echo tap16477688c0e k6t-16477688c0e 16477688c0e-nic k6t-16477688c0e ;; # VM 3's second network
	*) echo tap0 k6t-eth0 eth0 - ;;
	esac
}

# The pod a plan's VM is in: 4 stands for the second network of VM 3.
pod_of() { if [ "$1" = 4 ]; then echo 3; else echo "$1"; fi; }

line() { PLAN+="$*"$'\n'; }

# One VM of a plan. IN and OUT are what to add into and out of the guest, or - for nothing:
# `netem limit 1000 delay 100ms`, `tbf rate 1mbit burst 15kb latency 400ms`.
plan_vm() { # PLAN_INDEX VM HOLD IN OUT [EASE_MS]
	local i=$1 pod tap bridge uplink upbridge
	pod=$(pod_of "$2")
	read -r tap bridge uplink upbridge < <(devices_of "$2")
	line "vm $i $(pod_uid "$pod") $(container_id "$pod")"
	line "hold $i $3"
	[ "$4" = - ] || line "tap $i $tap $bridge"
	[ "$5" = - ] || line "uplink $i $uplink $upbridge"
	[[ "$4 $5" != *netem* ]] || line "need $i sch_netem"
	[ "$4" = - ] || line "own $i qdisc $tap $HANDLE"
	[ "$5" = - ] || line "own $i qdisc $uplink $HANDLE"
	[ "$4" = - ] || line "apply $i tc qdisc add dev $tap root handle $HANDLE $4"
	[ "$5" = - ] || line "apply $i tc qdisc add dev $uplink root handle $HANDLE $5"
	plan_ease "$i" "$tap" "$4"
	plan_ease "$i" "$uplink" "$5"
	[[ "$4 $5" != *netem* ]] || line "ease $i ${6:-0}"
	[ "$4" = - ] || line "undo $i tc qdisc del dev $tap root handle $HANDLE"
	[ "$5" = - ] || line "undo $i tc qdisc del dev $uplink root handle $HANDLE"
}

plan_ease() { # PLAN_INDEX DEVICE OPTIONS
	[[ $3 =~ ^netem\ limit\ ([0-9]+) ]] || return 0
	line "ease+ $1 tc qdisc change dev $2 root handle $HANDLE netem limit ${BASH_REMATCH[1]} $NETEM_OFF"
}

# A plan with one VM.
plan() { # VM HOLD IN OUT [EASE_MS]
	PLAN=""
	plan_vm 0 "$@"
}
