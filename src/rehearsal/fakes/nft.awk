# The netdev tables of a namespace without a kernel. FAKE_NETNS names a namespace; FAKE_NETNS.d/nft.tables holds a line each:
#   last HANDLE                                     the last handle given to a table
#   table NAME HANDLE LAST                          with the last handle given to a thing in it
#   set TABLE NAME TYPE HANDLE ELEMENTS             sorted and merged: 53,8000-8100
#   chain TABLE NAME HANDLE HOOK DEVICES PRIORITY   `- - -` when it is on no hook
#   rule TABLE CHAIN HANDLE SINCE BODY              since: uptime in seconds
# All commands of one call are one transaction. What has no transcript of the real tool fails with 64.

BEGIN {
  space = ENVIRON["FAKE_NETNS"] ".d/"
  node = ENVIRON["VMCHAOS_TOOLS"] "/../"
  first = 1
  while (first < ARGC && ARGV[first] ~ /^-/) {
    if (ARGV[first] ~ /^(-v|-V|--version)$/) { print "nftables v1.0.6 (Lester Gooch #5)"; exit 0 }
    else if (ARGV[first] == "-j") json = 1
    else if (ARGV[first] == "-f") file = ARGV[++first]
    else fail("nft: no transcript of " ARGV[first], 64)
    first++
  }
  if (ENVIRON["FAKE_NETNS"] == "") fail("nft: no network namespace was entered", 64)
  lines = 0
  if (file == "-") file = "/dev/stdin"
  if (file != "") { while ((getline text < file) > 0) line[++lines] = text }
  else {
    for (i = first; i < ARGC; i++) text = text (i > first ? " " : "") ARGV[i]
    line[++lines] = text
  }
  # Locked: another nft may look at it meanwhile.
  while (system("mkdir '" space "nft.lock' 2>/dev/null") != 0) {
    if (system("test -d '" space "'") != 0) fail("Error: No such file or directory", 1)
    system("sleep 0.01")
  }
  load()
  code = 0
  for (number = 1; number <= lines && !code; number++) code = run(line[number])
  if (!code && changed) store()
  system("rmdir '" space "nft.lock'")
  exit code
}

function complain(text) { print text > "/dev/stderr" }
function fail(text, code) { complain(text); exit code }

function unknown() { complain("nft: no transcript of " line[number]); return 64 }

function refuse(text) {
  complain((file == "" ? "" : file ":" number ":1-" length(line[number]) ": ") "Error: " text)
  complain(line[number])
  return 1
}
function refuse_by_kernel(text) { return refuse("Could not process rule: " text) }

function has(feature,  found) {
  getline found < (node feature)
  close(node feature)
  return found != "absent"
}

function uptime(  part, text) {
  getline text < "/proc/uptime"
  close("/proc/uptime")
  split(text, part, " ")
  return part[1]
}

function load(  text, part, n, i) {
  tables = sets = chains = rules = last = 0
  while ((getline text < (space "nft.tables")) > 0) {
    n = split(text, part, " ")
    if (part[1] == "last") last = part[2]
    else if (part[1] == "table") { table[++tables] = part[2]; table_handle[part[2]] = part[3]; within[part[2]] = part[4] }
    else if (part[1] == "set") { set[++sets] = part[2] " " part[3]; set_type[sets] = part[4]; set_handle[sets] = part[5]; elements[sets] = part[6]; is_set[set[sets]] = 1 }
    else if (part[1] == "chain") add_chain(part[2], part[3], part[4], part[5], part[6], part[7])
    else {
      rule[++rules] = part[2] " " part[3]; rule_handle[rules] = part[4]; since[rules] = part[5]
      body[rules] = part[6]
      for (i = 7; i <= n; i++) body[rules] = body[rules] " " part[i]
    }
  }
  close(space "nft.tables")
}

function add_chain(in_table, name, handle, on, where, order) {
  chain[++chains] = in_table " " name; chain_handle[chains] = handle; hook[chains] = on; devices[chains] = where; priority[chains] = order
  chain_hook[chain[chains]] = on
}

function store(  file, i, part) {
  file = space "nft.tables.new"
  print "last " last > file
  for (i = 1; i <= tables; i++) if (table[i] in table_handle) print "table " table[i] " " table_handle[table[i]] " " within[table[i]] > file
  for (i = 1; i <= sets; i++) if (lives(set[i])) print "set " set[i] " " set_type[i] " " set_handle[i] " " elements[i] > file
  for (i = 1; i <= chains; i++) if (lives(chain[i])) print "chain " chain[i] " " chain_handle[i] " " hook[i] " " devices[i] " " priority[i] > file
  for (i = 1; i <= rules; i++) if (lives(rule[i])) print "rule " rule[i] " " rule_handle[i] " " since[i] " " body[i] > file
  close(file)
  system("mv '" file "' '" space "nft.tables'")
}

