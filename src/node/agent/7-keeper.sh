# The keeper: the parent of a sentinel. It keeps the network namespace pinned, and undoes what a sentinel that did not end
# by itself has left.

# Moves process $1 out of the pod's cgroup into the one that the node's PID 1 is in, in every hierarchy. Not into the root
# cgroup: the root of a nested node refuses it.
leave_pod() {
  v_unified=$PROC/1/root/sys/fs/cgroup
  [ ! -d "$v_unified/unified" ] || v_unified=$v_unified/unified
  while IFS=: read -r v_number v_names v_path; do
    [ -n "$v_number" ] || continue
    while :; do case $v_path in /..*) v_path=${v_path#/..} ;; *) break ;; esac done
    case $v_names in
      '') v_dir=$v_unified ;;
      name=*) v_dir=$PROC/1/root/sys/fs/cgroup/${v_names#name=} ;;
      *) v_dir=$PROC/1/root/sys/fs/cgroup/$v_names ;;
    esac
    # A hierarchy that is not mounted has nothing that could be done to it; what was not moved is found below.
    [ -d "$v_dir" ] || continue
    ! already_in "$v_number:$v_names:$v_path" || continue
    { printf '%s\n' "$1" >>"$v_dir$v_path/cgroup.procs"; } 2>/dev/null || return 1
  done <"$PROC/1/cgroup"
  [ -r "$PROC/$1/cgroup" ] || return 0
  slurp "$PROC/1/cgroup"
  v_asked=$TEXT
  slurp "$PROC/$1/cgroup"
  [ "$TEXT" = "$v_asked" ]
}

# Process $1, this one, out of reach of the pod. It inherits that it is the first to be killed on a full node; to change that
# takes a privilege that not every node gives.
step_out() {
  { printf '%s\n' -900 >/proc/self/oom_score_adj; } 2>/dev/null
  leave_pod "$1"
}

already_in() {
  [ -r "$PROC/self/cgroup" ] || return 1
  while IFS= read -r a_line; do
    [ "$a_line" != "$1" ] || return 0
  done <"$PROC/self/cgroup"
  return 1
}

# In a subshell of the agent: everything from here to the VM's end.
run_keeper() {
  exec </dev/null >/dev/null 2>&1 4>&- 5<&-
  trap '' TERM HUP INT
  read -r g_me _ _ g_agent _ </proc/self/stat
  remember "keeper.$VM" "$g_me"
  load_plan "$VM"
  keeper 3<"$PROC/$PID/ns/pid" 9<"$PROC/$PID/ns/net" || {
    # The process went between inspection and arming.
    refusal no-process "process $PID is gone"
    conclude_refused
  }
  true >"$S/left.$VM"
  tell left
  # When the agent is gone, the last one out removes the scratch directory.
  read -r _ _ _ g_parent _ </proc/self/stat
  [ "$g_parent" = "$g_agent" ] || ! all_have_left || remove_scratch
}

# With the namespaces of process $PID in 9 and 3.
keeper() {
  # The leash: end of file when the agent is gone. Opened while it still has a writer (here), so that this never blocks.
  exec 5<"$S/leash.$GEN" 8>&-
  step_out "$g_me" || {
    refusal cgroup 'the keeper could not move into the cgroup of PID 1'
    conclude_refused
    return
  }
  is_first "$PID" || {
    refusal no-process "process $PID is no longer the VM's"
    conclude_refused
    return
  }
  ! in_host_netns /proc/self/fd/9 || {
    refusal host-netns 'the pod is in the network namespace of the host'
    conclude_refused
    return
  }
  mkfifo "$S/fifo.$VM" "$S/alive.$VM" || {
    refusal no-tool "no fifo could be made in $S"
    conclude_refused
    return
  }
  exec 8<>"$S/fifo.$VM" 6<>"$S/alive.$VM"
  exec 4<"$S/fifo.$VM"
  relay &
  g_relay=$!
  remember "relay.$VM" "$g_relay"
  exec 5<&- 8>&-
  ${SETSID:+"$SETSID"} "$NSENTER" --net=/proc/self/fd/9 --pid=/proc/self/fd/3 \
    "$SHELL_PATH" ${SHELL_APPLET:+"$SHELL_APPLET"} -c "$SELF" vmchaos-sentinel "$VM" &
  g_sentinel=$!
  remember "nsenter.$VM" "$g_sentinel"
  exec 3<&- 4<&-
  wait "$g_sentinel"
  # A sentinel that has lost its nsenter ends by this.
  ! child_of "$g_relay" "$g_me" || kill -9 "$g_relay"
  is_settled || stand_in
  return 0
}

