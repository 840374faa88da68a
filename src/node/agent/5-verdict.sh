# Saying how it ended: the same for a sentinel and for a keeper that has to stand in for it.

# What is there now and was not before, or the other way round, none of it ours -> CHANGED
compare() {
  CHANGED=$OTHERS
  for m_root in $ROOTS; do
    m_device=${m_root%%:*}
    m_now=${m_root#*:}
    m_was=${BEFORE#*" $m_device:"}
    m_was=${m_was%% *}
    case $m_now in "$m_was" | "$m_was:0:") continue ;; esac
    m_handle=${m_now#"${m_now%%:*}"}
    CHANGED="$CHANGED${CHANGED:+; }$m_device was $m_was, is ${m_now%%:*}${m_handle:+ ${m_handle#:}}"
  done
}

# Who asked for the end -> BY; fails when nobody did (then the agent is gone, or somebody has killed a helper process).
asked_by() {
  slurp "$S/why.$VM" || return 1
  # Empty when there was no room for it.
  [ -n "$TEXT" ] || return 1
  BY=$TEXT
}

# STATE BY HELD: the end of VM $VM, for the agent and for the termination log. Two may have come to it at once: what is settled
# stays.
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
  is_settled || printf '%s %s %s\n%s\n' "$1" "$2" "$3" "\"ev\":\"$1\",\"vm\":$VM,\"by\":\"$2\",\"held\":$3$c_more" >"$S/verdict.$VM"
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

# The verdicts of all VMs that have one -> VERDICTS, their number -> W_COUNT; how many are armed and have none -> ARMED
verdicts() {
  VERDICTS='' W_COUNT=0 ARMED=0
  set +f
  for w_file in "$S"/verdict.*; do
    { read -r w_state w_by w_held <"$w_file"; } 2>/dev/null || continue
    W_COUNT=$((W_COUNT + 1))
    [ "${1:-}" != short ] || [ "$w_state" != restored ] || continue
    VERDICTS="$VERDICTS${VERDICTS:+,}[${w_file##*.},\"$w_state\",\"$w_by\",$w_held]"
  done
  for w_file in "$S"/armed.*; do
    [ ! -e "$w_file" ] || [ -s "$S/verdict.${w_file##*.}" ] || ARMED=$((ARMED + 1))
  done
  set -f
}

# The termination log outlives the stream, and whatever is killed: it is written before a VM is armed and again at its end.
# Several may write it at once: whoever finds something else than it wrote, writes again, so that the last one to write has
# seen it all. Without the scratch directory all of it has been written, and what was just read may lack some of it. Fails when
# it cannot be written.
write_log() {
  while :; do
    verdicts
    [ -d "$S" ] || return 0
    w_wrote=$W_COUNT/$ARMED
    w_text="{\"run\":\"$RUN\",\"vms\":[$VERDICTS],\"armed\":$ARMED}"
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
      w_text="{\"run\":\"$RUN\",\"vms\":[$w_shown],\"more\":$w_more,\"armed\":$ARMED}"
    fi
    { printf '%s\n' "$w_text" >"$TERMLOG"; } 2>/dev/null || return 1
    verdicts
    [ "$W_COUNT/$ARMED" != "$w_wrote" ] || return 0
  done
}
