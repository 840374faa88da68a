# The dialogue with the operator: one loop over one fifo (the bus), into which stdin, the clock, signals and the sentinels
# write lines. No state of a fault hangs on this loop: when it ends, the sentinels do the rest.

# One numbered event: kept for replay, and printed.
emit() {
  now
  SEQ=$((SEQ + 1))
  m_event="{\"s\":$SEQ,\"t\":$UP,$1}"
  printf '%s\n' "$m_event" >>"$S/events"
  say "$m_event"
}

# To the operator, who may have left.
say() {
  printf '%s\n' "$1" 2>/dev/null
}

replay() { # all events after the $1th
  while IFS= read -r y_event; do
    y_number=${y_event#'{"s":'}
    [ "${y_number%%,*}" -le "$1" ] || say "$y_event"
  done <"$S/events"
}

# The agent's view of a VM: found, arming, ready, started, held, ending, ended, with a time limit in hundredths of a second.
state_of() {
  STATE=${STATES#*" $1="}
  STATE=${STATE%% *}
  LIMIT=${STATE#*@}
  STATE=${STATE%@*}
}

set_state() { # VM STATE [LIMIT]
  STATES="${STATES%%" $1="*} $1=$2@${3:-0} ${STATES#*" $1="* }"
}

# A final event of VM $1, whose verdict is in its file.
final() {
  state_of "$1"
  [ "$STATE" != ended ] || return
  set_state "$1" ended
  LIVE=$((LIVE - 1))
  # Without room for a verdict nobody knows.
  slurp "$S/verdict.$1" && [ -n "$TEXT" ] ||
    TEXT="leaked$NL\"ev\":\"leaked\",\"vm\":$1,\"by\":\"sentinel\",\"held\":0,\"left\":\"how it ended could not be written down\""
  f_word=${TEXT%%[ "$NL"]*}
  emit "${TEXT#*"$NL"}"
  probe_ended "$1" "$f_word"
  case $f_word in
    restored) if [ -e "$S/event.$1.failed" ]; then FAILED=$((FAILED + 1)); else RESTORED=$((RESTORED + 1)); fi ;;
    leaked) LEAKED=$((LEAKED + 1)) ;;
    gone) GONE=$((GONE + 1)) ;;
    refused) REFUSED=$((REFUSED + 1)) ;;
  esac
}

# VM $VM cannot take the fault; nothing was changed.
refuse() {
  printf '%s\n%s\n' "refused $REASON 0" "$REFUSAL" >"$S/verdict.$VM"
  final "$VM"
}

# One leash for all VMs armed until it is let go: the agent is its only writer, its end of file means the agent is gone
# or wants all of them to end.
take_leash() {
  [ -z "$LEASH" ] || return
  GEN=$((GEN + 1))
  mkfifo "$S/leash.$GEN"
  exec 8<>"$S/leash.$GEN"
  LEASH=yes
}

# Ends every fault; the reason is written first, so that an end of file without one means that the agent is dead.
end_all() { # BY
  [ -n "$LEASH" ] || return
  now
  e_vm=0
  while [ "$e_vm" -lt "$VMS" ]; do
    state_of "$e_vm"
    case $STATE in
      arming | ready | started | held)
        printf '%s\n' "$1" >"$S/why.$e_vm"
        ending "$e_vm"
        ;;
    esac
    e_vm=$((e_vm + 1))
  done
  exec 8>&-
  LEASH=
}

end_one() { # VM BY
  state_of "$1"
  case $STATE in arming | ready | started | held) ;; *) return ;; esac
  printf '%s\n' "$2" >"$S/why.$1"
  # Both ways open, so that this never blocks on a fifo nobody reads any more.
  [ ! -p "$S/fifo.$1" ] || printf 'rollback\n' 1<>"$S/fifo.$1"
  now
  ending "$1"
}

# A sentinel has the time of its easing and three seconds.
ending() {
  load_plan "$1"
  set_state "$1" ending $((NOW + 300 + EASE_MS / 10))
}

arm() {
  state_of "$1"
  [ "$STATE" = found ] && [ -z "$OVER" ] || return
  load_plan "$1"
  [ -z "$SWEEPS$KILLS" ] || return
  take_leash
  VM=$1 PID=${PIDS#*" $1="}
  PID=${PID%% *}
  # From here on nobody may read in the log that nothing is in place.
  { { true >"$S/armed.$1"; } 2>/dev/null && write_log; } || {
    refusal no-verdict 'the termination log could not be written'
    refuse
    return
  }
  run_keeper &
  probe_on "$1"
  now
  set_state "$1" arming $((NOW + ARM_LIMIT))
}

go() {
  state_of "$1"
  [ "$STATE" = ready ] || return
  printf 'go\n' 1<>"$S/fifo.$1"
  set_state "$1" started $((NOW + 1000))
}

# `word` for all VMs, `word I` for one.
each() { # FUNCTION VM|'' [BY]
  if [ -n "$2" ]; then
    case $2 in *[!0-9]* | ?????*) return ;; esac
    [ "$2" -ge "$VMS" ] || "$1" "$2" "${3:-}"
    return
  fi
  h_vm=0
  while [ "$h_vm" -lt "$VMS" ]; do
    "$1" "$h_vm" "${3:-}"
    h_vm=$((h_vm + 1))
  done
}

