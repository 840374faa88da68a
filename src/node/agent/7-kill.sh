# Killing: the end of a guest as by a crash of its QEMU. Nothing of it has to be undone, so that it needs no sentinel: the
# agent does it itself, at once or not at all.

# VM $1, which was found.
kill_guest() {
  state_of "$1"
  [ "$STATE" = found ] && [ -z "$OVER" ] || return
  VM=$1
  load_plan "$VM"
  [ -n "$KILLS" ] || return
  # Looked for anew: what was found was the launcher's first process, and it was a while ago.
  find_processes
  load_plan "$VM"
  find_guest || { refuse; return; }
  # Builtins alone between the last look and the signal: the number cannot have become another process's meanwhile.
  is_guest "$GUEST" || {
    refusal no-guest "process $GUEST, found as the guest's QEMU, is not it any more"
    refuse
    return
  }
  kill -9 "$GUEST" 2>/dev/null
  now
  x_until=$((NOW + 500))
  while belongs "$GUEST"; do
    now
    [ "$NOW" -lt "$x_until" ] || {
      refusal not-killed "process $GUEST got SIGKILL and is still there"
      refuse
      return
    }
    sleep 0.05
  done
  printf '%s\n%s\n' 'killed operator 0' "\"ev\":\"killed\",\"vm\":$VM,\"pid\":$GUEST" >"$S/verdict.$VM"
  write_log
  final "$VM"
}

# The one QEMU process of the VM whose plan is loaded -> GUEST. Fails with REFUSAL.
find_guest() {
  GUEST='' x_all=''
  while IFS= read -r f_line; do
    is_candidate "$f_line" || continue
    f_pid=${f_line%%/cgroup:*}
    f_pid=${f_pid##*/}
    ! is_guest "$f_pid" || x_all="$x_all $f_pid"
  done <"$S/processes"
  case $x_all in
    '') refusal no-guest 'no QEMU process is in the container' ;;
    ' '*' '*) refusal several-guests "QEMU processes$x_all are in the container" ;;
    *) GUEST=${x_all# } && return ;;
  esac
  return 1
}

# Whether process $1 is a QEMU of the VM whose plan is loaded: /usr/libexec/qemu-kvm in KubeVirt's image,
# qemu-system-ARCH, cut to 15 characters by the kernel, in images of other distributions.
is_guest() {
  belongs "$1" && slurp "$PROC/$1/comm" || return 1
  case $TEXT in qemu-kvm | qemu-system-*) ;; *) return 1 ;; esac
  # Beside a guest libvirt runs a QEMU without a machine for a moment, to ask what it can do. Read, a command line has no blanks;
  # a comma in what a tenant chose, such as the VM's name, is doubled there.
  ! slurp "$PROC/$1/cmdline" || case $TEXT in *-machinenone,accel=*) return 1 ;; esac
}
