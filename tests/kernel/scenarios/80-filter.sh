# shellcheck shell=bash
# fast
# Traffic cut in one direction, by both engines: what is asked for and nothing else, for one guest and
# nobody besides; what was open stalls and goes on; what is read back is what was sent.
make_systems

# One connection that is open all the time: a line goes through it, or waits.
keep_open() { # NETNS ADDRESS PORT
	rm -f /tmp/keep.in
	mkfifo /tmp/keep.in
	exec {keep_out}< <(close_wires && exec ip netns exec "$1" knock keep "$2" "$3" </tmp/keep.in)
	exec {keep_in}>/tmp/keep.in
	came_back connected
}
came_back() { # LINE [SECONDS]
	local line
	read -r -t "${2:-5}" -u "$keep_out" line
	[ "$line" = "$1" ] || { echo "not $1: $line"; return 1; }
}
still_stalled() {
	local line
	! read -r -t 1 -u "$keep_out" line || { echo "came through: $line"; return 1; }
}

# Three datagrams and one connection are tried at a closed port: as many packets are in the counters.
counted() { # WANTED
	await fault "$(event ending)" || return 1
	# shellcheck disable=SC2153 # set by await
	[ "$(packets_read)" = "$1" ] || { echo "$(packets_read) packets: $LINE"; return 1; }
}

for engine in nft tc; do
	CUT_PORTS=53,7001,8000-8100 shell=bash
	[ $engine = nft ] || shell=busybox
	keep_open peer "${guest4[7]}" 7001
	cut_plan $engine "tcp udp" 120 6 out 7 in
	if up "$engine" $shell 6 7; then
		echo two >&"$keep_in"
		check "$engine: into VM 7, whose ports are closed, and VM 6" into_guests "6 7" \
			"${guest4[7]}"/{tcp,udp}/7001 "${guest6[7]}"/{tcp,udp}/7001
		check "$engine: out of VM 7" out_of_guest 7
		check "$engine: out of VM 6, to which ports are closed" out_of_guest 6 tcp/7001 udp/7001
		check_twice "$engine: VM 1 on the same node" undisturbed 10.244.0.11
		check_twice "$engine: the host" host_undisturbed
		step "$engine: what was open stalls" still_stalled
	fi
	down "$engine" 6 7
	step "$engine: and goes on afterwards" came_back "echo two" 30
	exec {keep_in}>&-
	exec {keep_out}<&-
	all_open "$engine"

	CUT_PORTS=7001
	cut_plan $engine udp 120 7 in
	if up "$engine, counted" dash 7; then
		in_peer knock "${guest4[7]},${guest6[7]}" 10 udp/7001 udp/7001 udp/7001 udp/7002 >/tmp/knock.log
		say fault rollback
		step "$engine: six packets sent, six counted" counted 6
		step "$engine: finished" finish fault
	else
		abandon fault
	fi
done
CUT_PORTS=""
