# shellcheck shell=bash
# What must not be able to leave a fault behind: the death of the agent, of the sentinel, of the pod, of
# the VM; and what stands still.
delay="netem limit 1000 delay 100ms"

fault_on() { # LABEL SHELL VM HOLD
	plan "$3" "$4" "$delay" "$delay" 150
	picture[$3]=$(snapshot "$3")
	step "$1: injected" inject fault "$2" || { abandon fault && return 1; }
}

gone_or_restored() { [[ $(cat "$(agent_dir fault)/termination-log") =~ restored|gone ]]; }

for shell in bash dash busybox; do
	if fault_on "agent killed ($shell)" $shell 0 60; then
		kill -9 "${agent_pid[fault]}"
		step "agent killed ($shell): clean within a second" clean_within 0 1000
		hang_up fault # as the kubelet does when the container's first process is gone
		step "agent killed ($shell): nothing left" nothing_left_but_scratch fault
		step "agent killed ($shell): the verdict is there" verdict fault restored
		agent_end fault
		same "agent killed ($shell): as before" "${picture[0]}" "$(snapshot 0)"
	fi

	if fault_on "sentinel killed ($shell)" $shell 1 60; then
		read -r first _ < <(sentinels 1 | tr '\n' ' ')
		step "sentinel killed ($shell)" kill -9 "$first"
		step "sentinel killed ($shell): clean within a second" clean_within 1 1000
		step "sentinel killed ($shell): reported" await fault "$(event restored 0).*\"by\":\"sentinel\""
		step "sentinel killed ($shell): finished" finish fault
		same "sentinel killed ($shell): as before" "${picture[1]}" "$(snapshot 1)"
	fi

	if fault_on "whole pod killed ($shell)" $shell 0 60; then
		echo 1 >"$(agent_cgroup fault)/cgroup.kill"
		step "whole pod killed ($shell): clean within two seconds" clean_within 0 2000
		step "whole pod killed ($shell): nothing left" nothing_left_but_scratch fault
		agent_end fault
		same "whole pod killed ($shell): as before" "${picture[0]}" "$(snapshot 0)"
	fi

	if fault_on "pod frozen ($shell)" $shell 0 3; then
		echo 1 >"$(agent_cgroup fault)/cgroup.freeze"
		step "pod frozen ($shell): clean at the deadline" clean_within 0 3500
		echo 0 >"$(agent_cgroup fault)/cgroup.freeze"
		step "pod frozen ($shell): reported when thawed" await fault "$(event restored 0).*\"by\":\"deadline\""
		step "pod frozen ($shell): finished" finish fault
		same "pod frozen ($shell): as before" "${picture[0]}" "$(snapshot 0)"
	fi

	if fault_on "sentinel stopped ($shell)" $shell 0 60; then
		read -r first _ < <(sentinels 0 | tr '\n' ' ')
		kill -STOP "$first"
		say fault rollback
		step "sentinel stopped ($shell): clean within five seconds" clean_within 0 5000
		step "sentinel stopped ($shell): restored" await fault "$(event restored 0)"
		step "sentinel stopped ($shell): finished" finish fault
		same "sentinel stopped ($shell): as before" "${picture[0]}" "$(snapshot 0)"
	fi

	if fault_on "TERM ($shell)" $shell 0 60; then
		kill -TERM "${agent_pid[fault]}"
		step "TERM ($shell): clean within a second" clean_within 0 1000
		step "TERM ($shell): the agent ends well" agent_end fault
		step "TERM ($shell): nothing left" nothing_left fault
	fi
done

# Killed within the first moments after `go`, where a qdisc may be half in place.
for after in 0 1 2 4 7 11 16 25; do
	shell=dash
	[ $((after % 2)) = 0 ] || shell=busybox
	plan 1 60 "$delay" "$delay" 150
	if step "killed $after ms after go ($shell): armed" arm fault $shell; then
		say fault go
		[ $after = 0 ] || read -r -t "0.0$(printf %02d $after)" -u "$never"
		if [ $((after % 4)) = 0 ]; then
			for pid in $(sentinels 1); do kill -9 "$pid"; done
			step "killed $after ms after go: an end is reported, by whoever did it" await fault "$(event restored 0)"
			step "killed $after ms after go: finished" finish fault
		else
			echo 1 >"$(agent_cgroup fault)/cgroup.kill"
			step "killed $after ms after go: nothing left, now and when all have ended" nothing_left_but_scratch fault
			agent_end fault
		fi
		step "killed $after ms after go: clean" clean_within 1 0
	fi
done

# The whole pod goes, network namespace and all, as after a migration: nobody holds it.
veth_gone() {
	local end=$((SECONDS + 2))
	while [ -e /sys/class/net/v-pod5-eth0 ]; do
		[ $SECONDS -le $end ] || return 1
		pause
	done
}
make_masquerade 5 1
await_guest 10.244.0.15
for shell in bash dash busybox; do
	[ -e /run/netns/pod5 ] || make_masquerade 5 1
	await_guest 10.244.0.15
	plan 5 60 "$delay" - 150
	if step "pod removed ($shell): injected" inject fault $shell; then
		for scope in "$(pod_cgroup 5)"/*.scope; do echo 1 >"$scope/cgroup.kill"; done
		ip netns del pod5
		step "pod removed ($shell): its network namespace goes at once" veth_gone
		step "pod removed ($shell): reported" await fault "$(event '(gone|restored)' 0)"
		say fault bye
		step "pod removed ($shell): the agent ends well" agent_end fault
		step "pod removed ($shell): nothing left" nothing_left fault
	fi
done

# The launcher dies, and with it the sentinel in its PID namespace; the sandbox and its network
# namespace stay for a moment, as they do under a kubelet.
if fault_on "launcher killed" bash 3 60; then
	for pid in $(compute_pids 3); do kill -9 "$pid"; done
	step "launcher killed: clean within a second" clean_within 3 1000
	step "launcher killed: reported" await fault "$(event '(gone|restored)' 0)"
	say fault bye
	step "launcher killed: the agent ends well" agent_end fault
	step "launcher killed: verdict" gone_or_restored
	step "launcher killed: nothing left" nothing_left fault
	start_guest 3 tap0 1 02:00:00:00:01:03 10.0.2.2 fd10:0:2::2
	await_guest 10.244.0.13
fi
