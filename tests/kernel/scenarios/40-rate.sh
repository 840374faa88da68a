# shellcheck shell=bash
# Bandwidth, by netem and by tbf alone (for kernels without netem), each direction.
n=0
for limit in "netem limit 2000 rate 1mbit" "tbf rate 1mbit burst 5000b latency 8000ms"; do
	kind=${limit%% *}
	n=$((n + 1))
	for vm in 0 1; do
		label="$kind, VM $vm"
		plan $vm 120 "$limit" - 1000
		if up "$label into the guest" bash $vm; then
			check_twice "$label: 1 Mbit/s into the guest" rate 10.244.0.1$vm in 1000
			check_twice "$label: no limit out of it" rate 10.244.0.1$vm out 0
		fi
		down "$label into the guest" $vm
		plan $vm 120 - "$limit" 1000
		if up "$label out of the guest" dash $vm; then
			check_twice "$label: 1 Mbit/s out of the guest" rate fd00:244::1$vm out 1000
			check_twice "$label: no limit into it" rate fd00:244::1$vm in 0
		fi
		down "$label out of the guest" $vm
	done
done

plan 0 120 "netem limit 2000 delay 20ms loss 20% rate 2mbit" - 1000
if up "all in one" bash 0; then
	check_twice "all in one: delay" one_way "$(value "$(echo_of 10.244.0.10)" in)" 20
	check_twice "all in one: loss" loss 10.244.0.10 in 200 1000
fi
down "all in one" 0
