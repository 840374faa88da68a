#!/bin/bash
# Puts the file systems of those images together that are not KubeVirt's, from this machine's Debian packages: the tools that a
# debug pod needs, which a node that is a machine has as well, a guest's kernel and initramfs, and the sandbox's one program.
#
#   tools.sh KERNEL_DIR AGENT_DIR OUT    unpacked packages: linux-image, and qemu-guest-agent with all that it needs; makes
#                                        OUT/tools, OUT/guest and OUT/pause
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kernel=$1 agent=$2 out=$3
root=$out/tools

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

mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,usr/lib64,proc,sys,dev,run,tmp,root,etc,var,bb}
chmod 1777 "$root/tmp"
ln -s ../run "$root/var/run"
for d in bin sbin lib lib64; do ln -s "usr/$d" "$root/$d"; done
for t in $tools; do place "$(type -P "$t")" "/usr/bin/$t"; done
for t in $admin; do place "$(type -P "$t")" "/usr/sbin/$t"; done
ln -s mawk "$root/usr/bin/awk"
ln -s bash "$root/usr/bin/sh"
for d in /usr/lib/tc /usr/lib/*/tc /usr/lib64/tc; do
	[ ! -e "$d/normal.dist" ] || { mkdir -p "$root$d" && cp "$d"/*.dist "$root$d/"; }
done
[ ! -d /etc/iproute2 ] || cp -r /etc/iproute2 "$root/etc/"
echo 'root:x:0:0::/root:/bin/sh' >"$root/etc/passwd"
cp "$(type -P busybox)" "$root/bb/busybox"

# The guest: a Debian kernel, its first process, and a server that echoes.
guest=$(mktemp -d "$out/guest.XXXXXX")
trap 'rm -rf "$guest"' EXIT
mkdir -p "$guest"/{bin,proc,sys,dev,modules} "$out/guest"
cp "$(type -P busybox)" "$guest/bin/busybox"
gcc -O2 -Wall -Wextra -static -o "$guest/bin/echod" "$here/echod.c"
install -m 0755 "$here/guest-init" "$guest/init"
install -m 0755 "$here/guest-dhcp" "$guest/dhcp"
for module in virtio/virtio virtio/virtio_ring virtio/virtio_pci_modern_dev virtio/virtio_pci_legacy_dev virtio/virtio_pci block/virtio_blk \
	net/core/failover net/net_failover net/virtio_net acpi/button input/evdev char/virtio_console; do
	find "$kernel/lib/modules" -path "*/${module#*/}.ko" -exec cp {} "$guest/modules/" \;
done
(cd "$guest" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$out/guest/initrd"
# What a guest with an agent has besides: a kernel unpacks archives one after the other.
(
	cd "$agent"
	libraries=usr/lib/x86_64-linux-gnu
	{
		printf '%s\n' usr usr/lib "$libraries" usr/sbin usr/sbin/qemu-ga
		"$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" --list usr/sbin/qemu-ga | grep -o "$libraries/[^ ]*"
	} | busybox cpio -o -H newc -L 2>/dev/null | gzip -1
) | cat "$out/guest/initrd" - >"$out/guest/initrd-agent"
cp "$kernel"/boot/vmlinuz-* "$out/guest/vmlinuz"
chmod 0644 "$out"/guest/*

mkdir -p "$out/pause"
gcc -O2 -Wall -Wextra -static -o "$out/pause/pause" "$here/pause.c"
