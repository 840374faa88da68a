# The lines of a plan that are of the whole node: what a filter matches, once for all VMs. Every word of a rule is one of
# those below: neither of the tools can be made to do anything else by it.

# One line's words, before the first VM -> ASKED REJECT MARK PORTS PEERS4 PEERS6 NFT_IN NFT_OUT TC_IN TC_OUT, or p_bad.
check_node() {
  [ "$VMS" = 0 ] || { p_bad='a line of the whole node after the first VM' && return; }
  case $1 in
    engine)
      case "$ASKED$#-$2-${3:-}" in
        2-auto- | 2-nft- | 2-tc- | 2-any- | 3-auto-reject | 3-nft-reject | 3-any-reject) ASKED=$2 REJECT=${3:-} ;;
        *) p_bad='not an engine' ;;
      esac
      ;;
    mark) case $MARK$#-$2 in 2-7[0-9a-f][0-9a-f][0-9a-f]:) MARK=${2%:} ;; *) p_bad='not a handle of a run' ;; esac ;;
    ports) case $PORTS$#-$2, in 2-*[!0-9,-]* | *,,* | [!2]* | 2-,*) p_bad='not a list of ports' ;; *) PORTS=$2 ;; esac ;;
    peers4) case $PEERS4$#-$2, in 2-*[!0-9./,]* | *,,* | [!2]* | 2-,*) p_bad='not a list of peers' ;; *) PEERS4=$2 ;; esac ;;
    peers6) case $PEERS6$#-$2, in 2-*[!0-9a-fA-F.:/,]* | *,,* | [!2]* | 2-,*) p_bad='not a list of peers' ;; *) PEERS6=$2 ;; esac ;;
    nft | tc)
      n_engine=$1 n_direction=${2:-}
      case $n_direction in in | out) ;; *) p_bad='neither in nor out' && return ;; esac
      shift 2
      if [ "$n_engine" = nft ]; then check_nft_rule "$@"; else check_flower_rule "$@"; fi
      case $n_engine-$n_direction in
        nft-in) NFT_IN=$NFT_IN$*$NL ;;
        nft-out) NFT_OUT=$NFT_OUT$*$NL ;;
        tc-in) TC_IN=$TC_IN$*$NL ;;
        tc-out) TC_OUT=$TC_OUT$*$NL ;;
      esac
      ;;
  esac
}

# A set that a rule names has to be there.
check_set() {
  case $1 in
    @ports) [ -n "$PORTS" ] || p_bad='a set that is not in the plan' ;;
    @peers4) [ -n "$PEERS4" ] || p_bad='a set that is not in the plan' ;;
    @peers6) [ -n "$PEERS6" ] || p_bad='a set that is not in the plan' ;;
  esac
}

# Matches, then a counter and one verdict.
check_nft_rule() {
  case "$*" in
    *'counter drop' | *'counter reject with tcp reset' | *'counter reject with icmpx port-unreachable') n_matches="$*" ;;
    *) p_bad='not a rule that ends in a counter and a verdict' && return ;;
  esac
  for n_word in ${n_matches%counter *}; do
    case $n_word in
      @ports | @peers4 | @peers6) check_set "$n_word" ;;
      ip | ip6 | saddr | daddr | meta | l4proto | protocol | tcp | udp | sctp | th | dport) ;;
      icmp | icmpv6 | ipv6-icmp | type | vlan | 8021q | '{' | '}' | '!=' | 133-137) ;;
      ip, | ip6, | tcp, | udp, | sctp, | icmp, | icmpv6, | ipv6-icmp, | vlan, | 8021q,) ;;
      *) p_bad='a word that no rule of a filter has' ;;
    esac
  done
}

# PROTOCOL, then pairs of KEY VALUE.
check_flower_rule() {
  case ${1:-} in ip | ipv6 | 802.1Q) ;; *) p_bad='not a protocol' && return ;; esac
  shift
  while [ $# -gt 0 ]; do
    case "$1 ${2:-}" in
      'ip_proto tcp' | 'ip_proto udp' | 'ip_proto sctp' | 'ip_proto icmp' | 'ip_proto icmpv6') ;;
      'vlan_ethtype ip' | 'vlan_ethtype ipv6') ;;
      'dst_port @ports' | [sd][rs][ct]'_ip @peers4' | [sd][rs][ct]'_ip @peers6') check_set "$2" ;;
      'type '[0-9]*) case $2 in */*/* | *[!0-9a-fx/]*) p_bad='not a number and a mask' ;; esac ;;
      *) p_bad='a match that no rule of a filter has' ;;
    esac
    [ $# -ge 2 ] || return
    shift 2
  done
}
