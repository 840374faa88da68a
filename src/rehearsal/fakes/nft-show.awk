# What the fake nft prints, as text and as JSON, of what nft.awk has loaded.

# The practice network sends this many packets a second on each hook, a TCP SYN of 60 bytes each, which the first rule
# matches, so that a fault is seen to hit something. Nothing is sent for real.
function packets(began) { return int((uptime() - began) * 10) }

function list(  i, j, n, out) {
  if (word[2] == "tables" && (count == 2 || (count == 3 && word[3] == "netdev"))) {
    for (i = 1; i <= tables; i++) if (table[i] != "") {
      if (json) out = out ", " table_json(table[i])
      else print "table netdev " table[i]
    }
    return whole(out)
  }
  if (word[2] == "chains" && count == 3 && word[3] == "netdev") {
    for (i = 1; i <= tables; i++) if (table[i] != "") {
      if (!json) print "table netdev " table[i] " {"
      for (j = 1; j <= chains; j++) if (of(chain[j], table[i])) {
        if (json) out = out ", " chain_json(j)
        else chain_text(j)
      }
      if (!json) print "}"
    }
    return whole(out)
  }
  if (word[2] != "table" || word[3] != "netdev" || count != 4) return unknown()
  if (!(word[4] in table_handle)) return refuse("No such file or directory")
  if (!json) return unknown()
  out = ", " table_json(word[4])
  for (i = 1; i <= sets; i++) if (of(set[i], word[4])) out = out ", " set_json(i)
  for (i = 1; i <= chains; i++) if (of(chain[i], word[4])) out = out ", " chain_json(i)
  for (i = 1; i <= chains; i++) if (of(chain[i], word[4])) {
    n = 0
    for (j = 1; j <= rules; j++) if (rule[j] == chain[i]) out = out ", " rule_json(j, !n++)
  }
  return whole(out)
}

function whole(out) {
  if (json) print "{\"nftables\": [{\"metainfo\": {\"version\": \"1.0.6\", \"release_name\": \"Lester Gooch #5\", \"json_schema_version\": 1}}" out "]}"
  return 0
}

function named(thing, key,  part) {
  split(thing, part, " ")
  return "\"family\": \"netdev\", \"table\": \"" part[1] "\", \"" key "\": \"" part[2] "\""
}

function table_json(name) { return "{\"table\": {\"family\": \"netdev\", \"name\": \"" name "\", \"handle\": " table_handle[name] "}}" }

function set_json(i,  part, n, j, out) {
  n = split(elements[i], part, ",")
  for (j = 1; j <= n; j++) out = out (j > 1 ? ", " : "") element_json(set_type[i], part[j])
  split(set[i], part, " ")
  return "{\"set\": {\"family\": \"netdev\", \"name\": \"" part[2] "\", \"table\": \"" part[1] "\", \"type\": \"" set_type[i] "\", \"handle\": " set_handle[i] ", \"flags\": [\"interval\"], \"elem\": [" out "]}}"
}

function element_json(type, text,  part, quote) {
  quote = type == "inet_service" ? "" : "\""
  if (split(text, part, "-") == 2) return "{\"range\": [" quote part[1] quote ", " quote part[2] quote "]}"
  if (split(text, part, "/") == 2) return "{\"prefix\": {\"addr\": \"" part[1] "\", \"len\": " part[2] "}}"
  return quote text quote
}

# This version does not print the device.
function chain_json(i) {
  return "{\"chain\": {" named(chain[i], "name") ", \"handle\": " chain_handle[i] (hook[i] == "-" ? "" : ", \"type\": \"filter\", \"hook\": \"" hook[i] "\", \"prio\": " priority[i] ", \"policy\": \"accept\"") "}}"
}

