# shellcheck shell=bash
# Guests with a kernel's own protocol stack: a network namespace `guestN` whose card is the other end
# of the VM's tap (relay.c), with a server on every port that the scenarios knock at.

PORTS="7000 7001 7002 7003"

in_guest() { # INDEX COMMAND…
	ip netns exec "guest$1" "${@:2}"
}

# Anybody may ping from this network namespace: what knock(1) needs.
may_ping() { # NETNS
	ip netns exec "$1" bash -c 'echo 0 0 >/proc/sys/net/ipv4/ping_group_range'
}

# The operating system of VM INDEX; its address on the card, and the gateway if it needs one.
make_system() { # INDEX MAC IPV4 IPV6 [GATEWAY4 GATEWAY6]
	local i=$1
	ip netns add "guest$i"
	in_guest "$i" ip link set lo up
	in_guest "$i" ip tuntap add dev eth0 mode tap
	in_guest "$i" ip link set eth0 address "$2" up
	in_guest "$i" ip addr add "$3" dev eth0
	in_guest "$i" ip -6 addr add "$4" dev eth0 nodad
	[ -z "${5:-}" ] || in_guest "$i" ip route add default via "$5"
	[ -z "${6:-}" ] || in_guest "$i" ip -6 route add default via "$6"
	may_ping "guest$i"
	# shellcheck disable=SC2086 # words
	in_guest "$i" knock serve $PORTS </dev/null >>/tmp/containers.log 2>&1 &
}
