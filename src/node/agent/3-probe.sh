# Looking, without changing anything: which process is a VM's, what its devices are, what the node can do.

# One grep over all processes for all VMs: a fork a process would take half a second.
find_processes() {
  f_expression=
  f_vm=0
  while [ "$f_vm" -lt "$VMS" ]; do
    load_plan "$f_vm"
    if [ "$V_CID" = - ]; then
      underscored "$V_UID"
      f_expression="$f_expression${f_expression:+|}$V_UID|$UNDERSCORED"
    else
      f_expression="$f_expression${f_expression:+|}$V_CID"
    fi
    f_vm=$((f_vm + 1))
  done
  set +f
  grep -m1 -HE "$f_expression" "$PROC"/[0-9]*/cgroup >"$S/processes" 2>/dev/null
  set -f
}

# systemd's cgroup driver writes a pod's UID with underscores.
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

# Whether a line of a cgroup file is of the VM whose plan is loaded. CRI-O's monitor is named after the container, too.
is_of_vm() {
  case $1 in *conmon*) return 1 ;; esac
  if [ "$V_CID" != - ]; then
    case $1 in *"$V_CID"*) return 0 ;; esac
    return 1
  fi
  underscored "$V_UID"
  case $1 in *"$V_UID"* | *"$UNDERSCORED"*) return 0 ;; esac
  return 1
}

# Whether process $1 (still) belongs to the VM whose plan is loaded. One that is ending gives up its namespaces first:
# the first process of a PID namespace ends all others before itself, and still has its cgroup then.
belongs() {
  [ -e "$PROC/$1/ns/net" ] && slurp "$PROC/$1/cgroup" && is_of_vm "$TEXT"
}

# Whether a network namespace is the host's, or cannot be told from it.
in_host_netns() {
  # shellcheck disable=SC3013  # not in POSIX, but in bash, dash and BusyBox
  [ ! -e "$PROC/1/ns/net" ] || [ "$1" -ef "$PROC/1/ns/net" ]
}

# The process of the VM whose plan is loaded -> PID: the container's first if it can be told. Else empty and WHY.
find_vm() {
  PID='' WHY=no-process
  while IFS= read -r f_line; do
    is_of_vm "$f_line" || continue
    f_pid=${f_line%%/cgroup:*}
    f_pid=${f_pid##*/}
    [ -e "$PROC/$f_pid/ns/net" ] || continue
    if in_host_netns "$PROC/$f_pid/ns/net"; then
      WHY=host-netns
      continue
    fi
    PID=${PID:-$f_pid}
    slurp "$PROC/$f_pid/status" || continue
    case $TEXT in *NSpid:*) ;; *) continue ;; esac
    TEXT=${TEXT#*NSpid:}
    case ${TEXT%%"$NL"*} in *[[:space:]]1)
      PID=$f_pid
      break
      ;;
    esac
  done <"$S/processes"
  [ -n "$PID" ]
}

refusal() { # REASON DETAIL [DEVICE] -> REFUSAL, the event without its sequence number
  escape "$2"
  REFUSAL="\"ev\":\"refused\",\"vm\":$VM,\"reason\":\"$1\"${3:+,\"device\":\"$3\"},\"detail\":\"$ESC\""
  REASON=$1
}

# Looks at VM $VM through the namespace in file descriptor 9; nothing is changed. Fails with REFUSAL.
probe() {
  belongs "$PID" || { refusal no-process "process $PID is no longer the VM's"; return 1; }
  ! in_host_netns /proc/self/fd/9 || { refusal host-netns 'the pod is in the network namespace of the host'; return 1; }
  p_links=$("$NSENTER" --net=/proc/self/fd/9 "$IP" -o -d link show 2>&1)
  check_links || return 1
  look_before
}

# What `ip -o -d link show` says -> LINKS, records of NAME:KIND:UP:MASTER.
scan_links() {
  LINKS=' '
  while IFS= read -r k_line; do
    k_name=${k_line#*: }
    k_name=${k_name%%:*}
    k_name=${k_name%%@*}
    case $k_line in *' tun type tap '*) k_kind=tap ;; *) k_kind=other ;; esac
    k_flags=${k_line#*<}
    case ,${k_flags%%>*}, in *,UP,*) k_up=up ;; *) k_up=down ;; esac
    k_master=-
    case $k_line in *' master '*)
      k_master=${k_line#*' master '}
      k_master=${k_master%% *}
      ;;
    esac
    LINKS="$LINKS$k_name:$k_kind:$k_up:$k_master "
  done <<END
$p_links
END
}

check_links() {
  scan_links
  for k_pair in $TAPS; do
    check_link "${k_pair%/*}" "${k_pair#*/}" || return 1
    [ "$k_kind" = tap ] || { refusal not-a-tap "${k_pair%/*} is not a tap device" "${k_pair%/*}"; return 1; }
  done
  for k_pair in $UPLINKS; do
    k_device=${k_pair%/*} k_bridge=${k_pair#*/}
    check_link "$k_device" "$k_bridge" || return 1
    [ "$k_bridge" != - ] || continue
    for k_link in $LINKS; do
      case $k_link in "$k_device":* | *:tap:*) continue ;; *:"$k_bridge") ;; *) continue ;; esac
      refusal wrong-bridge "$k_bridge has another port, ${k_link%%:*}" "$k_device"
      return 1
    done
  done
  for k_device in $DEVICES; do
    check_link "$k_device" - || return 1
  done
}

# DEVICE BRIDGE -> k_kind
check_link() {
  case $LINKS in *" $1:"*) ;; *)
        refusal no-device "there is no device $1 in the network namespace of process $PID" "$1"
        return 1
        ;; esac
  k_link=${LINKS#*" $1:"}
  k_link=${k_link%% *}
  k_kind=${k_link%%:*}
  case $k_link in *:up:*) ;; *)
        refusal device-down "$1 is not up" "$1"
        return 1
        ;; esac
  [ "$2" = - ] || [ "${k_link##*:}" = "$2" ] || { refusal wrong-bridge "$1 is not a port of $2 but of ${k_link##*:}" "$1"; return 1; }
}
