# The flower filters of the fake tc. FAKE_NETNS.d/DEVICE.filters is what was done, a line each, so that a thousand filters need
# no thousand files: `add HOOK PREF HANDLE PROTOCOL SINCE WORDS` (since: uptime in seconds), `del HOOK PREF`.

# filter add|del|show dev DEVICE ingress|egress ...
function filter(  device) {
  if (word[3] != "dev" || word[5] !~ /^(ingress|egress)$/) return unknown()
  device = word[4]
  if (!load(device)) { complain("Cannot find device \"" device "\""); return 1 }
  if (word[2] == "show" && count == 5) return show_filters(device, word[5])
  if (word[2] == "del" && word[6] == "pref" && count == 7) return del_filter(device)
  if (word[2] != "add" || word[6] " " word[8] " " word[10] " " word[12] != "protocol pref handle flower") return unknown()
  if (word[7] !~ /^(ip|ipv6|802[.]1Q)$/ || word[11] !~ /^0x[0-9a-f]+$/ || word[count - 1] " " word[count] != "action drop") return unknown()
  if (keys(word[7], rest(13, count - 2)) == "") return unknown()
  return add_filter(device)
}

function rest(from, to,  i, text) {
  for (i = from; i <= to; i++) text = text (i > from ? " " : "") word[i]
  return text
}

function refuse_filter(text) {
  complain("Error: " text)
  complain("We have an error talking to the kernel")
  return 2
}

# All filters of a device -> filters, f_hook[] and so on; taken[HOOK PREF HANDLE], protocol_of[HOOK PREF].
function load_filters(device,  text, part, n, i) {
  filters = 0
  split("", taken)
  split("", protocol_of)
  while ((getline text < (space device ".filters")) > 0) {
    n = split(text, part, " ")
    if (part[1] == "del") {
      for (i = 1; i <= filters; i++) if (f_hook[i] == part[2] && f_pref[i] == part[3]) { delete taken[part[2] " " part[3] " " f_handle[i]]; f_hook[i] = "" }
      delete protocol_of[part[2] " " part[3]]
      continue
    }
    for (i = 8; i <= n; i++) part[7] = part[7] " " part[i]
    keep_filter(part[2], part[3], part[4], part[5], part[6], part[7])
  }
  close(space device ".filters")
  loaded = device
}

function keep_filter(on, pref, number, protocol, began, words_) {
  f_hook[++filters] = on; f_pref[filters] = pref; f_handle[filters] = number; f_protocol[filters] = protocol; f_since[filters] = began; f_words[filters] = words_
  taken[on " " pref " " number] = 1
  protocol_of[on " " pref] = protocol
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

function add_filter(device,  key, began) {
  if (extra != "clsact") return refuse_filter("Parent Qdisc doesn't exists.")
  if (!has("flower")) return refuse_filter("TC classifier not found.")
  if (loaded != device) load_filters(device)
  key = word[5] " " word[9]
  if (key in protocol_of && protocol_of[key] != word[7]) return refuse_filter("Specified filter protocol does not match existing one.")
  if ((key " " word[11]) in taken) return refuse_filter("Filter already exists.")
  began = uptime()
  keep_filter(word[5], word[9], word[11], word[7], began, rest(13, count - 2))
  write_filter(device, "add " key " " word[11] " " word[7] " " began " " rest(13, count - 2))
  return 0
}

function del_filter(device) {
  if (extra != "clsact") return refuse_filter("Parent Qdisc doesn't exists.")
  load_filters(device)
  if (!((word[5] " " word[7]) in protocol_of)) return refuse_filter("Cannot find specified filter chain.")
  write_filter(device, "del " word[5] " " word[7])
  loaded = ""
  return 0
}

# The practice network sends ten packets a second to every filter that is in place, a TCP SYN of 60 bytes each, so that a
# fault is seen to hit something. Nothing is sent for real.
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
      head = "\"protocol\":\"" f_protocol[i] "\",\"pref\":" f_pref[i] ",\"kind\":\"flower\",\"chain\":0"
      if (first_one && json) printf "%s{%s}", (j > 1 ? "," : ""), head
      if (first_one && !json) print "filter protocol " f_protocol[i] " pref " f_pref[i] " flower chain 0 "
      first_one = 0
      seen = int((moment - f_since[i]) * 10)
      if (!json) filter_text(i, int(moment - f_since[i]), seen)
      else printf ",{%s,\"options\":{\"handle\":%s,\"keys\":{%s},\"not_in_hw\":true,\"actions\":[%s]}}", head, decimal(f_handle[i]), keys(f_protocol[i], f_words[i]), action(i, int(moment - f_since[i]), seen)
    }
  }
  if (json) print "]"
  return 0
}