# Holds the VM's fifo open until the leash is let go. The keeper waits for the sentinel without a limit, and nobody else may be
# left who has one: a sentinel that stands still then is ended from here. Nor may the keeper be left: then its work is done here.
relay() {
  exec 3<&- 4<&- 6>&- 7>&- 9<&-
  IFS= read -r _ <&5
  exec 5<&- 8>&-
  now
  r_until=$((NOW + 300 + EASE_MS / 10))
  while lives "nsenter.$VM" || lives "sentinel.$VM"; do
    now
    [ "$NOW" -le "$r_until" ] || end_stuck "$VM"
    # One that cannot be woken any more is woken now.
    [ ! -s "$S/reader.$VM" ] || lives "reader.$VM" || end_remembered "sleep.$VM"
    sleep 0.5
  done
  # A warden would have put somebody in the keeper's place by then, who ends this.
  now
  r_until=$((NOW + 300))
  while [ -d "$S" ] && ! is_settled && ! lives "keeper.$VM" && ! lives "heir.$VM"; do
    now
    if [ "$NOW" -gt "$r_until" ]; then
      replace_keeper
      ! all_have_left || remove_scratch
      return
    fi
    sleep 0.5
  done
}

# Whether VM $VM has ended well, as far as is known. An agent that gave it up before the sentinel had begun, as it thought, does
# not know; and what is left is worth another try.
is_settled() {
  slurp "$S/verdict.$VM" && [ -n "$TEXT" ] || return 1
  case $TEXT in
    refused*) [ ! -s "$S/began.$VM" ] ;;
    leaked*) return 1 ;;
  esac
}

# Waits until nothing that the sentinel started can write any more: all of that holds "alive" open.
wait_for_writers() {
  w_alive=$S/alive.$VM
  [ -p "$w_alive" ] || return 0
  # To open a fifo for reading takes a writer.
  exec 6<>"$w_alive"
  exec 5<"$w_alive" 6>&-
  read -r _ <&5
  exec 5<&-
}

# Undoes, with the network namespace in 9.
stand_in() { # [gone]
  end_remembered "sleep.$VM"
  # It may stand still.
  end_remembered "reader.$VM"
  wait_for_writers
  ! is_settled || return 0
  BEFORE='' i_held=0
  if slurp "$S/before.$VM"; then BEFORE=$TEXT; fi
  asked_by || BY=sentinel
  [ -z "${1:-}" ] && is_first "$PID" || BY=gone
  if slurp "$S/began.$VM"; then
    centis "$TEXT"
    i_began=$CS
    now
    seconds $((NOW - i_began))
    i_held=$SEC
    if [ ! -e "$S/event.$VM.ending" ] && [ "$BY" != gone ]; then
      look '' || READ=''
      payload ending "\"by\":\"$BY\",\"read\":{$READ}"
      tell ending
    fi
  fi
  undo
  if [ -n "$LEFT" ] && { [ "$BY" != gone ] || [ -n "$ROOTS" ]; }; then
    conclude leaked "$BY" "$i_held"
  elif [ "$BY" = gone ]; then
    conclude gone gone "$i_held"
  else
    conclude restored "$BY" "$i_held"
  fi
}

# Fails while some keeper, or who has taken its place, has not left.
all_have_left() {
  set +f
  for d_file in "$S"/keeper.*; do
    set -f
    [ ! -e "$d_file" ] || [ -e "$S/left.${d_file##*.}" ] || return 1
  done
  set -f
}
