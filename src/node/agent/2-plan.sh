# The plan: checked once as a whole, then kept as one file a VM.

# Reads VMCHAOS_PLAN into $S/plan.I and counts VMS; PLAN_BAD says what is wrong with it.
split_plan() {
  VMS=0 NEEDS='' PROBES='' PLAN_BAD='' p_number=0
  ASKED='' REJECT='' MARK='' PORTS='' PEERS4='' PEERS6='' NFT_IN='' NFT_OUT='' TC_IN='' TC_OUT=''
  while IFS= read -r p_line; do
    p_number=$((p_number + 1))
    [ -n "$p_line" ] || continue
    # Only lines of a filter have braces and commas, and each of their words is looked at; a probe's path has some of its own.
    case $p_line in
      *[!A-Za-z0-9._:/%@+{},!=?\&~\ -]*) p_bad='a character that no plan holds' ;;
      'nft '* | 'ports '* | peers[46]' '* | 'probe '*) p_bad='' ;;
      *[{},!=?\&~]*) p_bad='a character that no plan holds' ;;
      *) p_bad='' ;;
    esac
    # shellcheck disable=SC2086  # the words of a line are split here, nowhere else; globbing is off
    case $p_bad-${p_line%% *} in
      -engine | -mark | -ports | -peers4 | -peers6 | -nft | -tc) check_node $p_line ;;
      -*) check_line $p_line ;;
    esac
    if [ -n "$p_bad" ]; then
      PLAN_BAD=${PLAN_BAD:-"line $p_number of the plan: $p_bad"}
      continue
    fi
    [ "$VMS" = 0 ] || printf '%s\n' "$p_line" >>"$S/plan.$P_VM"
  done <<END
$VMCHAOS_PLAN
END
  [ "$VMS" -gt 0 ] || PLAN_BAD=${PLAN_BAD:-'the plan names no VM'}
}

# One line's words -> P_VM, or p_bad.
check_line() {
  p_key=$1 P_VM=${2:-}
  case $P_VM in '' | *[!0-9]* | 0?* | ?????*) p_bad='no VM number' && return ;; esac
  if [ "$p_key" = vm ]; then
    [ "$P_VM-$#" = "$VMS-4" ] || { p_bad='VMs are numbered from 0, in order' && return; }
    VMS=$((VMS + 1)) p_devices=' ' p_owned=' ' p_task='' p_kind='' p_probes=0
  fi
  [ "$((P_VM + 1))" = "$VMS" ] || { p_bad='a line of a VM that is not the last one named' && return; }
  case $p_key-$p_task in
    vm-*) ;;
    sweep-sweep | kill-kill) ;;
    sweep-?* | kill-?* | *-sweep | *-kill) p_bad='a VM is given a fault, is swept, or is killed: one of the three' && return ;;
    sweep- | kill-) p_task=$p_key ;;
    *) p_task=fault ;;
  esac
  case $p_key in
    vm)
      case $3 in *[!0-9A-Fa-f-]*) p_bad='not a pod UID' ;; esac
      case $4 in -) ;; *[!0-9a-f]*) p_bad='not a container ID' ;; ????????????????????????????????*) ;; *) p_bad='not a container ID' ;; esac
      [ ${#3} -ge 32 ] || p_bad='not a pod UID'
      ;;
    hold) case ${3:-x} in *[!0-9.]* | *.*.* | .* | *. | ????????????*) p_bad='no number of seconds' ;; esac ;;
    ease) case ${3:-x} in *[!0-9]* | ?????*) p_bad='no number of milliseconds' ;; esac ;;
    tap | uplink)
      [ $# = 4 ] || p_bad='DEVICE and BRIDGE expected'
      p_devices="$p_devices$3 "
      ;;
    need)
      [ "${3:-}" = sch_netem ] || p_bad='a need that is not known'
      NEEDS=sch_netem
      ;;
    own)
      case $p_kind-${3:-} in -* | qdisc-qdisc | cut-cut) ;; *) p_bad='a qdisc and a cut for one VM' ;; esac
      p_kind=${3:-}
      case $p_devices in *" ${4:-} "*) ;; *) p_bad='a device that is neither tap nor uplink of the VM' ;; esac
      if [ "$p_kind" = cut ]; then check_cut_line "$@"; return; fi
      case "$p_kind ${5:-}" in 'qdisc 7'[0-9a-f][0-9a-f][0-9a-f]:) ;; *) p_bad='not a handle of a run' ;; esac
      p_owned="$p_owned${4:-}/${5:-} "
      ;;
    probe) check_probe "$@" ;;
    sweep) case $#-${4:-} in 3- | 4-7[0-9a-f][0-9a-f][0-9a-f]:) ;; *) p_bad='DEVICE or DEVICE and HANDLE of a run expected' ;; esac ;;
    kill) [ $# = 2 ] || p_bad='nothing more expected' ;;
    apply) check_command add "$@" ;;
    ease+) check_command change "$@" ;;
    undo) check_command del "$@" ;;
    *) p_bad='a record that is not known' ;;
  esac
}

