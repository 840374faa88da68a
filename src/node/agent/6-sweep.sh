# Sweeping: takes away what carries the marks of this program, whoever made it, where nobody is left who could.

# VM $1, which was found and not armed.
sweep() {
  state_of "$1"
  [ "$STATE" = found ] && [ -z "$OVER" ] || return
  VM=$1 PID=${PIDS#*" $1="}
  PID=${PID%% *}
  load_plan "$VM"
  [ -n "$SWEEPS" ] || return
  REFUSAL=
  sweep_there 9<"$PROC/$PID/ns/net" || {
    [ -n "$REFUSAL" ] || refusal no-process "process $PID is gone"
    refuse
  }
}

# With the network namespace in 9. Everything is read again: time has passed since the VM was found.
sweep_there() {
  belongs "$PID" || { refusal no-process "process $PID is no longer the VM's"; return 1; }
  ! in_host_netns /proc/self/fd/9 || { refusal host-netns 'the pod is in the network namespace of the host'; return 1; }
  ENTER=yes sw_before='' sw_left=''
  if marked; then
    sw_before=$MARKED
    for sw_one in $MARKED; do
      sw_rest=${sw_one#*/}
      # Errors are never judged by: what is read back is.
      tc_there qdisc del dev "${sw_one%%/*}" root handle "${sw_rest#*/}"
    done
    if marked; then sw_left=$MARKED; else sw_left=' -'; fi
  else
    sw_left=' -'
  fi
  ENTER=
  sw_removed=''
  for sw_one in $sw_before; do
    case "$sw_left " in *" $sw_one "* | ' - ') ;; *) sw_removed="$sw_removed $sw_one" ;; esac
  done
  sw_state=restored
  [ -z "$sw_left" ] || sw_state=leaked
  names "$sw_removed"
  sw_removed=$NAMES
  names "$sw_left"
  printf '%s\n%s\n' "$sw_state rollback 0" "\"ev\":\"swept\",\"vm\":$VM,\"removed\":[$sw_removed],\"left\":[$NAMES]" >"$S/verdict.$VM"
  final "$VM"
}

# Root qdiscs with a handle of this program on the devices to be swept -> MARKED, records of DEVICE/KIND/HANDLE. Fails when
# the kernel cannot be asked.
marked() {
  MARKED=''
  sw_all=$(tc_there qdisc show)
  [ -n "$sw_all" ] || return 1
  while read -r _ sw_kind sw_handle _ sw_device sw_place _; do
    [ "$sw_place" = root ] || continue
    case $sw_kind in netem | tbf) ;; *) continue ;; esac
    case $sw_handle in 7[0-9a-f][0-9a-f][0-9a-f]:) ;; *) continue ;; esac
    case "$SWEEPS " in *" $sw_device "*) MARKED="$MARKED $sw_device/$sw_kind/$sw_handle" ;; esac
  done <<END
$sw_all
END
}

# Records as strings of JSON -> NAMES
names() {
  NAMES=''
  for sw_one in $1; do
    case $sw_one in -) sw_text='the kernel could not be asked what is there' ;; *)
      sw_rest=${sw_one#*/}
      sw_text="${sw_one%%/*} ${sw_rest%%/*} ${sw_rest#*/}"
      ;;
    esac
    escape "$sw_text"
    NAMES="$NAMES${NAMES:+,}\"$ESC\""
  done
}
