# Which process of the node is a VM's: the first one of its container. Whoever is in a launcher can start others beside it, name
# them at will, and put them into namespaces and control groups of their own making. So nothing counts but what the kernel and
# the kubelet have written, each in its place.

# One grep over all processes for all VMs -> $S/processes, candidates: a fork a process would take half a second.
find_processes() {
  f_expression=
  f_vm=0
  while [ "$f_vm" -lt "$VMS" ]; do
    load_plan "$f_vm"
    if [ "$V_CID" = - ]; then
      f_expression="$f_expression${f_expression:+|}$V_UID|$V_SLICE"
    else
      f_expression="$f_expression${f_expression:+|}$V_CID"
    fi
    f_vm=$((f_vm + 1))
  done
  grep_processes "$f_expression"
}

grep_processes() {
  set +f
  grep -m1 -HE "$1" "$PROC"/[0-9]*/cgroup >"$S/processes" 2>/dev/null
  set -f
}

# systemd's cgroup driver writes a pod's UID with underscores -> UNDERSCORED
underscored() {
  UNDERSCORED=
  u_rest=$1
  while :; do
    case $u_rest in *-*) ;; *) break ;; esac
    UNDERSCORED=$UNDERSCORED${u_rest%%-*}_
    u_rest=${u_rest#*-}
  done
  UNDERSCORED=$UNDERSCORED$u_rest
}

# Whether a candidate may be of the VM whose plan is loaded.
is_candidate() {
  case $1 in *"$V_CID"*) return 0 ;; esac
  [ "$V_CID" = - ] || return 1
  case $1 in *"$V_UID"* | *"$V_SLICE"*) return 0 ;; esac
  return 1
}

# The pod that a path of control groups, of hierarchy $1, is in -> POD, its UID as the path has it, and CONTAINER, the ID of
# the container; empty where there is none, as for CRI-O's monitor. The first component that is a pod's counts: the kubelet
# has made it, and everything below may be the pod's own. A node that is itself in a pod has that in front, as its PID 1 has.
pod_in() { # NUMBER:NAMES PATH
  POD='' CONTAINER='' o_rest=${2#/}/ o_node=''
  case $NL$NODE_CGROUPS in *"$NL$1:"*)
    o_node=${NODE_CGROUPS#*"$1:/"}
    o_node=${o_node%%"$NL"*}/
    ;;
  esac
  while [ -n "$o_rest$o_node" ] && [ "${o_rest%%/*}" = "${o_node%%/*}" ]; do o_rest=${o_rest#*/} o_node=${o_node#*/}; done
  while [ -n "$o_rest" ]; do
    o_one=${o_rest%%/*} o_rest=${o_rest#*/}
    o_container=${o_rest%%/*}
    case $o_one in
      pod*) POD=${o_one#pod} ;;
      *kubepods*-pod*.slice) POD=${o_one##*-pod} POD=${POD%.slice} ;;
      # containerd without SystemdCgroup under a kubelet that has it.
      *kubepods*-pod*.slice:cri-containerd:*) POD=${o_one##*-pod} POD=${POD%%.slice:*} o_container=${o_one##*:} ;;
      *) continue ;;
    esac
    case $POD in *[!0-9A-Fa-f_-]*) ;; ????????????????????????????????*) break ;; esac
    POD=''
  done
  [ -n "$POD" ] || return 1
  case $o_container in
    cri-containerd-*.scope) o_container=${o_container#cri-containerd-} ;;
    crio-*.scope) o_container=${o_container#crio-} ;;
    docker-*.scope) o_container=${o_container#docker-} ;;
  esac
  o_container=${o_container%.scope}
  case $o_container in *[!0-9a-f]*) ;; ????????????????????????????????*) CONTAINER=$o_container ;; esac
}

# Whether the control groups of process $1 are of the container whose plan is loaded, or of some container of the pod where
# the plan names none. Each hierarchy that names a pod has to name this one.
in_container() {
  o_found=1
  [ -r "$PROC/$1/cgroup" ] || return 1
  while IFS=: read -r o_number o_names o_path; do
    pod_in "$o_number:$o_names" "$o_path" || continue
    case $POD in "$V_UID" | "$V_SLICE") ;; *) return 1 ;; esac
    case $V_CID-$CONTAINER in --?* | "$CONTAINER-$V_CID") ;; *) return 1 ;; esac
    o_found=0
  done <"$PROC/$1/cgroup"
  return $o_found
}

# Whether process $1 is in the user namespace of PID 1: who is in another one may have made all its namespaces without any
# privilege. Kernels without user namespaces have none to tell apart.
in_host_userns() {
  # shellcheck disable=SC3013  # not in POSIX, but in bash, dash and BusyBox
  [ ! -e /proc/self/ns/user ] || [ "$PROC/$1/ns/user" -ef "$PROC/1/ns/user" ]
}

# Whether process $1 (still) belongs to the VM whose plan is loaded. One that is ending gives up its namespaces first:
# the first process of a PID namespace ends all others before itself, and still has its cgroup then.
belongs() {
  [ -e "$PROC/$1/ns/net" ] && in_host_userns "$1" && in_container "$1"
}

# Whether it (still) is the first of its container, and so in the network namespace of the pod: without a privilege that no
# launcher has it cannot leave that one. It is PID 1 of a namespace right below the node's; a name that reads like the line
# which says so is not at the beginning of a line, and the kernel escapes line ends in names.
is_first() {
  belongs "$1" || return 1
  while read -r o_key o_pids; do
    [ "$o_key" = NSpid: ] || continue
    # shellcheck disable=SC2086  # words
    set -- $o_pids
    [ "$#-${2:-}" = 2-1 ]
    return
  done <"$PROC/$1/status"
  return 1
}

# Whether a network namespace is the host's, or cannot be told from it.
in_host_netns() {
  # shellcheck disable=SC3013  # not in POSIX, but in bash, dash and BusyBox
  [ ! -e "$PROC/1/ns/net" ] || [ "$1" -ef "$PROC/1/ns/net" ]
}

# The process of the VM whose plan is loaded -> PID. Else empty and WHY.
find_vm() {
  PID='' WHY=no-process
  while IFS= read -r f_line; do
    is_candidate "$f_line" || continue
    f_pid=${f_line%%/cgroup:*}
    f_pid=${f_pid##*/}
    is_first "$f_pid" || continue
    ! in_host_netns "$PROC/$f_pid/ns/net" || { WHY=host-netns && continue; }
    PID=$f_pid
    return
  done <"$S/processes"
  return 1
}

# Some container's first process of the pod whose plan is loaded -> PID: the sandbox's outlives the launcher's.
find_pod() {
  V_CID=-
  grep_processes "$V_UID|$V_SLICE"
  find_vm
}
