# The flower filters of the fake tc. FAKE_NETNS.d/DEVICE.filters is what was done, a line each, so that a thousand filters need
# no thousand files: `add HOOK PREF HANDLE PROTOCOL SINCE KIND KEYS` (since: uptime in seconds; keys: as in
# JSON), `del HOOK PREF`.

# filter add|del|show dev DEVICE ingress|egress ...
function filter(  device, i, code) {
  if (word[3] != "dev" || word[5] !~ /^(ingress|egress)$/) return unknown()
  device = word[4]
  if (!load(device)) { complain("Cannot find device \"" device "\""); return 1 }
  if (word[2] == "show" && count == 5) return show_filters(device, word[5])
  if (word[2] == "del" && word[6] == "pref" && count == 7) return del_filter(device)
  if (word[2] != "add" || word[6] " " word[8] != "protocol pref" || word[7] !~ /^(all|ip|ipv6|802[.]1Q)$/) return unknown()
  if (word[10] " " word[11] " " word[12] " " count == "matchall action pass 12") return add_filter(device, "0x1", "matchall")
  i = word[10] == "handle" && word[11] ~ /^0x[0-9a-f]+$/ ? 12 : 10
  if (word[i] != "flower" || word[count - 1] " " word[count] != "action drop") return unknown()
  code = parse_keys(word[7], rest(i + 1, count - 2))
  return code ? code : add_filter(device, i == 12 ? word[11] : "0x1", "flower")
}

function rest(from, to,  i, text) {
  for (i = from; i <= to; i++) text = text (i > from ? " " : "") word[i]
  return text
}

function refuse_filter(text) {
  complain(text)
  complain("We have an error talking to the kernel")
  return 2
}

# All filters of a device -> filters, f_hook[] and so on; taken[HOOK PREF HANDLE], taken[HOOK PREF KEYS],
# protocol_of[HOOK PREF].
function load_filters(device,  text, part, n, i) {
  filters = 0
  split("", taken)
  split("", protocol_of)
  free_actions()
  while ((getline text < (space device ".filters")) > 0) {
    n = split(text, part, " ")
    if (part[1] == "del") {
      for (i = 1; i <= filters; i++) if (f_hook[i] == part[2] && f_pref[i] == part[3]) {
        delete taken[part[2] " " part[3] " " f_handle[i]]
        delete taken[part[2] " " part[3] " " f_keys[i]]
        f_hook[i] = ""
      }
      delete protocol_of[part[2] " " part[3]]
      free_actions()
    } else keep_filter(part[2], part[3], part[4], part[5], part[6], part[7], part[8])
  }
  close(space device ".filters")
  loaded = device
}

function keep_filter(on, pref, number, protocol, began, kind_, keys_) {
  f_hook[++filters] = on; f_pref[filters] = pref; f_handle[filters] = number; f_protocol[filters] = protocol; f_since[filters] = began
  f_kind[filters] = kind_; f_keys[filters] = keys_; f_action[filters] = free_action()
  taken[on " " pref " " number] = taken[on " " pref " " keys_] = 1
  protocol_of[on " " pref] = protocol
}

# The kernel gives an action the lowest number that is free.
function free_actions(  i) {
  split("", used_action)
  last_action = 0
  for (i = 1; i <= filters; i++) if (f_hook[i] != "") used_action[f_action[i]] = 1
}

function free_action() {
  for (last_action++; last_action in used_action; last_action++) continue
  used_action[last_action] = 1
  return last_action
}

function write_filter(device, text) {
  print text >> (space device ".filters")
  close(space device ".filters")
}

function uptime(  text, part) {
  getline text < "/proc/uptime"
  close("/proc/uptime")
  split(text, part, " ")
  return part[1]
}

function add_filter(device, number, kind_,  key, began) {
  if (extra != "clsact") return refuse_filter("Error: Parent Qdisc doesn't exists.")
  if (!has("flower")) return refuse_filter("Error: TC classifier not found.")
  if (loaded != device) load_filters(device)
  key = word[5] " " word[9]
  if (key in protocol_of && protocol_of[key] != word[7]) return refuse_filter("Error: Filter with specified priority/protocol not found.")
  if ((key " " number) in taken) return refuse_filter("Error: Filter already exists.")
  if (kind_ == "matchall") keys_json = "-"
  if ((key " " keys_json) in taken) return refuse_filter("RTNETLINK answers: File exists")
  began = uptime()
  keep_filter(word[5], word[9], number, word[7], began, kind_, keys_json)
  write_filter(device, "add " key " " number " " word[7] " " began " " kind_ " " keys_json)
  return 0
}

function del_filter(device) {
  if (extra != "clsact") return refuse_filter("Error: Parent Qdisc doesn't exists.")
  load_filters(device)
  if (!((word[5] " " word[7]) in protocol_of)) return refuse_filter("Error: Cannot find specified filter chain.")
  write_filter(device, "del " word[5] " " word[7])
  loaded = ""
  return 0
}

