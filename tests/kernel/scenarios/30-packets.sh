# shellcheck shell=bash
# fast
# Loss, duplication, corruption and reordering: as many packets as asked (four standard deviations), and
# only in the direction asked.
into="masquerade, into the guest" out="bridge, out of the guest"

plan 0 120 "netem limit 5000 loss 30%" - 0
if up "$into, loss" bash 0; then
	check_twice "loss 30 % into the guest" loss 10.244.0.10 in 300
	check_twice "loss 30 % into the guest, IPv6" loss fd00:244::10 in 300
	check "loss into the guest: none comes out of it" loss 10.244.0.10 out 0
fi
down "$into, loss" 0

plan 1 120 - "netem limit 5000 loss 30%" 0
if up "$out, loss" dash 1; then
	check_twice "loss 30 % out of the guest" loss 10.244.0.11 out 300
	check "loss out of the guest: none goes into it" loss 10.244.0.11 in 0
fi
down "$out, loss" 1

plan 0 120 "netem limit 5000 duplicate 10%" - 0
if up "$into, duplicate" bash 0; then
	check_twice "duplicate 10 % into the guest" duplicates 10.244.0.10 in 100
	check "duplicate into the guest: none comes out of it" duplicates 10.244.0.10 out 0
fi
down "$into, duplicate" 0

plan 1 120 - "netem limit 5000 duplicate 10%" 0
if up "$out, duplicate" bash 1; then
	check_twice "duplicate 10 % out of the guest" duplicates 10.244.0.11 out 100
fi
down "$out, duplicate" 1

plan 0 120 "netem limit 5000 corrupt 10%" - 0
if up "$into, corrupt" busybox 0; then
	check_twice "corrupt 10 % into the guest" corruption 10.244.0.10 in 100
	check "corrupt into the guest: what comes out is whole" corruption 10.244.0.10 out 0
fi
down "$into, corrupt" 0

plan 1 120 - "netem limit 5000 corrupt 10%" 0
if up "$out, corrupt" bash 1; then
	check_twice "corrupt 10 % out of the guest" corruption 10.244.0.11 out 100
	check "corrupt out of the guest: what goes in is whole" corruption 10.244.0.11 in 0
fi
down "$out, corrupt" 1

plan 0 120 "netem limit 5000 delay 20ms reorder 25%" "netem limit 5000 delay 20ms reorder 25%" 40
if up "masquerade, reorder" bash 0; then
	check_twice "reorder 25 % into the guest" reordering 10.244.0.10 in yes
	check_twice "reorder 25 % out of the guest" reordering 10.244.0.10 out yes
	check "reorder: not the other VM" reordering 10.244.0.11 in no
fi
down "masquerade, reorder" 0

# The median of a hundred echoes with 10 ms of normal jitter is within 1.25 ms (one deviation) of the delay.
median_delay() { # ADDRESS IN_MS
	local line
	line=$(echo_of "$1" 100 20000)
	echo "$line"
	[ "$(value "$line" lost)" = 0 ] && one_way "$(value "$line" in)" "$2"
}
plan 0 120 "netem limit 5000 delay 50ms 10ms distribution normal" - 90
if up "jitter" busybox 0; then
	check_twice "jitter: the median is the delay" median_delay 10.244.0.10 50
	check_twice "jitter: some overtake others" reordering 10.244.0.10 in yes
fi
down "jitter" 0
