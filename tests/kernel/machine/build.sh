#!/bin/bash
# Packs everything the machine needs into one initramfs: a Debian cloud kernel's modules, the tools
# a KubeVirt node and a launcher image have, the agent, the probes, the scenarios.
#
#   build.sh KERNEL_DIR OUT
#
# KERNEL_DIR is the unpacked linux-image package, OUT the file to write. VMCHAOS_AGENT may name another
# directory with the agent's parts, to try an older or a broken one.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
kernel=$1 out=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# What the scenarios, the agent and a launcher image use; iproute2 stays in /usr/sbin as in the image.
tools="bash dash grep sed mawk find cat cp mv rm ls ln mkdir rmdir mktemp mkfifo head tail tr cut sort wc
  date printf chmod touch stat timeout readlink env id uname dirname basename sleep true false test tee seq
  nsenter unshare setsid mount umount kill ps xargs cmp od sha1sum"
admin="ip tc nft bridge"

# Copies a program with its shared libraries.
place() { # SOURCE TARGET
	install -D -m 0755 "$1" "$root$2"
	local lib
	while read -r lib; do
		[ -e "$root$lib" ] || install -D -m 0755 "$lib" "$root$lib"
	done < <(ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true)
}

mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,usr/lib64,usr/lib32,proc,sys,dev,run,tmp,root,etc,bb,vmchaos}
for d in bin sbin lib lib64; do ln -s "usr/$d" "$root/$d"; done
for t in $tools; do place "$(type -P "$t")" "/usr/bin/$t"; done
for t in $admin; do place "$(type -P "$t")" "/usr/sbin/$t"; done
ln -s mawk "$root/usr/bin/awk"
ln -s dash "$root/usr/bin/sh"
# The tables of netem's distributions: where they are is the distribution's choice.
for d in /usr/lib/tc /usr/lib/*/tc /usr/lib64/tc; do
	[ ! -e "$d/normal.dist" ] || { mkdir -p "$root$d" && cp "$d"/*.dist "$root$d/"; }
done
[ ! -d /etc/iproute2 ] || cp -r /etc/iproute2 "$root/etc/"
[ ! -e /etc/protocols ] || cp /etc/protocols "$root/etc/"

# BusyBox is the machine's init, its modprobe, and (bound over /usr/bin) the whole userland of one of
# the agent's containers.
cp "$(type -P busybox)" "$root/bb/busybox"
for t in $(busybox --list | grep -vx busybox); do ln -s busybox "$root/bb/$t"; done
ln -s /bb/busybox "$root/usr/sbin/modprobe"

version=$(ls "$kernel/lib/modules")
modules=$root/lib/modules/$version
mkdir -p "$modules"
cp "$kernel/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$modules/"
(
	cd "$kernel/lib/modules/$version"
	find kernel/net/{sched,bridge,netfilter,ipv4/netfilter,ipv6/netfilter,802,llc,sctp,8021q} kernel/lib \
		kernel/net/ipv4/udp_tunnel.ko kernel/net/ipv6/ip6_udp_tunnel.ko kernel/drivers/net/{tun,veth,dummy,ifb}.ko -name '*.ko' -print0 | xargs -0 cp --parents -t "$modules"
)
busybox depmod -b "$root" "$version"

for p in guest meter relay knock; do
	gcc -O2 -Wall -Wextra -static -o "$root/usr/bin/$p" "$here/guest/$p.c"
done
cp "$here/machine/init" "$root/init"
cp -r "$here/lib" "$here/scenarios" "$here"/record*.sh "$root/vmchaos/"
cat "${VMCHAOS_AGENT:-$here/../../src/node/agent}"/*.sh >"$root/vmchaos/agent.sh"
(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$out"
