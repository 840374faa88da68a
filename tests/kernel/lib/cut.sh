# shellcheck shell=bash
# What cuts traffic: the lines of a plan as `kubectl vmchaos filter` writes them, and how the guests with a
# protocol stack (VM 6 masquerade, VM 7 bridge) are reached meanwhile.

# What a cut matches; ports and peers are empty for any.
CUT_PORTS="" CUT_PEERS4="" CUT_PEERS6=""

# A plan for a cut: ENGINE, then protocols; then a VM and its directions for each pair that follows.
# The rules are for both directions: those that no VM asks for are in the plan, and in nobody's kernel.
cut_plan() { # ENGINE "PROTOCOL…" HOLD [VM in|out|both]…
	local engine=$1 protocols=$2 hold=$3 i=0
	PLAN=""
	line "engine $engine"
	line "mark $HANDLE"
	[ -z "$CUT_PORTS" ] || line "ports $CUT_PORTS"
	[ -z "$CUT_PEERS4" ] || line "peers4 $CUT_PEERS4"
	[ -z "$CUT_PEERS6" ] || line "peers6 $CUT_PEERS6"
	nft_rules in s "$protocols"
	nft_rules out d "$protocols"
	flower_rules in src "$protocols"
	flower_rules out dst "$protocols"
	shift 3
	while [ $# -gt 0 ]; do
		cut_vm $i "$1" "$hold" "$2"
		i=$((i + 1))
		shift 2
	done
}

cut_vm() { # PLAN_INDEX VM HOLD in|out|both
	local tap bridge uplink upbridge pod
	pod=$(pod_of "$2")
	read -r tap bridge uplink upbridge < <(devices_of "$2")
	line "vm $1 $(pod_uid "$pod") $(container_id "$pod")"
	line "hold $1 $3"
	line "tap $1 $tap $bridge"
	line "uplink $1 $uplink $upbridge"
	[ "$4" = out ] || line "own $1 cut $tap in egress"
	[ "$4" = in ] || line "own $1 cut $tap out ingress"
}

nft_rules() { # in|out s|d "PROTOCOL…"
	local scope scopes=() ported=" $3 " port=""
	[ -z "$CUT_PEERS4" ] || scopes+=("ip ${2}addr @peers4 ")
	[ -z "$CUT_PEERS6" ] || scopes+=("ip6 ${2}addr @peers6 ")
	[ ${#scopes[@]} != 0 ] || scopes=("")
	ported=${ported/ icmp / }
	read -r ported <<<"${ported/ all / }"
	case $ported in
	"") ;;
	*\ *) port="meta l4proto { ${ported// /, } } ${CUT_PORTS:+th dport @ports }" ;;
	*) if [ -n "$CUT_PORTS" ]; then port="$ported dport @ports "; else port="meta l4proto $ported "; fi ;;
	esac
	for scope in "${scopes[@]}"; do
		[ -z "$ported" ] || line "nft $1 $scope${port}counter drop"
		case " $3 " in
		*" icmp "*)
			[[ $scope = ip6* ]] || line "nft $1 ${scope}meta l4proto icmp counter drop"
			[[ $scope = "ip "* ]] || line "nft $1 ${scope}icmpv6 type != 133-137 counter drop"
			;;
		*" all "*) line "nft $1 ${scope:-meta protocol { ip, ip6 \} }counter drop" ;;
		esac
	done
}

flower_rules() { # in|out src|dst "PROTOCOL…"
	local tag family peers protocol match
	for tag in "" "802.1Q vlan_ethtype "; do
		for family in ip ipv6; do
			peers=$([ $family = ip ] && echo "$CUT_PEERS4" || echo "$CUT_PEERS6")
			[ -n "$peers" ] || [ -z "$CUT_PEERS4$CUT_PEERS6" ] || continue
			match="$1 $tag$family"
			[ -z "$peers" ] || match+=" ${2}_ip @peers$([ $family = ip ] && echo 4 || echo 6)"
			for protocol in $3; do
				case $protocol-$family in
				all-*) line "tc $match" ;;
				icmp-ip) line "tc $match ip_proto icmp" ;;
				icmp-ipv6)
					for types in 0/128 128/252 132/255 138/254 140/252 144/240 160/224 192/192; do
						line "tc $match ip_proto icmpv6 type $types"
					done
					;;
				*) line "tc $match ip_proto $protocol${CUT_PORTS:+ dst_port @ports}" ;;
				esac
			done
		done
	done
}

# Packets that the rules have dropped so far, as the last event has it.
packets_read() {
	grep -oE '"packets": ?[0-9]+' <<<"$LINE" | awk -F: '{ n += $2 } END { print n + 0 }'
}

# What is tried: in each protocol a port that is cut (7001) and one that is not.
DOORS="tcp/7001 tcp/7002 udp/7001 udp/7002 sctp/7001 sctp/7002 ping"
PEER4=10.244.0.100 PEER6=fd00:244::100
declare -A guest4=([6]=10.244.0.16 [7]=10.244.0.17) guest6=([6]=fd00:244::16 [7]=fd00:244::17)

# Every door but those named (by one address ADDRESS/DOOR) answers, and those do not; from outside to
# guests, or from one.
into_guests() { # "VM…" [DOOR…]
	local vm addresses=""
	for vm in $1; do addresses+=",${guest4[$vm]},${guest6[$vm]}"; done
	doors "in_peer" "${addresses#,}" "${@:2}"
}
out_of_guest() { # VM [DOOR…]
	doors "in_guest $1" "$PEER4,$PEER6" "${@:2}"
}

doors() { # "WHO" ADDRESSES [DOOR…]
	local said wanted address silent=" ${*:3} "
	# shellcheck disable=SC2086 # words
	said=$($1 knock "$2" 400 $DOORS)
	for address in ${2//,/ }; do
		wanted+="$address:"
		for door in $DOORS; do
			if [[ $silent = *" $door "* || $silent = *" $address/$door "* ]]; then wanted+=" $door=silent"; else wanted+=" $door=open"; fi
		done
		wanted+=$'\n'
	done
	said_so "${wanted%$'\n'}" "$said"
}

said_so() { # WANTED SAID
	# shellcheck disable=SC2001 # every line
	[ "$1" = "$(sed 's/ ms=[0-9]*$//' <<<"$2")" ] && echo "${2//=open/}" | grep -o '[0-9a-f.:]*: \|[^ ]*=silent\|ms=.*' | tr '\n' ' ' && return
	echo "$2; wanted: $1"
	return 1
}

# Makes the guests, once; knocked at until neighbours are known.
make_systems() {
	local module vm
	[ -z "$CUTS" ] || return
	CUTS="pod6 pod7"
	for module in udp_tunnel ip6_udp_tunnel sctp; do modprobe $module; done
	may_ping peer
	# shellcheck disable=SC2086 # words
	in_peer knock serve $PORTS </dev/null >>/tmp/containers.log 2>&1 &
	SYSTEM=1 make_masquerade 6 1
	SYSTEM=1 make_bridge 7
	for vm in 6 7; do
		watch_pod $vm
		step "VM $vm with a protocol stack: out of it" until_ok out_of_guest $vm
		step "VM $vm with a protocol stack: into it" until_ok into_guests $vm
	done
}

until_ok() { # COMMAND…
	for _ in 1 2 3 4 5 6 7 8 9 10; do ! "$@" || return 0; done
	return 1
}

# After a cut: everybody reaches everybody.
all_open() { # LABEL
	check "$1: afterwards into the guests" into_guests "6 7"
	check "$1: afterwards out of VM 6" out_of_guest 6
	check "$1: afterwards out of VM 7" out_of_guest 7
}
