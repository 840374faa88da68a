# Sweeping: takes out what carries the marks of this program, whoever put it there, where nobody is left who could. Done by
# the agent itself: each object goes at once or not at all, so that nothing is left half done when the agent dies.

# VM $1, which was found.
sweep() {
  state_of "$1"
  [ "$STATE" = found ] && [ -z "$OVER" ] || return
  VM=$1 PID=${PIDS#*" $1="}
  PID=${PID%% *}
  load_plan "$VM"
  [ -n "$SWEEPS" ] || return
  REFUSAL=''
  if sweep_there 9<"$PROC/$PID/ns/net" || { found_again && sweep_there 9<"$PROC/$PID/ns/net"; }; then
    final "$VM"
  elif [ -n "$REFUSAL" ]; then
    refuse
  else
    printf '%s\n%s\n' 'gone gone 0' "\"ev\":\"gone\",\"vm\":$VM,\"by\":\"gone\"" >"$S/verdict.$VM"
    final "$VM"
  fi
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
  is_first "$PID" || return 1
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
      is_first "$PID" || return 1
      sw_left=$MARKED$ALL_UNKNOWN
    fi
    [ "$sw_look" != last ] || break
    [ "$sw_look" = 1 ] || sleep 0.1
    for sw_one in $MARKED; do remove "$sw_one"; done
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

# What carries a mark of this program -> MARKED, records of DEVICE/KIND/HANDLE, or @nft/TABLE/CHAIN. A device that is not
# there has none. Fails when the kernel cannot be asked; then ALL_UNKNOWN is what is left, as far as is known.
marked() {
  MARKED='' ALL_UNKNOWN='' sw_wanted=any
  case $SWEEPS in *:*) sw_wanted=$RUN ;; esac
  if ! scan_qdiscs; then
    for sw_one in $SWEEPS; do is_unknown "${sw_one%/*}"; done
    return 1
  fi
  for sw_qdisc in $QDISCS; do
    sw_device=${sw_qdisc%%/*}
    case $sw_qdisc in
      */root/netem/7[0-9a-f][0-9a-f][0-9a-f]: | */root/tbf/7[0-9a-f][0-9a-f][0-9a-f]:)
        mark_if_wanted "$sw_device/${sw_qdisc#*/root/}"
        ;;
      */clsact)
        case "$SWEEPS " in *" $sw_device/"*) ;; *) continue ;; esac
        filters_on "$sw_device" || { is_unknown "$sw_device" && continue; }
        for sw_one in $FILTERS; do
          case $sw_one in */7???) mark_if_wanted "$sw_device/flower/${sw_one##*/}:" ;; esac
        done
        ;;
    esac
  done
  marked_tables
  [ -z "$ALL_UNKNOWN" ]
}

# DEVICE/KIND/HANDLE, if the plan names it, once.
mark_if_wanted() {
  case "$SWEEPS " in *" ${1%%/*}/any "* | *" ${1%%/*}/${1##*/} "*) ;; *) return 0 ;; esac
  case "$MARKED " in *" $1 "*) ;; *) MARKED="$MARKED $1" ;; esac
}

is_unknown() {
  case "$ALL_UNKNOWN " in *" $1/?/? "*) ;; *) ALL_UNKNOWN="$ALL_UNKNOWN $1/?/?" ;; esac
}

# nft tables are the VM's, not a device's. A lock names its run by its chain.
marked_tables() {
  [ -n "$NFT" ] || return 0
  if ! nft_scan; then
    # Where nft cannot list what is in a new network namespace, either, it has never made anything here.
    # shellcheck disable=SC2016  # expanded by the inner shell
    ! elsewhere '"$1" list chains netdev' "$NFT" || is_unknown nft
    return 0
  fi
  for sw_table in $TABLES; do
    sw_chain=-
    case $sw_table in
      vmchaos_lock_*)
        for sw_one in $CHAINS; do
          case $sw_one in "$sw_table:"*) sw_chain=${sw_one#*:} ;; esac
        done
        sw_run=${sw_chain#vmchaos_}
        ;;
      vmchaos_*) sw_run=${sw_table#vmchaos_} ;;
      *) continue ;;
    esac
    case $sw_table in *[!A-Za-z0-9._-]*) continue ;; esac
    case $sw_wanted in any | "$sw_run") MARKED="$MARKED @nft/$sw_table/$sw_chain" ;; esac
  done
}

# Errors are never judged by: what is read back is.
remove() {
  sw_device=${1%%/*}
  case $1 in
    @nft/vmchaos_lock_*/vmchaos_*)
      sw_one=${1#*/}
      nft_delete "delete chain netdev ${sw_one%/*} ${sw_one#*/}${NL}delete table netdev ${sw_one%/*}$NL"
      ;;
    @nft/*)
      sw_one=${1#*/}
      nft_delete "delete table netdev ${sw_one%/*}$NL"
      ;;
    */flower/*)
      sw_mark=${1##*/}
      sw_mark=$((0x${sw_mark%:}))
      for sw_pref in $sw_mark $((sw_mark + 0x1000)) $((sw_mark + 0x2000)); do
        there "$TC" filter del dev "$sw_device" ingress pref "$sw_pref"
        there "$TC" filter del dev "$sw_device" egress pref "$sw_pref"
      done
      # The hook is the run's in all likelihood, and of no use to anybody when it is empty.
      if filters_on "$sw_device" && [ -z "$FILTERS" ]; then there "$TC" qdisc del dev "$sw_device" clsact; fi
      ;;
    *) there "$TC" qdisc del dev "$sw_device" root handle "${1##*/}" ;;
  esac
}

# Records as strings of JSON -> NAMES. Their words are of a plan that was checked, or of the patterns above.
names() {
  NAMES=''
  for sw_one in $1; do
    sw_rest=${sw_one#*/}
    case $sw_rest in
      '?/?') sw_text="${sw_one%%/*}: the kernel could not be asked" ;;
      vmchaos_*) sw_text="nft ${sw_rest%/*}" ;;
      *) sw_text="${sw_one%%/*} ${sw_rest%/*} ${sw_rest#*/}" ;;
    esac
    NAMES="$NAMES${NAMES:+,}\"$sw_text\""
  done
}
