# Start, inspection, the loop, and the end.

main() {
  ENTER=yes ENGINE=''
  S=$(mktemp -d "${VMCHAOS_SCRATCH:-/dev/shm}/vmchaos.$RUN.XXXXXX") || {
    printf '{"run":"%s","vms":[],"armed":0}\n' "$RUN" >"$TERMLOG"
    exit 2
  }
  write_log
  SEQ=0 STATES=' ' PIDS=' ' LIVE=0 LEASH='' GEN=0 OVER='' DETACHED='' GREETED='' ENDED='' HUNG_UP=''
  RESTORED=0 FAILED=0 LEAKED=0 GONE=0 REFUSED=0 PROBER='' PROBED=' '
  centis "${VMCHAOS_SILENCE:-7}"
  SILENCE=$CS
  centis "${VMCHAOS_HELLO_LIMIT:-5}"
  HELLO_LIMIT=$CS
  centis "${VMCHAOS_GO_LIMIT:-60}"
  GO_LIMIT=$CS
  centis "${VMCHAOS_ARM_LIMIT:-10}"
  ARM_LIMIT=$CS
  born "$$"
  AGENT_BORN=$BORN
  remember agent "$$"
  trap '' PIPE
  mkfifo "$S/bus"
  exec 5<&0 7<>"$S/bus" </dev/null
  trap 'printf "term\n" >&7' TERM HUP INT
  listen &
  LISTENER=$!
  clock &
  CLOCK=$!
  own_text
  tools
  split_plan
  export S PROC RUN TERMLOG TC NFT MARK PORTS PEERS4 PEERS6 NFT_IN NFT_OUT TC_IN TC_OUT
  greet
  export ENGINE
  slurp "$PROC/1/cgroup"
  NODE_CGROUPS=$TEXT
  inspect_all
  warden &
  WARDEN=$!
  # What was said so far is heard now, however long it took to look.
  now
  BEGAN=$NOW HEARD=$NOW WARDED=$NOW
  while :; do
    if [ -z "$ENDED" ]; then
      if { [ "$LIVE" = 0 ] && ! probe_lasts; } || { [ -n "$OVER" ] && ! some_armed; }; then close; fi
    fi
    [ -z "$ENDED" ] || [ -z "$OVER$DETACHED" ] || break
    b_what=''
    # A signal interrupts the read in some shells; the line it wrote is read next.
    read -r b_what b_one b_two _ <&7 || continue
    case $b_what in
      in)
        heard "$b_one" "$b_two"
        look_around
        ;;
      vm) told "$b_one" "$b_two" ;;
      probe) probed "$b_one" "$b_two" ;;
      tick)
        { true >"$S/tick.$b_one"; } 2>/dev/null
        tick "$b_one"
        ;;
      eof)
        HUNG_UP=yes
        [ -n "$DETACHED" ] || leave lost-operator
        ;;
      deaf) [ -n "$HUNG_UP$DETACHED" ] || leave sentinel ;;
      term)
        leave term
        look_around
        ;;
    esac
  done
  finish
}

# Whether some VM that was armed has not ended yet.
some_armed() {
  case $STATES in *=arming@* | *=ready@* | *=started@* | *=held@* | *=ending@* | *=stuck@* | *=lost@*) return 0 ;; esac
  return 1
}

