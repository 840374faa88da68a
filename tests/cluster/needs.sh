# shellcheck shell=bash disable=SC2154
# What a run needs of this machine: sourced by run and ../kernel/run, which have `here`, `cache` and skip.

# The version go.mod asks for, which older releases of Go cannot fetch by themselves.
need_go() {
	PATH=$PATH:/usr/local/go/bin
	type -P go >/dev/null || skip "no Go; Kubernetes is built from its modules"
	(cd "$here" && go version >/dev/null 2>&1) || skip "this Go is too old for $here/go.mod"
}

# Rust's installer puts it below the home folder of whoever ran it, which may be who runs this by sudo.
need_cargo() {
	local home=''
	PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
	if ! type -P cargo >/dev/null && [ -n "${SUDO_USER:-}" ]; then
		home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
		PATH=$PATH:$home/.cargo/bin
		[ ! -d "$home/.rustup" ] || export RUSTUP_HOME=${RUSTUP_HOME:-$home/.rustup}
	fi
	type -P cargo >/dev/null || skip "no cargo in \$PATH, ${CARGO_HOME:-$HOME/.cargo}/bin${home:+ or $home/.cargo/bin}: the scenarios are Rust's"
	(cd "$here" && cargo --version >/dev/null 2>&1) || skip "cargo does not run here: $(cd "$here" && cargo --version 2>&1 | head -n 1)"
}

# Measured: 5.4 GB of memory and 5.7 GB of disk for a cluster, 1.9 GB for what is built and fetched, 6 GB for Go's caches where it
# is built, 2 GB for what Go links.
need_room() { # MODE
	local memory least=7
	[ "$1" != build ] || least=4
	memory=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1000000))
	[ "$memory" -ge "$least" ] || skip "$1 needs $least GB of free memory, there are $memory"
	wanted=()
	if [ "$1" = build ]; then want 3 "$cache"; else want 10 "$cache"; fi
	if [ ! -e "$kubevirt_programs" ]; then
		want 5 "$(go env GOMODCACHE)"
		want 3 "$(go env GOCACHE)"
		want 2 "$cache"
	fi
	local disk free
	for disk in "${!wanted[@]}"; do
		free=$(($(df -k --output=avail "$disk" | tail -n 1) / 1000000))
		[ "$free" -ge "${wanted[$disk]}" ] ||
			skip "$1 needs ${wanted[$disk]} GB of free disk on $disk, for $cache and where it builds Go's caches; there are $free"
	done
}

declare -A wanted=()

# Adds to what the file system of a folder must have free.
want() { # GB FOLDER
	local disk
	mkdir -p "$2"
	disk=$(df --output=target "$2" | tail -n 1)
	wanted[$disk]=$((${wanted[$disk]:-0} + $1))
}

# Installs what of these programs is not there. Without a right to, says what is missing.
need_tools() { # PROGRAM:PACKAGE…
	local missing=() tool
	for tool; do type -P "${tool%%:*}" >/dev/null || missing+=("${tool##*:}"); done
	[ ${#missing[@]} != 0 ] || return 0
	if [ "$(id -u)" != 0 ] || ! type -P apt-get >/dev/null; then
		skip "missing and not root to install with apt-get: ${missing[*]}"
	fi
	alone apt
	echo "# installing ${missing[*]}"
	{ apt_get install -y "${missing[@]}" || { apt_get update && apt_get install -y "${missing[@]}"; }; } >/dev/null || skip "apt-get could not install ${missing[*]}"
	together
}

# Removes what killed runs left. The suite does, which was built when they ran.
sweep() {
	local suite
	for suite in "$cache"/cluster-suite-*; do
		if [ -x "$suite" ] && [ -f "$suite" ] && "$suite" sweep; then return; fi
	done
}

systemd_packages() {
	systemd=()
	[ ! -e "$cache/cluster-systemd/complete" ] || return 0
	mapfile -t systemd < <(depends systemd --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances |
		grep -E '^(lib|systemd$)' | grep -vx libc6 | sort -u)
	[ ${#systemd[@]} != 0 ] || skip "apt knows no systemd, with its lists fetched anew: there is no network"
}
