# What changes the kernel, behind one set of functions: a root qdisc (KIND qdisc), or what cuts traffic: nft rules (nft) or
# flower filters (tc). The same for a sentinel and for a keeper that has to stand in for it.
#
#   look_before     refuses what is foreign -> BEFORE, records of DEVICE:KIND
#   compose, apply  what to tell the tool, and the tool, which waits for it
#   look            -> READ, the body of a JSON object, and OURS, what is there of OWNED; all_there: whether that is all
#   take_out        removes, and looks what is left -> OURS, AFTER and what others have changed
# Errors of a tool that changes something are never judged by: what is read back is.

# A tool in the VM's network namespace; who is not in it enters by the pinned file descriptor.
there() {
  complaints
  if [ -n "$ENTER" ]; then
    "$NSENTER" --net=/proc/self/fd/9 "$@" 2>>"$ERRORS"
  else
    "$@" 2>>"$ERRORS"
  fi
}

# The same inside of $(...), which is a process already.
ask() {
  complaints
  [ -z "$ENTER" ] || exec "$NSENTER" --net=/proc/self/fd/9 "$@" 2>>"$ERRORS"
  exec "$@" 2>>"$ERRORS"
}

# Where a tool may complain -> ERRORS: a file that cannot be opened any more must not keep the tool from running.
complaints() {
  ERRORS=/dev/null
  if { true >>"$S/errors.$VM"; } 2>/dev/null; then ERRORS=$S/errors.$VM; fi
}

look_before() {
  case $KIND in qdisc) qdisc_before ;; *) cut_before ;; esac
}

compose() {
  case $KIND in nft) nft_compose ;; tc) flower_compose ;; qdisc) COMPOSED=$APPLY$SHOW ;; esac
}

# In a process of its own, at the end of a pipe: the tool is running and blocked on it before go comes. So 30 VMs are hit
# within 20 ms.
apply() {
  exec 2>"$S/errors.$VM" 4<&- 7>&-
  case $KIND in
    nft) exec "$NFT" -f - ;;
    # A line that fails ends it: who could not make the hook has no business on it.
    tc) exec "$TC" -j -batch - >"$S/applied.$VM" ;;
    qdisc) exec "$TC" -s -j -force -batch - >"$S/applied.$VM" ;;
  esac
}

# After apply.
look_applied() {
  if [ "$KIND" = qdisc ]; then
    slurp "$S/applied.$VM"
    OUT=$TEXT
    digest || look_closely
  else
    look ''
  fi
}

# $1: lines of tc that neutralise the fault, run at once.
look() {
  case $KIND in
    nft) nft_look ;;
    tc) flower_look ;;
    qdisc)
      batch "$SHOW$1"
      digest || look_closely
      ;;
  esac
}

all_there() {
  [ ${#OURS} = ${#OWNED} ] || return 1
  [ "$KIND" != qdisc ] || roots_are_ours
}

take_out() {
  case $KIND in
    nft) nft_take_out "$1" ;;
    tc) flower_take_out ;;
    qdisc)
      batch "$UNDO$SHOW"
      digest || look_closely
      ;;
  esac
}

# How things are where nothing was changed -> AFTER
look_after() {
  case $KIND in
    qdisc)
      OUT=''
      digest || look_closely
      ;;
    *) cut_after ;;
  esac
}

# Takes our objects out and proves it -> LEFT: empty when none is left.
undo() {
  LEFT=
  for u_try in 1 2 3; do
    if take_out "$u_try"; then
      LEFT=$OURS
      [ -n "$LEFT" ] || return 0
    else
      READ='' AFTER='' ROOTS='' LEFT=' the kernel could not be asked what is left'
    fi
    [ "$u_try" = 3 ] || sleep 0.1
  done
}