# The practice network sends ten packets a second on each hook, a TCP SYN of 60 bytes each, which the first filter matches,
# so that a fault is seen to hit something. Nothing is sent for real.
function show_filters(device, on,  i, j, n, prefs, last, moment, seen, head, first_one) {
  load_filters(device)
  moment = uptime()
  for (i = 1; i <= filters; i++) if (f_hook[i] == on && f_pref[i] != last) {
    last = f_pref[i]
    for (j = 1; j <= n && prefs[j] != last; j++) continue
    if (j <= n) continue
    for (j = ++n; j > 1 && prefs[j - 1] + 0 > last + 0; j--) prefs[j] = prefs[j - 1]
    prefs[j] = last
  }
  if (json) printf "["
  for (j = 1; j <= n; j++) {
    first_one = 1
    for (i = 1; i <= filters; i++) if (f_hook[i] == on && f_pref[i] == prefs[j]) {
      head = "\"protocol\":\"" f_protocol[i] "\",\"pref\":" f_pref[i] ",\"kind\":\"" f_kind[i] "\",\"chain\":0"
      if (first_one && json) printf "%s{%s}", (j > 1 ? "," : ""), head
      if (first_one && !json) print "filter protocol " f_protocol[i] " pref " f_pref[i] " " f_kind[i] " chain 0 "
      seen = first_one && j == 1 ? int((moment - f_since[i]) * 10) : 0
      first_one = 0
      if (!json) filter_text(i, int(moment - f_since[i]), seen)
      else printf ",{%s,\"options\":{\"handle\":%s,%s\"actions\":[%s]}}", head, decimal(f_handle[i]), options(i), action(i, int(moment - f_since[i]), seen)
    }
  }
  if (json) print "]"
  return 0
}

function options(i) {
  return (f_kind[i] == "flower" ? "\"keys\":{" f_keys[i] "}," : "") "\"not_in_hw\":true," (f_kind[i] == "matchall" && stats ? "\"rule_hit\":0," : "")
}

function verdict(i) { return f_kind[i] == "flower" ? "drop" : "pass" }

function action(i, age, seen) {
  return "{\"order\":1,\"kind\":\"gact\",\"control_action\":{\"type\":\"" verdict(i) "\"},\"prob\":{\"random_type\":\"none\",\"control_action\":{\"type\":\"pass\"},\"val\":0},\"index\":" f_action[i] ",\"ref\":1,\"bind\":1" (stats ? ",\"installed\":" age ",\"last_used\":" age ",\"stats\":{\"bytes\":" seen * 60 ",\"packets\":" seen ",\"drops\":" seen ",\"overlimits\":0,\"requeues\":0,\"backlog\":0,\"qlen\":0}" : "") "}"
}

function filter_text(i, age, seen,  text, part, n, j) {
  print "filter protocol " f_protocol[i] " pref " f_pref[i] " " f_kind[i] " chain 0 handle " f_handle[i] " "
  text = f_keys[i]
  gsub(/["}]/, "", text)
  gsub(/[{]start:/, "", text)
  gsub(/,end:/, "-", text)
  n = f_kind[i] == "flower" ? split(text, part, ",") : 0
  # An address has colons, too.
  for (j = 1; j <= n; j++) { sub(/:/, " ", part[j]); print "  " part[j] }
  print "  not_in_hw"
  print "\taction order 1: gact action " verdict(i)
  print "\t random type none pass val 0"
  print "\t index " f_action[i] " ref 1 bind 1" (stats ? " installed " age " sec used " age " sec" : "")
  if (stats) { print "\tAction statistics:"; print "\tSent " seen * 60 " bytes " seen " pkt (dropped " seen ", overlimits 0 requeues 0) "; print "\tbacklog 0b 0p requeues 0" }
  print ""
}

# Match words in pairs -> keys_json, the keys in the order in which tc prints them; else what tc ends with.
function parse_keys(protocol, text,  part, n, i, key, order) {
  split("", key)
  if (protocol == "ip") key["eth_type"] = "\"ipv4\""
  if (protocol == "ipv6") key["eth_type"] = "\"ipv6\""
  n = split(text, part, " ")
  for (i = 1; i <= n; i += 2) {
    text = part[i + 1]
    if (part[i] == "dst_port") {
      if (key["ip_proto"] !~ /tcp|udp|sctp/ || !is_port(text)) return illegal("dst_port")
      if (split(text, order, "-") == 2) text = "{\"start\":" order[1] ",\"end\":" order[2] "}"
      key["dst_port"] = text
    } else if (part[i] == "ip_proto") {
      if (text !~ /^(tcp|udp|sctp|icmp|icmpv6)$/) return illegal("ip_proto")
      key["ip_proto"] = "\"" text "\""
    } else if (part[i] == "vlan_ethtype" && text ~ /^(ip|ipv6)$/) {
      key["vlan_ethtype"] = "\"" text "\""
      key["eth_type"] = text == "ip" ? "\"ipv4\"" : "\"ipv6\""
    } else if (part[i] == "type" && text ~ /^[0-9]+(\/[0-9]+)?$/) {
      # Of a mask that leaves nothing open nothing is shown.
      sub(/\/255$/, "", text)
      key["icmp_type"] = "\"" text "\""
    } else if (part[i] ~ /^(src_ip|dst_ip)$/ && text ~ /^[0-9a-f.:]+(\/[0-9]+)?$/) {
      sub(/\/(32|128)$/, "", text)
      key[part[i]] = "\"" text "\""
    } else return unknown()
  }
  keys_json = ""
  n = split("vlan_ethtype eth_type ip_proto dst_ip src_ip dst_port icmp_type", order, " ")
  for (i = 1; i <= n; i++) if (key[order[i]] != "") keys_json = keys_json (keys_json == "" ? "" : ",") "\"" order[i] "\":" key[order[i]]
  if (keys_json == "") return unknown()
  return 0
}

function is_port(text,  part, n) {
  n = split(text, part, "-")
  return text ~ /^[0-9]+(-[0-9]+)?$/ && part[1] > 0 && part[n] + 0 <= 65535 && part[1] + 0 <= part[n] + 0
}

function illegal(name) { complain("Illegal \"" name "\""); return 1 }

function decimal(text,  i, number) {
  for (i = 3; i <= length(text); i++) number = number * 16 + index("123456789abcdef", substr(text, i, 1))
  return number
}
