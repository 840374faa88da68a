# shellcheck shell=bash
# A node with VMs on it: what KubeVirt and a CNI leave behind, with guest(1) in QEMU's place.
#
#   peer (10.244.0.100) --+                        +-- eth0 pod vm0 (masquerade) k6t-eth0 -- tap0 == guest
#   host (10.244.0.1) ----+-- cni0 (10.244.0.0/24) +-- eth0-nic pod vm1 (bridge) in k6t-eth0 -- tap0 == guest
#                         |                        +-- …
#   peer (10.99.0.100) ------ br1 (10.99.0.0/24) ------ secondary networks (Multus)

cgroups=/sys/fs/cgroup
host4=10.244.0.1

# Pod UIDs and container ids are fixed, so that a log can be read.
pod_uid() { printf '5ed7c1d0-0000-4000-8000-0000000000%02x' "$1"; }
container_id() { printf '%064x' "$((0xc0ffee00 + $1))"; }

pod_cgroup() { # VM INDEX
	local u
	u=$(pod_uid "$1")
	echo "$cgroups/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${u//-/_}.slice"
}

in_pod() { # INDEX COMMAND…
	local i=$1
	shift
	ip netns exec "pod$i" "$@"
}

in_peer() { ip netns exec peer "$@"; }

make_node() {
	ip netns add peer
	local br
	for br in cni0 br1; do
		ip link add "$br" type bridge forward_delay 0 mcast_snooping 0
		ip link set "$br" up
	done
	ip addr add $host4/24 dev cni0
	ip -6 addr add fd00:244::1/64 dev cni0 nodad
	in_peer ip link set lo up
	veth peer eth0 cni0
	in_peer ip addr add 10.244.0.100/24 dev eth0
	in_peer ip -6 addr add fd00:244::100/64 dev eth0 nodad
	veth peer eth1 br1
	in_peer ip addr add 10.99.0.100/24 dev eth1
	in_peer ip -6 addr add fd00:99::100/64 dev eth1 nodad
}

veth() { # NETNS DEVICE BRIDGE
	local host="v-$1-$2"
	ip link add "${host:0:15}" type veth peer name "$2" netns "$1"
	ip link set "${host:0:15}" master "$3" up
	ip -n "$1" link set "$2" up
}

# The two containers of a launcher pod: the sandbox and `compute`, each with its own PID namespace,
# both in the pod's network namespace; the guest is PID 1 of `compute`'s.
start_container() { # INDEX CONTAINER_ID COMMAND…
	local i=$1 scope
	scope=$(pod_cgroup "$i")/cri-containerd-$2.scope
	shift 2
	mkdir -p "$scope"
	# The process itself moves into the cgroup, so that its helper in the host's PID namespace is not there.
	# shellcheck disable=SC2016 # expanded by the inner shell
	setsid nsenter --net="/run/netns/pod$i" unshare --mount --pid --fork --mount-proc \
		bash -c 'echo 0 >"$0"/cgroup.procs; exec "$@"' "$scope" "$@" </dev/null >/dev/null 2>>/tmp/containers.log &
}

# With SYSTEM set, the guest is a network namespace with a protocol stack of its own (system.sh).
start_guest() { # INDEX TAP QUEUES MAC IPV4 IPV6
	if [ -n "${SYSTEM:-}" ]; then
		case $5 in
		10.0.2.*) make_system "$1" "$4" "$5/24" "$6/120" 10.0.2.1 fd10:0:2::1 ;;
		*) make_system "$1" "$4" "$5/24" "$6/64" ;;
		esac
		start_container "$1" "$(container_id "$1")" relay "$2" "/run/netns/guest$1" eth0
	else
		start_container "$1" "$(container_id "$1")" guest "${@:2}"
	fi
}

make_pod() { # INDEX
	ip netns add "pod$1"
	ip -n "pod$1" link set lo up
	start_container "$1" "$(printf '%064x' "$((0x5a000000 + $1))")" sleep infinity
}

tap() { # INDEX DEVICE BRIDGE QUEUES
	local mode=""
	[ "$4" = 1 ] || mode=multi_queue
	# shellcheck disable=SC2086 # no word when there is one queue
	in_pod "$1" ip tuntap add dev "$2" mode tap $mode
	in_pod "$1" ip link set "$2" master "$3" up
}

bridge_in() { # INDEX DEVICE
	in_pod "$1" ip link add "$2" type bridge forward_delay 0 mcast_snooping 0
	in_pod "$1" ip link set "$2" up
}