# stdin -> bus, line by line; a partial line at the end of file is dropped.
listen() {
  exec >/dev/null 2>&1
  while IFS= read -r n_line; do
    [ ${#n_line} -gt 100 ] || printf 'in %s\n' "$n_line" >&7
  done <&5
  printf 'eof\n' >&7
}

# This script's own text: a sentinel is started with it, in another shell.
own_text() {
  if [ -f "$0" ]; then
    slurp "$0"
    SELF=$TEXT
  else
    o_mark=$(printf '\036')
    SELF=$(tr '\000' '\036' <"/proc/$$/cmdline")
    SELF=${SELF#*"$o_mark-c$o_mark"}
    SELF=${SELF%%"$o_mark"*}
  fi
  SHELL_PATH=$(readlink "/proc/$$/exe")
  SHELL_APPLET='' SHELL_NAME=${SHELL_PATH##*/}
  case $SHELL_NAME in busybox*) SHELL_APPLET='sh' ;; esac
  [ -z "${BASH_VERSION:-}" ] || SHELL_NAME="bash $BASH_VERSION"
}

tools() {
  MISSING=''
  tool unshare && UNSHARE=$TOOL
  tool modprobe && MODPROBE=$TOOL
  tool setsid && SETSID=$TOOL
  tool nft
  NFT=$TOOL
  tool nsenter && NSENTER=$TOOL || MISSING="$MISSING nsenter"
  tool ip && IP=$TOOL || MISSING="$MISSING ip"
  tool tc && TC=$TOOL || MISSING="$MISSING tc"
}

greet() {
  NETEM=null ENGINE='' NFT_WORKS='' REJECTS='' FLOWER=''
  [ -z "$NEEDS" ] || [ -n "$MISSING" ] || try_netem
  [ -z "$ASKED" ] || [ -n "$MISSING$PLAN_BAD" ] || choose_engine
  [ -z "$PROBES" ] || [ -n "$MISSING$PLAN_BAD" ] || probe_tools
  slurp /proc/sys/kernel/osrelease
  escape "$TEXT"
  g_kernel=$ESC
  escape "${TC_VERSION:-}"
  case $ESC in *iproute2-*) ESC=iproute2-${ESC#*iproute2-} ESC=${ESC%%,*} ;; *) ESC= ;; esac
  g_tc=$ESC
  g_engine=null
  [ -z "$ENGINE" ] || g_engine="\"$ENGINE\""
  g_engine="\"engine\":$g_engine,\"nft\":${NFT_WORKS:-null},\"reject\":${REJECTS:-null},\"flower\":${FLOWER:-null}"
  escape "$SHELL_NAME"
  emit "\"ev\":\"hello\",\"run\":\"$RUN\",\"kernel\":\"$g_kernel\",\"tc\":\"$g_tc\",\"shell\":\"$ESC\",\"netem\":$NETEM,$g_engine"
}

inspect_all() {
  VM=0
  while [ "$VM" -lt "$VMS" ]; do
    STATES="$STATES$VM=found@0 "
    LIVE=$((LIVE + 1))
    VM=$((VM + 1))
  done
  VM=0
  [ -n "$PLAN_BAD$MISSING" ] || find_processes
  while [ "$VM" -lt "$VMS" ]; do
    inspect_one || refuse
    VM=$((VM + 1))
  done
}

inspect_one() {
  [ -z "$PLAN_BAD" ] || {
    refusal plan "$PLAN_BAD"
    return 1
  }
  [ -z "$MISSING" ] || {
    refusal no-tool "not found in the image:$MISSING"
    return 1
  }
  load_plan "$VM"
  if ! find_vm; then
    case $WHY in
      host-netns) refusal host-netns 'the pod is in the network namespace of the host' ;;
      *) refusal no-process 'no process of the container is on this node' ;;
    esac
    return 1
  fi
  [ "$NEED" != sch_netem ] || [ "$NETEM" = true ] || {
    refusal no-netem 'the kernel has no sch_netem, and it could not be loaded'
    return 1
  }
  [ -z "${PROBE_BAD:-}" ] || {
    refusal no-probe "$PROBE_BAD"
    return 1
  }
  engine_or_refusal || return 1
  REFUSAL=
  inspect 9<"$PROC/$PID/ns/net" || {
    [ -n "$REFUSAL" ] || refusal no-process "process $PID is gone"
    return 1
  }
  PIDS="$PIDS$VM=$PID "
  slurp_inode
  emit "\"ev\":\"found\",\"vm\":$VM,\"pid\":$PID,\"netns\":$INODE"
}

slurp_inode() {
  INODE=$(stat -L -c %i "$PROC/$PID/ns/net" 2>/dev/null)
  INODE=${INODE:-0}
}

# The last event. The operator's `bye`, or the end of the dialogue, lets the agent leave.
close() {
  ENDED=yes
  emit "\"ev\":\"end\",\"restored\":$RESTORED,\"failed\":$FAILED,\"leaked\":$LEAKED,\"gone\":$GONE,\"refused\":$REFUSED"
}

# Keepers may still be writing verdicts and removing relays.
finish() {
  now
  f_until=$((NOW + 300))
  [ -z "$PROBER" ] || printf 'quit\n' >&4
  while some_last && [ "$NOW" -lt "$f_until" ]; do
    sleep 0.05
    now
  done
  [ -z "$LEASH" ] || exec 8>&-
  write_log
  exec 2>/dev/null
  for f_helper in "$LISTENER" "$CLOCK"; do
    ! child_of "${f_helper:-none}" "$$" || kill -9 "$f_helper"
  done
  # Who stays behind is the warden's, and so is what it needs.
  if ! keepers_live; then
    ! child_of "$WARDEN" "$$" || kill -9 "$WARDEN"
    remove_scratch
  fi
  [ "$LEAKED" = 0 ] || exit 3
  exit 0
}

# Whether a keeper or the prober has not ended yet.
some_last() {
  keepers_live || { [ -n "$PROBER" ] && child_of "$PROBER" "$$"; }
}

# Whether some keeper, or who has taken its place, is still at work; or a sentinel whose keeper was killed, which writes the log
# after it has told how it ended.
keepers_live() {
  set +f
  for f_file in "$S"/keeper.*; do
    set -f
    f_vm=${f_file##*.}
    [ ! -e "$f_file" ] || [ -e "$S/left.$f_vm" ] || { ! lives "keeper.$f_vm" && ! lives "heir.$f_vm" && ! lives "sentinel.$f_vm"; } || return 0
  done
  set -f
  return 1
}

case $0 in
  *vmchaos-sentinel)
    exec 2>/dev/null
    sentinel "$@"
    ;;
  *vmchaos-prober)
    exec 2>/dev/null
    prober "$@"
    ;;
  *) main ;;
esac
