# shellcheck shell=bash
# Probes from the node: they see what a fault does to a round trip and to a port, before, during and
# after it; where they cannot be made, nothing is changed; and they leave nothing.
make_systems
delay="netem limit 1000 delay 100ms"
tell='"ev":"probe"'

# What the probes of a phase have said so far: milliseconds, or null.
said() { # PHASE N
	sed -n "s/.*$tell.*\"n\":$2,\"phase\":\"$1\".*\"ms\":\([^}]*\)}.*/\1/p" <<<"${wire_log[fault]}"
}

# Waits until there are so many of each kind.
probes() { # PHASE COUNT N…
	local n end=$((SECONDS + 60))
	for n in "${@:3}"; do
		while [ "$(said "$1" "$n" | wc -l)" -lt "$2" ]; do
			await fault "no such event" 1 >/dev/null
			[ $SECONDS -le $end ] || { echo "$1 $n: $(said "$1" "$n" | tr '\n' ' '); ${wire_log[fault]}"; return 1; }
		done
	done
}

# All of them, in whole milliseconds.
all_within() { # PHASE N LOW HIGH
	local all ms
	all=$(said "$1" "$2")
	echo "$1: ${all//$'\n'/ }"
	[ -n "$all" ] || return 1
	for ms in $all; do within "${ms%%.*}" "$3" "$4" || return 1; done
}

all_lost() { # PHASE N
	local all
	all=$(said "$1" "$2" | sort -u)
	[ "$all" = null ] || { echo "$1: $all"; return 1; }
}

# A ping of the run's, which waits for its answer.
ping_hangs() {
	local comm
	for comm in $(grep -ls '^ping' /proc/[0-9]*/comm); do
		! grep -qs VMCHAOS_RUN= "${comm%comm}environ" || return 0
	done
	pause
	return 1
}

refused() { # SHELL
	agent_start fault "$1"
	say fault hello 0
	await fault "$(event refused 0).*\"no-probe\"" && say fault bye && await fault "$(event end)"
	agent_end fault
	nothing_left fault
}

PLAN=""
plan_vm 0 7 60 "$delay" "$delay" 150
line "probe 0 icmp ${guest4[7]} - 2"
picture[7]=$(snapshot 7)
step "no ping in the image or on the node: refused" refused dash
same "no ping: VM 7 is as before" "${picture[7]}" "$(snapshot 7)"
ln -s /bb/busybox /usr/bin/ping

for shell in bash dash busybox; do
	vm=7 address=${guest4[7]}
	[ $shell != dash ] || vm=6 address=${guest4[6]}
	[ $shell != busybox ] || address=${guest6[7]}
	PLAN=""
	plan_vm 0 $vm 120 "$delay" "$delay" 150
	line "probe 0 icmp $address - 3"
	line "probe 0 tcp $address 7001 3"
	line "probe 0 tcp $address 7009 3"
	if step "delay ($shell): armed" arm fault $shell; then
		step "delay ($shell): probed before go" probes before 2 0 1 2
		say fault go
		step "delay ($shell): injected" await fault "$(event injected 0)"
		step "delay ($shell): probed during" probes during 3 0 1 2
		say fault rollback
		step "delay ($shell): restored" await fault "$(event restored 0)"
		step "delay ($shell): probed after" probes after 3 0 1 2
		for n in 0 1; do
			step "delay ($shell): probe $n before" all_within before $n 0 90
			step "delay ($shell): probe $n during, +200 ms" all_within during $n 200 300
			step "delay ($shell): probe $n after" all_within after $n 0 90
		done
		step "delay ($shell): nobody listens there" all_lost during 2
		step "delay ($shell): finished, nothing left" finish fault
	else
		abandon fault
	fi
done

for engine in nft tc; do
	CUT_PORTS=7001
	cut_plan $engine tcp 120 7 in
	line "probe 0 tcp ${guest4[7]} 7001 2"
	line "probe 0 tcp ${guest4[7]} 7002 2"
	if step "filter ($engine): armed" arm fault bash; then
		step "filter ($engine): probed before go" probes before 2 0 1
		say fault go
		step "filter ($engine): injected" await fault "$(event injected 0)"
		step "filter ($engine): probed during" probes during 3 0 1
		step "filter ($engine): the port is lost" all_lost during 0
		step "filter ($engine): the other is not" all_within during 1 0 90
		say fault rollback
		step "filter ($engine): probed after" probes after 3 0 1
		step "filter ($engine): the port answers again" all_within after 0 0 90
		step "filter ($engine): finished, nothing left" finish fault
	else
		abandon fault
	fi
done

# A connection that hangs, a ping that waits, and the agent alone is gone.
for shell in bash dash busybox; do
	cut_plan nft "tcp icmp" 120 7 in
	line "probe 0 tcp ${guest4[7]} 7001 100"
	line "probe 0 icmp ${guest4[7]} - 100"
	if step "agent killed while probes hang ($shell): injected" inject fault $shell; then
		step "agent killed while probes hang ($shell): they do" until_ok ping_hangs
		kill -9 "${agent_pid[fault]}"
		step "agent killed while probes hang ($shell): clean within a second" clean_within 7 1000
		hang_up fault
		step "agent killed while probes hang ($shell): no process left" nothing_left_but_scratch fault
		agent_end fault
	else
		abandon fault
	fi
done
CUT_PORTS=""
rm /usr/bin/ping
all_open "probes"
