# The engine nft: one table a run, and one a device that is the lock on it; all of a VM in one transaction.

# What `nft list chains netdev` says -> TABLES, CHAINS (records of TABLE:CHAIN) and HOOKED (records of DEVICE:TABLE). In
# words: some versions leave the device out of the JSON of a chain. Fails when the kernel cannot be asked.
nft_scan() {
  TABLES=' ' CHAINS=' ' HOOKED=' '
  n_text=$(ask "$NFT" list chains netdev) || return 1
  while read -r n_word n_one n_two n_hook n_rest; do
    case $n_word in
      table)
        n_table=$n_two
        TABLES="$TABLES$n_table "
        ;;
      chain) CHAINS="$CHAINS$n_table:$n_one " ;;
      type)
        # type filter hook egress device "tap0" priority 0; or: devices = { tap0, eth0 }
        for n_device in ${n_rest%%priority*}; do
          case $n_device in device | devices | = | '{' | '}') continue ;; esac
          n_device=${n_device%,}
          n_device=${n_device#\"}
          HOOKED="$HOOKED${n_device%\"}:$n_table "
        done
        ;;
    esac
  done <<END
$n_text
END
}

# Whose nft tables hook device $1 -> FOREIGN, or ANOTHER run's lock or table. The run of OURS is neither.
nft_hooks_of() {
  FOREIGN='' ANOTHER=''
  for n_one in $HOOKED; do
    n_table=${n_one#*:}
    # A name may be a pattern: "tap*".
    # shellcheck disable=SC2254
    case $1 in ${n_one%%:*}) ;; *) continue ;; esac
    case $n_table in vmchaos_*) ANOTHER="nft table $n_table" ;; *) FOREIGN="the nft table $n_table" ;; esac
  done
  case $TABLES in *" vmchaos_lock_$1 "*)
      ANOTHER="nft table vmchaos_lock_$1"
      for n_one in $CHAINS; do
        case $n_one in "vmchaos_lock_$1:"*) ANOTHER="nft table ${n_one#*:}" ;; esac
      done
      ;;
  esac
}

# The transaction -> COMPOSED. What another run has made already makes all of it fail.
nft_compose() {
  COMPOSED="create table netdev vmchaos_$RUN$NL"
  nft_set ports inet_service "$PORTS"
  nft_set peers4 ipv4_addr "$PEERS4"
  nft_set peers6 ipv6_addr "$PEERS6"
  for n_device in $DEVICES; do
    COMPOSED="${COMPOSED}create table netdev vmchaos_lock_$n_device${NL}add chain netdev vmchaos_lock_$n_device vmchaos_$RUN$NL"
  done
  for n_own in $OWNED; do
    n_device=${n_own%%:*} n_hook=${n_own##*:}
    n_direction=${n_own#*:}
    n_direction=${n_direction%:*}
    n_chain=${n_direction}_$n_device
    COMPOSED="${COMPOSED}add chain netdev vmchaos_$RUN $n_chain { type filter hook $n_hook device \"$n_device\" priority -500; policy accept; }$NL"
    rules_for "$n_own"
    while read -r n_rule; do
      COMPOSED="${COMPOSED}add rule netdev vmchaos_$RUN $n_chain $n_rule$NL"
    done <<END
$RULES
END
  done
}

nft_set() { # NAME TYPE LIST
  [ -n "$3" ] || return 0
  n_list=
  n_ifs=$IFS
  IFS=,
  for n_one in $3; do n_list="$n_list${n_list:+, }$n_one"; done
  IFS=$n_ifs
  COMPOSED="${COMPOSED}add set netdev vmchaos_$RUN $1 { type $2; flags interval; auto-merge; elements = { $n_list }; }$NL"
}

# By a process of its own: one that writes shows what it has not committed, too.
nft_look() {
  READ='' OURS=''
  n_json=$(ask "$NFT" -j list table netdev "vmchaos_$RUN")
  case $n_json in
    *[!\ -~]*) return 1 ;;
    '{"nftables":'*'}') ;;
    *)
      # It is not there only if the kernel says which tables are.
      nft_scan || return 1
      case $TABLES in *" vmchaos_$RUN "*) return 1 ;; esac
      n_json='{"nftables":[]}'
      ;;
  esac
  READ="\"nft\":$n_json"
  for n_own in $OWNED; do
    n_chain=${n_own#*:}
    n_chain=${n_chain%:*}_${n_own%%:*}
    case $n_json in *"\"name\": \"$n_chain\""* | *"\"name\":\"$n_chain\""*) OURS="$OURS $n_own" ;; esac
  done
}

# All at once, which fails if anything of it is missing or a lock is another run's; then what is there, one by one.
nft_take_out() {
  n_locks=
  if [ "$1" = 1 ]; then
    for n_device in $DEVICES; do n_locks=$n_locks$(nft_unlock "$n_device")$NL; done
    nft_delete "delete table netdev vmchaos_$RUN$NL$n_locks"
  else
    nft_delete "delete table netdev vmchaos_$RUN$NL"
    for n_device in $DEVICES; do nft_delete "$(nft_unlock "$n_device")$NL"; done
  fi
  cut_after
}

# That the run's chain can be deleted says whose lock it is.
nft_unlock() {
  printf 'delete chain netdev vmchaos_lock_%s vmchaos_%s\ndelete table netdev vmchaos_lock_%s\n' "$1" "$RUN" "$1"
}

nft_delete() {
  printf '%s' "$1" | there "$NFT" -f -
}
