# shellcheck shell=bash
# Each protocol, by each engine, behind each binding, IPv4 and IPv6, with and without br_netfilter: closed
# into and out of the guests, all else open, and all open afterwards. One direction alone is 80-filter.sh's.
make_systems

# Doors that are closed when PROTOCOLS are cut in both directions, on port 7001 where there are ports.
closed() { # "PROTOCOL…"
	local protocol
	for protocol in $1; do
		case $protocol in
		all) echo "$DOORS" ;;
		icmp) echo ping ;;
		*) echo "$protocol/7001" ;;
		esac
	done
}

cut_both_ways() { # LABEL ENGINE "PROTOCOL…"
	local shut
	read -r -d '' -a shut < <(closed "$3")
	cut_plan "$2" "$3" 120 6 both 7 both
	if up "$1" dash 6 7; then
		check "$1: into the guests" into_guests "6 7" "${shut[@]}"
		check "$1: out of VM 6" out_of_guest 6 "${shut[@]}"
		check "$1: out of VM 7" out_of_guest 7 "${shut[@]}"
	fi
	down "$1" 6 7
	all_open "$1"
}

for engine in nft tc; do
	for protocol in tcp udp sctp icmp all; do
		CUT_PORTS=""
		case $protocol in tcp | udp | sctp) CUT_PORTS=7001 ;; esac
		cut_both_ways "$engine, $protocol" $engine $protocol
	done
done
modprobe br_netfilter
check "br_netfilter is in effect" grep -q 1 <(in_pod 7 cat /proc/sys/net/bridge/bridge-nf-call-iptables)
for engine in nft tc; do
	CUT_PORTS=7001
	cut_both_ways "$engine, br_netfilter, by port" $engine "tcp udp sctp icmp"
	CUT_PORTS=""
	cut_both_ways "$engine, br_netfilter, all" $engine all
done
modprobe -r br_netfilter

# Peers: one family leaves the other alone; who is not a peer is not met.
for engine in nft tc; do
	CUT_PEERS4=10.0.0.0/24,$PEER4
	cut_plan $engine all 120 6 in 7 out
	label="$engine, IPv4 peers"
	if up "$label" dash 6 7; then
		read -r -a shut <<<"$DOORS"
		check "$label: into VM 6, IPv6 is untouched" into_guests 6 "${shut[@]/#/${guest4[6]}/}"
		check "$label: out of VM 7, IPv6 is untouched" out_of_guest 7 "${shut[@]/#/$PEER4/}"
		check "$label: somebody else reaches the guest" host_reaches 10.244.0.17
	fi
	down "$label" 6 7
	CUT_PEERS4="" CUT_PEERS6=fd00:244::/120 CUT_PORTS=7001
	cut_plan $engine "tcp udp" 120 6 out 7 in
	label="$engine, IPv6 peers and a port"
	if up "$label" dash 6 7; then
		check "$label: into VM 7" into_guests 7 "${guest6[7]}"/{tcp,udp}/7001
		check "$label: out of VM 6" out_of_guest 6 "$PEER6"/{tcp,udp}/7001
	fi
	down "$label" 6 7
	CUT_PEERS6="" CUT_PORTS=""
done
