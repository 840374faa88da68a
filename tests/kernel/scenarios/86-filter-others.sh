# shellcheck shell=bash
# A cut beside what others have made, and beside netem: refused before any change, or kept as it is.
make_systems
delay="netem limit 1000 delay 100ms"

refused() { # LABEL REASON SHELL
	local before
	before=$(snapshot 7)
	agent_start fault "$3"
	say fault hello 0
	if step "$1: refused" await fault "$(event refused 0).*\"reason\":\"$2\""; then
		say fault bye
		step "$1: the agent ends well" agent_end fault
		step "$1: nothing left" nothing_left_of_ours fault
	else
		abandon fault
	fi
	same "$1: left as it was" "$before" "$(snapshot 7)"
}
# While somebody else's objects with names like ours are there on purpose.
nothing_left_of_ours() { CUTS="" nothing_left "$1"; }

foreign_hook() { # HOOK
	in_pod 7 nft -f - <<-END
		create table netdev others
		add chain netdev others theirs { type filter hook $1 device "tap0" priority 0; policy accept; }
	END
}

for engine in nft tc; do
	CUT_PORTS=7001
	cut_plan $engine tcp 60 7 both
	for hook in ingress egress; do
		foreign_hook $hook
		refused "$engine, a foreign table on $hook" foreign-filter dash
		in_pod 7 nft delete table netdev others
	done

	in_pod 7 tc qdisc add dev tap0 clsact
	in_pod 7 tc filter add dev tap0 egress protocol ip pref 10 flower ip_proto tcp dst_port 9 action drop
	refused "$engine, a foreign filter" foreign-filter busybox
	in_pod 7 tc filter del dev tap0 egress pref 10

	# A clsact without filters is used, and stays.
	if up "$engine, a foreign clsact" bash 7; then
		check "$engine, a foreign clsact: closed" into_guests 7 tcp/7001
	fi
	down "$engine, a foreign clsact" 7
	check "$engine, a foreign clsact: it is still there" grep -q clsact <(in_pod 7 tc qdisc show dev tap0)
	in_pod 7 tc qdisc del dev tap0 clsact

	# Somebody puts a filter beside ours meanwhile: ours go, theirs stays, and its clsact with it.
	if [ $engine = tc ] && step "tc, a filter meanwhile: injected" inject fault dash; then
		in_pod 7 tc filter add dev tap0 ingress protocol ip pref 10 flower ip_proto udp dst_port 9 action drop
		say fault rollback
		step "tc, a filter meanwhile: restored, and said" await fault "$(event restored 0).*\"changed\":"
		step "tc, a filter meanwhile: finished" finish fault
		check "tc, a filter meanwhile: theirs is there" grep -q 'dst_port 9' <(in_pod 7 tc filter show dev tap0 ingress)
		in_pod 7 tc qdisc del dev tap0 clsact
	fi

	in_pod 7 tc qdisc add dev tap0 root handle 1: pfifo
	refused "$engine, a foreign root" foreign-qdisc bash
	in_pod 7 tc qdisc del dev tap0 root
done

# Two runs at once: both ready, the first to go has the device, the second must not touch it; a third is refused.
for engine in nft tc; do
	RUN=aaaaaa HANDLE=7a31:
	cut_plan $engine tcp 60 7 both
	if step "$engine, two runs: the first is armed" arm fault bash; then
		RUN=bbbbbb HANDLE=7b02:
		CUT_PORTS=7002
		cut_plan $engine tcp 60 7 both
		CUT_PORTS=7001
		step "$engine, two runs: the second is armed" arm second dash
		say fault go
		step "$engine, two runs: the first injects" await fault "$(event injected 0)"
		say second go
		step "$engine, two runs: the second fails" await second "$(event failed 0)"
		step "$engine, two runs: and has nothing in place" await second "$(event restored 0)"
		check "$engine, two runs: the first's stands" into_guests 7 tcp/7001
		say second bye
		step "$engine, two runs: the second's agent ends well" agent_end second
		agent_start third busybox
		say third hello 0
		step "$engine, two runs: a third is refused" await third "$(event refused 0).*foreign-filter"
		say third bye
		step "$engine, two runs: the third's agent ends well" agent_end third
		check "$engine, two runs: the first's stands still" into_guests 7 tcp/7001
		step "$engine, two runs: the first is restored" roll_back fault
	fi
done

# Netem and a cut on one VM, by two runs, ended in either order.
end_first() { # NAME
	say "$1" rollback && await "$1" "$(event restored 0)" && say "$1" bye && agent_end "$1" && verdict "$1" restored
}

# A ping takes what netem makes it take, to 20 ms.
slow() { # ADDRESS MS
	local said
	said=$(in_peer knock "$1" 1000 ping)
	echo "$said"
	[[ $said = *ping=open* ]] && within "$(value "$said" ms)" "$2" $(($2 + 20))
}

for engine in nft tc; do
	for first in netem cut; do
		label="$engine and netem, $first ends first"
		picture[7]=$(snapshot 7)
		RUN=aaaaaa HANDLE=7a31:
		plan 7 60 "$delay" - 150
		step "$label: netem is injected" inject netem dash
		RUN=bbbbbb HANDLE=7b02:
		cut_plan $engine tcp 60 7 in
		step "$label: the cut is injected" inject cut dash
		check "$label: closed" into_guests 7 tcp/7001
		check "$label: delayed" slow "${guest4[7]}" 100
		CUTS="" step "$label: one is restored" end_first $first
		if [ $first = netem ]; then
			check "$label: still closed" into_guests 7 tcp/7001
			check "$label: not delayed" slow "${guest4[7]}" 0
			step "$label: the cut is restored" roll_back cut
		else
			check "$label: all open" into_guests 7
			check "$label: still delayed" slow "${guest4[7]}" 100
			step "$label: netem is restored" roll_back netem
		fi
		same "$label: as before" "${picture[7]}" "$(snapshot 7)"
	done
done
RUN="" HANDLE=7a31: CUT_PORTS=""