heard() { # the operator's words
  now
  HEARD=$NOW
  case ${1:-} in
    hello)
      GREETED=yes
      case ${2:-0} in *[!0-9]* | ??????????*) ;; *) replay "${2:-0}" ;; esac
      ;;
    arm) each arm "${2:-}" ;;
    go) each go "${2:-}" ;;
    sweep) each sweep "${2:-}" ;;
    kill) each kill_guest "${2:-}" ;;
    probe) each probe_only "${2:-}" ;;
    hb) [ -n "$ENDED" ] || emit '"ev":"hb"' ;;
    rollback) if [ -n "${2:-}" ]; then each end_one "$2" rollback; else end_all rollback; fi ;;
    detach)
      case $STATES in *=found@* | *=held@* | *=ended@*) ;; *) return ;; esac
      case $STATES in *=arming@* | *=ready@* | *=started@*) return ;; esac
      case $STATES in *=held@*) ;; *) return ;; esac
      DETACHED=yes
      probe_off_all
      emit '"ev":"detached"'
      ;;
    bye)
      OVER=yes
      end_all rollback
      ;;
  esac
}

# What a sentinel or keeper has to tell.
told() { # VM WHAT
  VM=$1
  state_of "$1"
  case $2 in
    left) return ;;
    final)
      final "$1"
      return
      ;;
  esac
  if [ -e "$S/long.$1.$2" ]; then
    TEXT=$(cat "$S/event.$1.$2")
    # It is kept among the events for replay, and there is not room for all of it twice.
    : >"$S/event.$1.$2"
  else
    slurp "$S/event.$1.$2" && [ -n "$TEXT" ] || return
  fi
  [ "$STATE" != ended ] || return
  emit "$TEXT"
  case $STATE-$2 in
    arming-ready) set_state "$1" ready $((NOW + GO_LIMIT)) ;;
    started-injected)
      load_plan "$1"
      set_state "$1" held $((NOW + HOLD + 300))
      probe_since "$1"
      ;;
    *-ending | *-failed) ending "$1" ;;
  esac
}

# The clock: limits of the dialogue and of each VM.
tick() { # clock|warden
  now
  [ "$1" != warden ] || WARDED=$NOW
  look_around
  if [ -z "$OVER$DETACHED" ]; then
    if [ -z "$GREETED" ]; then
      [ "$NOW" -le $((BEGAN + HELLO_LIMIT)) ] || leave silence
    else
      [ "$NOW" -le $((HEARD + SILENCE)) ] || leave silence
    fi
  fi
  t_vm=0
  while [ "$t_vm" -lt "$VMS" ]; do
    state_of "$t_vm"
    if [ "$LIMIT" != 0 ] && [ "$NOW" -gt "$LIMIT" ]; then overdue "$t_vm"; fi
    t_vm=$((t_vm + 1))
  done
  probe_tick
}

overdue() {
  case $STATE in
    ready) end_one "$1" silence ;;
    arming)
      VM=$1
      refusal arm-timeout 'the sentinel did not get ready in time'
      refuse
      printf 'silence\n' >"$S/why.$1"
      end_stuck "$1"
      ;;
    stuck)
      # Not even its keeper has answered: another takes its place.
      end_remembered "keeper.$1"
      set_state "$1" lost $((NOW + 400))
      ;;
    lost)
      # The fault may still be in place.
      VM=$1 LEFT='neither sentinel nor keeper answers' BY=sentinel
      asked_by || :
      conclude leaked "$BY" 0
      ;;
    *)
      [ "$STATE" != held ] || [ -e "$S/why.$1" ] || printf 'deadline\n' >"$S/why.$1"
      end_stuck "$1"
      set_state "$1" stuck $((NOW + 400))
      ;;
  esac
}

# Whether the agent's own helpers are there. Without one of them no fault goes on: each has a part in ending it.
look_around() {
  # What it has written, end of file maybe, comes before this.
  if [ -n "$LISTENER" ] && ! child_of "$LISTENER" "$$"; then
    LISTENER=''
    printf 'deaf\n' >&7
  fi
  a_lost=''
  child_of "$CLOCK" "$$" || a_lost=yes
  if ! child_of "$WARDEN" "$$"; then
    # The end needs a clock.
    [ -z "$a_lost" ] || { clock & CLOCK=$!; }
    a_lost=yes
    watch
  elif [ "$NOW" -gt $((WARDED + 300)) ]; then
    # It stands still, and a fault has to end without it.
    watch
  fi
  [ -z "$a_lost" ] || [ -n "$OVER" ] || leave sentinel
}

# The dialogue is over: every fault ends, and the agent leaves when that is verified.
leave() { # BY
  OVER=yes
  end_all "$1"
}
