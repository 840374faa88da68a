# shellcheck shell=bash
# fast
# Some of a run's processes killed at once: those left notice, end the fault within two seconds and say so.
delay="netem limit 1000 delay 100ms"

# The agent's own helpers in the order it starts them, all others by what the run keeps in its scratch directory.
pid_of() { # PROCESS
	local helpers n=0
	case $1 in
	agent) echo "${agent_pid[fault]}" && return ;;
	listener | clock | warden)
		mapfile -t helpers < <(ps -o pid= --ppid "${agent_pid[fault]}" | tr -d ' ' | sort -n)
		[ "$1" = listener ] || n=1
		[ "$1" != warden ] || n=2
		echo "${helpers[n]}"
		;;
	*) cut -d' ' -f1 "$(agent_dir fault)"/shm/vmchaos.*/"$1.0" ;;
	esac
}

kill_all() { # PROCESS…
	local name pids=()
	for name in "$@"; do pids+=("$(pid_of "$name")"); done
	echo "${pids[*]}"
	kill -9 "${pids[@]}"
}

restored_in_log() { # whoever is left has written it a moment after the kernel is clean
	local end=$((SECONDS + 3))
	while ! verdict fault restored >/dev/null; do
		pause
		[ $SECONDS -le $end ] || { verdict fault restored; return 1; }
	done
}

shells=(bash dash busybox)
turn=0
while read -r names; do
	shell=${shells[turn++ % 3]}
	# shellcheck disable=SC2086 # words
	set -- $names
	plan 0 60 "$delay" "$delay" 150
	picture[0]=$(snapshot 0)
	step "$names killed ($shell): injected" inject fault "$shell" || { abandon fault && continue; }
	step "$names killed ($shell)" kill_all "$@"
	step "$names killed ($shell): clean within two seconds" clean_within 0 2000
	step "$names killed ($shell): told in the log" restored_in_log
	# As the kubelet does, or an operator who has heard the last event.
	hang_up fault
	step "$names killed ($shell): nothing left" nothing_left_but_scratch fault
	agent_end fault
	same "$names killed ($shell): as before" "${picture[0]}" "$(snapshot 0)"
done <<'END'
sentinel keeper
sentinel keeper nsenter relay sleep reader warden
sentinel keeper agent
sentinel keeper listener clock
listener clock
listener
clock
warden
keeper
keeper relay
keeper reader
agent reader
nsenter
relay
sleep
END

# Nobody attaches, and the last one who did falls silent: ends of the length that they have outside of tests.
nobody_attaches() {
	local start
	start=$(ms_now)
	agent_start fault dash
	agent_end fault || return 1
	within $(($(ms_now) - start)) 5000 7500 || { echo "$(($(ms_now) - start)) ms"; return 1; }
	[[ $(<"$(agent_dir fault)/termination-log") = *'"vms":[],"armed":0}' ]]
}
not_clean_within() { ! clean_within 0 "$1"; }
plan 0 60 "$delay" - 150
step "nobody attaches: the agent ends, and says that nothing was armed" nobody_attaches
SILENCE=""
if step "usual silence: injected" inject fault bash; then
	say fault hb
	step "usual silence: heard" await fault "$(event hb)"
	step "usual silence: not for a gap of four seconds" not_clean_within 4000
	step "usual silence: clean" clean_within 0 5000
	step "usual silence: restored" await fault "$(event restored 0).*\"by\":\"silence\""
	step "usual silence: finished" finish fault
fi
SILENCE=3600

# In the launcher's control group: first of a PID namespace, in a network namespace of its own, by a name that reads like
# the kernel's line about it. Anybody can make that in a user namespace.
start_decoy() { # POD
	local scope
	scope=$(pod_cgroup "$1")/cri-containerd-$(container_id "$1").scope
	rm -f /tmp/decoy
	# Its number is to be found before the launcher's in alphabetical order.
	echo 10000 >/proc/sys/kernel/ns_last_pid
	# shellcheck disable=SC2016 # expanded by the inner shells
	bash -c 'echo 0 >"$0/cgroup.procs"; exec unshare --user --map-root-user --net --pid --fork --kill-child \
		bash -c "printf NSpid:\\\\t9\\\\t1 >/proc/self/comm; read -r me _ </proc/self/stat; echo \$me >/tmp/decoy; sleep 1000; :"' "$scope" </dev/null >/dev/null 2>&1 &
	while [ ! -s /tmp/decoy ]; do pause; done
	decoy=$(</tmp/decoy)
}
found_the_launcher() { # not the decoy, which comes first of those that are looked at
	[[ $LINE =~ \"pid\":([0-9]+) ]] || return 1
	echo "launcher ${BASH_REMATCH[1]}, decoy $decoy"
	[ "${BASH_REMATCH[1]}" != "$decoy" ] && [[ $decoy < ${BASH_REMATCH[1]} ]]
}
for shell in bash dash busybox; do
	start_decoy 0
	plan 0 60 "$delay" - 150
	picture[0]=$(snapshot 0)
	if step "decoy ($shell): injected" inject fault $shell; then
		await fault "$(event found 0)"
		step "decoy ($shell): it is not taken for the launcher" found_the_launcher
		check_twice "decoy ($shell): the guest has the fault" delays 10.244.0.10 100 0
		step "decoy ($shell): restored, nothing left" roll_back fault
	else
		abandon fault
	fi
	kill -9 "$decoy"
	same "decoy ($shell): as before" "${picture[0]}" "$(snapshot 0)"
done
