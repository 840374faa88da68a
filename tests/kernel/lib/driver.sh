# shellcheck shell=bash
# Starts agents as a debug pod's container would and speaks their wire protocol: the operator's side.

declare -A wire_in=() wire_out=() wire_log=() agent_pid=()
LINE=""      # the event the last `await` found
agents=0     # counts pods, for their names
SILENCE=3600 # only the scenario about silence lowers it: nobody sends heartbeats here
mkfifo /tmp/never && exec {never}<>/tmp/never
trap : PIPE  # a word to an agent that has gone is an answer, not the end of the run

# Descriptors of the wires must not live on in what runs aside: end of file would never come.
close_wires() {
	local fd
	for fd in "${wire_in[@]}" "${wire_out[@]}"; do exec {fd}>&-; done
}

aside() { # COMMAND…
	(
		close_wires
		"$@"
	) &
}

agent_dir() { echo "/tmp/agent/$1"; }
agent_cgroup() { cat "$(agent_dir "$1")/cgroup"; }

# The debug pod's container: its own cgroup and mount namespace, no modules, the host's PIDs, the shell
# asked for. Under `busybox` its whole userland is BusyBox, with iproute2 and nft beside it.
agent_start() { # NAME bash|dash|busybox
	local dir slice fd
	dir=$(agent_dir "$1")
	rm -rf "$dir"
	mkdir -p "$dir/shm"
	mkfifo "$dir/in" "$dir/out"
	agents=$((agents + 1))
	slice=$cgroups/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podaaaaaaaa_0000_4000_8000_$(printf %012x $agents).slice
	mkdir -p "$slice/cri-containerd-$(printf '%064x' $((0xa9e27 + agents))).scope"
	echo "$slice" >"$dir/cgroup"
	debug_container "$slice" "$dir" "$2" <"$dir/in" >"$dir/out" 2>"$dir/stderr" &
	agent_pid[$1]=$!
	exec {fd}>"$dir/in"
	wire_in[$1]=$fd
	exec {fd}<"$dir/out"
	wire_out[$1]=$fd
	wire_log[$1]=""
}

debug_container() { # CGROUP DIRECTORY SHELL
	close_wires
	# shellcheck disable=SC2016 # expanded by the container's shell
	exec env -i PATH=/usr/sbin:/usr/bin VMCHAOS_RUN="${RUN:-k3f9ab}" VMCHAOS_PLAN="$PLAN" VMCHAOS_SILENCE="$SILENCE" \
		VMCHAOS_TERMLOG="$2/termination-log" unshare --mount bash -c '
			echo 0 >"$0"/cri-containerd-*/cgroup.procs
			echo 1000 >/proc/self/oom_score_adj
			mount -t tmpfs none /usr/lib/modules
			mount --bind "$1/shm" /dev/shm
			script=$(</vmchaos/agent.sh)
			if [ "$2" = busybox ]; then
				mount --bind /bb /usr/bin
				exec /usr/bin/busybox sh -c "$script" vmchaos-agent
			fi
			exec "$2" -c "$script" vmchaos-agent' "$@"
}

say() { # NAME WORDS…
	local fd=${wire_in[$1]}
	{ echo "${*:2}" >&"$fd"; } 2>/dev/null
}

# The event that matches, waiting for it when it has not come yet. On a timeout or the end of the
# stream: what did come.
await() { # NAME REGEX [SECONDS]
	local name=$1 wanted=$2 line end=$((SECONDS + ${3:-20})) fd=${wire_out[$1]}
	while IFS= read -r line; do
		[[ $line =~ $wanted ]] && LINE=$line && return 0
	done <<<"${wire_log[$name]}"
	while [ $SECONDS -le $end ] && IFS= read -r -t "$((end - SECONDS + 1))" line <&"$fd"; do
		wire_log[$name]+=$line$'\n'
		[[ $line =~ $wanted ]] && LINE=$line && return 0
	done
	echo "no event $wanted; the agent said:"
	echo "${wire_log[$name]}"
	cat "$(agent_dir "$name")/stderr"
	return 1
}

event() { echo "\"ev\":\"$1\"${2:+,\"vm\":$2}[,}]"; }

# Reads to the end of the stream and reaps; the agent's exit code is the result.
agent_end() { # NAME
	local line fd=${wire_out[$1]}
	while IFS= read -r -t 30 line <&"$fd"; do wire_log[$1]+=$line$'\n'; done
	hang_up "$1"
	exec {fd}<&-
	unset "wire_out[$1]"
	wait "${agent_pid[$1]}"
}

hang_up() { # NAME
	local fd=${wire_in[$1]:-}
	[ -n "$fd" ] || return 0
	exec {fd}>&-
	unset "wire_in[$1]"
}

# From nothing to injected, all VMs of the plan at once.
inject() { # NAME SHELL
	arm "$1" "$2" && say "$1" go && await_all "$1" injected
}

arm() { # NAME SHELL
	agent_start "$1" "$2"
	say "$1" hello 0
	await_all "$1" found && say "$1" arm && await_all "$1" ready
}

await_all() { # NAME EVENT
	local i
	for ((i = 0; i < $(grep -c ^vm <<<"$PLAN"); i++)); do await "$1" "$(event "$2" $i)" || return 1; done
}

# From whatever it is to a verified end.
roll_back() { # NAME
	say "$1" rollback && await_all "$1" restored && finish "$1"
}

# After the final events: the last event, exit code 0, the verdict in the termination log, nothing of
# the run left on the node.
finish() { # NAME
	local rc
	say "$1" bye
	await "$1" "$(event end)" || return 1
	agent_end "$1"
	rc=$?
	[ $rc = 0 ] || { echo "exit code $rc"; return 1; }
	verdict "$1" restored && nothing_left "$1"
}

verdict() { # NAME WORD
	local log
	log=$(cat "$(agent_dir "$1")/termination-log") || return 1
	[[ $log = *"\"$2\""* && ${#log} -le 4096 ]] || { echo "termination log: $log"; return 1; }
}

# Between two looks, so that a poll does not take the only CPU from what it waits for.
pause() { read -r -t 0.1 -u "$never" || :; }

ms_now() { echo $((${EPOCHREALTIME/./} / 1000)); }
