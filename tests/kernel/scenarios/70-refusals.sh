# shellcheck shell=bash
# What the agent must not touch, and what it cannot do: refused before any change, and left as it was.
delay="netem limit 1000 delay 100ms"

refused() { # LABEL REASON
	local before
	before=$(snapshot 0)
	agent_start fault "${3:-dash}"
	say fault hello 0
	if step "$1: refused" await fault "$(event refused 0).*\"reason\":\"$2\""; then
		say fault bye
		step "$1: the agent ends well" agent_end fault
		step "$1: nothing left" nothing_left fault
	else
		abandon fault
	fi
	same "$1: left as it was" "$before" "$(snapshot 0)"
}

plan 0 60 "$delay" - 150
for foreign in "root handle 1: tbf rate 50mbit burst 64kb latency 50ms" "root handle 8001: netem delay 5ms" clsact ingress; do
	# shellcheck disable=SC2086 # words
	in_pod 0 tc qdisc add dev tap0 $foreign
	refused "foreign ${foreign##*: }" foreign-qdisc
	in_pod 0 tc qdisc del dev tap0 "${foreign%% *}"
done

in_pod 0 ip link set tap0 down
refused "tap is down" device-down bash
in_pod 0 ip link set tap0 up
PLAN=${PLAN//tap0/tap7}
refused "no such tap" no-device
plan 0 60 "$delay" -
PLAN=${PLAN//tap 0 tap0 k6t-eth0/tap 0 eth0 -}
PLAN=${PLAN//tap0/eth0}
refused "not a tap" not-a-tap busybox
plan 0 60 "$delay" -
PLAN=${PLAN//k6t-eth0/k6t-other}
refused "not in that bridge" wrong-bridge
plan 0 60 "$delay" -
PLAN=${PLAN//$(container_id 0)/$(container_id 99)}
refused "no such container" no-process
plan 0 60 "$delay" -
# shellcheck disable=SC2016 # literally
PLAN=${PLAN//100ms/'100ms;$(reboot)'}
refused "a plan with a shell's characters" plan

# Two runs at once: ready both, the first to go has the device, the second must not touch it.
RUN=aaaaaa HANDLE=7a31: plan 0 60 "$delay" - 150
RUN=aaaaaa
if step "two runs: the first is armed" arm fault bash; then
	RUN=bbbbbb HANDLE=7b02:
	plan 0 60 "netem limit 1000 delay 30ms" - 50
	step "two runs: the second is armed" arm second dash
	PLAN="vm"
	say fault go
	step "two runs: the first injects" await_all fault injected
	say second go
	step "two runs: the second fails" await second "$(event failed 0)"
	step "two runs: and has nothing in place" await second "$(event restored 0)"
	check_twice "two runs: the first's delay stands" delays 10.244.0.10 100 0
	say second bye
	step "two runs: the second's agent ends well" agent_end second
	check_twice "two runs: also after the second is gone" delays 10.244.0.10 100 0
	plan 0 60 "$delay" - 150
	agent_start third bash
	say third hello 0
	step "two runs: a third is refused" await third "$(event refused 0).*foreign-qdisc"
	say third bye
	step "two runs: the third's agent ends well" agent_end third
	PLAN="vm"
	step "two runs: the first is restored" roll_back fault
fi
RUN="" HANDLE=7a31:

# Somebody takes one of two devices between ready and go: the other is undone, theirs is left alone.
plan 1 60 "$delay" "$delay" 150
if step "partly applied: armed" arm fault dash; then
	in_pod 1 tc qdisc add dev eth0-nic root handle 1: pfifo limit 77
	before=$(snapshot 1)
	say fault go
	step "partly applied: failed" await fault "$(event failed 0)"
	step "partly applied: undone" await fault "$(event restored 0)"
	same "partly applied: theirs is left alone" "$before" "$(snapshot 1)"
	say fault bye
	step "partly applied: the agent ends well" agent_end fault
	step "partly applied: nothing left" nothing_left fault
	in_pod 1 tc qdisc del dev eth0-nic root
fi

# The default qdisc changes under the fault: what comes back is a default, and said to be another's change.
plan 0 60 "$delay" - 150
if step "default changed: injected" inject fault bash; then
	echo pfifo_fast >/proc/sys/net/core/default_qdisc
	say fault rollback
	step "default changed: restored, and said" await fault "$(event restored 0).*\"changed\":"
	step "default changed: finished" finish fault
	check "default changed: the new default is there" grep -q '^qdisc pfifo_fast 0: root' <(in_pod 0 tc qdisc show dev tap0)
fi
echo fq_codel >/proc/sys/net/core/default_qdisc
in_pod 0 tc qdisc add dev tap0 root pfifo
in_pod 0 tc qdisc del dev tap0 root
