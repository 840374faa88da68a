# What the two engines of a filter have in common: what is foreign on a device, before and after.

# Neither another run of this program nor anybody else's filter may be on a device, whichever the engine. A root qdisc of
# netem is fine: both faults may be in place at once.
cut_before() {
  BEFORE=
  [ -z "$NFT" ] || nft_scan || [ "$KIND" = tc ] || {
    refusal foreign-filter 'the kernel could not be asked which nft tables it has'
    return 1
  }
  scan_qdiscs || :
  for c_device in $DEVICES; do
    root_of "$c_device" || return 1
    case $ROOT_KIND/$ROOT_HANDLE in
      */0: | netem/7[0-9a-f][0-9a-f][0-9a-f]: | tbf/7[0-9a-f][0-9a-f][0-9a-f]:) ;;
      *)
        foreign_root "$c_device"
        return 1
        ;;
    esac
    c_kind=none
    case $QDISCS in
      *" $c_device/ingress "*)
        refusal foreign-qdisc "$c_device has an ingress qdisc that is not of this run" "$c_device"
        return 1
        ;;
      *" $c_device/clsact "*) c_kind=clsact ;;
    esac
    nft_hooks_of "$c_device"
    [ -n "$FOREIGN$ANOTHER" ] || [ "$c_kind" = none ] || filters_on "$c_device" || FOREIGN='a clsact qdisc that could not be looked into'
    [ -z "$FOREIGN" ] || {
      refusal foreign-filter "$c_device has $FOREIGN, which is not of this run" "$c_device"
      return 1
    }
    [ -z "$ANOTHER" ] || {
      refusal foreign-filter "another run of this program has a filter on $c_device: $ANOTHER" "$c_device"
      return 1
    }
    BEFORE="$BEFORE $c_device:$c_kind"
  done
}

# What is there when nothing should be -> OURS, AFTER, ROOTS (records of DEVICE:KIND), OTHERS. Fails when the kernel cannot
# be asked.
cut_after() {
  OURS='' AFTER='' ROOTS='' OTHERS='' TABLES=' ' CHAINS=' ' HOOKED=' '
  if [ -n "$NFT" ] && ! nft_scan && [ "$KIND" = nft ]; then return 1; fi
  case $KIND-$TABLES in nft-*" vmchaos_$RUN "*) own_left "nft vmchaos_$RUN" ;; esac
  scan_qdiscs || return 1
  for c_device in $DEVICES; do
    c_kind=none
    case $QDISCS in
      *" $c_device/clsact "*) c_kind=clsact ;;
      *" $c_device/ingress "*) c_kind=ingress ;;
      *" $c_device/root/"*) ;;
      *) c_kind=gone ;;
    esac
    nft_hooks_of "$c_device"
    case $KIND-$CHAINS in nft-*" vmchaos_lock_$c_device:vmchaos_$RUN "*) own_left "nft vmchaos_lock_$c_device" ;; esac
    if [ "$c_kind" = clsact ]; then
      filters_on "$c_device" || return 1
      case $KIND-$FILTERS in
        tc-*"/flower/$MARK"*) own_left "$c_device flower $MARK:" ;;
        # Where nobody has put anything since.
        tc-) ! flower_made "$c_device" || own_left "$c_device clsact" ;;
      esac
    fi
    [ -z "$FOREIGN" ] || OTHERS="$OTHERS${OTHERS:+; }$c_device has $FOREIGN"
    AFTER="$AFTER${AFTER:+,}\"$c_device\":\"$c_kind\""
    ROOTS="$ROOTS $c_device:$c_kind"
  done
}

own_left() {
  OURS="$OURS${OURS:+,} $1"
}

# The rules of a record DEVICE:DIRECTION:HOOK -> RULES, lines.
rules_for() {
  case $KIND-$1 in
    nft-*:in:*) RULES=$NFT_IN ;;
    nft-*) RULES=$NFT_OUT ;;
    *:in:*) RULES=$TC_IN ;;
    *) RULES=$TC_OUT ;;
  esac
  RULES=${RULES%"$NL"}
}
