# shellcheck shell=bash
# fast
# Round trips grow by what is asked and in the direction asked, for both bindings, IPv4 and IPv6; the
# other VMs and the host notice nothing.
delay="netem limit 1000 delay 100ms"

delayed() { # LABEL SHELL VM IN OUT IN_MS OUT_MS ADDRESS…
	plan "$3" 60 "$4" "$5" 150
	if up "$1" "$2" "$3"; then
		for address in "${@:8}"; do check_twice "$1: $address" delays "$address" "$6" "$7"; done
	fi
}

for vm in 0 1; do
	[ $vm = 0 ] && binding=masquerade || binding=bridge
	delayed "$binding, into the guest" bash $vm "$delay" - 100 0 10.244.0.1$vm fd00:244::1$vm
	down "$binding, into the guest" $vm
	delayed "$binding, out of the guest" dash $vm - "$delay" 0 100 10.244.0.1$vm fd00:244::1$vm
	down "$binding, out of the guest" $vm
	delayed "$binding, both" busybox $vm "$delay" "$delay" 100 100 10.244.0.1$vm fd00:244::1$vm
	check_twice "$binding, both: ping $vm" ping_of 10.244.0.1$vm 180 220
	check_twice "$binding, both: ping -6 $vm" ping_of fd00:244::1$vm 180 220
	check_twice "$binding, both: the other VM" undisturbed 10.244.0.1$((1 - vm))
	check "$binding, both: the host" host_undisturbed
	down "$binding, both" $vm
	check_twice "$binding: as fast as before" undisturbed 10.244.0.1$vm
done
