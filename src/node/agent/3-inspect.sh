# Inspection of a VM before its fault, without changing anything: what its devices are.

refusal() { # REASON DETAIL [DEVICE] -> REFUSAL, the event without its sequence number
  escape "$2"
  REFUSAL="\"ev\":\"refused\",\"vm\":$VM,\"reason\":\"$1\"${3:+,\"device\":\"$3\"},\"detail\":\"$ESC\""
  REASON=$1
}

# Inspects VM $VM through the namespace in file descriptor 9; nothing is changed. Fails with REFUSAL.
inspect() {
  is_first "$PID" || { refusal no-process "process $PID is no longer the VM's"; return 1; }
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
