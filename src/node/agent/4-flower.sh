# The engine tc: flower filters on a clsact qdisc, one for each port and peer. A filter is a run's if the upper half of its
# handle is the run's number and its preference that number, too (for IPv4; 0x1000 more for IPv6, 0x2000 for VLAN tags,
# because one preference cannot hold two protocols).

# The filters on device $1 -> FILTERS, records of HOOK/PREFERENCE/KIND/NUMBER without doubles (NUMBER `-` if it does not
# agree), and whose they are: FOREIGN or ANOTHER run's. Fails when the kernel cannot be asked.
filters_on() {
  FILTERS=''
  for w_hook in ingress egress; do
    w_text=$(ask "$TC" filter show dev "$1" "$w_hook") || return 1
    [ -n "$w_text" ] || continue
    while read -r w_pref w_kind w_number; do
      case $w_kind-$w_number in
        '-' | flower-list) continue ;;
        flower-7*) is_pref_of "$w_pref" "$w_number" || w_number=- ;;
      esac
      case $w_number in 7*) ANOTHER="flower $w_number:" ;; *) w_number=- FOREIGN="a $w_kind filter" ;; esac
      FILTERS="$FILTERS $w_hook/$w_pref/$w_kind/$w_number"
    done <<END
$(printf '%s\n' "$w_text" | sed -n -e 's/^filter .*pref \([0-9]*\) flower .*handle 0x\(7[0-9a-f]\{3\}\)[0-9a-f]\{4\}\( .*\)*$/\1 flower \2/p' -e t \
  -e 's/^filter .*pref \([0-9]*\) \([^ ]*\) .*handle .*/\1 \2 -/p' -e t -e 's/^filter .*pref \([0-9]*\) \([^ ]*\).*/\1 \2 list/p' | sort -u)
END
  done
}

is_pref_of() { # PREFERENCE NUMBER
  case $1 in "$((0x$2))" | "$((0x$2 + 0x1000))" | "$((0x$2 + 0x2000))") return 0 ;; esac
  return 1
}

# Whether the clsact qdisc of device $1 carries filters of this program, and nothing else.
only_marked() {
  FOREIGN='' ANOTHER=''
  filters_on "$1" && [ -z "$FOREIGN" ] && [ -n "$FILTERS" ]
}

# More are not read back in reasonable time, nor fit twice into the scratch directory.
FILTERS_MOST=32000

# How many filters the VM whose plan is loaded needs -> COUNT
flower_count() {
  elements "$PORTS"
  f_ports=$COUNT
  elements "$PEERS4"
  f_peers4=$COUNT
  elements "$PEERS6"
  f_peers6=$COUNT
  COUNT=0
  for f_own in $OWNED; do
    rules_for "$f_own"
    while read -r f_match; do
      f_one=1
      case $f_match in *@ports*) f_one=$f_ports ;; esac
      case $f_match in *@peers4*) f_one=$((f_one * f_peers4)) ;; *@peers6*) f_one=$((f_one * f_peers6)) ;; esac
      COUNT=$((COUNT + f_one))
    done <<END
$RULES
END
  done
}

elements() { # LIST -> COUNT
  COUNT=0
  f_ifs=$IFS
  IFS=,
  for f_one in $1; do COUNT=$((COUNT + 1)); done
  IFS=$f_ifs
}

# -> COMPOSED, lines of tc, and LASTS, the number of the last filter on each hook.
flower_compose() {
  LASTS=' '
  flower_lines >"$S/compose.$VM"
  COMPOSED=$(cat "$S/compose.$VM")$NL
}

flower_lines() {
  for f_device in $DEVICES; do
    # A line that fails ends the batch: what is shown then was made by this run, and not by somebody who was faster.
    case "$BEFORE " in *" $f_device:none "*) printf 'qdisc add dev %s clsact\nqdisc show dev %s\n' "$f_device" "$f_device" ;; esac
  done
  for f_own in $OWNED; do
    f_device=${f_own%%:*} f_hook=${f_own##*:} f_count=0
    rules_for "$f_own"
    while read -r f_protocol f_match; do
      flower_filters
    done <<END
$RULES
END
    LASTS="$LASTS$f_own=$f_count "
  done
}

