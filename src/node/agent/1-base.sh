# The agent of a debug pod: it puts a fault into the network namespaces of virtual machines and takes it out again.
# POSIX sh for bash, dash and BusyBox. Nothing of the plan or of the kernel is ever evaluated as shell text.
#
#   agent -- keeper, one a VM -- nsenter -- sentinel, one a VM: the only writer
#     |- listener: stdin -> bus    |- relay: holds the VM's fifo open until the agent is gone,
#     |- clock: ticks -> bus       |         then ends a sentinel that does not end
#     |                            `- undoes what a sentinel that ended abnormally has left
#     `- warden: ticks -> bus, and takes the place of keepers that are gone
#
# Whichever of them is killed, the others notice, and end the faults it had a part in (7-watch.sh).
#
# File descriptors (dash has only 0 to 9): 3 PID namespace, 4 the VM's fifo, 5 stdin or the leash to be read, 6 "alive":
# held by everything that may still write to the kernel, 7 the bus to the agent, 8 the leash, 9 network namespace.
LC_ALL=C
export LC_ALL
umask 077
set -f

PROC=${VMCHAOS_PROC:-/proc}
RUN=${VMCHAOS_RUN:-}
TERMLOG=${VMCHAOS_TERMLOG:-/dev/termination-log}
NL='
'

# The node's monotonic clock without a fork: UP as the kernel prints it, NOW in hundredths of a second.
now() {
  read -r UP _ </proc/uptime
  centis "$UP"
  NOW=$CS
}

# A decimal number of seconds -> CS, hundredths of a second.
centis() {
  CS=${1#*.}
  [ "$CS" != "$1" ] || CS=
  CS=${CS}00
  CS=${1%%.*}${CS%"${CS#??}"}
  CS=${CS#"${CS%%[!0]*}"}
  CS=${CS:-0}
}

# Hundredths of a second -> SEC, a decimal number of seconds.
seconds() {
  SEC=$(($1 % 100))
  [ ${#SEC} = 2 ] || SEC=0$SEC
  SEC=$(($1 / 100)).$SEC
}

# Any text -> ESC, fit for the inside of a JSON string: tabs and line ends become spaces, other odd bytes question marks.
escape() {
  ESC=
  e_rest=$1
  while [ ${#e_rest} -gt 400 ]; do e_rest=${e_rest%????????????????????????????????????????}; done
  while :; do
    case $e_rest in *[!\ -~]* | *[\"\\]*) ;; *) break ;; esac
    e_head=${e_rest%%[!\ -~\"\\]*}
    e_other=${e_rest%%[\"\\]*}
    [ ${#e_head} -le ${#e_other} ] || e_head=$e_other
    e_rest=${e_rest#"$e_head"}
    e_tail=${e_rest#?}
    case ${e_rest%"$e_tail"} in
      '"') ESC="$ESC$e_head\\\"" ;;
      \\) ESC="$ESC$e_head\\\\" ;;
      [[:space:]]) ESC="$ESC$e_head " ;;
      *) ESC="$ESC$e_head?" ;;
    esac
    e_rest=$e_tail
  done
  ESC=$ESC$e_rest
}

# The whole of a small file -> TEXT, by builtins alone.
slurp() {
  TEXT=
  [ -r "$1" ] || return 1
  while IFS= read -r s_line || [ -n "$s_line" ]; do
    TEXT=$TEXT${TEXT:+$NL}$s_line
  done <"$1"
}

# Tools by full path: a BusyBox shell would run its own applets whatever PATH says.
tool() { # NAME -> TOOL, empty when there is none
  TOOL=
  for t_dir in ${VMCHAOS_TOOLS:+"$VMCHAOS_TOOLS"} /usr/sbin /sbin /usr/bin /bin; do
    [ -x "$t_dir/$1" ] || continue
    if [ "$1" = tc ]; then
      TC_VERSION=$("$t_dir/tc" -V 2>/dev/null)
      case $TC_VERSION in *iproute2*) ;; *) continue ;; esac
    fi
    TOOL=$t_dir/$1
    return 0
  done
  return 1
}

# Whether process $1 is still a living child of process $2: a PID alone may have been given to somebody else.
child_of() {
  { read -r _ _ c_state c_parent _ <"/proc/$1/stat"; } 2>/dev/null && [ "$c_parent" = "$2" ] && [ "$c_state" != Z ]
}

# When process $1 was started -> BORN, in ticks since boot: together with its number that is no other process. Fails when it
# has ended, or is about to: its files are closed before it is a zombie.
born() {
  BORN=''
  { IFS= read -r b_stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # Its name, in brackets, may hold anything.
  b_stat=${b_stat##*) }
  case $b_stat in [ZX]*) return 1 ;; esac
  # shellcheck disable=SC2086  # words
  set -- $b_stat
  # PF_EXITING
  [ $(($7 & 4)) = 0 ] || return 1
  BORN=${20}
}

# Process $2 is kept in the scratch directory as $1.
remember() {
  born "$2" && printf '%s %s\n' "$2" "$BORN" >"$S/$1"
}

# Whether the process that is kept as $1 lives -> LIVING, its PID
lives() {
  { read -r LIVING b_then <"$S/$1"; } 2>/dev/null && born "$LIVING" && [ "$BORN" = "$b_then" ]
}

end_remembered() {
  ! lives "$1" || kill -9 "$LIVING"
}

# At once for all who look into it (write_log), then file by file.
remove_scratch() {
  mv "$S" "$S.over" 2>/dev/null
  rm -rf "$S" "$S.over"
}
