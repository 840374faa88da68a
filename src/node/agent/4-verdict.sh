# Reading back, undoing and saying how it ended: the same for a sentinel and for a guard that has to stand in for it.

# tc in the VM's network namespace; a guard is not in it and enters by the pinned file descriptor.
tc_there() {
  if [ -n "${ENTER:-}" ]; then
    "$NSENTER" --net=/proc/self/fd/9 "$TC" "$@" 2>>"$S/errors.$VM"
  else
    "$TC" "$@" 2>>"$S/errors.$VM"
  fi
}

# Runs lines of tc, goes on after errors -> OUT, what the kernel shows. Errors are never judged by: what is read back is.
batch() {
  printf '%s' "$1" >"$S/batch.$VM"
  OUT=$(tc_there -s -j -force -batch "$S/batch.$VM")
}

# One line of JSON a device, as OUT holds -> READ (root qdiscs), AFTER (kinds), OURS (own objects that are there),
# ROOTS (records of DEVICE:KIND:HANDLE). Fails when a device is missing or the tool printed something else.
digest() {
  READ='' AFTER='' OURS='' ROOTS=''
  d_rest=$OUT$NL
  for d_device in $DEVICES; do
    d_line=${d_rest%%"$NL"*}
    d_rest=${d_rest#*"$NL"}
    case $d_line in
      gone)
        AFTER="$AFTER${AFTER:+,}\"$d_device\":\"gone\""
        ROOTS="$ROOTS $d_device:gone:-"
        continue
        ;;
      '[]') d_line='[{"kind":"none","handle":"0:","root":true}]' ;;
      '[{"kind":"'*'}]') ;;
      *) return 1 ;;
    esac
    d_root=${d_line#?}
    d_root=${d_root%%'},{"kind":'*}
    d_root=${d_root%']'}
    d_root=${d_root%'}'}
    case $d_root in *'"root":true'*) ;; *) return 1 ;; esac
    d_kind=${d_root#*'"kind":"'}
    d_kind=${d_kind%%'"'*}
    d_handle=${d_root#*'"handle":"'}
    d_handle=${d_handle%%'"'*}
    # Some versions of tc print the options of some kinds as plain text, which is no JSON.
    case $d_root in
      *'{'[!\"\}]* | *[!\ -~]*) READ="$READ${READ:+,}\"$d_device\":[{\"kind\":\"$d_kind\",\"handle\":\"$d_handle\",\"root\":true}]" ;;
      *) READ="$READ${READ:+,}\"$d_device\":[$d_root}]" ;;
    esac
    AFTER="$AFTER${AFTER:+,}\"$d_device\":\"$d_kind\""
    ROOTS="$ROOTS $d_device:$d_kind:$d_handle"
    for d_own in $OWNED; do
      [ "${d_own%/*}" = "$d_device" ] || continue
      case $d_line in *"\"handle\":\"${d_own#*/}\""*) OURS="$OURS $d_device:${d_own#*/}" ;; esac
    done
  done
}

# Device by device, when a batch did not give one line for each. Fails when the kernel cannot be asked at all.
look_closely() {
  l_all=$(tc_there qdisc show)
  [ -n "$l_all" ] || return 1
  l_out=
  for l_device in $DEVICES; do
    l_line=$(tc_there -s -j qdisc show dev "$l_device")
    case $l_line in
      '')
        case "$l_all " in *" dev $l_device "*) return 1 ;; esac
        l_line=gone
        ;;
    esac
    l_out=$l_out$l_line$NL
  done
  OUT=$l_out
  digest
}

# Takes our objects out and proves it -> LEFT: empty when none is left.
undo() {
  LEFT=
  for u_try in 1 2 3; do
    batch "$UNDO$SHOW"
    if digest || look_closely; then
      LEFT=$OURS
      [ -n "$LEFT" ] || return 0
    else
      READ='' AFTER='' ROOTS='' LEFT=' the kernel could not be asked what is left'
    fi
    [ "$u_try" = 3 ] || sleep 0.1
  done
}

# What is there now and was not before, or the other way round, none of it ours -> CHANGED
compare() {
  CHANGED=
  for m_root in $ROOTS; do
    m_device=${m_root%%:*}
    m_now=${m_root#*:}
    m_was=${BEFORE#*" $m_device:"}
    m_was=${m_was%% *}
    [ "$m_now" != "$m_was:0:" ] || continue
    CHANGED="$CHANGED${CHANGED:+; }$m_device was $m_was, is ${m_now%%:*} ${m_now#*:}"
  done
}

# Who asked for the end -> BY; fails when nobody did (then the agent is gone, or somebody has killed a helper process).
asked_by() {
  slurp "$S/why.$VM" || slurp "$S/why.leash.$GEN" || return 1
  BY=$TEXT
}

# STATE BY HELD: the end of VM $VM, for the agent and for the termination log.
conclude() {
  c_more=
  case $1 in
    restored)
      c_more=",\"after\":{$AFTER}"
      compare
      escape "$CHANGED"
      [ -z "$ESC" ] || c_more="$c_more,\"changed\":\"$ESC\""
      ;;
    leaked)
      escape "${LEFT# }"
      c_more=",\"left\":\"$ESC\""
      ;;
  esac
  printf '%s %s %s\n%s\n' "$1" "$2" "$3" "\"ev\":\"$1\",\"vm\":$VM,\"by\":\"$2\",\"held\":$3$c_more" >"$S/verdict.$VM"
  tell final
  write_log
}

# The refusal of VM $VM as its end.
conclude_refused() {
  printf '%s\n%s\n' "refused $REASON 0" "$REFUSAL" >"$S/verdict.$VM"
  tell final
  write_log
}

tell() {
  printf 'vm %s %s\n' "$VM" "$1" >&7
}

# The verdicts of all VMs that have one -> VERDICTS, their number -> W_COUNT
verdicts() {
  VERDICTS='' W_COUNT=0
  set +f
  for w_file in "$S"/verdict.*; do
    { read -r w_state w_by w_held <"$w_file"; } 2>/dev/null || continue
    W_COUNT=$((W_COUNT + 1))
    [ "${1:-}" != short ] || [ "$w_state" != restored ] || continue
    VERDICTS="$VERDICTS${VERDICTS:+,}[${w_file##*.},\"$w_state\",\"$w_by\",$w_held]"
  done
  set -f
}

# The termination log outlives the stream. Several may write it at once: whoever finds more verdicts than it wrote, writes
# again, so that the last one to write has seen them all.
write_log() {
  while :; do
    verdicts
    [ "$W_COUNT" -gt 0 ] || return 0
    w_wrote=$W_COUNT
    w_text="{\"run\":\"$RUN\",\"vms\":[$VERDICTS]}"
    if [ ${#w_text} -gt 4000 ]; then
      verdicts short
      w_more=$W_COUNT
      w_shown=$VERDICTS
      while [ ${#w_shown} -gt 3900 ]; do w_shown=${w_shown%,\[*}; done
      w_rest=$w_shown
      while [ -n "$w_rest" ]; do
        w_more=$((w_more - 1))
        case $w_rest in *',['*) w_rest=${w_rest#*,\[} ;; *) w_rest='' ;; esac
      done
      w_text="{\"run\":\"$RUN\",\"vms\":[$w_shown],\"more\":$w_more}"
    fi
    { printf '%s\n' "$w_text" >"$TERMLOG"; } 2>/dev/null
    verdicts
    [ "$W_COUNT" != "$w_wrote" ] || return 0
  done
}