# One rule: a filter for each element of the sets that it names. A list without a set has one element, which is not used.
flower_filters() {
  f_peers=- f_ports=- f_pref=$((0x$MARK))
  case $f_protocol in ipv6) f_pref=$((f_pref + 0x1000)) ;; 802.1Q) f_pref=$((f_pref + 0x2000)) ;; esac
  case $f_match in *@peers4*) f_peers=$PEERS4 ;; *@peers6*) f_peers=$PEERS6 ;; esac
  case $f_match in *@ports*) f_ports=$PORTS ;; esac
  f_ifs=$IFS
  IFS=,
  for f_peer in $f_peers; do
    f_line=$f_match
    [ "$f_peer" = - ] || f_line=${f_match%%@peers*}$f_peer${f_match#*@peers?}
    for f_port in $f_ports; do
      f_count=$((f_count + 1))
      f_words=$f_line
      [ "$f_port" = - ] || f_words=${f_line%%@ports*}$f_port${f_line#*@ports}
      printf 'filter add dev %s %s protocol %s pref %s handle 0x%s%04x flower%s action drop\n' \
        "$f_device" "$f_hook" "$f_protocol" "$f_pref" "$MARK" "$f_count" "${f_words:+ $f_words}"
    done
  done
  IFS=$f_ifs
}

# Lines were made in order, and the first that failed was the last: where the last filter is, all are.
flower_look() {
  READ='' OURS=''
  for f_own in $OWNED; do
    f_device=${f_own%%:*} f_hook=${f_own##*:}
    f_json=$(ask "$TC" -s -j filter show dev "$f_device" "$f_hook")
    case $f_json in *[!\ -~]*) return 1 ;; '['*']') ;; *) return 1 ;; esac
    READ="$READ${READ:+,}\"$f_device $f_hook\":$f_json"
    # A keeper that stands in has composed nothing, and asks for nothing but what is there.
    case $LASTS in *" $f_own="*) f_last=${LASTS#*" $f_own="} ;; *) f_last=0 ;; esac
    f_last=$((0x${MARK}0000 + ${f_last%% *}))
    case $f_json in *"\"handle\":$f_last,"* | *"\"handle\":$f_last}"*) OURS="$OURS $f_own" ;; esac
  done
}

# Whether this run has made the clsact qdisc of device $1: where all of its filters were, or one of them, or where the
# batch got past making it.
flower_made() {
  case "$BEFORE " in *" $1:none "*) ;; *) return 1 ;; esac
  [ ! -e "$S/event.$VM.injected" ] || return 0
  case "$SEEN " in *" $1 "*) return 0 ;; esac
  slurp "$S/applied.$VM" || return 1
  for m_device in $DEVICES; do
    case "$BEFORE " in *" $m_device:none "*) ;; *) continue ;; esac
    [ -n "$TEXT" ] || return 1
    [ "$m_device" != "$1" ] || return 0
    case $TEXT in *"$NL"*) TEXT=${TEXT#*"$NL"} ;; *) TEXT= ;; esac
  done
  return 1
}

# The filters first. A clsact qdisc goes only if this run has made it and nothing is on it any more.
flower_take_out() {
  if [ ! -e "$S/event.$VM.injected" ]; then
    for f_device in $DEVICES; do
      filters_on "$f_device" || continue
      case $FILTERS in *"/flower/$MARK"*) SEEN="$SEEN $f_device" ;; esac
    done
  fi
  f_text='' f_nothing=''
  for f_own in $OWNED; do
    f_hook="dev ${f_own%%:*} ${f_own##*:}"
    for f_more in 0 0x1000 0x2000; do
      f_text="${f_text}filter del $f_hook pref $((0x$MARK + f_more))$NL"
    done
  done
  for f_device in $DEVICES; do
    f_text="${f_text}filter show dev $f_device ingress${NL}filter show dev $f_device egress$NL"
    f_nothing="$f_nothing${f_nothing:+$NL}[]${NL}[]"
  done
  batch "$f_text"
  f_empty=
  for f_device in $DEVICES; do
    [ "$OUT" = "$f_nothing" ] || { filters_on "$f_device" && [ -z "$FILTERS" ]; } || continue
    ! flower_made "$f_device" || f_empty="${f_empty}qdisc del dev $f_device clsact$NL"
  done
  [ -z "$f_empty" ] || batch "$f_empty"
  cut_after
}
