#!/bin/bash
# Puts the file systems of the two images together from this machine's Debian packages: what a launcher image has (the
# tools of KubeVirt's, and a guest to run), and the sandbox's one program.
#
#   build.sh KERNEL_DIR OUT    KERNEL_DIR is the unpacked linux-image package; makes OUT/launcher and OUT/pause
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kernel=$1 out=$2
root=$out/launcher

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

mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,usr/lib64,usr/share/qemu,proc,sys,dev,run,tmp,root,etc,var,guest,bb}
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
echo 'root:x:0:0::/root:/bin/sh
qemu:x:107:107::/:/bin/sh' >"$root/etc/passwd"
cp "$(type -P busybox)" "$root/bb/busybox"
place "$(type -P qemu-system-x86_64)" /usr/bin/qemu-system-x86_64
# Software emulation is a module of its own.
for module in /usr/lib/*/qemu/accel-tcg-*.so; do
	[ ! -e "$module" ] || place "$module" "$module"
done
for rom in bios-256k.bin bios-microvm.bin linuxboot_dma.bin kvmvapic.bin; do
	for d in /usr/share/qemu /usr/share/seabios; do
		[ ! -e "$d/$rom" ] || cp -L "$d/$rom" "$root/usr/share/qemu/"
	done
done
install -m 0755 "$here/virt-launcher-monitor" "$root/usr/bin/virt-launcher-monitor"

# The guest: a Debian kernel, its first process, and a server that echoes.
guest=$(mktemp -d)
trap 'rm -rf "$guest"' EXIT
mkdir -p "$guest"/{bin,proc,sys,dev,modules}
cp "$(type -P busybox)" "$guest/bin/busybox"
gcc -O2 -Wall -Wextra -static -o "$guest/bin/echod" "$here/echod.c"
install -m 0755 "$here/guest-init" "$guest/init"
install -m 0755 "$here/guest-dhcp" "$guest/dhcp"
for module in virtio/virtio virtio/virtio_ring virtio/virtio_pci_modern_dev virtio/virtio_pci_legacy_dev virtio/virtio_pci \
	net/core/failover net/net_failover net/virtio_net acpi/button input/evdev; do
	find "$kernel/lib/modules" -path "*/${module#*/}.ko" -exec cp {} "$guest/modules/" \;
done
(cd "$guest" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$root/guest/initrd"
cp "$kernel"/boot/vmlinuz-* "$root/guest/vmlinuz"
chmod 0644 "$root"/guest/*

mkdir -p "$out/pause"
gcc -O2 -Wall -Wextra -static -o "$out/pause/pause" "$here/pause.c"
