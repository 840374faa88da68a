# shellcheck shell=bash
# Who reaches whom while traffic is cut: for each protocol and engine, with and without br_netfilter, into
# and out of a guest behind either binding, IPv4 and IPv6, everything that is not asked for goes on.
make_systems

# Doors that are closed to who asks, when PROTOCOL is cut on port 7001 and in a direction of the guest. A
# cut without ports takes the answers of the other direction with it.
closed() { # PROTOCOL asked|other
	case $1-$2 in
	all-*) echo "$DOORS" ;;
	icmp-*) echo ping ;;
	*-asked) echo "$1/7001" ;;
	esac
}

cell() { # LABEL VM in|out PROTOCOL
	local other=asked
	[ "$3" = in ] || other=other
	# shellcheck disable=SC2046 # words
	check "$1: into VM $2" into_guest "$2" $(closed "$4" $other)
	other=asked
	[ "$3" = out ] || other=other
	# shellcheck disable=SC2046 # words
	check "$1: out of VM $2" out_of_guest "$2" $(closed "$4" $other)
}

shells=(bash dash busybox) runs=0
for netfilter in without with; do
	[ $netfilter = without ] || modprobe br_netfilter
	for engine in nft tc; do
		for protocol in tcp udp sctp icmp all; do
			for ways in "in out" "out in"; do
				# shellcheck disable=SC2086 # words
				set -- $ways
				CUT_PORTS=""
				case $protocol in tcp | udp | sctp) CUT_PORTS=53,7001,8000-8100 ;; esac
				cut_plan $engine $protocol 120 6 "$1" 7 "$2"
				label="$engine, $netfilter br_netfilter, $protocol"
				runs=$((runs + 1))
				if up "$label" "${shells[runs % 3]}" 6 7; then
					cell "$label $1 VM 6" 6 "$1" $protocol
					cell "$label $2 VM 7" 7 "$2" $protocol
				fi
				down "$label" 6 7
				check "$label: afterwards into the guests" into_guest 6
				check "$label: afterwards out of the guests" out_of_guest 7
			done
		done
	done
done
modprobe -r br_netfilter
CUT_PORTS=""
