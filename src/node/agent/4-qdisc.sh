# The engine of netem: a root qdisc a device, under the handle of the run.

# What `tc qdisc show` says -> QDISCS, records of DEVICE/root/KIND/HANDLE, DEVICE/clsact and DEVICE/ingress. Fails when
# the kernel cannot be asked.
scan_qdiscs() {
  QDISCS=' '
  while read -r _ q_kind q_handle _ q_device q_place _; do
    case $q_kind-$q_place in
      clsact-* | ingress-*) QDISCS="$QDISCS$q_device/$q_kind " ;;
      *-root) QDISCS="$QDISCS$q_device/root/$q_kind/$q_handle " ;;
    esac
  done <<END
$(ask "$TC" qdisc show)
END
  [ "$QDISCS" != ' ' ]
}

# The root of device $1 -> ROOT_KIND and ROOT_HANDLE. Fails with REFUSAL when there is none, or one that does nothing.
root_of() {
  ROOT_KIND=${QDISCS#*" $1/root/"}
  [ "$ROOT_KIND" != "$QDISCS" ] || { refusal foreign-qdisc "no root qdisc is shown for $1" "$1"; return 1; }
  ROOT_KIND=${ROOT_KIND%% *}
  ROOT_HANDLE=${ROOT_KIND#*/}
  ROOT_KIND=${ROOT_KIND%%/*}
  [ "$ROOT_KIND" != noop ] || { refusal device-down "$1 is not up" "$1"; return 1; }
}

foreign_root() {
  refusal foreign-qdisc "the root of $1 is $ROOT_KIND $ROOT_HANDLE, which is not the kernel's default" "$1"
}

# Only a root that the kernel made by itself (handle 0:) is replaced, and only where nobody else has put classifiers.
qdisc_before() {
  BEFORE=
  scan_qdiscs || :
  for q_device in $DEVICES; do
    case $QDISCS in
      *" $q_device/ingress "*) q_foreign=ingress ;;
      *" $q_device/clsact "*) if only_marked "$q_device"; then q_foreign=''; else q_foreign=clsact; fi ;;
      *) q_foreign='' ;;
    esac
    [ -z "$q_foreign" ] || {
      refusal foreign-qdisc "$q_device has a $q_foreign qdisc that is not of this run" "$q_device"
      return 1
    }
    root_of "$q_device" || return 1
    [ "$ROOT_HANDLE" = 0: ] || { foreign_root "$q_device"; return 1; }
    BEFORE="$BEFORE $q_device:$ROOT_KIND"
  done
}

# Runs lines of tc, goes on after errors -> OUT, what the kernel shows. By a pipe: what undoes needs no room on a disk.
batch() {
  OUT=$(printf '%s' "$1" | ask "$TC" -s -j -force -batch -)
}

# One line of JSON a device, as OUT holds -> READ (root qdiscs), AFTER (kinds), OURS (own objects that are there),
# ROOTS (records of DEVICE:KIND:HANDLE). Fails when a device is missing or the tool printed something else.
digest() {
  READ='' AFTER='' OURS='' ROOTS=''
  d_rest=$OUT$NL
  for d_device in $DEVICES; do
    d_line=${d_rest%%"$NL"*}
    d_rest=${d_rest#*"$NL"}
    case $d_line in
      gone)
        AFTER="$AFTER${AFTER:+,}\"$d_device\":\"gone\""
        ROOTS="$ROOTS $d_device:gone:-"
        continue
        ;;
      '[]') d_line='[{"kind":"none","handle":"0:","root":true}]' ;;
      '[{"kind":"'*'}]') ;;
      *) return 1 ;;
    esac
    d_root=${d_line#?}
    d_root=${d_root%%'},{"kind":'*}
    d_root=${d_root%']'}
    d_root=${d_root%'}'}
    case $d_root in *'"root":true'*) ;; *) return 1 ;; esac
    d_kind=${d_root#*'"kind":"'}
    d_kind=${d_kind%%'"'*}
    d_handle=${d_root#*'"handle":"'}
    d_handle=${d_handle%%'"'*}
    # Some versions of tc print the options of some kinds as plain text, which is no JSON.
    case $d_root in
      *'{'[!\"\}]* | *[!\ -~]*) READ="$READ${READ:+,}\"$d_device\":[{\"kind\":\"$d_kind\",\"handle\":\"$d_handle\",\"root\":true}]" ;;
      *) READ="$READ${READ:+,}\"$d_device\":[$d_root}]" ;;
    esac
    AFTER="$AFTER${AFTER:+,}\"$d_device\":\"$d_kind\""
    ROOTS="$ROOTS $d_device:$d_kind:$d_handle"
    for d_own in $OWNED; do
      [ "${d_own%/*}" = "$d_device" ] || continue
      case $d_line in *"\"handle\":\"${d_own#*/}\""*) OURS="$OURS $d_device:${d_own#*/}" ;; esac
    done
  done
}

# Device by device, when a batch did not give one line for each. Fails when the kernel cannot be asked at all.
look_closely() {
  l_all=$(ask "$TC" qdisc show)
  [ -n "$l_all" ] || return 1
  l_out=
  for l_device in $DEVICES; do
    l_line=$(ask "$TC" -s -j qdisc show dev "$l_device")
    case $l_line in
      '')
        case "$l_all " in *" dev $l_device "*) return 1 ;; esac
        l_line=gone
        ;;
    esac
    l_out=$l_out$l_line$NL
  done
  OUT=$l_out
  digest
}

# Each device's root is of the kind that was asked for, under our handle. (That nothing of OWNED is missing shows in the
# length of OURS, a list of the same records without doubles.)
roots_are_ours() {
  while read -r _ _ _ o_device o_place _ o_handle o_kind _; do
    [ "$o_place" = root ] || continue
    case "$ROOTS " in *" $o_device:$o_kind:$o_handle "*) ;; *) return 1 ;; esac
  done <<END
${APPLY%"$NL"}
END
}
