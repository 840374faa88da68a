# shellcheck shell=bash disable=SC2034,SC2154
# What KubeVirt needs on the cluster, built and fetched once into the cache folder: sourced by ../run, which has `here`,
# `cache`, `program`, `unfinished`, skip and keep_latest.

# The same from Debian 13, whatever release this is: with all that the packages need, in folders named after what is asked for.
unpacked_from_13() { # FOLDER PACKAGE…
	local folder=$cache/$1 work
	shift
	[ "$(cat "$folder/complete" 2>/dev/null)" = "$*" ] && return
	echo "# fetching $* of Debian 13"
	work=$(mktemp -d)
	unfinished+=("$work")
	mkdir -p "$work"/{lists/partial,archives/partial}
	: >"$work/status"
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/%s main\n' 'debian trixie' 'debian-security trixie-security' >"$work/sources.list"
	local apt=(apt-get -qq -o "Dir::State=$work" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work" -o "Dir::Etc::sourcelist=$work/sources.list"
		-o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root -o APT::Install-Recommends=false)
	{ "${apt[@]}" update && "${apt[@]}" install --download-only -y "$@" >/dev/null; } || skip "could not be had from Debian 13: $*"
	rm -rf "$folder"
	mkdir -p "$folder"
	local package
	for package in "$work"/archives/*.deb; do dpkg-deb -x "$package" "$folder"; done
	rm -rf "$work"
	echo "$*" >"$folder/complete"
}

# Measured: 5.4 GB of memory, 5.7 GB for a cluster's folder, 1.9 GB for what is built and fetched.
need_room() {
	local memory
	memory=$(mawk '/^MemAvailable:/ { print int($2 / 1000000) }' /proc/meminfo)
	[ "$memory" -ge 7 ] || skip "KubeVirt needs 7 GB of free memory, there are $memory"
	need_disk 10
}

need_disk() { # GB
	local disk
	disk=$(df -k --output=avail "$cache" | mawk 'NR == 2 { print int($1 / 1000000) }')
	[ "$disk" -ge "$1" ] || skip "KubeVirt needs $1 GB of free disk below $cache, there are $disk"
}

# Sets `kubevirt_version`, and the file of its modules.
choose_kubevirt() { # VERSION, or nothing for the one of go.mod
	local file all=() version
	for file in "$here"/kubevirt/*.mod; do
		version=$(sed -nE 's,^(require |\t)kubevirt.io/kubevirt ,,p' "$file")
		all+=("$version")
		if [ "${1:-}" = "$version" ] || { [ -z "${1:-}" ] && [ "${file##*/}" = go.mod ]; }; then
			kubevirt_version=$version
			kubevirt_modules=$file
		fi
	done
	[ -n "$kubevirt_version" ] || skip "no KubeVirt $1 here, but ${all[*]}"
}

# KubeVirt's programs, and what installs them: sets `kubevirt_programs`.
build_kubevirt() {
	local module=$here/kubevirt flags sources programs tag
	# What differs between the versions in what is built of this folder: v1.6.0 is the tag kubevirt_v1_6.
	tag=kubevirt_${kubevirt_version//./_}
	flags=("-modfile=$kubevirt_modules" -tags "netgo osusergo libvirt_dlopen ${tag%_*}" -trimpath -buildvcs=false)
	kubevirt_programs=$cache/kubevirt-programs-$(cd "$module" && { go version && cat "$kubevirt_modules" "${kubevirt_modules%.mod}.sum" ./*.go; } | sha256sum | cut -c1-16)
	keep_latest kubevirt-programs "$kubevirt_programs" && return
	# Six of them for Go's caches.
	need_disk 16
	echo "# building KubeVirt $kubevirt_version (7 minutes on two idle processors)"
	(cd "$module" && go mod download -modfile="$kubevirt_modules") || skip "the modules of KubeVirt $kubevirt_version could not be downloaded"
	unfinished+=("$kubevirt_programs.new")
	rm -rf "$kubevirt_programs.new"
	mkdir "$kubevirt_programs.new"
	sources=$(kubevirt_sources)
	mapfile -t programs < <(cd "$module" && go list -modfile="$kubevirt_modules" tool)
	# Of one link, so that what they share is compiled once; libvirt is opened when it runs, so that it need not be here.
	(cd "$module" && nice -n 19 go build -p 2 "${flags[@]}" -ldflags "-s -w -X kubevirt.io/client-go/version.gitVersion=$kubevirt_version" -o "$kubevirt_programs.new/" "${programs[@]}")
	(cd "$module" && nice -n 19 go build -p 2 "${flags[@]}" -ldflags "-s -w" -o "$kubevirt_programs.new/manifests" .)
	gcc -O2 -static -o "$kubevirt_programs.new/container-disk" "$sources/cmd/container-disk-v2alpha/main.c"
	mv "$kubevirt_programs.new" "$kubevirt_programs"
}

kubevirt_sources() { (cd "$here/kubevirt" && go list -modfile="$kubevirt_modules" -m -f '{{.Dir}}' kubevirt.io/kubevirt); }

# Its images as containerd has them once they are imported: sets `kubevirt_images`.
pack_kubevirt() {
	local base=(bash dash coreutils diffutils findutils grep sed mawk gawk tar gzip base-files hostname util-linux mount procps acl iproute2 nftables kmod)
	unpacked_from_13 debian13-virt-handler "${base[@]}" qemu-utils xorriso
	unpacked_from_13 debian13-virt-launcher "${base[@]}" qemu-utils xorriso ethtool seabios qemu-system-x86 \
		libvirt-daemon libvirt-daemon-common libvirt-daemon-driver-qemu libvirt-daemon-log libvirt-clients
	unpacked_from_13 debian13-guest-agent qemu-guest-agent
	kubevirt_images=$cache/kubevirt-images-$({
		cat "$here"/image/{kubevirt,import}.sh "$here"/{kubevirtimages,imagearchive}.go "$cache"/debian13-virt-*/complete
		"$cache/cluster-debian/usr/bin/containerd" --version && echo "$kubevirt_programs"
	} | sha256sum | cut -c1-16)
	keep_latest kubevirt-images "$kubevirt_images" && return
	echo "# packing KubeVirt's images"
	unfinished+=("$kubevirt_images.d")
	"$here/image/kubevirt.sh" "$(kubevirt_sources)" "$kubevirt_programs" "$cache/debian13-virt-launcher" "$cache/debian13-virt-handler" "$kubevirt_images.d"
	"$program" kubevirt-images "$kubevirt_version" "$kubevirt_images.d" "$kubevirt_images.d/images.tar"
	unshare --mount --pid --fork --mount-proc --kill-child "$here/image/import.sh" "$cache/cluster-debian" "$kubevirt_images.d/images.tar" "$kubevirt_images.d/containerd"
	mv "$kubevirt_images.d/containerd" "$kubevirt_images"
	rm -rf "$kubevirt_images.d"
}
