# The sentinel: one a VM, the only process that changes the kernel. It lives in the VM's network namespace and in the PID
# namespace of its container, so that it ends with the VM; in the debug container's mount namespace, so that it holds none
# of the VM's volumes; and in the cgroup of PID 1, so that nothing done to the debug pod reaches it.

sentinel() { # VM, with S, TC and the rest in the environment
  VM=$1
  exec 9<&- 3<&-
  ENTER=''
  trap '' TERM HUP INT
  load_plan "$VM"
  # Not $$, which is a number of the VM's PID namespace.
  read -r s_me _ </proc/self/stat
  remember "sentinel.$VM" "$s_me"
  if ! look_before; then
    conclude_refused
    return
  fi
  printf '%s\n' "$BEFORE" >"$S/before.$VM"
  s_json=
  for s_record in $BEFORE; do s_json="$s_json${s_json:+,}\"${s_record%%:*}\":\"${s_record#*:}\""; done
  compose
  payload ready "\"before\":{$s_json}"

  wait_for_go | apply

  if ! slurp "$S/began.$VM"; then
    asked_by || left_alone
    look_after || AFTER=''
    conclude restored "$BY" 0
    return
  fi
  centis "$TEXT"
  s_began=$CS s_injected='' s_reason=readback
  # Before anybody hears that it is in place: from here on the warden knows by when it should have ended.
  printf '%s\n' $((s_began + HOLD + EASE_MS / 10)) >"$S/due.$VM"
  [ ! -s "$S/errors.$VM" ] || s_reason=apply
  if look_applied && all_there; then
    s_injected=yes
    payload injected "\"read\":{$READ}"
    tell injected
    hold
    who_ended_it
  else
    TEXT='what was applied is not what is read back'
    [ "$s_reason" = readback ] || slurp "$S/errors.$VM"
    escape "$TEXT"
    payload failed "\"reason\":\"$s_reason\",\"detail\":\"$ESC\""
    tell failed
    BY=sentinel
  fi
  end_fault
}

# Blocks on the VM's fifo, whose only lasting writer is the relay: end of file there is "abort", never "go". The time is
# taken before the first change.
wait_for_go() {
  tell ready
  IFS= read -r g_word <&4 && [ "$g_word" = go ] || return 0
  read -r UP _ </proc/uptime
  printf '%s\n' "$UP" >"$S/began.$VM"
  # Who cannot write down that it began does not begin: what is left is judged by it.
  [ -s "$S/began.$VM" ] || return 0
  printf '%s' "$COMPOSED"
}

# Until the deadline, a word on the fifo, or its end of file, of which the reader tells this process. It may be killed, with all who
# would notice: so that no sleep is long, and after each it is looked for. Nothing here rests on files, for there may be no room.
# Sleep and reader tell their numbers themselves: those known here are of the VM's PID namespace. SIGKILL, because a process that
# ignores SIGTERM (inherited from here) would not end by it.
hold() {
  trap : USR1
  {
    trap - USR1
    read -r h_me _ </proc/self/stat
    remember "reader.$VM" "$h_me"
    read -r _ <&4
    kill -USR1 $$
  } >/dev/null 6>&- 7>&- &
  h_reader=$!
  while kill -0 "$h_reader"; do
    now
    h_left=$((s_began + HOLD - NOW))
    [ "$h_left" -gt 0 ] || break
    [ "$h_left" -le 300 ] || h_left=300
    seconds "$h_left"
    {
      read -r h_me _ </proc/self/stat
      remember "sleep.$VM" "$h_me"
      exec sleep "$SEC"
    } >/dev/null 4<&- 6>&- 7>&- &
    h_sleep=$!
    # Woken by the reader; or somebody has killed the sleep, which is the end as well.
    wait "$h_sleep" || {
      kill -9 "$h_sleep"
      break
    }
  done
  ! kill -0 "$h_reader" || kill -9 "$h_reader"
}

who_ended_it() {
  now
  if asked_by; then
    return
  elif [ "$NOW" -ge $((s_began + HOLD - 2)) ]; then
    BY=deadline
  else
    left_alone
  fi
}

# Nobody asked for the end: the agent is gone, or somebody has killed another process of the run.
left_alone() {
  BY=sentinel
  # A process that is killed closes its files a moment before it is gone.
  if lives agent; then sleep 0.1; fi
  lives agent || { BY=lost-operator s_alone=yes; }
}

# Reads once more, so that the fault is known to have been there to the end; neutralises it and lets its queue drain,
# except when the agent is dead; takes it out; proves it.
end_fault() {
  now
  seconds $((NOW - s_began))
  s_held=$SEC
  s_ease=
  [ -z "$s_injected" ] || [ -n "${s_alone:-}" ] || s_ease=$EASE
  if [ -n "$s_injected" ]; then
    look "$s_ease" || READ=''
    payload ending "\"by\":\"$BY\",\"read\":{$READ}"
    tell ending
    if [ -n "$s_ease" ] && [ -n "$OURS" ] && [ "$EASE_MS" -gt 0 ]; then
      seconds $((EASE_MS / 10))
      sleep "$SEC"
    fi
  fi
  undo
  if [ -n "$LEFT" ]; then conclude leaked "$BY" "$s_held"; else conclude restored "$BY" "$s_held"; fi
}

# An event of this VM: its body in a file, because a line on the bus must fit into what a pipe takes at once.
payload() {
  # `read` takes a byte at a time in some shells: not of what is this long.
  [ ${#2} -lt 4000 ] || true >"$S/long.$VM.$1"
  printf '%s\n' "\"ev\":\"$1\",\"vm\":$VM,$2" >"$S/event.$VM.$1"
}