# Masquerade binding: routed and translated between the pod's eth0 and the guest's 10.0.2.2.
make_masquerade() { # INDEX QUEUES
	local i=$1
	make_pod "$i"
	veth "pod$i" eth0 cni0
	in_pod "$i" ip addr add "10.244.0.1$i/24" dev eth0
	in_pod "$i" ip -6 addr add "fd00:244::1$i/64" dev eth0 nodad
	bridge_in "$i" k6t-eth0
	in_pod "$i" ip link set k6t-eth0 address 02:00:00:00:00:00
	in_pod "$i" ip addr add 10.0.2.1/24 dev k6t-eth0
	in_pod "$i" ip -6 addr add fd10:0:2::1/120 dev k6t-eth0 nodad
	in_pod "$i" bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; echo 1 >/proc/sys/net/ipv4/conf/k6t-eth0/route_localnet'
	tap "$i" tap0 k6t-eth0 "$2"
	{ masquerade_rules ip 10.0.2 127.0.0.1 && masquerade_rules ip6 fd10:0:2: ::1; } | in_pod "$i" nft -f -
	start_guest "$i" tap0 "$2" "02:00:00:00:01:0$i" 10.0.2.2 fd10:0:2::2
}

# The rules KubeVirt's virt-handler makes for a masquerade interface without declared ports.
masquerade_rules() { # ip|ip6 PREFIX LOOPBACK
	local dot=.
	[ "$1" = ip ] || dot=:
	cat <<-END
		table $1 nat {
			chain prerouting { type nat hook prerouting priority -100; iifname "eth0" counter jump KUBEVIRT_PREINBOUND; }
			chain input { type nat hook input priority 100; }
			chain output { type nat hook output priority -100; $1 daddr { $3 } counter dnat to $2${dot}2; }
			chain postrouting { type nat hook postrouting priority 100; $1 saddr $2${dot}2 counter masquerade; oifname "k6t-eth0" counter jump KUBEVIRT_POSTINBOUND; }
			chain KUBEVIRT_PREINBOUND { counter dnat to $2${dot}2; }
			chain KUBEVIRT_POSTINBOUND { $1 saddr { $3 } counter snat to $2${dot}1; }
		}
	END
}

# Bridge binding: the guest has the pod's address and MAC, the uplink is a port of the bridge, and a
# dummy keeps the pod's name and address.
make_bridge() { # INDEX
	local i=$1
	make_pod "$i"
	veth "pod$i" eth0 cni0
	bridged "$i" eth0 tap0 k6t-eth0 eth0-nic 1
	in_pod "$i" ip addr add 169.254.75.10/32 dev k6t-eth0
	in_pod "$i" ip link add eth0 type dummy
	in_pod "$i" bash -c 'echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore'
	in_pod "$i" ip addr add "10.244.0.1$i/24" dev eth0
	start_guest "$i" tap0 1 "02:00:00:00:02:0$i" "10.244.0.1$i" "fd00:244::1$i"
}

bridged() { # INDEX DEVICE TAP BRIDGE UPLINK QUEUES
	in_pod "$1" ip link set "$2" down
	in_pod "$1" ip link set "$2" name "$5"
	bridge_in "$1" "$4"
	in_pod "$1" ip link set "$5" master "$4"
	in_pod "$1" ip link set "$5" type bridge_slave learning off
	in_pod "$1" ip link set "$5" up
	tap "$1" "$3" "$4" "$6"
}

# A secondary network "blue" (its devices carry a hash of the name), bridge binding.
add_secondary() { # INDEX
	local i=$1 hash=16477688c0e
	veth "pod$i" "pod$hash" br1
	bridged "$i" "pod$hash" "tap$hash" "k6t-$hash" "$hash-nic" 1
	start_guest "$i" "tap$hash" 1 "02:00:00:00:03:0$i" "10.99.0.1$i" "fd00:99::1$i"
}

# Which uplink device a VM's primary network leaves through, and its bridge for the plan.
uplink_of() { [ -e "/tmp/bridge.$1" ] && echo "eth0-nic k6t-eth0" || echo "eth0 -"; }

# Processes of the compute container as the host sees them.
compute_pids() { cat "$(pod_cgroup "$1")/cri-containerd-$(container_id "$1").scope/cgroup.procs"; }

# Waits until a guest answers; a VM that does not ends the whole run.
await_guest() { # ADDRESS
	local n
	for n in 1 2 3 4 5 6 7 8 9 10; do
		[[ $(in_peer meter echo "$1" 1 1000 500) != *got=1* ]] || return 0
	done
	echo "the guest at $1 does not answer after $n tries"
	cat /tmp/containers.log
	return 1
}

# Everything of a pod's traffic control, links and rules, without what counts or refers. The children
# of mq are left out: the kernel gives queues that open later another kind than those it starts with, so
# that taking out any root qdisc makes them alike.
snapshot() { # INDEX
	{
		in_pod "$1" tc qdisc show
		in_pod "$1" tc filter show dev tap0
		in_pod "$1" ip -o link show | sed 's/state [A-Z]*//'
		in_pod "$1" nft -s list ruleset
	} | sed -E 's/ refcnt [0-9]+//; /^qdisc .* parent :[0-9a-f]+ /d'
}