function chain_text(i,  part, n, out) {
  split(chain[i], part, " ")
  print "\tchain " part[2] " {"
  if (hook[i] != "-") {
    n = split(devices[i], part, ",")
    if (n == 1) out = "device \"" devices[i] "\""
    else { out = devices[i]; gsub(/,/, ", ", out); out = "devices = { " out " }" }
    print "\t\ttype filter hook " hook[i] " " out " priority " order(priority[i]) "; policy accept;"
  }
  print "\t}"
}

# Priorities near that of `filter`, which is 0, are printed by it.
function order(number) {
  if (number == 0) return "filter"
  if (number > 0 && number <= 10) return "filter + " number
  if (number < 0 && number >= -10) return "filter - " (-number)
  return number
}

function rule_json(i, is_first,  seen) {
  seen = is_first ? packets(since[i]) : 0
  return "{\"rule\": {" named(rule[i], "chain") ", \"handle\": " rule_handle[i] ", \"expr\": [" expressions(body[i], seen, seen * 60) "]}}"
}

# A rule's body -> its expressions; empty for what has no transcript. Also: used (names of sets), anonymous (how many sets
# have no name), rejects.
function expressions(text, seen, bytes,  n, part, i, out, left) {
  split("", used)
  anonymous = rejects = 0
  n = split(text, part, " ")
  for (i = 1; i <= n; i++) {
    if (out != "") out = out ", "
    if (part[i] == "counter") out = out "{\"counter\": {\"packets\": " seen ", \"bytes\": " bytes "}}"
    else if (part[i] == "drop") out = out "{\"drop\": null}"
    else if (part[i] == "reject") {
      rejects = 1
      if (part[i + 1] " " part[i + 2] " " part[i + 3] == "with tcp reset") out = out "{\"reject\": {\"type\": \"tcp reset\"}}"
      else if (part[i + 1] " " part[i + 2] " " part[i + 3] == "with icmpx port-unreachable") out = out "{\"reject\": {\"type\": \"icmpx\", \"expr\": \"port-unreachable\"}}"
      else return ""
      i += 3
    } else {
      # One protocol and its port are one and the same to nft.
      if (part[i] " " part[i + 1] == "meta l4proto" && part[i + 2] ~ /^(tcp|udp|sctp)$/ && part[i + 3] == "th") { part[i + 3] = part[i + 2]; i += 3 }
      if (part[i] " " part[i + 1] ~ /^meta (l4proto|protocol)$/) left = "{\"meta\": {\"key\": \"" part[i + 1] "\"}}"
      else if (part[i] " " part[i + 1] ~ /^(ip6? [sd]addr|(tcp|udp|sctp|th) dport|icmpv6 type)$/) left = "{\"payload\": {\"protocol\": \"" part[i] "\", \"field\": \"" part[i + 1] "\"}}"
      else return ""
      type_names = part[i] == "icmpv6"
      i += 2
      out = out "{\"match\": {\"op\": \"" (part[i] == "!=" ? part[i++] : "==") "\", \"left\": " left ", \"right\": "
      if (part[i] == "{") {
        anonymous++
        out = out "{\"set\": ["
        for (i++; i <= n && part[i] != "}"; i++) { sub(/,$/, "", part[i]); out = out value(part[i]) (part[i + 1] == "}" ? "" : ", ") }
        out = out "]}"
      } else out = out value(part[i])
      if (i > n) return ""
      out = out "}}"
    }
  }
  return out
}

function value(text,  part) {
  if (text ~ /^@/) used[substr(text, 2)] = 1
  if (text ~ /^[0-9]+-[0-9]+$/) { split(text, part, "-"); return "{\"range\": [" value(part[1]) ", " value(part[2]) "]}" }
  if (text !~ /^[0-9]+$/) return "\"" text "\""
  return type_names ? icmpv6(text) : text
}

# Neighbour discovery, whose types nft prints by name.
function icmpv6(number) {
  if (number < 133 || number > 137) return number
  split("nd-router-solicit nd-router-advert nd-neighbor-solicit nd-neighbor-advert nd-redirect", type_name, " ")
  return "\"" type_name[number - 132] "\""
}
