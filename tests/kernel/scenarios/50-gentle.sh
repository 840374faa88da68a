# shellcheck shell=bash
# Applying and removing 100 ms of delay loses at most 3 packets of a flow of one a millisecond.
delay="netem limit 1000 delay 100ms"

gentle() { # LABEL SHELL VM IN OUT IN_MS OUT_MS LIMIT
	local flow line
	plan "$3" 60 "$4" "$5" 150
	picture[$3]=$(snapshot "$3")
	aside in_peer meter echo "10.244.0.1$3" 4000 1000 2000 >/tmp/flow
	flow=$!
	step "gentle, $1: injected" inject fault "$2"
	check_twice "gentle, $1: in place" delays "10.244.0.1$3" "$6" "$7"
	down "gentle, $1" "$3"
	check "gentle, $1: the flow outlived the fault" kill -0 $flow
	wait $flow
	line=$(</tmp/flow)
	echo "# $line"
	check "gentle, $1: at most $8 packets lost" within "$(value "$line" lost)" 0 "$8"
}

gentle "into the guest" bash 0 "$delay" - 100 0 3
gentle "out of the guest" dash 1 - "$delay" 0 100 3
gentle "both, 3 each" busybox 0 "$delay" "$delay" 100 100 6