# Whether the table of a thing (TABLE NAME) is still there.
function lives(thing,  part) { split(thing, part, " "); return part[1] in table_handle }

# One command -> 0, or what nft ends with.
function run(text,  i) {
  gsub(/[{};]/, " & ", text)
  count = split(text, word, " ")
  if (count == 0 || word[1] ~ /^#/) return 0
  if (word[1] == "list") return list()
  # As people write it: a table with its chains in braces.
  if (word[1] " " word[2] " " word[4] " " count == "table netdev { 4") { block = word[3]; return make_table(block) }
  if (block != "" && word[1] == "}" && count == 1) { block = ""; return 0 }
  if (block != "" && word[1] == "chain") return run("add chain netdev " block substr(text, index(text, "chain") + 5))
  if (word[3] != "netdev") return unknown()
  if (word[2] == "table" && count == 4) {
    if (word[1] == "delete") return delete_table(word[4])
    if (word[1] == "create" && word[4] in table_handle) return refuse_by_kernel("File exists")
    if (word[1] == "create" || word[1] == "add") return make_table(word[4])
  }
  if (word[1] == "delete" && word[2] == "chain" && count == 5) return delete_chain(word[4], word[5])
  if (word[1] != "add") return unknown()
  if (!(word[4] in table_handle)) return refuse("No such file or directory")
  if (word[2] == "set") return make_set()
  if (word[2] == "chain") return make_chain()
  if (word[2] == "rule") return make_rule()
  return unknown()
}

function make_table(name) {
  if (name in table_handle) return 0
  table[++tables] = name
  table_handle[name] = ++last
  within[name] = 0
  changed = 1
  return 0
}

function delete_table(name,  i) {
  if (!(name in table_handle)) return refuse_by_kernel("No such file or directory")
  for (i = 1; i <= tables; i++) if (table[i] == name) table[i] = ""
  for (i = 1; i <= sets; i++) if (of(set[i], name)) { delete is_set[set[i]]; set[i] = "" }
  for (i = 1; i <= chains; i++) if (of(chain[i], name)) { delete chain_hook[chain[i]]; chain[i] = "" }
  for (i = 1; i <= rules; i++) if (of(rule[i], name)) rule[i] = ""
  delete table_handle[name]
  changed = 1
  return 0
}

function delete_chain(in_table, name,  i) {
  if (!((in_table " " name) in chain_hook)) return refuse_by_kernel("No such file or directory")
  for (i = 1; i <= rules; i++) if (rule[i] == in_table " " name) return refuse_by_kernel("Device or resource busy")
  for (i = 1; i <= chains; i++) if (chain[i] == in_table " " name) chain[i] = ""
  delete chain_hook[in_table " " name]
  changed = 1
  return 0
}

function of(thing, name) { return index(thing, name " ") == 1 }

# add set netdev TABLE NAME { type TYPE ; flags interval ; auto-merge ; elements = { A, B } ; }
function make_set(  i, text) {
  if (word[6] " " word[7] != "{ type" || word[8] !~ /^(inet_service|ipv4_addr|ipv6_addr)$/) return unknown()
  if (word[10] " " word[11] " " word[13] " " word[15] " " word[16] " " word[17] != "flags interval auto-merge elements = {") return unknown()
  for (i = 18; i <= count && word[i] != "}"; i++) text = text word[i]
  if (word[i] != "}" || word[count] != "}" || i == count) return unknown()
  text = merge(word[8], text)
  if (text == "") return unknown()
  set[++sets] = word[4] " " word[5]
  is_set[set[sets]] = 1
  set_type[sets] = word[8]
  set_handle[sets] = ++within[word[4]]
  elements[sets] = text
  changed = 1
  return 0
}

# add chain netdev TABLE NAME [{ type filter hook HOOK device "DEVICE" | devices = { A, B } priority NUMBER ; [policy accept ;] }]
function make_chain(  i, where, order, n, part) {
  # One that is there already is left as it is.
  if ((word[4] " " word[5]) in chain_hook) return count == 5 ? 0 : unknown()
  if (count == 5) { add_chain(word[4], word[5], ++within[word[4]], "-", "-", "-"); changed = 1; return 0 }
  if (word[6] " " word[7] " " word[8] " " word[9] != "{ type filter hook" || word[10] !~ /^(ingress|egress)$/) return unknown()
  i = 12
  if (word[11] == "device") where = word[i++]
  else if (word[11] " " word[12] " " word[13] == "devices = {") {
    for (i = 14; i <= count && word[i] != "}"; i++) where = where word[i]
    i++
  } else return unknown()
  gsub(/"/, "", where)
  order = word[i + 1]
  if (order == "filter") {
    order = 0
    if (word[i + 2] ~ /^[+-]$/) { order = word[i + 2] word[i + 3]; order += 0; i += 2 }
  }
  if (word[i] != "priority" && word[i - 2] != "priority" || order !~ /^-?[0-9]+$/ || word[count] != "}") return unknown()
  if (count != i + 3 && word[i + 3] " " word[i + 4] " " count != "policy accept " (i + 6)) return unknown()
  if (word[10] == "egress" && !has("nft-egress")) return refuse_by_kernel("Operation not supported")
  n = split(where, part, ",")
  for (n = n; n > 0; n--) if (system("test -f '" space part[n] "'") != 0) return refuse_by_kernel("No such file or directory")
  add_chain(word[4], word[5], ++within[word[4]], word[10], where, order)
  changed = 1
  return 0
}

# add rule netdev TABLE CHAIN BODY
function make_rule(  i, text, key, name) {
  key = word[4] " " word[5]
  for (i = 6; i <= count; i++) text = text (i > 6 ? " " : "") word[i]
  if (expressions(text, 0, 0) == "") return unknown()
  for (name in used) if (!((word[4] " " name) in is_set)) return refuse("No such file or directory")
  if (!(key in chain_hook)) return refuse_by_kernel("No such file or directory")
  if (rejects && !has("nft-reject")) return refuse_by_kernel("No such file or directory")
  if (rejects && chain_hook[key] != "ingress") return refuse_by_kernel("Operation not supported")
  # A set without a name is a thing of its own.
  within[word[4]] += anonymous
  rule[++rules] = key
  rule_handle[rules] = ++within[word[4]]
  since[rules] = uptime()
  body[rules] = text
  changed = 1
  return 0
}

# Ports and IPv4 addresses sorted and merged as nft does it; IPv6 addresses are only sorted. Empty for what is none.
function merge(type, text,  n, part, i, j, from, to, low, high, key, text_of) {
  n = split(text, part, ",")
  for (i = 1; i <= n; i++) {
    if (type == "ipv6_addr") { from[i] = expanded(part[i]); to[i] = from[i]; text_of[from[i]] = part[i] }
    else if (!interval(type, part[i])) return ""
    else { from[i] = interval_from; to[i] = interval_to }
    if (from[i] == "") return ""
    for (j = i; j > 1 && from[j - 1] > from[j]; j--) {
      low = from[j]; from[j] = from[j - 1]; from[j - 1] = low
      high = to[j]; to[j] = to[j - 1]; to[j - 1] = high
    }
  }
  text = ""
  for (i = 1; i <= n; i = j) {
    low = from[i]; high = to[i]
    for (j = i + 1; j <= n && (type == "ipv6_addr" ? from[j] == low : from[j] <= high + 1); j++) if (to[j] > high) high = to[j]
    text = text (text == "" ? "" : ",") (type == "ipv6_addr" ? text_of[low] : written(type, low, high))
  }
  return text
}

# 53, 8000-8100, 192.168.1.7, 10.0.0.0/8 -> interval_from, interval_to
function interval(type, text,  part, n, size) {
  if (type == "inet_service") {
    if (text !~ /^[0-9]+(-[0-9]+)?$/) return 0
    n = split(text, part, "-")
    interval_from = part[1] + 0
    interval_to = part[n] + 0
    return interval_from <= interval_to && interval_to <= 65535
  }
  if (text !~ /^[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+(\/[0-9]+)?$/) return 0
  n = split(text, part, /[.\/]/)
  size = 2 ^ (32 - (n == 5 ? part[5] : 32))
  interval_from = ((part[1] * 256 + part[2]) * 256 + part[3]) * 256 + part[4]
  interval_from -= interval_from % size
  interval_to = interval_from + size - 1
  return 1
}

function written(type, low, high,  length_, size) {
  if (type == "inet_service") return low == high ? low "" : low "-" high
  for (length_ = 32; length_ > 0 && 2 ^ (32 - length_) < high - low + 1; length_--) continue
  size = 2 ^ (32 - length_)
  if (size != high - low + 1 || low % size) return dotted(low) "-" dotted(high)
  return dotted(low) (length_ == 32 ? "" : "/" length_)
}

function dotted(number) {
  return int(number / 16777216) % 256 "." int(number / 65536) % 256 "." int(number / 256) % 256 "." number % 256
}

# An IPv6 address or prefix as text that sorts as the numbers do; empty for what is none.
function expanded(text,  length_, halves, n, left, right, part, i, out) {
  length_ = 128
  if (split(text, part, "/") == 2) { length_ = part[2]; text = part[1] }
  if (text !~ /^[0-9a-f:]+$/ || text !~ /:/) return ""
  n = split(text, halves, "::")
  left = split(halves[1], part, ":")
  for (i = 1; i <= left; i++) out = out substr("000" part[i], length(part[i]))
  right = n == 2 ? split(halves[2], part, ":") : 0
  for (i = left + right; i < 8; i++) out = out "0000"
  for (i = 1; i <= right; i++) out = out substr("000" part[i], length(part[i]))
  return out sprintf("/%03d", length_)
}
