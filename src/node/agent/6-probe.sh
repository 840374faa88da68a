# Probes: whether each VM answers the node, about once a second, from the node's own network namespace. One process for all
# VMs of the node, the prober, started with this script's text under bash (for its /dev/tcp); one short-lived child a probe.
# It stays in the pod's cgroup, holds neither the leash nor anything of a VM, and no step of a fault waits for it.
#
#   agent: on I, off I, quit -> $S/probe (4) -> prober -> probe I N:UPTIME:MS -> bus

# Probes a VM after its end, of each kind, and for how long at most, in hundredths of a second.
PROBE_AFTER=3
PROBE_AFTER_LIMIT=1000

# `probe I KIND ADDRESS PORT SECONDS [PATH]` -> PROBES, a line a probe: `I N KIND ADDRESS PORT SECONDS [PATH]`.
check_probe() {
  case $#-${3:-}-${5:-} in
    6-icmp--) ;;
    6-tcp-[1-9]* | 7-http-[1-9]*) case $5 in *[!0-9]* | ??????*) p_bad='not a port' ;; esac ;;
    *) p_bad='not a probe' ;;
  esac
  case ${4:-x} in *[!0-9A-Fa-f.:]*) p_bad='not an address' ;; esac
  case ${6:-x} in *[!0-9]* | ????*) p_bad='no number of seconds' ;; esac
  case ${7:-/} in /*) ;; *) p_bad='not a path' ;; esac
  PROBES="$PROBES$2 $p_probes ${3:-} ${4:-} ${5:-} ${6:-} ${7:-}$NL"
  p_probes=$((p_probes + 1))
}

# What probes are made with here -> PROBE_IN (words for nsenter), PROBE_BASH, PROBE_PING; else PROBE_BAD.
probe_tools() {
  PROBE_IN='' PROBE_BASH='' PROBE_PING='' PROBE_BAD=''
  tool bash
  if [ -n "$TOOL" ] && bash_works "$TOOL"; then
    PROBE_BASH=$TOOL
  elif PROBE_IN='-t 1 -m' && bash_works bash; then
    PROBE_BASH=bash
  else
    PROBE_BAD='neither the image nor the node has a bash that opens connections'
    return
  fi
  case $PROBES in *' icmp '*) ;; *) return ;; esac
  r_own=ping
  [ -n "$PROBE_IN" ] || { tool ping && r_own=$TOOL || r_own=; }
  if [ -n "$r_own" ] && ping_works "$r_own"; then
    PROBE_PING=$r_own
  elif [ -z "$PROBE_IN" ] && ping_works "$NSENTER -t 1 -m ping"; then
    PROBE_PING="$NSENTER -t 1 -m ping"
  else
    PROBE_BAD='icmp: neither the image nor the node has a ping that works'
  fi
}

# A command in the node's network namespace, and where its own tools are taken in its mount namespace, too.
on_node() {
  # shellcheck disable=SC2086  # words
  "$NSENTER" $PROBE_IN --net="$PROC/1/ns/net" "$@"
}

bash_works() {
  # shellcheck disable=SC2016  # expanded by that bash
  case $(on_node "$1" -c ': </dev/tcp/127.0.0.1/1; echo "bash $BASH_VERSION"' 2>&1) in
    *'No such file'*) return 1 ;;
    *'bash '[4-9]*) return 0 ;;
  esac
  return 1
}

ping_works() {
  # shellcheck disable=SC2086  # words
  case $(on_node $1 -n -c 1 -W 2 127.0.0.1 2>/dev/null) in *time=*) return 0 ;; esac
  return 1
}

# VM $1 is probed from now on.
probe_on() {
  case $PROBES in "$1 "* | *"$NL$1 "*) ;; *) return 0 ;; esac
  case $PROBED in *" $1="*) return 0 ;; esac
  if [ -z "$PROBER" ]; then
    mkfifo "$S/probe" || return 0
    exec 4<>"$S/probe"
    # shellcheck disable=SC2086  # words
    "$NSENTER" $PROBE_IN --net="$PROC/1/ns/net" "$PROBE_BASH" -c "$SELF" vmchaos-prober "$PROBES" "$PROBE_PING" \
      <"$S/probe" >&7 2>/dev/null 4>&- 5<&- 7>&- 8>&- &
    PROBER=$!
  fi
  PROBED="$PROBED$1=0@0 "
  printf 'on %s\n' "$1" >&4
}

# VM $1, which has no fault yet, is probed from now on.
probe_only() {
  state_of "$1"
  [ "$STATE" != found ] || [ -n "$OVER" ] || probe_on "$1"
}

probe_off() {
  case $PROBED in *" $1="*) ;; *) return 0 ;; esac
  PROBED="${PROBED%%" $1="*} ${PROBED#*" $1="* }"
  [ -z "$PROBER" ] || printf 'off %s\n' "$1" >&4
}

probe_off_all() {
  for r_one in $PROBED; do probe_off "${r_one%%=*}"; done
}

# A VM is as it is since now: probes that began before say nothing about it. After its end so many more are wanted.
probe_since() { # VM [MORE]
  case $PROBED in *" $1="*) ;; *) return 0 ;; esac
  PROBED="${PROBED%%" $1="*} $1=$NOW@${2:-0} ${PROBED#*" $1="* }"
}

# VM $1 has ended, as word $2 says.
probe_ended() {
  if [ "$2" = restored ] && [ -z "$OVER$DETACHED" ]; then
    r_more=0
    while read -r r_vm _; do
      [ "$r_vm" != "$1" ] || r_more=$((r_more + PROBE_AFTER))
    done <<END
$PROBES
END
    probe_since "$1" "$r_more"
  else
    probe_off "$1"
  fi
}

# Whether some VM that has ended is still probed; not for longer than the limit.
probe_lasts() {
  [ -z "$OVER" ] || return 1
  for r_one in $PROBED; do
    [ "${r_one##*@}" = 0 ] || return 0
  done
  return 1
}

probe_tick() {
  for r_one in $PROBED; do
    r_since=${r_one#*=}
    [ "${r_one##*@}" = 0 ] || [ "$NOW" -le $((${r_since%@*} + PROBE_AFTER_LIMIT)) ] || probe_off "${r_one%%=*}"
  done
}

# A probe's result, `N:UPTIME:MS` -> an event, if it began and ended under one and the same state of the fault. Events of
# this kind are not kept for replay: there are none before the operator is there.
probed() { # VM RESULT
  case $PROBED in *" $1="*) ;; *) return 0 ;; esac
  [ -z "$ENDED" ] || return 0
  r_since=${PROBED#*" $1="}
  r_since=${r_since%% *}
  r_more=${r_since#*@} r_since=${r_since%@*}
  r_up=${2#*:}
  r_ms=${r_up#*:} r_up=${r_up%%:*}
  state_of "$1"
  centis "$r_up"
  case $STATE in
    found | arming | ready) r_phase=before ;;
    held) r_phase=during ;;
    ended) r_phase=after ;;
    *) return 0 ;;
  esac
  # In the same hundredth it may have been before.
  [ "$CS" -gt "$r_since" ] || return 0
  now
  SEQ=$((SEQ + 1))
  say "{\"s\":$SEQ,\"t\":$UP,\"ev\":\"probe\",\"vm\":$1,\"n\":${2%%:*},\"phase\":\"$r_phase\",\"at\":$r_up,\"ms\":$r_ms}"
  [ $r_phase = after ] || return 0
  r_more=$((r_more - 1))
  PROBED="${PROBED%%" $1="*} $1=$r_since@$r_more ${PROBED#*" $1="* }"
  [ "$r_more" -gt 0 ] || probe_off "$1"
}

# The clock for probes -> T, in microseconds; bash before 5.0 has only that of 10 ms.
# shellcheck disable=SC3028
micros() {
  if [ -n "${EPOCHREALTIME:-}" ]; then
    T=$EPOCHREALTIME
    T=${T%.*}${T#*.}
  else
    now
    T=$((NOW * 10000))
  fi
}

# The prober: PROBES PING, under bash alone. Ends when it is told to, and within a second when the agent is gone.
# shellcheck disable=SC3045
prober() {
  R_PROBES=$1 R_PING=$2 R_ON=' ' R_RUNNING=' ' R_DIAL=''
  # The practice cluster has addresses that nobody can reach.
  [ ! -x "${VMCHAOS_TOOLS:-}/dial" ] || R_DIAL=$VMCHAOS_TOOLS/dial
  read -r r_me _ _ r_agent _ </proc/self/stat
  # Of each kind and VM several may be waiting at a time, but not too many in all: each is a process.
  r_kinds=0
  while read -r r_vm _; do
    [ -z "$r_vm" ] || r_kinds=$((r_kinds + 1))
  done <<END
$R_PROBES
END
  R_MOST=$((64 / (r_kinds + 1)))
  [ $R_MOST -le 4 ] || R_MOST=4
  [ $R_MOST -ge 1 ] || R_MOST=1
  # Each probe is a process group, so that a ping ends with the one that waits for it.
  set -m
  while :; do
    probe_round ''
    micros
    r_next=$((T + 1000000))
    while :; do
      micros
      r_left=$((r_next - T))
      [ "$r_left" -gt 10000 ] || break
      # The clock may be set meanwhile.
      [ "$r_left" -le 1000000 ] || r_left=1000000
      seconds $((r_left / 10000))
      r_word='' r_one=''
      if read -r -t "$SEC" r_word r_one; then
        case $r_word in
          on) R_ON="$R_ON$r_one " && probe_round "$r_one" ;;
          off) R_ON="${R_ON%%" $r_one "*} ${R_ON#*" $r_one "}" ;;
          *) prober_end ;;
        esac
      elif [ $? -le 128 ]; then
        prober_end
      fi
    done
    child_of "$r_me" "$r_agent" || prober_end
  done
}

prober_end() {
  for r_one in $R_RUNNING; do
    r_pid=${r_one#*=}
    r_pid=${r_pid%%@*}
    ! child_of "$r_pid" "$r_me" || kill -TERM -- "-$r_pid"
  done
  printf 'prober\n'
  exit 0
}

# Starts what is due, of one VM or of all that are on; what has waited long enough counts as not answered.
probe_round() {
  read -r UP _ </proc/uptime
  micros
  for r_run in $R_RUNNING; do probe_over "$r_run"; done
  while read -r r_vm r_n r_kind r_address r_port r_seconds r_path; do
    case $R_ON in *" $r_vm "*) ;; *) continue ;; esac
    case $1 in '' | "$r_vm") ;; *) continue ;; esac
    r_flying=0 r_rest=$R_RUNNING
    while :; do
      case $r_rest in *" $r_vm.$r_n="*) ;; *) break ;; esac
      r_rest=" ${r_rest#*" $r_vm.$r_n="}"
      r_flying=$((r_flying + 1))
    done
    [ "$r_flying" -lt "$R_MOST" ] || continue
    probe_once "$r_vm" "$r_n" "$r_kind" "$r_address" "$r_port" "$r_seconds" "$r_path" </dev/null &
    # A round may begin a little less than a second after the one before.
    R_RUNNING="$R_RUNNING$r_vm.$r_n=$!@$((T + r_seconds * 1000000 - 50000))@$UP "
  done <<END
$R_PROBES
END
}

# Looks after one probe, `VM.N=PID@UNTIL@UPTIME`: one that takes too long is ended. Either it has said its result and exits
# with 0, or it says nothing more.
probe_over() {
  r_pid=${1#*=}
  r_pid=${r_pid%%@*} r_until=${1#*@}
  if child_of "$r_pid" "$r_me"; then
    [ "$T" -ge "${r_until%@*}" ] || return 0
    kill -TERM -- "-$r_pid"
  fi
  r_rest=${1%%=*}
  wait "$r_pid" || printf 'probe %s %s:%s:null\n' "${r_rest%.*}" "${r_rest#*.}" "${1##*@}"
  R_RUNNING="${R_RUNNING%%" $1 "*} ${R_RUNNING#*" $1 "}"
}

# One probe, in a process of its own: VM N KIND ADDRESS PORT SECONDS PATH.
probe_once() {
  k_ms=null k_up=$UP
  micros
  k_began=$T
  if [ "$3" = icmp ]; then
    # shellcheck disable=SC2086  # words
    k_text=$($R_PING -n -c 1 -W "$6" "$4" 2>/dev/null)
    case $k_text in
      *time=[0-9]*)
        k_text=${k_text#*time=}
        k_ms=${k_text%%[!0-9.]*}
        ;;
    esac
  elif probe_answers "$@"; then
    micros
    T=$((T - k_began)) k_ms=$((T % 1000))
    while [ ${#k_ms} -lt 3 ]; do k_ms=0$k_ms; done
    k_ms=$((T / 1000)).$k_ms
  fi
  # From here on it is too late to end it.
  trap '' TERM
  printf 'probe %s %s:%s:%s\n' "$1" "$2" "$k_up" "$k_ms"
  exit 0
}

# Whether a connection is open; for http, whether a status line came that is not a server's failure.
# shellcheck disable=SC3025
probe_answers() {
  if [ -n "$R_DIAL" ]; then
    k_line=$("$R_DIAL" "$3" "$4" "$5") || return 1
  else
    exec 9<>"/dev/tcp/$4/$5" || return 1
    [ "$3" = http ] || return 0
    k_host=$4
    case $4 in *:*) k_host="[$4]" ;; esac
    printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nUser-Agent: kubectl-vmchaos\r\nAccept: */*\r\nConnection: close\r\n\r\n' \
      "$7" "$k_host" "$5" >&9 && IFS= read -r k_line <&9
  fi
  case $3-$k_line in tcp-* | http-HTTP/*' '[1-4][0-9][0-9]*) return 0 ;; esac
  return 1
}
