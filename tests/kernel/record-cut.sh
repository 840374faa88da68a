# shellcheck shell=bash
# Sourced by record.sh: what cuts traffic, nft tables of the netdev family and flower filters.

hooks() { # RUN DEVICE: a run's table and the device's lock, with one rule each way
	cat <<-END
		create table netdev vmchaos_$1
		add set netdev vmchaos_$1 ports { type inet_service; flags interval; auto-merge; elements = { 53, 8000-8100, 8101, 8050 }; }
		create table netdev vmchaos_lock_$2
		add chain netdev vmchaos_lock_$2 vmchaos_$1
		add chain netdev vmchaos_$1 in_$2 { type filter hook egress device "$2" priority -500; policy accept; }
		add rule netdev vmchaos_$1 in_$2 tcp dport @ports counter drop
		add chain netdev vmchaos_$1 out_$2 { type filter hook ingress device "$2" priority -500; policy accept; }
		add rule netdev vmchaos_$1 out_$2 tcp dport @ports counter drop
	END
}
unhook() { # RUN DEVICE
	cat <<-END
		delete table netdev vmchaos_$1
		delete chain netdev vmchaos_lock_$2 vmchaos_$1
		delete table netdev vmchaos_lock_$2
	END
}
tables() {
	say nft list tables netdev
	say nft list chains netdev
}

section nft
say nft --version
tables
say nft -j list chains netdev
say nft -j list table netdev vmchaos_abc123
says nft -f - < <(hooks abc123 tap0)
tables
say nft -j list chains netdev
say nft -j list table netdev vmchaos_abc123
say nft -j list table netdev vmchaos_lock_tap0
# The same again; another run on the same device; the other run's undoing, which must not take the lock.
says nft -f - < <(hooks abc123 tap0)
says nft -f - < <(hooks def456 tap0)
tables
says nft -f - < <(unhook def456 tap0)
says nft -f - <<<"delete table netdev vmchaos_def456"
says nft -f - < <(echo "delete chain netdev vmchaos_lock_tap0 vmchaos_def456" && echo "delete table netdev vmchaos_lock_tap0")
tables
says nft -f - < <(unhook abc123 tap0)
tables
says nft -f - < <(unhook abc123 tap0)
say nft delete table netdev vmchaos_abc123
# Nothing of a transaction stays when one line of it fails.
says nft -f - < <(hooks abc123 nosuch)
says nft -f - < <(hooks abc123 tap0 && echo "add rule netdev vmchaos_abc123 in_tap0 tcp dport @nosuch counter drop")
says nft -f - < <(hooks abc123 tap0 && echo "add rule netdev vmchaos_abc123 in_tap0 nosuch")
says nft -f - <<'END'
create table netdev vmchaos_abc123
add chain netdev vmchaos_abc123 in_tap0 { type filter hook egress device "tap0" priority -500; policy accept; }
add rule netdev vmchaos_abc123 in_tap0 tcp dport 53 counter reject with tcp reset
END
says nft -f - <<'END'
create table netdev vmchaos_abc123
add chain netdev vmchaos_abc123 out_tap0 { type filter hook ingress device "tap0" priority -500; policy accept; }
add rule netdev vmchaos_abc123 out_tap0 tcp dport 53 counter reject with tcp reset
END
tables
# Two devices, and a table of somebody else's on one of them.
says nft -f - <<'END'
table netdev others {
	chain mine { type filter hook ingress device "eth0" priority 0; policy accept; }
	chain both { type filter hook egress devices = { eth0, tap0 } priority filter + 10; policy accept; }
}
END
tables
says nft -f - < <(hooks abc123 tap0)
tables
says nft -f - < <(unhook abc123 tap0)
tables
say nft delete table netdev others

section nft-rules
rules() {
	while IFS= read -r rule; do
		says nft -f - <<-END
			create table netdev vmchaos_abc123
			add set netdev vmchaos_abc123 ports { type inet_service; flags interval; auto-merge; elements = { 53, 54, 8000-8100, 65535 }; }
			add set netdev vmchaos_abc123 peers4 { type ipv4_addr; flags interval; auto-merge; elements = { 10.0.0.0/9, 10.128.0.0/9, 192.168.1.7, 192.168.1.8, 0.0.0.0/32 }; }
			add set netdev vmchaos_abc123 peers6 { type ipv6_addr; flags interval; auto-merge; elements = { fd00::/8, 2001:db8::1, ::1 }; }
			add chain netdev vmchaos_abc123 in_tap0 { type filter hook egress device "tap0" priority -500; policy accept; }
			add rule netdev vmchaos_abc123 in_tap0 $rule
		END
		say nft -j list table netdev vmchaos_abc123
		say nft delete table netdev vmchaos_abc123
	done
}
rules <<'END'
tcp dport @ports counter drop
udp dport @ports counter drop
sctp dport @ports counter drop
meta l4proto { tcp, udp } th dport @ports counter drop
meta l4proto { tcp, udp, sctp } th dport @ports counter drop
meta l4proto { tcp, udp } counter drop
meta l4proto tcp counter drop
meta l4proto udp counter drop
meta l4proto sctp counter drop
meta l4proto icmp counter drop
icmpv6 type != 133-137 counter drop
meta protocol { ip, ip6 } counter drop
meta protocol ip counter drop
meta protocol ip6 counter drop
ip saddr @peers4 counter drop
ip daddr @peers4 counter drop
ip saddr @peers4 tcp dport @ports counter drop
ip saddr @peers4 meta l4proto { tcp, udp } th dport @ports counter drop
ip saddr @peers4 meta l4proto { tcp, udp } counter drop
ip saddr @peers4 meta l4proto icmp counter drop
ip6 saddr @peers6 counter drop
ip6 daddr @peers6 udp dport @ports counter drop
ip6 saddr @peers6 meta l4proto { tcp, udp } th dport @ports counter drop
ip6 saddr @peers6 icmpv6 type != 133-137 counter drop
END
# An image without /etc/protocols.
mv /etc/protocols /etc/protocols.away
rules <<'END'
meta l4proto { tcp, udp } th dport @ports counter drop
meta l4proto icmp counter drop
meta l4proto tcp counter drop
icmpv6 type != 133-137 counter drop
END
mv /etc/protocols.away /etc/protocols

