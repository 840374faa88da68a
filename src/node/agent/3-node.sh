# What the node can do, tried in network namespaces made for it; only what the plan asks for.

# Whether the kernel has netem, tried in a network namespace made for it -> NETEM true or false.
try_netem() {
  # shellcheck disable=SC2016  # expanded by the inner shell
  n_script='"$1" qdisc add dev lo root netem; "$1" qdisc show dev lo'
  for n_try in first second; do
    case $(elsewhere "$n_script" "$TC") in *netem*) NETEM=true && return ;; esac
    [ "$n_try" = first ] || break
    load_modules sch_netem
  done
  NETEM=false
}

# Shell text in a network namespace of its own, with a tool as its $1.
elsewhere() {
  "$UNSHARE" --net "$SHELL_PATH" ${SHELL_APPLET:+"$SHELL_APPLET"} -c "$1" elsewhere "$2" 2>/dev/null
}

load_modules() {
  for n_module in "$@"; do
    "$NSENTER" -t 1 -m "${MODPROBE:-modprobe}" "$n_module" >/dev/null 2>&1
  done
}

# What the plan asks for -> ENGINE (empty when there is none), and NFT_WORKS, REJECTS, FLOWER: true, false, or null for
# what was not tried.
choose_engine() {
  case $ASKED in auto | nft | any) try_nft ;; esac
  if [ "$NFT_WORKS" = true ] && { [ -z "$REJECT" ] || [ "$REJECTS" = true ]; }; then ENGINE=nft; fi
  case $ASKED-$ENGINE$REJECT in
    any-* | tc- | auto-)
      try_flower
      if [ "$FLOWER" = true ] && [ -z "$ENGINE$REJECT" ]; then ENGINE=tc; fi
      ;;
  esac
}

# Whether nft has hooks for both directions of a device, and can reject there. The kernel loads what it needs by itself.
try_nft() {
  NFT_WORKS=false
  case $ASKED$REJECT in any | *reject) REJECTS=false ;; esac
  [ -n "$NFT" ] || return
  # shellcheck disable=SC2016  # expanded by the inner shell
  n_script='"$1" -f - <<END
create table netdev vmchaos_try
add set netdev vmchaos_try ports { type inet_service; flags interval; auto-merge; elements = { 53, 8000-8100 }; }
add chain netdev vmchaos_try in_lo { type filter hook egress device "lo" priority -500; policy accept; }
add rule netdev vmchaos_try in_lo tcp dport @ports counter drop
add chain netdev vmchaos_try out_lo { type filter hook ingress device "lo" priority -500; policy accept; }
add rule netdev vmchaos_try out_lo tcp dport @ports counter drop
END
'
  # shellcheck disable=SC2016
  n_reject='"$1" -f - <<END
add rule netdev vmchaos_try out_lo tcp dport @ports counter reject with tcp reset
add rule netdev vmchaos_try out_lo meta l4proto udp counter reject with icmpx port-unreachable
END
'
  [ -n "$REJECTS" ] || n_reject=
  # shellcheck disable=SC2016
  n_seen=$(elsewhere "$n_script$n_reject"'"$1" -j list table netdev vmchaos_try' "$NFT")
  case $n_seen in *'"egress"'*'"ingress"'*'"drop"'*'"drop"'*) NFT_WORKS=true ;; esac
  case $REJECTS$n_seen in false*'"reject"'*'"reject"'*) REJECTS=true ;; esac
}

# Whether tc has flower filters that drop, for both directions of a device.
try_flower() {
  # shellcheck disable=SC2016  # expanded by the inner shell
  n_script='"$1" qdisc add dev lo clsact
"$1" filter add dev lo ingress protocol ip pref 28672 handle 0x70000001 flower ip_proto tcp dst_port 53 action drop
"$1" filter add dev lo egress protocol ip pref 28672 handle 0x70000001 flower ip_proto tcp dst_port 53 action drop
"$1" -j filter show dev lo ingress
"$1" -j filter show dev lo egress'
  FLOWER=false
  for n_try in first second; do
    case $(elsewhere "$n_script" "$TC") in *'"flower"'*'"drop"'*"$NL"*'"flower"'*'"drop"'*) FLOWER=true && return ;; esac
    [ "$n_try" = second ] || load_modules sch_ingress cls_flower act_gact
  done
}

# Why a VM cannot have its filter -> REFUSAL; succeeds when it can.
engine_or_refusal() {
  case $KIND in
    tc)
      flower_count
      [ $((COUNT * VMS)) -gt "$FILTERS_MOST" ] || return 0
      refusal no-engine "tc would need $((COUNT * VMS)) flower filters on this node, which are more than $FILTERS_MOST; nft takes any number"
      return 1
      ;;
    ?*) return 0 ;;
  esac
  case $ASKED-$NFT_WORKS-$REJECTS in
    nft-false-*)
      [ -n "$NFT" ] || { refusal no-tool 'not found in the image: nft' && return 1; }
      refusal no-engine 'the kernel or nft has no netdev hooks for both directions'
      ;;
    *-true-false) refusal no-reject 'nft cannot reject in netdev chains of this kernel' ;;
    auto-false-false) refusal no-reject 'reject needs nft with netdev hooks for both directions, which this node does not have' ;;
    tc-*) refusal no-engine 'tc has no flower filters or no drop action, and they could not be loaded' ;;
    *) refusal no-engine 'neither nft with netdev hooks for both directions nor tc with flower filters' ;;
  esac
  return 1
}
