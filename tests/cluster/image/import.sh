#!/bin/bash
# Lets containerd import an archive of images into a folder of its own, which every node's containerd is given then: run as the
# first process of mount and PID namespaces of its own.
#
#   import.sh BIN_DIR ARCHIVE OUT    BIN_DIR is where Debian's containerd was unpacked
set -euo pipefail
bin=$1/usr/bin archive=$2 out=$3
mount -t tmpfs run /run
printf 'version = 2\nroot = "%s"\nstate = "/run/containerd"\ndisabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n' "$out" >/run/containerd.toml
PATH=$bin:$PATH containerd --config /run/containerd.toml --log-level error &
containerd=$!
until "$bin/ctr" version >/dev/null 2>&1; do
	kill -0 "$containerd"
	sleep 0.1
done
"$bin/ctr" --namespace k8s.io images import "$archive" >/dev/null
kill "$containerd"
wait "$containerd" || true
# Each node's containerd names itself.
rm -rf "$out/io.containerd.grpc.v1.introspection"
