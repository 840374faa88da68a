# shellcheck shell=bash disable=SC2034,SC2154
# What KubeVirt needs on the cluster, built and fetched once into the cache folder: sourced by ../run, which has `here`,
# `cache`, `program`, `unfinished`, skip and what ../cache.sh has.

# The same from Debian 13, whatever release this is: with all that the packages need, in folders named after what is asked for.
unpacked_from_13() { # FOLDER PACKAGE…
	local folder=$cache/$1 name=$1
	shift
	alone "$name"
	if [ "$(cat "$folder/complete" 2>/dev/null)" != "$*" ]; then
		echo "# fetching $* of Debian 13"
		fetch_from_13 "$folder.fetched" "$folder.lists" "$@" || skip "could not be had from Debian 13: $*"
		rm -rf "$folder.new" "$folder.lists"
		unfinished+=("$folder.new")
		mkdir "$folder.new"
		unpack "$folder"
		echo "$*" >"$folder/complete"
	fi
	together
}

fetch_from_13() { # FETCHED LISTS PACKAGE…
	local fetched=$1 lists=$2
	shift 2
	unfinished+=("$fetched" "$lists")
	rm -rf "$fetched" "$lists"
	mkdir -p "$fetched/partial" "$lists/lists/partial"
	: >"$lists/status"
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/%s main\n' 'debian trixie' 'debian-security trixie-security' >"$lists/sources.list"
	local options=(-o "Dir::State=$lists" -o "Dir::State::status=$lists/status" -o "Dir::Cache=$lists" -o "Dir::Cache::archives=$fetched" -o "Dir::Etc::sourcelist=$lists/sources.list"
		-o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Install-Recommends=false)
	apt_get "${options[@]}" update && apt_get "${options[@]}" install --download-only -y "$@" >/dev/null
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

# Sets `kubevirt_programs`, where they are or will be, and what they are built with.
name_kubevirt() {
	local tag
	# What differs between the versions in what is built of this folder: v1.6.0 is the tag kubevirt_v1_6.
	tag=kubevirt_${kubevirt_version//./_}
	kubevirt_flags=("-modfile=$kubevirt_modules" -tags "netgo osusergo libvirt_dlopen ${tag%_*}" -trimpath -buildvcs=false)
	kubevirt_programs=$cache/kubevirt-programs-$(cd "$here/kubevirt" && { go version && cat "$kubevirt_modules" "${kubevirt_modules%.mod}.sum" ./*.go; } | sha256sum | cut -c1-16)
}

# KubeVirt's programs, and what installs them.
build_kubevirt() {
	local module=$here/kubevirt new=$kubevirt_programs.new sources programs
	alone kubevirt-programs
	if ! keep_latest kubevirt-programs "$kubevirt_programs"; then
		echo "# building KubeVirt $kubevirt_version (7 minutes on two idle processors)"
		(cd "$module" && go mod download -modfile="$kubevirt_modules") || skip "the modules of KubeVirt $kubevirt_version could not be downloaded"
		unfinished+=("$new")
		rm -rf "$new"
		mkdir "$new"
		go_folder "$kubevirt_programs"
		sources=$(kubevirt_sources)
		mapfile -t programs < <(cd "$module" && go list -modfile="$kubevirt_modules" tool)
		# Of one link, so that what they share is compiled once; libvirt is opened when it runs, so that it need not be here.
		(cd "$module" && nice -n 19 go build -p 2 "${kubevirt_flags[@]}" -ldflags "-s -w -X kubevirt.io/client-go/version.gitVersion=$kubevirt_version" -o "$new/" "${programs[@]}")
		(cd "$module" && nice -n 19 go build -p 2 "${kubevirt_flags[@]}" -ldflags "-s -w" -o "$new/manifests" .)
		gcc -O2 -static -o "$new/container-disk" "$sources/cmd/container-disk-v2alpha/main.c"
		mv -T "$new" "$kubevirt_programs"
	fi
	in_use "$kubevirt_programs"
	together
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
	alone kubevirt-images
	if ! keep_latest kubevirt-images "$kubevirt_images"; then
		echo "# packing KubeVirt's images"
		unfinished+=("$kubevirt_images.d")
		"$here/image/kubevirt.sh" "$(kubevirt_sources)" "$kubevirt_programs" "$cache/debian13-virt-launcher" "$cache/debian13-virt-handler" "$kubevirt_images.d"
		"$program" kubevirt-images "$kubevirt_version" "$kubevirt_images.d" "$kubevirt_images.d/images.tar"
		unshare --mount --pid --fork --mount-proc --kill-child "$here/image/import.sh" "$cache/cluster-debian" "$kubevirt_images.d/images.tar" "$kubevirt_images.d/containerd"
		mv -T "$kubevirt_images.d/containerd" "$kubevirt_images"
		rm -rf "$kubevirt_images.d"
	fi
	in_use "$kubevirt_images"
	together
}
