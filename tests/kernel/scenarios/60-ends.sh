# shellcheck shell=bash
# fast
# What ends a fault while everything works: its deadline, the operator's word, the operator's absence.
delay="netem limit 1000 delay 100ms"

# Milliseconds between the first and the second thing the kernel told of our handle: applied, and the
# first step of undoing it.
told_apart() { # FILE
	awk -v ours="$HANDLE" '
		/^Timestamp:/ { split($5, c, ":"); at = c[1] * 3600000 + c[2] * 60000 + c[3] * 1000 + $7 / 1000 }
		index($0, ours) { n++; if (n == 1) first = at; if (n == 2) printf "%d\n", at - first }' "$1"
}

held_about() { # MS
	local held
	[[ $LINE =~ \"held\":([0-9]+)\.([0-9]{1,3}) ]] || { echo "no held in $LINE"; return 1; }
	held=$((BASH_REMATCH[1] * 1000 + 10#$(printf '%-3s' "${BASH_REMATCH[2]}" | tr ' ' 0)))
	echo "$held ms"
	within $held $(($1 - 50)) $(($1 + 50))
}

for shell in bash dash busybox; do
	plan 0 2.5 "$delay" - 150
	picture[0]=$(snapshot 0)
	aside tc -n pod0 -timestamp monitor >/tmp/told
	watcher=$!
	if step "deadline ($shell): injected" inject fault $shell; then
		step "deadline ($shell): the operator is still there" say fault hb
		step "deadline ($shell): restored by itself" await fault "$(event restored 0).*\"by\":\"deadline\""
		step "deadline ($shell): held as asked, by the agent" held_about 2500
		held=$(told_apart /tmp/told)
		step "deadline ($shell): held as asked, by the kernel ($held ms)" within "$held" 2450 2550
		step "deadline ($shell): finished" finish fault
	else
		cat /tmp/told
		abandon fault
	fi
	kill $watcher
	same "deadline ($shell): as before" "${picture[0]}" "$(snapshot 0)"

	plan 0 60 "$delay" "$delay" 150
	if step "end of file ($shell): injected" inject fault $shell; then
		hang_up fault
		step "end of file ($shell): clean within a second" clean_within 0 1000
		step "end of file ($shell): the agent ends well" agent_end fault
		step "end of file ($shell): verdict" verdict fault lost-operator
		step "end of file ($shell): nothing left" nothing_left fault
	fi

	SILENCE=3
	plan 0 60 "$delay" - 150
	if step "silence ($shell): injected" inject fault $shell; then
		step "silence ($shell): clean within limit and a bit" clean_within 0 5500
		step "silence ($shell): restored" await fault "$(event restored 0).*\"by\":\"silence\""
		step "silence ($shell): finished" finish fault
	fi
	SILENCE=3600
done

PLAN=""
plan_vm 0 0 60 "$delay" - 150
plan_vm 1 1 60 "$delay" "$delay" 150
if step "one of two: injected" inject fault dash; then
	say fault rollback 1
	step "one of two: restored" await fault "$(event restored 1)"
	step "one of two: it is clean" clean_within 1 100
	check_twice "one of two: the other is still delayed" delays 10.244.0.10 100 0
	say fault rollback
	step "one of two: the other follows" await fault "$(event restored 0)"
	step "one of two: finished" finish fault
fi

plan 0 4 "$delay" - 150
picture[0]=$(snapshot 0)
if step "detached: injected" inject fault busybox; then
	say fault detach
	step "detached: answered" await fault "$(event detached)"
	hang_up fault
	check_twice "detached: the fault stands without an operator" delays 10.244.0.10 100 0
	step "detached: clean at the deadline" clean_within 0 4500
	step "detached: the agent ends well" agent_end fault
	step "detached: ended by the deadline" verdict fault deadline
	step "detached: nothing left" nothing_left fault
	same "detached: as before" "${picture[0]}" "$(snapshot 0)"
fi

plan 0 60 "$delay" - 150
if step "abort before go: armed" arm fault bash; then
	hang_up fault
	step "abort before go: the agent ends well" agent_end fault
	step "abort before go: never touched" clean_within 0 10
	step "abort before go: nothing left" nothing_left fault
fi
