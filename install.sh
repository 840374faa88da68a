#!/bin/sh
# Installs kubectl-vmchaos and its completion shim for one user: built from this checkout, or out of a release archive.
set -eu

usage() {
    cat <<'EOF'
Usage: ./install.sh [--to DIR] [--archive FILE [--sha256 SUM] | --uninstall]

  --to DIR        where the two programs go (default: ~/.local/bin)
  --archive FILE  take the program out of this release archive (.tar.gz) instead of building it
  --sha256 SUM    the archive's checksum; without it FILE.sha256 or a SHA256SUMS beside FILE is used
  --uninstall     remove what was installed there
EOF
}

say() { printf '%s\n' "$*"; }
tell() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '\nhint: %s\n' "$2" >&2
}
fail() {
    tell "$@"
    exit 1
}
# The command line alone is wrong.
wrong() {
    tell "$1" "${2:-see ./install.sh --help}"
    exit 2
}
value() {
    [ "$2" -ge 2 ] || wrong "$1 needs a value"
    [ -n "$3" ] || wrong "$1 has an empty value" "an empty variable? leave $1 out, or give it a value"
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
to=
archive=
sum=
uninstall=
while [ $# -gt 0 ]; do
    case $1 in
        --to) value "$1" $# "${2:-}"; to=$2; shift 2 ;;
        --archive) value "$1" $# "${2:-}"; archive=$2; shift 2 ;;
        --sha256) value "$1" $# "${2:-}"; sum=$2; shift 2 ;;
        --uninstall) uninstall=yes; shift ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; wrong "unknown argument: $1" ;;
    esac
done
[ -z "$sum" ] || [ -n "$archive" ] || wrong "--sha256 is the checksum of an archive" "name it with --archive FILE"
[ -z "$uninstall" ] || [ -z "$archive" ] || wrong "--uninstall and --archive do not go together" "leave one of the two out"
# No option, whatever its name.
case $to in -*) to=./$to ;; esac
[ -n "$to" ] || to=${HOME:?HOME is not set; name a directory with --to}/.local/bin

# Beside bin, where man looks for it: ~/.local/share/man.
pages=$(dirname -- "$to")/share/man/man1

if [ -n "$uninstall" ]; then
    rm -f -- "$to/kubectl-vmchaos" "$to/kubectl_complete-vmchaos" "$pages"/kubectl-vmchaos.1 "$pages"/kubectl-vmchaos-*.1
    say "removed kubectl-vmchaos and kubectl_complete-vmchaos from $to"
    say "what outages kept is left: ${XDG_STATE_HOME:-${HOME:-~}/.local/state}/kubectl-vmchaos"
    exit 0
fi

new=
work=$(mktemp -d)
trap 'rm -rf -- "$work" ${new:+"$new"}' EXIT
trap 'exit 130' INT TERM HUP

if command -v sha256sum >/dev/null 2>&1; then
    checksum() { sha256sum -- "$1" | cut -d' ' -f1; }
elif command -v shasum >/dev/null 2>&1; then
    checksum() { shasum -a 256 -- "$1" | cut -d' ' -f1; }
else
    checksum() { fail "neither sha256sum nor shasum is installed" "install coreutils; an archive is not unpacked unchecked"; }
fi

unpack() {
    [ -f "$archive" ] || fail "there is no archive $archive"
    name=$(basename -- "$archive")
    beside=$(dirname -- "$archive")/SHA256SUMS
    if [ -z "$sum" ] && [ -f "$archive.sha256" ]; then
        sum=$(cut -d' ' -f1 <"$archive.sha256")
    elif [ -z "$sum" ] && [ -f "$beside" ]; then
        sum=$(awk -v name="$name" '{ sub(/^\*/, "", $2) } $2 == name { print $1 }' "$beside")
    fi
    [ -n "$sum" ] || fail "no checksum for $archive" "pass --sha256, or put $name.sha256 or SHA256SUMS beside it"
    # What is checked is what is taken, whatever becomes of the file meanwhile.
    cp -- "$archive" "$work/archive.tar.gz"
    have=$(checksum "$work/archive.tar.gz")
    [ "$have" = "$sum" ] || fail "$archive is not what its checksum says: expected $sum, found $have" "download it again"
    tar -tzf "$work/archive.tar.gz" >"$work/names" || fail "$archive cannot be unpacked" "download it again"
    take kubectl-vmchaos
    mkdir "$work/man"
    sed -n 's/^\(\.\/\)\{0,1\}\(man\/kubectl-vmchaos[a-z-]*\.1\)$/\2/p' "$work/names" | sort -u >"$work/pages"
    while read -r page; do take "$page"; done <"$work/pages"
}

# Takes the contents of one regular file out of the archive. Nothing is unpacked: a link could lead anywhere on this machine. tar
# prints all members of a name, and all below it, one after the other.
take() {
    named=$(awk -v name="$1" '{ plain = $0; sub(/^\.\//, "", plain) } plain == name || index(plain, name "/") == 1' "$work/names")
    [ -n "$named" ] || fail "$archive holds no $1"
    [ "$(printf '%s\n' "$named" | wc -l)" -eq 1 ] ||
        fail "$archive holds more than one $1, and which of them is meant is not known" "take a release archive"
    tar -xzOf "$work/archive.tar.gz" "$named" >"$work/$1" || fail "$archive cannot be unpacked" "download it again"
    [ -s "$work/$1" ] || fail "$1 in $archive is a link or empty, and no program is installed from there" "take a release archive"
}

build() {
    command -v cargo >/dev/null 2>&1 || fail "cargo is not installed" "install Rust 1.89 or newer (https://rustup.rs), or pass --archive"
    say "building kubectl-vmchaos (a few minutes the first time)"
    (cd "$here" && cargo build --release --locked --quiet --bin kubectl-vmchaos)
    target=${CARGO_TARGET_DIR:-$here/target}
    case $target in /*) ;; *) target=$here/$target ;; esac
    cp "$target/release/kubectl-vmchaos" "$work/kubectl-vmchaos"
}

if [ -n "$archive" ]; then unpack; else build; fi

# kubectl 1.26 and later asks a program of this name for completions.
cp "$here/completions/kubectl_complete-vmchaos" "$work/kubectl_complete-vmchaos"

# Moved into place, so that a running program is not written over; by a name nobody knows before, so that no link is followed.
place() { # MODE FILE DIR
    name=$(basename -- "$2")
    [ ! -d "$3/$name" ] || fail "$3/$name is a directory" "remove it, or name another directory with --to"
    new=$(mktemp "$3/.$name.XXXXXX")
    cp "$2" "$new"
    chmod "$1" "$new"
    mv -f "$new" "$3/$name"
    new=
}

mkdir -p -- "$to"
place 755 "$work/kubectl-vmchaos" "$to"
place 755 "$work/kubectl_complete-vmchaos" "$to"
if [ -s "$work/pages" ]; then
    mkdir -p -- "$pages"
    for page in "$work"/man/*.1; do place 644 "$page" "$pages"; done
fi
say "installed kubectl-vmchaos and kubectl_complete-vmchaos in $to"

case ":${PATH:-}:" in
    *":$to:"*) ;;
    *) say "hint: $to is not on your PATH; add it: export PATH=\"$to:\$PATH\"" ;;
esac
