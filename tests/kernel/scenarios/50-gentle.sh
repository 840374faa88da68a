# shellcheck shell=bash
# Applying and removing 100 ms of delay loses at most 3 packets of a flow of one a millisecond.
for vm in 0 1; do
	plan $vm 60 "netem limit 1000 delay 100ms" "netem limit 1000 delay 100ms" 150
	picture[$vm]=$(snapshot $vm)
	aside in_peer meter echo 10.244.0.1$vm 6000 1000 2000 >/tmp/flow
	flow=$!
	step "gentle, VM $vm: injected" inject fault bash
	check_twice "gentle, VM $vm: in place" delays 10.244.0.1$vm 100 100
	down "gentle, VM $vm" $vm
	check "gentle, VM $vm: the flow outlived the fault" kill -0 $flow
	wait $flow
	line=$(</tmp/flow)
	check "gentle, VM $vm: at most 3 packets lost" within "$(value "$line" lost)" 0 3
	echo "# $line"
done