# `KEY I tc qdisc VERB dev DEVICE root handle HANDLE ...`, of an object that the VM's own lines name.
check_command() {
  [ "${4:-} ${5:-} ${6:-} ${7:-} ${9:-}" = "tc qdisc $1 dev root" ] || { p_bad="not a tc qdisc $1" && return; }
  c_device=$8
  shift 9
  [ "${1:-}" = handle ] || { p_bad='no handle' && return; }
  case $p_owned in *" $c_device/${2:-} "*) ;; *) p_bad='an object that is not the own of this run' ;; esac
}

# `own I cut DEVICE DIRECTION HOOK`, with rules for that direction, whichever engine it will be.
check_cut_line() {
  case $4 in *[!A-Za-z0-9._-]* | [!A-Za-z]*) p_bad='a device that no chain can be named after' ;; esac
  case $#-${5:-}-${6:-} in 6-in-ingress | 6-in-egress | 6-out-ingress | 6-out-egress) ;; *) p_bad='no direction and hook' && return ;; esac
  for p_one in $p_owned; do
    case $p_one in "$4:$5:"* | "$4:"*":$6") p_bad='a hook or a direction of a device twice' ;; esac
  done
  p_owned="$p_owned$4:$5:$6 "
  case $ASKED$REJECT-$5 in
    -* | any*) p_bad='no engine for a cut' ;;
    nft*-in | *reject-in) [ -n "$NFT_IN" ] || p_bad='no rule for that direction' ;;
    nft*-out | *reject-out) [ -n "$NFT_OUT" ] || p_bad='no rule for that direction' ;;
    tc-in) [ -n "$TC_IN" ] || p_bad='no rule for that direction' ;;
    tc-out) [ -n "$TC_OUT" ] || p_bad='no rule for that direction' ;;
    auto-in) [ -n "$NFT_IN" ] && [ -n "$TC_IN" ] || p_bad='no rule for that direction' ;;
    auto-out) [ -n "$NFT_OUT" ] && [ -n "$TC_OUT" ] || p_bad='no rule for that direction' ;;
  esac
  [ -n "$MARK" ] || p_bad='no handle of the run'
  case $RUN in '' | *[!a-z0-9]*) p_bad='no name of the run' ;; esac
}

# The plan of VM $1 -> V_UID V_SLICE V_CID HOLD EASE_MS TAPS UPLINKS DEVICES OWNED NEED APPLY EASE UNDO SHOW SWEEPS KILLS, and
# KIND: qdisc, or the engine of a cut (nft, tc).
load_plan() {
  V_UID='' V_CID='' HOLD=0 EASE_MS=0 TAPS='' UPLINKS='' DEVICES='' OWNED='' NEED='' APPLY='' EASE='' UNDO='' SHOW='' SWEEPS='' KILLS='' KIND=qdisc OTHERS='' LASTS=' ' SEEN=''
  while read -r l_key _ l_rest; do
    case $l_key in
      vm)
        V_UID=${l_rest%% *} V_CID=${l_rest#* }
        underscored "$V_UID"
        V_SLICE=$UNDERSCORED
        ;;
      hold)
        centis "$l_rest"
        HOLD=$CS
        ;;
      tap) TAPS="$TAPS ${l_rest% *}/${l_rest#* }" ;;
      uplink) UPLINKS="$UPLINKS ${l_rest% *}/${l_rest#* }" ;;
      need) NEED=$l_rest ;;
      sweep) case $l_rest in *' '*) SWEEPS="$SWEEPS ${l_rest% *}/${l_rest#* }" ;; *) SWEEPS="$SWEEPS $l_rest/any" ;; esac ;;
      kill) KILLS=yes ;;
      own)
        l_kind=${l_rest%% *} l_rest=${l_rest#* }
        l_device=${l_rest%% *} l_rest=${l_rest#* }
        if [ "$l_kind" = cut ]; then
          KIND=$ENGINE OWNED="$OWNED $l_device:${l_rest% *}:${l_rest#* }"
        else
          OWNED="$OWNED $l_device/$l_rest"
        fi
        case " $DEVICES " in
          *" $l_device "*) ;;
          *)
            DEVICES="$DEVICES $l_device"
            SHOW="${SHOW}qdisc show dev $l_device$NL"
            ;;
        esac
        ;;
      apply) APPLY=$APPLY${l_rest#tc }$NL ;;
      ease) EASE_MS=$l_rest ;;
      ease+) EASE=$EASE${l_rest#tc }$NL ;;
      undo) UNDO=$UNDO${l_rest#tc }$NL ;;
    esac
  done <"$S/plan.$1"
  [ "$EASE_MS" -le 1000 ] || EASE_MS=1000
}