section flower
filters() { # DEVICE HOOK
	say tc filter show dev "$1" "$2"
	say tc -j filter show dev "$1" "$2"
	say tc -s -j filter show dev "$1" "$2"
}
drop_tcp="flower ip_proto tcp dst_port 53 action drop"
say tc filter show dev tap0 ingress
say tc -j filter show dev tap0 ingress
# shellcheck disable=SC2086 # words
say tc filter add dev tap0 egress protocol ip pref 31281 handle 0x7a310001 $drop_tcp
say tc qdisc add dev tap0 clsact
say tc qdisc add dev tap0 clsact
filters tap0 ingress
filters tap0 egress
# shellcheck disable=SC2086 # words
for n in 1 1 2; do say tc filter add dev tap0 egress protocol ip pref 31281 handle 0x7a31000$n $drop_tcp; done
# shellcheck disable=SC2086 # words
say tc filter add dev tap0 egress protocol ipv6 pref 31281 handle 0x7a310003 $drop_tcp
say tc filter add dev tap0 egress protocol ip pref 31281 handle 0x7a310004 flower ip_proto udp dst_port 8000-8100 action drop
filters tap0 egress
filters tap0 ingress
say tc qdisc show
say tc filter del dev tap0 egress pref 31281
say tc filter del dev tap0 egress pref 31281
say tc filter del dev tap0 ingress pref 31281
filters tap0 egress
say tc qdisc del dev tap0 clsact
say tc qdisc del dev tap0 clsact
say tc filter del dev tap0 egress pref 31281
say tc filter del dev nosuch egress pref 31281
say tc filter show dev nosuch egress
say tc qdisc add dev nosuch clsact
say tc qdisc add dev tap0 clsact
number=1
while read -r protocol pref match; do
	# shellcheck disable=SC2086 # words
	say tc filter add dev tap0 ingress protocol "$protocol" pref "$pref" handle "0x7a31$(printf %04x $number)" flower $match action drop
	number=$((number + 1))
done <<'END'
ip 31281
ip 31281 ip_proto tcp
ip 31281 ip_proto tcp dst_port 53
ip 31281 ip_proto udp dst_port 8000-8100
ip 31281 ip_proto sctp dst_port 53
ip 31281 ip_proto icmp
ip 31281 src_ip 10.0.0.0/8
ip 31281 dst_ip 192.168.1.7 ip_proto tcp dst_port 53
ip 31281 dst_ip 192.168.1.7/32 ip_proto tcp dst_port 54
ipv6 35377
ipv6 35377 ip_proto tcp dst_port 53
ipv6 35377 src_ip fd00::/8 ip_proto udp dst_port 53
ipv6 35377 dst_ip 2001:db8::1 ip_proto udp
ipv6 35377 ip_proto icmpv6 type 0/128
ipv6 35377 ip_proto icmpv6 type 132/255
ipv6 35377 ip_proto icmpv6 type 192/192
802.1Q 39473 vlan_ethtype ip
802.1Q 39473 vlan_ethtype ipv6
802.1Q 39473 vlan_ethtype ip ip_proto tcp dst_port 53
802.1Q 39473 vlan_ethtype ip src_ip 10.0.0.0/8 ip_proto tcp dst_port 53
802.1Q 39473 vlan_ethtype ipv6 src_ip fd00::/8 ip_proto tcp dst_port 8000-8100
802.1Q 39473 vlan_ethtype ipv6 ip_proto icmpv6 type 0/128
END
filters tap0 ingress
say tc filter add dev tap0 ingress protocol ip pref 31281 handle 0x7a31ffff flower ip_proto nosuch action drop
say tc filter add dev tap0 ingress protocol ip pref 31281 handle 0x7a31ffff flower dst_port 53 action drop
say tc filter add dev tap0 ingress protocol ip pref 31281 handle 0x7a31ffff flower ip_proto tcp dst_port 70000 action drop
# Netem at the same root; a batch as it is undone; then somebody else's filters.
say tc qdisc add dev tap0 root handle 7a31: netem limit 1000 delay 1ms
say tc qdisc show
say tc -s -j qdisc show dev tap0
say tc qdisc del dev tap0 root handle 7a31:
says tc -s -j -force -batch - <<'END'
filter del dev tap0 ingress pref 31281
filter del dev tap0 ingress pref 35377
filter del dev tap0 ingress pref 39473
filter del dev tap0 egress pref 31281
filter show dev tap0 ingress
filter show dev tap0 egress
END
says tc -batch - <<'END'
qdisc add dev tap0 clsact
filter add dev tap0 egress protocol ip pref 31281 handle 0x7a310001 flower ip_proto tcp dst_port 53 action drop
END
say tc filter show dev tap0 egress
say tc filter add dev tap0 ingress protocol all pref 1 matchall action pass
say tc filter add dev tap0 ingress protocol ip pref 49152 flower ip_proto tcp action drop
say tc filter add dev tap0 ingress protocol ip pref 31281 handle 0x7b020001 flower ip_proto tcp action drop
filters tap0 ingress
say tc qdisc del dev tap0 clsact
say tc qdisc show dev tap0