function action(i, age, seen) {
  return "{\"order\":1,\"kind\":\"gact\",\"control_action\":{\"type\":\"drop\"},\"prob\":{\"random_type\":\"none\",\"control_action\":{\"type\":\"pass\"},\"val\":0},\"index\":" i ",\"ref\":1,\"bind\":1" (stats ? ",\"installed\":" age ",\"last_used\":" age ",\"stats\":{\"bytes\":" seen * 60 ",\"packets\":" seen ",\"drops\":" seen ",\"overlimits\":0,\"requeues\":0,\"backlog\":0,\"qlen\":0}" : "") "}"
}

function filter_text(i, age, seen,  text, part, n, j) {
  print "filter protocol " f_protocol[i] " pref " f_pref[i] " flower chain 0 handle " f_handle[i] " "
  text = keys(f_protocol[i], f_words[i])
  gsub(/"/, "", text)
  gsub(/[{]start:/, "", text)
  gsub(/,end:/, "-", text)
  gsub(/[}]/, "", text)
  n = split(text, part, ",")
  for (j = 1; j <= n; j++) { sub(/:/, " ", part[j]); print "  " part[j] }
  print "  not_in_hw"
  print "\taction order 1: gact action drop"
  print "\t random type none pass val 0"
  print "\t index " i " ref 1 bind 1" (stats ? " installed " age " sec used " age " sec" : "")
  if (stats) { print "\tAction statistics:"; print "\tSent " seen * 60 " bytes " seen " pkt (dropped " seen ", overlimits 0 requeues 0) "; print "\tbacklog 0b 0p requeues 0" }
  print ""
}

# Match words in pairs -> the keys as tc prints them in JSON; empty for what has no transcript.
function keys(protocol, text,  part, n, i, out) {
  out = protocol == "ip" ? "\"eth_type\":\"ipv4\"" : protocol == "ipv6" ? "\"eth_type\":\"ipv6\"" : ""
  n = split(text, part, " ")
  for (i = 1; i <= n; i += 2) out = out (out == "" ? "" : ",") key(part[i], part[i + 1])
  return out ~ /,$|^$|,,/ ? "" : out
}

function key(name, text,  part) {
  if (name == "dst_port" && text ~ /^[0-9]+$/) return "\"dst_port\":" text
  if (name == "dst_port" && text ~ /^[0-9]+-[0-9]+$/) { split(text, part, "-"); return "\"dst_port\":{\"start\":" part[1] ",\"end\":" part[2] "}" }
  if (name == "vlan_ethtype" && text ~ /^(ip|ipv6)$/) return "\"vlan_ethtype\":\"" text "\",\"eth_type\":\"" (text == "ip" ? "ipv4" : text) "\""
  if (name == "type" && text ~ /^[0-9]+(\/[0-9]+)?$/) return "\"icmp_type\":\"" text "\""
  if (name == "ip_proto" && text ~ /^(tcp|udp|sctp|icmp|icmpv6)$/) return "\"ip_proto\":\"" text "\""
  if (name ~ /^(src_ip|dst_ip)$/ && text ~ /^[0-9a-z.:\/]+$/) return "\"" name "\":\"" text "\""
  return ""
}

function decimal(text,  i, number) {
  for (i = 3; i <= length(text); i++) number = number * 16 + index("123456789abcdef", substr(text, i, 1))
  return number
}
