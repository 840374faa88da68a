# shellcheck shell=bash
# However a cut ends, nothing of it is left in the kernel, whichever engine: the deadline, the operator's
# absence, and the death of the agent, of the sentinel, of the whole pod.
make_systems

cut_on() { # LABEL SHELL ENGINE HOLD
	CUT_PORTS=7001
	cut_plan "$3" "tcp udp" "$4" 6 in 7 both
	CUT_PORTS=""
	picture[6]=$(snapshot 6) picture[7]=$(snapshot 7)
	step "$1: injected" inject fault "$2" || { abandon fault && return 1; }
	for vm in 6 7; do
		[ -n "$(marks_in pod$vm)" ] || not_ok "$1: nothing is seen in VM $vm"
	done
}

as_before() { # LABEL
	for vm in 6 7; do same "$1: VM $vm is as before" "${picture[$vm]}" "$(snapshot $vm)"; done
}

for engine in nft tc; do
	shells=(bash dash busybox)
	[ $engine = nft ] || shells=(dash busybox bash)
	label="$engine, deadline"
	if cut_on "$label" "${shells[0]}" $engine 2.5; then
		for vm in 0 1; do step "$label: restored by itself" await fault "$(event restored $vm).*\"by\":\"deadline\""; done
		step "$label: finished" finish fault
		as_before "$label"
	fi

	label="$engine, whole pod killed"
	if cut_on "$label" "${shells[1]}" $engine 60; then
		echo 1 >"$(agent_cgroup fault)/cgroup.kill"
		for vm in 6 7; do step "$label: clean within two seconds" clean_within $vm 2000; done
		step "$label: nothing left" nothing_left_but_scratch fault
		agent_end fault
		as_before "$label"
	fi

	label="$engine, sentinel killed"
	if cut_on "$label" "${shells[2]}" $engine 60; then
		read -r first _ < <(sentinels 7 | tr '\n' ' ')
		step "$label" kill -9 "$first"
		step "$label: clean within a second" clean_within 7 1000
		step "$label: reported" await fault "$(event restored 1).*\"by\":\"sentinel\""
		check "$label: the other stands" into_guests "6 7" "${guest4[6]}"/{tcp,udp}/7001 "${guest6[6]}"/{tcp,udp}/7001
		say fault rollback
		step "$label: the other follows" await fault "$(event restored 0)"
		step "$label: finished" finish fault
		as_before "$label"
	fi

	label="$engine, agent killed"
	if cut_on "$label" dash $engine 60; then
		kill -9 "${agent_pid[fault]}"
		for vm in 6 7; do step "$label: clean within a second" clean_within $vm 1000; done
		hang_up fault
		step "$label: nothing left" nothing_left_but_scratch fault
		step "$label: the verdict is there" verdict fault restored
		agent_end fault
		as_before "$label"
	fi

	label="$engine, end of file"
	if cut_on "$label" bash $engine 60; then
		hang_up fault
		for vm in 6 7; do step "$label: clean within a second" clean_within $vm 1000; done
		step "$label: the agent ends well" agent_end fault
		step "$label: verdict" verdict fault lost-operator
		step "$label: nothing left" nothing_left fault
		as_before "$label"
	fi

	# Killed within the first moments after `go`, where rules may be half in place.
	for after in 1 6 16; do
		label="$engine, killed $after ms after go"
		CUT_PORTS=7001
		cut_plan $engine "tcp udp" 60 7 both
		if step "$label: armed" arm fault dash; then
			say fault go
			read -r -t "0.0$(printf %02d $after)" -u "$never"
			echo 1 >"$(agent_cgroup fault)/cgroup.kill"
			step "$label: nothing left" nothing_left_but_scratch fault
			agent_end fault
		fi
		as_before "$label"
	done
	all_open "$engine, ends"
done
CUT_PORTS=""
