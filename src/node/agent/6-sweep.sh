# Sweeping: takes out what carries the marks of this program, whoever put it there, where nobody is left who could. Done by
# the agent itself: each qdisc goes at once or not at all, so that nothing is left half done when the agent dies.

# VM $1, which was found.
sweep() {
  state_of "$1"
  [ "$STATE" = found ] && [ -z "$OVER" ] || return
  VM=$1 PID=${PIDS#*" $1="}
  PID=${PID%% *}
  load_plan "$VM"
  [ -n "$SWEEPS" ] || return
  REFUSAL='' ENTER=yes
  if sweep_there 9<"$PROC/$PID/ns/net" || { found_again && sweep_there 9<"$PROC/$PID/ns/net"; }; then
    final "$VM"
  elif [ -n "$REFUSAL" ]; then
    refuse
  else
    printf '%s\n%s\n' 'gone gone 0' "\"ev\":\"gone\",\"vm\":$VM,\"by\":\"gone\"" >"$S/verdict.$VM"
    final "$VM"
  fi
  ENTER=''
}

# The process that was found has ended, or it would not have come to this. Another one of the VM keeps its network
# namespace: only when there is none, it is gone.
found_again() {
  [ -z "$REFUSAL" ] || return 1
  find_processes
  load_plan "$VM"
  find_vm && return
  [ "$WHY" = no-process ] || refusal "$WHY" 'the pod is in the network namespace of the host'
  return 1
}

# With the network namespace in 9. Fails with REFUSAL, or without when the VM is gone.
sweep_there() {
  belongs "$PID" || return 1
  ! in_host_netns /proc/self/fd/9 || { refusal host-netns 'the pod is in the network namespace of the host'; return 1; }
  sw_seen=''
  for sw_look in 1 2 3 last; do
    if marked; then
      sw_left=$MARKED
      [ -n "$sw_left" ] || break
      for sw_one in $sw_left; do
        case "$sw_seen " in *" $sw_one "*) ;; *) sw_seen="$sw_seen $sw_one" ;; esac
      done
    else
      belongs "$PID" || return 1
      sw_left=$ALL_UNKNOWN
    fi
    [ "$sw_look" != last ] || break
    [ "$sw_look" = 1 ] || sleep 0.1
    for sw_one in $MARKED; do
      # Errors are never judged by: what is read back is.
      tc_there qdisc del dev "${sw_one%%/*}" root handle "${sw_one##*/}"
    done
  done
  sw_removed=''
  for sw_one in $sw_seen; do
    case "$sw_left " in *" $sw_one "* | *'/?/? ') ;; *) sw_removed="$sw_removed $sw_one" ;; esac
  done
  sw_state=restored
  [ -z "$sw_left" ] || sw_state=leaked
  names "$sw_removed"
  sw_removed=$NAMES
  names "$sw_left"
  printf '%s\n%s\n' "$sw_state cleanup 0" "\"ev\":\"swept\",\"vm\":$VM,\"removed\":[$sw_removed],\"left\":[$NAMES]" >"$S/verdict.$VM"
}

# Root qdiscs with a handle of this program on the devices to be swept -> MARKED, records of DEVICE/KIND/HANDLE. A device
# that is not there has none. Fails when the kernel cannot be asked; then ALL_UNKNOWN is what is left, as far as is known.
marked() {
  MARKED='' ALL_UNKNOWN=''
  sw_all=$(tc_there qdisc show)
  if [ -z "$sw_all" ]; then
    for sw_one in $SWEEPS; do
      case "$ALL_UNKNOWN " in *" ${sw_one%/*}/?/? "*) ;; *) ALL_UNKNOWN="$ALL_UNKNOWN ${sw_one%/*}/?/?" ;; esac
    done
    return 1
  fi
  while read -r _ sw_kind sw_handle _ sw_device sw_place _; do
    [ "$sw_place" = root ] || continue
    case $sw_kind in netem | tbf) ;; *) continue ;; esac
    case $sw_handle in 7[0-9a-f][0-9a-f][0-9a-f]:) ;; *) continue ;; esac
    case "$SWEEPS " in *" $sw_device/any "* | *" $sw_device/$sw_handle "*) MARKED="$MARKED $sw_device/$sw_kind/$sw_handle" ;; esac
  done <<END
$sw_all
END
}

# Records as strings of JSON -> NAMES. Their words are of a plan that was checked, or of the patterns above.
names() {
  NAMES=''
  for sw_one in $1; do
    sw_rest=${sw_one#*/}
    case $sw_rest in
      '?/?') sw_text="${sw_one%%/*}: the kernel could not be asked" ;;
      *) sw_text="${sw_one%%/*} ${sw_rest%/*} ${sw_rest#*/}" ;;
    esac
    NAMES="$NAMES${NAMES:+,}\"$sw_text\""
  done
}
