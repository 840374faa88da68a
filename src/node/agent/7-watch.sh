# Who watches whom: the clock and the warden each make the agent look at all of its own processes, twice a second; the warden,
# which is where PID 1 is and not in the pod, looks at every keeper, and at the agent. A keeper that is gone is replaced, one that
# stands still is ended first. The agent does so, too, as long as there is no warden or the warden stands still. With both of them
# gone a relay still ends a sentinel that stands still, and does the keeper's work where that is gone, too (7-keeper.sh); a sentinel
# that is left alone ends by itself (6-sentinel.sh).

# A tick for the agent, if it has taken the last one: the bus must not be full when a sentinel has something to say.
strike() { # clock|warden
  [ ! -s "$S/tick.$1" ] || return 0
  { printf '1\n' >"$S/tick.$1"; } 2>/dev/null
  printf 'tick %s\n' "$1" >&7
}

clock() {
  exec >/dev/null 2>&1 4>&- 5<&- 8>&-
  read -r k_me _ </proc/self/stat
  while sleep 0.5 || sleep 0.5; do
    child_of "$k_me" "$$" || return
    strike clock
  done
}

# In a subshell of the agent, which it outlives as long as there is something to be undone.
warden() {
  exec </dev/null >/dev/null 2>&1 4>&- 5<&-
  trap '' TERM HUP INT
  read -r d_me _ </proc/self/stat
  step_out "$d_me"
  d_gone=''
  while sleep 0.5 || sleep 0.5; do
    now
    if born "$$" && [ "$BORN" = "$AGENT_BORN" ]; then
      strike warden
    else
      d_gone=${d_gone:-$NOW}
      if all_have_left; then
        remove_scratch
        return
      fi
    fi
    watch "$d_gone"
  done
}

# Looks at what every VM that is armed depends on; the agent is gone since then, if it is. What should have ended by now
# has three seconds more, its keeper another four.
watch() { # [SINCE]
  set +f
  for d_file in "$S"/keeper.*; do
    set -f
    d_vm=${d_file##*.}
    # An empty one is just being written.
    if [ ! -s "$d_file" ] || [ -e "$S/left.$d_vm" ]; then continue; fi
    if ! lives "keeper.$d_vm" && ! lives "heir.$d_vm"; then
      take_over "$d_vm" &
      remember "heir.$d_vm" $!
    fi
    # A nsenter that has copied a stop of its sentinel does not see that it has ended since.
    [ ! -s "$S/sentinel.$d_vm" ] || lives "sentinel.$d_vm" || end_remembered "nsenter.$d_vm"
    # One that cannot be woken any more is woken now.
    [ ! -s "$S/reader.$d_vm" ] || lives "reader.$d_vm" || end_remembered "sleep.$d_vm"
    d_late=0
    [ -z "${1:-}" ] || d_late=$((NOW - $1))
    if { read -r d_due <"$S/due.$d_vm"; } 2>/dev/null && [ $((NOW - d_due)) -gt $d_late ]; then d_late=$((NOW - d_due)); fi
    if [ $d_late -gt 300 ]; then
      [ -n "${1:-}" ] || [ -s "$S/why.$d_vm" ] || printf 'deadline\n' >"$S/why.$d_vm"
      end_stuck "$d_vm"
    fi
    [ $d_late -le 700 ] || end_remembered "keeper.$d_vm"
  done
  set -f
}

# Ends a sentinel that does not answer, and the nsenter above it: a stopped child stops its nsenter, too, and the keeper
# waits for that one.
end_stuck() { # VM
  end_remembered "sentinel.$1"
  end_remembered "nsenter.$1"
}

# In a subshell of the warden or of the agent: the heir of the keeper of VM $1, which is gone.
take_over() {
  exec </dev/null >/dev/null 2>&1 4>&- 5<&- 8>&-
  trap '' TERM HUP INT
  # The agent has ended meanwhile, and it well.
  [ -d "$S" ] || return
  VM=$1 PID=${PIDS#*" $1="}
  PID=${PID%% *}
  load_plan "$VM"
  if [ ! -s "$S/why.$VM" ] && lives agent; then printf 'sentinel\n' >"$S/why.$VM"; fi
  # To a sentinel that still lives, this is the end.
  end_remembered "relay.$VM"
  replace_keeper
}

# Does what is left to do for VM $VM whose keeper is gone, and with it the network namespace that it held. That is found again by
# the same rules.
replace_keeper() {
  if is_first "$PID"; then
    in_pinned '' 9<"$PROC/$PID/ns/net"
  elif find_pod; then
    in_pinned gone 9<"$PROC/$PID/ns/net"
  else
    wait_for_writers
    is_settled || conclude gone gone 0
  fi
  true >"$S/left.$VM"
  tell left
}

# Checked once it is held.
in_pinned() { # gone|''
  if ! is_first "$PID" || in_host_netns /proc/self/fd/9; then return; fi
  stand_in "$1"
}
