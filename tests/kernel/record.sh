# shellcheck shell=bash
# Records what the real tc, nft and kernel say: `$ command`, what it reads (`< `), output, `! exit code`. The
# fakes of the practice cluster are held to these files. Times and counters are those of an idle link.

section() { echo "=== $1.txt"; }
say() { # COMMAND…
	echo "\$ $*"
	in_pod 0 "$@" 2>&1
	echo "! $?"
}
says() { # COMMAND… <TEXT
	local text
	text=$(cat)
	echo "\$ $*"
	# shellcheck disable=SC2001 # every line
	sed 's/^/< /' <<<"$text"
	in_pod 0 "$@" <<<"$text" 2>&1
	echo "! $?"
}
shows() { # DEVICE
	say tc qdisc show dev "$1"
	say tc qdisc show dev "$1" root
	say tc -j qdisc show dev "$1"
	say tc -s qdisc show dev "$1"
	say tc -s -j qdisc show dev "$1"
	say tc -s -j qdisc show dev "$1" root
}

make_masquerade 0 1
bridge_in 0 k6t-net1
in_pod 0 ip tuntap add dev tap1 mode tap multi_queue
in_pod 0 ip link set tap1 master k6t-net1 up
in_pod 0 ip tuntap add dev tap2 mode tap
await_guest 10.244.0.10 >/dev/null

section default
for d in tap0 eth0 tap2; do shows $d; done
say tc qdisc show
say tc -j qdisc show
say tc qdisc show dev nosuch
say tc -j qdisc show dev nosuch

section netem
netem=(netem limit 1000 delay 100ms)
say tc qdisc add dev tap0 root handle 7a31: "${netem[@]}"
shows tap0
say tc qdisc add dev tap0 root handle 7a31: "${netem[@]}"
say tc qdisc add dev tap0 root handle 7b02: "${netem[@]}"
say tc qdisc change dev tap0 root handle 7b02: "${netem[@]}"
say tc qdisc replace dev tap0 root handle 7b02: netem limit 1000 delay 5ms
say tc qdisc del dev tap0 root handle 7a31:
say tc qdisc show dev tap0 root
say tc qdisc del dev tap0 root handle 7b02:
say tc qdisc del dev tap0 root handle 7b02:
say tc qdisc del dev tap0 root
say tc qdisc show dev tap0 root
say tc qdisc change dev tap0 root handle 7a31: "${netem[@]}"
say tc qdisc add dev nosuch root handle 7a31: "${netem[@]}"
say tc qdisc add dev tap2 root handle 7a31: "${netem[@]}"
shows tap2
say tc qdisc del dev tap2 root handle 7a31:
say tc qdisc show dev tap2
say tc qdisc add dev eth0 root handle 7a31: "${netem[@]}"
say tc qdisc show dev eth0 root
say tc qdisc del dev eth0 root handle 7a31:
say tc qdisc show dev eth0 root

section netem-options
while IFS= read -r options; do
	# shellcheck disable=SC2086 # words
	say tc qdisc add dev tap0 root handle 7a31: netem $options
	say tc qdisc show dev tap0 root
	say tc -s -j qdisc show dev tap0 root
	say tc qdisc change dev tap0 root handle 7a31: netem limit 1000 delay 0ms loss 0% duplicate 0% corrupt 0% reorder 0% rate 0bit
	say tc -s -j qdisc show dev tap0 root
	say tc qdisc del dev tap0 root handle 7a31:
done <<'END'
limit 1000 delay 100ms 20ms
limit 1000 delay 100ms 20ms 25%
limit 1000 delay 100ms 20ms distribution normal
limit 1000 delay 100ms 20ms 25% distribution pareto
limit 1000 delay 100ms 20ms distribution paretonormal
limit 1000 loss 30%
limit 1000 duplicate 5%
limit 1000 corrupt 2%
limit 1000 delay 10ms reorder 25% gap 5
limit 1000 delay 10ms reorder 25%
limit 1000 rate 1mbit
limit 1000 delay 2000ms loss 50% rate 1mbit
limit 5000 delay 50ms 10ms 25% distribution normal loss 1% duplicate 1% corrupt 0.1% reorder 5% 25% gap 3 rate 10mbit
limit 1000 delay 1.5ms
limit 1000 delay 1us
limit 1000 loss 0.001%
limit 100000 delay 5000ms
END
say tc qdisc add dev tap0 root handle 7a31: netem limit 1000 delay 100ms distribution normal
say tc qdisc add dev tap0 root handle 7a31: netem limit 1000 reorder 25%
say tc qdisc add dev tap0 root handle 7a31: netem limit 1000 loss 130%
say tc qdisc add dev tap0 root handle 7a31: netem limit 1000 delay abc
say tc qdisc add dev tap0 root handle 7a31: netem limit 1000 nosuch 1
say tc qdisc show dev tap0 root

section tbf
say tc qdisc add dev tap0 root handle 7a31: tbf rate 1mbit burst 15kb latency 400ms
shows tap0
say tc qdisc add dev tap0 root handle 7b02: tbf rate 1mbit burst 15kb latency 400ms
say tc qdisc change dev tap0 root handle 7a31: tbf rate 10gbit burst 15kb latency 400ms
say tc -s -j qdisc show dev tap0 root
say tc qdisc change dev tap0 root handle 7a31: netem limit 1000 delay 1ms
say tc qdisc del dev tap0 root handle 7a31:
say tc qdisc add dev eth0 root handle 7a31: tbf rate 100kbit burst 5000b limit 30000
shows eth0
say tc qdisc del dev eth0 root handle 7a31:
say tc qdisc show dev eth0
say tc qdisc add dev tap0 root handle 7a31: tbf rate 1mbit
say tc qdisc show dev tap0 root

section mq
shows tap1 | grep -vE '^(qdisc fq_codel 0: parent :([2-9a-f]|[0-9a-f]{2,3}) | (Sent|backlog) |  maxpacket|  new_flows)'
say tc qdisc show dev tap1 root
say tc qdisc add dev tap1 root handle 7a31: netem limit 1000 delay 100ms
shows tap1
say tc qdisc del dev tap1 root handle 7a31:
say tc qdisc show dev tap1 root | cut -c1-300

section foreign
say tc qdisc add dev tap0 clsact
say tc qdisc add dev tap0 clsact
shows tap0
say tc qdisc add dev tap0 root handle 7a31: netem limit 1000 delay 1ms
say tc -j qdisc show dev tap0
say tc qdisc del dev tap0 root handle 7a31:
say tc qdisc del dev tap0 clsact
say tc qdisc add dev tap0 ingress
say tc -j qdisc show dev tap0
say tc qdisc del dev tap0 ingress
say tc qdisc add dev tap0 root handle 1: htb default 1
shows tap0
say tc qdisc add dev tap0 parent 1:1 handle 7a31: netem limit 1000 delay 1ms
say tc qdisc del dev tap0 root handle 7a31:
say tc qdisc del dev tap0 root handle 1:
say tc qdisc show dev tap0

# shellcheck source=/dev/null
. ./record-cut.sh

section no-module
rm -f /lib/modules/*/kernel/net/sched/sch_{netem,tbf}.ko
modprobe -r sch_netem sch_tbf
say tc qdisc add dev tap0 root handle 7a31: netem limit 1000 delay 100ms
say tc qdisc add dev tap0 root handle 7a31: tbf rate 1mbit burst 15kb latency 400ms
say tc qdisc add dev tap0 root handle 7a31: nosuch
say unshare --net tc qdisc add dev lo root netem
say modprobe sch_netem
say tc qdisc show dev tap0
