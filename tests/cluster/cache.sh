# shellcheck shell=bash disable=SC2154
# The cache folder, which more than one run may use at a time: sourced by run and ../kernel/run, which have `cache` and skip.

# Waits for whoever builds, fetches or installs the same meanwhile, until `together`.
alone() { # NAME
	exec {building}>"$cache/.lock-$1"
	if ! flock --nonblock "$building"; then
		echo "# waiting for another run, which is at the same: $1"
		flock "$building"
	fi
}

together() { exec {building}>&-; }

# Lets Go work in the cache folder instead of /tmp: what a build that was killed leaves there is removed with what it was building.
go_folder() { # BUILT
	export GOTMPDIR=$1.go
	unfinished+=("$GOTMPDIR")
	rm -rf "$GOTMPDIR"
	mkdir -p "$GOTMPDIR"
}

# Marks a file or folder of the cache as in use for as long as this program runs, and what it becomes or starts.
in_use() { # BUILT
	local used
	exec {used}<"$1"
	flock --shared "$used"
}

# Whether something was built already. Of the others of its kind keeps those that are in use or were used within three hours:
# another checkout may be running on them.
keep_latest() { # KIND BUILT
	local old
	touch -c "$2"
	while read -r old; do
		# By another name first: what is half gone is not taken for what was built.
		flock --nonblock "$old" mv -T "$old" "$cache/.removed-${old##*/}" || true
	done < <(find "$cache" -maxdepth 1 -name "$1-*" -mmin +180)
	rm -rf "$cache/.removed-$1"-*
	[ -e "$2" ]
}

# Root's own fetcher is enough in these folders: they are not readable for apt's user.
apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o APT::Sandbox::User=root -o DPkg::Lock::Timeout=600 "$@"; }

# Unpacks Debian packages below the cache folder; nothing of the host changes.
unpacked() { # FOLDER PACKAGE…
	local folder=$cache/$1 name=$1
	shift
	alone "$name"
	if [ ! -e "$folder/complete" ]; then
		echo "# fetching $*"
		rm -rf "$folder".{fetched,new}
		unfinished+=("$folder.fetched" "$folder.new")
		mkdir -p "$folder".{fetched,new}
		(cd "$folder.fetched" && apt_get download "$@") || { apt_get update || true; (cd "$folder.fetched" && apt_get download "$@"); } ||
			skip "could not be downloaded: $*"
		unpack "$folder"
		touch "$folder/complete"
	fi
	together
}

# From FOLDER.fetched to FOLDER.
unpack() { # FOLDER
	local package
	for package in "$1.fetched"/*.deb; do dpkg-deb -x "$package" "$1.new"; done
	rm -rf "$1" "$1.fetched"
	mv "$1.new" "$1"
}

# The package of Debian's newest cloud kernel. Apt knows of none before it has fetched its lists.
kernel_package() {
	[ ! -e "$cache/kernel/complete" ] || return 0
	local package
	package=$(depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[^ ]*\)/\1/p')
	[ -n "$package" ] || skip "apt knows no linux-image-cloud-amd64, with its lists fetched anew: this is not Debian on amd64, or there is no network" >&2
	echo "$package"
}

# What apt says that a package depends on; nothing where it does not know it.
depends() { # PACKAGE OPTION…
	apt-cache depends "${@:2}" "$1" 2>/dev/null && return
	apt_get update >&2 || true
	apt-cache depends "${@:2}" "$1" 2>/dev/null || true
}
