# shellcheck shell=bash
# Taps that are not the usual one: many queues, and a second network whose devices carry a hash.
delay="netem limit 1000 delay 50ms"

plan 2 60 "$delay" "$delay" 100
if up "multi-queue" dash 2; then
	check_twice "multi-queue: both directions" delays 10.244.0.12 50 50
	check_twice "multi-queue: IPv6" delays fd00:244::12 50 50
fi
down "multi-queue" 2
check "multi-queue: mq is back" grep -q '^qdisc mq 0: root' <(in_pod 2 tc qdisc show dev tap0)
check_twice "multi-queue: as fast as before" undisturbed 10.244.0.12

plan 4 60 "$delay" "$delay" 100
if up "second network" bash 4; then
	check_twice "second network: both directions" delays 10.99.0.13 50 50
	check_twice "second network: IPv6" delays fd00:99::13 50 50
	check_twice "second network: the first is untouched" undisturbed 10.244.0.13
fi
down "second network" 4

PLAN=""
plan_vm 0 0 60 "$delay" - 100
plan_vm 1 2 60 - "$delay" 100
plan_vm 2 4 60 "$delay" - 100
if up "three devices in one run" bash 0 2 4; then
	check_twice "three devices in one run: VM 0" delays 10.244.0.10 50 0
	check_twice "three devices in one run: VM 2" delays 10.244.0.12 0 50
	check_twice "three devices in one run: VM 3" delays 10.99.0.13 50 0
	check_twice "three devices in one run: VM 1" undisturbed 10.244.0.11
fi
down "three devices in one run" 0 2 4
