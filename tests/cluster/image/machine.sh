#!/bin/bash
# Packs a node that is a machine of its own, with a kernel that has netem and cgroup version 2: a disk with what a node
# needs (the tools of the debug pods' image, containerd with KubeVirt's images, the kubelet), and an initramfs that finds the disk.
#
#   machine.sh KERNEL_DIR TOOLS PROGRAM KUBERNETES BIN_DIR NODE_FOLDER PKI_FOLDER SYSTEMD_DIR OUT IMAGES_TAR
#
# Makes OUT/disk and OUT/initrd.
#
# All paths are the same inside as outside, so that configuration needs no second form.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kernel=$1 tools=$2 program=$3 kubernetes=$4 bin=$5 node=$6 pki=$7 systemd=$8 out=$9 images=${10}
mkdir -p "$out"
root=$out/root
cp -a "$tools" "$root"

place_libraries() { # PROGRAM [PREFIX of where its libraries were unpacked]
	local lib at
	while read -r lib; do
		at=$root${lib#"${2:-}"}
		[ -e "$at" ] || install -D -m 0755 "$lib" "$at"
	done < <(ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true)
}

for program_or_tool in "$program" "$kubernetes" "$bin"/usr/bin/{containerd,containerd-shim-runc-v2,ctr} "$bin"/usr/sbin/runc "$bin"/usr/lib/cni/{bridge,host-local,loopback}; do
	install -D -m 0755 "$program_or_tool" "$root$program_or_tool"
	place_libraries "$program_or_tool"
done
# Of systemd the manager alone, with none of its units.
for folder in lib usr/lib; do
	for part in systemd systemd-executor; do
		from=$systemd/$folder/systemd/$part
		[ -e "$from" ] || continue
		install -D -m 0755 "$from" "$root/usr/lib/systemd/$part"
		LD_LIBRARY_PATH=$(find "$systemd" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:) place_libraries "$from" "$systemd"
	done
done
mkdir -p "$root$node" "$root$pki" "$root$(dirname "$node")/log" "$root"/{sys/fs/cgroup,var/lib,var/log,opt,mnt}
cp -al "$node/." "$root$node/"
cp "$pki/ca.crt" "$pki/$(basename "$node")".{crt,key} "$root$pki/"
mkdir "$root/images"
cp "$images" "$root/images/"
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
: >"$root/etc/resolv.conf"
for t in $(busybox --list | grep -vx busybox); do ln -sf busybox "$root/bb/$t"; done
install -m 0755 "$here/machine-init" "$root/machine-init"
cat >"$root/machine.conf" <<-END
	program=$program kubernetes=$kubernetes bin=$bin node=$node
END

modules() { # ROOT PATH…
	local at=$1 version
	shift
	version=$(ls "$kernel/lib/modules")
	mkdir -p "$at/lib/modules/$version"
	(
		cd "$kernel/lib/modules/$version"
		cp modules.{builtin,builtin.modinfo,order} "$at/lib/modules/$version/"
		for path in "$@"; do
			[ ! -e "$path" ] || find "$path" -name '*.ko' -print0
		done | xargs -0 cp --parents -t "$at/lib/modules/$version"
	)
	busybox depmod -b "$at" "$version"
}

block="kernel/fs/ext4 kernel/fs/jbd2 kernel/fs/mbcache.ko kernel/lib kernel/crypto kernel/arch/x86/crypto kernel/drivers/virtio kernel/drivers/block/virtio_blk.ko"
# shellcheck disable=SC2086 # words
modules "$root" $block kernel/net kernel/fs/overlayfs kernel/drivers/net/{tun,veth,dummy,ifb,virtio_net,net_failover}.ko
ln -sf /bb/busybox "$root/usr/sbin/modprobe"

initrd=$out/initrd.d
mkdir -p "$initrd"/{bin,proc,sys,dev,root,sbin}
cp "$(type -P busybox)" "$initrd/bin/busybox"
ln -s /bin/busybox "$initrd/sbin/modprobe"
# shellcheck disable=SC2086 # words
modules "$initrd" $block
cat >"$initrd/init" <<-'END'
	#!/bin/busybox sh
	/bin/busybox mount -t proc proc /proc
	/bin/busybox mount -t sysfs sysfs /sys
	/bin/busybox mount -t devtmpfs dev /dev
	for module in virtio_pci virtio_blk ext4; do /bin/busybox modprobe $module; done
	until /bin/busybox mount -t ext4 /dev/vda /root; do /bin/busybox sleep 0.1; done
	exec /bin/busybox switch_root /root /machine-init
END
chmod 0755 "$initrd/init"
(cd "$initrd" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$out/initrd"
PATH=$PATH:/usr/sbin:/sbin mkfs.ext4 -q -F -O ^has_journal -d "$root" "$out/disk" 6G
rm -rf "$root" "$initrd"
