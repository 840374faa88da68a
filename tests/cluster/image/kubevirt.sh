#!/bin/bash
# Puts the file systems of KubeVirt's images together, as its own build does: its programs and configuration, on Debian's
# packages instead of CentOS's.
#
#   kubevirt.sh SOURCES PROGRAMS LAUNCHER HANDLER OUT    SOURCES is KubeVirt's module, PROGRAMS a folder with what was built of it,
#                                                        LAUNCHER and HANDLER are unpacked packages; makes OUT/virt-… of each image
set -euo pipefail
sources=$1 programs=$2 out=$5
rm -rf "$out"
mkdir -p "$out"

programs_of() { # IMAGE PROGRAM…
	local root=$out/$1 program
	shift
	for program in "$@"; do install -D -m 0755 "$programs/$program" "$root/usr/bin/$program"; done
	mkdir -p "$root/etc" "$root/tmp"
	chmod 1777 "$root/tmp"
	printf '%s\n' root:x:0:0:root:/root:/bin/bash qemu:x:107:107::/home/qemu:/bin/bash kubevirt:x:1001:1001::/home/kubevirt:/bin/bash \
		libvirt-qemu:x:64055:107::/var/lib/libvirt:/usr/sbin/nologin >"$root/etc/passwd"
	printf '%s\n' root:x:0: qemu:x:107: kubevirt:x:1001: tty:x:5: kvm:x:109: libvirt:x:110: libvirt-qemu:x:64055: >"$root/etc/group"
	install -m 0644 "$sources/cmd/virt-launcher/nsswitch.conf" "$root/etc/nsswitch.conf"
}

# What dpkg would have made on unpacking, and nothing that only people read.
debian() { # FOLDER IMAGE
	cp -al "$1" "$out/$2"
	rm -rf "$out/$2"/usr/share/{doc,info,lintian,locale,man} "$out/$2/complete"
	[ -e "$out/$2/usr/bin/sh" ] || ln -s dash "$out/$2/usr/bin/sh"
	ln -sf mawk "$out/$2/usr/bin/awk"
	rmdir "$out/$2/var/run"
	ln -s ../run "$out/$2/var/run"
}

for component in virt-operator virt-api virt-controller; do programs_of $component $component; done

debian "$4" virt-handler
programs_of virt-handler virt-handler virt-chroot
# KubeVirt's has none.
rm "$out/virt-handler/usr/sbin/tc"

debian "$3" virt-launcher
programs_of virt-launcher virt-launcher virt-launcher-monitor virt-freezer virt-probe virt-tail container-disk
root=$out/virt-launcher
configuration=$sources/cmd/virt-launcher
# A second emulator would be probed as well, every time that libvirt starts.
rm "$root/usr/bin/qemu-system-i386"
install -m 0644 "$configuration/qemu.conf" "$configuration/virtqemud.conf" "$root/etc/libvirt/"
install -D -m 0755 "$configuration/qemu" "$root/etc/libvirt/hooks/qemu"
# The hypervisor that this machine may have is not the guests': they are emulated.
sed 's,/dev/kvm,/dev/none,g; s,-w .kvm.,-w none,' "$configuration/node-labeller/node-labeller.sh" >"$root/usr/bin/node-labeller.sh"
chmod 0755 "$root/usr/bin/node-labeller.sh"
# Debian has libvirt's one daemon for everything, which KubeVirt knows by the name and the socket of the one for QEMU.
install -D -m 0755 "$root/usr/sbin/libvirtd" "$root/usr/lib/libvirt/virtqemud"
cat >"$root/usr/sbin/virtqemud" <<-'END'
	#!/bin/sh
	mkdir -p /run/libvirt
	ln -sf libvirt-sock /run/libvirt/virtqemud-sock
	exec /usr/lib/libvirt/virtqemud "$@"
END
chmod 0755 "$root/usr/sbin/virtqemud"
