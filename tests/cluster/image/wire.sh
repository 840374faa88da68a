# shellcheck shell=bash
# What KubeVirt's virt-handler does to a launcher pod's network, run in that network namespace: the devices, addresses
# and rules of KubeVirt 1.9. Prints what the guest is to be told.
#
#   wire.sh masquerade|bridge MAC
set -euo pipefail
binding=$1 mac=$2
address() { ip -"$1" -o addr show dev eth0 scope global | awk '{print $4; exit}'; }
pod4=$(address 4) pod6=$(address 6)

bridge_in() {
	ip link add k6t-eth0 type bridge forward_delay 0 mcast_snooping 0
	echo 0 >/proc/sys/net/ipv6/conf/k6t-eth0/accept_dad
	ip link set k6t-eth0 up
}

# The emulator runs as user 107, so the tap is its own.
tap() {
	ip tuntap add dev tap0 mode tap user 107 group 107
	ip link set tap0 master k6t-eth0 up
}

rules() { # ip|ip6 GUEST GATEWAY LOOPBACK
	cat <<-END
		table $1 nat {
			chain prerouting { type nat hook prerouting priority -100; iifname "eth0" counter jump KUBEVIRT_PREINBOUND; }
			chain input { type nat hook input priority 100; }
			chain output { type nat hook output priority -100; $1 daddr { $4 } counter dnat to $2; }
			chain postrouting { type nat hook postrouting priority 100; $1 saddr $2 counter masquerade; oifname "k6t-eth0" counter jump KUBEVIRT_POSTINBOUND; }
			chain KUBEVIRT_PREINBOUND { counter dnat to $2; }
			chain KUBEVIRT_POSTINBOUND { $1 saddr { $4 } counter snat to $3; }
		}
	END
}

case $binding in
	masquerade)
		bridge_in
		ip link set k6t-eth0 address 02:00:00:00:00:00
		ip addr add 10.0.2.1/24 dev k6t-eth0
		ip -6 addr add fd10:0:2::1/120 dev k6t-eth0 nodad
		echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		echo 1 >/proc/sys/net/ipv4/conf/k6t-eth0/route_localnet
		tap
		{ rules ip 10.0.2.2 10.0.2.1 127.0.0.1 && rules ip6 fd10:0:2::2 fd10:0:2::1 ::1; } | nft -f -
		echo "mac=$mac tap=tap0 words='ip4=10.0.2.2/24 gw4=10.0.2.1 ip6=fd10:0:2::2/120 gw6=fd10:0:2::1'"
		;;
	bridge)
		gw4=$(ip -4 route show default | awk '{print $3; exit}')
		gw6=$(ip -6 route show default | awk '{print $3; exit}')
		own=$(ip -o link show eth0 | sed 's/.*ether \([^ ]*\).*/\1/')
		ip link set eth0 down
		ip link set eth0 name eth0-nic
		ip addr flush dev eth0-nic
		# The guest answers to the pod's own hardware address; the uplink takes another.
		ip link set eth0-nic address "$mac"
		bridge_in
		ip link set eth0-nic master k6t-eth0
		ip link set eth0-nic type bridge_slave learning off
		ip link set eth0-nic up
		tap
		ip addr add 169.254.75.10/32 dev k6t-eth0
		# The pod's own name and address wait on a dummy; a kernel without takes another device that sends nowhere.
		ip link add eth0 type dummy 2>/dev/null || ip link add eth0 type ifb
		echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
		ip addr add "$pod4" dev eth0
		echo "mac=$own tap=tap0 words='ip4=$pod4 gw4=$gw4 ip6=$pod6 gw6=$gw6'"
		;;
esac
