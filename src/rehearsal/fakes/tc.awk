# The qdiscs of a namespace without a kernel. FAKE_NETNS names a namespace; FAKE_NETNS.d holds one file a device:
#   default KIND                          the kernel's own root
#   KIND HANDLE NAME=VALUE ...            a root somebody has set, times in microseconds, rates in bytes a second
# and after it, when there is one, a line `clsact` or `ingress`. DEVICE.default beside it keeps its default root.
# Whatever has no transcript of the real tool fails with 64: a fake must not accept what the kernel refuses.

BEGIN {
  space = ENVIRON["FAKE_NETNS"] ".d/"
  first = 1
  while (first < ARGC && ARGV[first] ~ /^-/) {
    if (ARGV[first] == "-V") { print "tc utility, iproute2-6.1.0, libbpf 1.1.2"; exit 0 }
    else if (ARGV[first] == "-s") stats = 1
    else if (ARGV[first] == "-j") json = 1
    else if (ARGV[first] == "-force") force = 1
    else if (ARGV[first] == "-batch") batch = ARGV[++first]
    else fail("tc: no transcript of " ARGV[first], 64)
    first++
  }
  if (ENVIRON["FAKE_NETNS"] == "") fail("tc: no network namespace was entered", 64)
  if (batch != "") {
    if (batch == "-") batch = "/dev/stdin"
    number = 0
    worst = 0
    while ((getline line < batch) > 0) {
      number++
      count = split(line, word, " ")
      if (count == 0) continue
      code = run()
      if (code) {
        complain("Command failed " (batch == "/dev/stdin" ? "-" : batch) ":" number)
        worst = 1
        if (code == 64) exit 64
        if (!force) exit 1
      }
    }
    exit worst
  }
  count = 0
  for (i = first; i < ARGC; i++) word[++count] = ARGV[i]
  exit run()
}

function complain(text) { print text > "/dev/stderr" }
function fail(text, code) { complain(text); exit code }

function unknown(  i, text) {
  for (i = 1; i <= count; i++) text = text " " word[i]
  complain("tc: no transcript of" text)
  return 64
}

function run(  device, i) {
  if (word[1] == "filter") return filter()
  if (word[1] != "qdisc") return unknown()
  if (word[2] == "show" && count == 2) return show_all()
  if (word[3] != "dev" || count < 4) return unknown()
  device = word[4]
  if (!load(device)) { complain("Cannot find device \"" device "\""); return 1 }
  if (word[2] == "show" && (count == 4 || (count == 5 && word[5] == "root"))) return show(device, count == 5)
  if (word[5] ~ /^(clsact|ingress)$/ && count == 5 && (word[2] == "add" || word[2] == "del")) return put_extra(device)
  if (word[2] == "del" && word[5] == "root" && count == 5) {
    if (handle == "0:") return refuse("Error: Cannot delete qdisc with handle of zero.")
    word[7] = handle
    return del(device)
  }
  if (word[2] == "add" && word[5] == "root" && word[6] == "netem" && count == 6) {
    # Without a handle the kernel gives one.
    word[8] = word[6]; word[6] = "handle"; word[7] = "8001:"; count = 8
  }
  if (word[5] != "root" || word[6] != "handle" || word[7] !~ /^[0-9a-f]+:$/) return unknown()
  if (word[2] == "del" && count == 7) return del(device)
  if (word[2] ~ /^(add|change|replace)$/) return put(device, word[2])
  return unknown()
}

# One device's state -> kind, handle, value[], extra, standard
function load(device,  text, part, pair, n, i) {
  split("", value)
  extra = ""
  if ((getline text < (space device)) <= 0) return 0
  n = split(text, part, " ")
  if (part[1] == "default") { kind = standard = part[2]; handle = "0:" }
  else {
    kind = part[1]; handle = part[2]
    for (i = 3; i <= n; i++) { split(part[i], pair, "="); value[pair[1]] = pair[2] }
  }
  if ((getline text < (space device)) > 0) extra = text
  close(space device)
  if (handle != "0:") {
    getline standard < (space device ".default")
    close(space device ".default")
  }
  return 1
}

# Locked, and written beside and moved: another tc may look at it meanwhile.
function lock(device) {
  while (system("mkdir '" space device ".lock' 2>/dev/null") != 0) {
    # The node may have been removed since, and would never be locked.
    if (system("test -d '" space "'") != 0) fail("Error: No such file or directory", 1)
    system("sleep 0.01")
  }
}

function unlock(device) { system("rmdir '" space device ".lock'") }

function store(device, text,  file) {
  file = space device
  if (extra != "") text = text "\n" extra
  print standard > (file ".default")
  close(file ".default")
  print text > (file ".new")
  close(file ".new")
  system("mv '" file ".new' '" file "'")
}

function del(device,  code) {
  lock(device)
  load(device)
  if (handle == word[7] && handle != "0:") store(device, "default " standard)
  else { complain("Error: Invalid handle."); code = 2 }
  unlock(device)
  return code + 0
}

# Classifiers' qdiscs, beside the root.
function put_extra(device,  code) {
  lock(device)
  load(device)
  if (word[2] == "add" && extra != "") code = refuse("Error: Exclusivity flag on, cannot modify.")
  else if (word[2] == "del" && extra != word[5]) code = refuse("Error: Invalid handle.")
  else {
    extra = word[2] == "add" ? word[5] : ""
    # Its filters go with it.
    system("rm -f '" space device ".filters'")
    loaded = ""
    store(device, state(kind, handle))
  }
  unlock(device)
  return code + 0
}

# What load reads: one line.
function state(name, number,  text, order, n, i) {
  if (number == "0:") return "default " name
  text = name " " number
  n = split("limit delay jitter delay_corr loss loss_corr duplicate duplicate_corr reorder reorder_corr corrupt corrupt_corr rate gap burst lat", order, " ")
  for (i = 1; i <= n; i++) if (order[i] in value) text = text " " order[i] "=" value[order[i]]
  return text
}

function has(feature,  found, file) {
  file = ENVIRON["VMCHAOS_TOOLS"] "/../" feature
  getline found < file
  close(file)
  return found == "loaded"
}

# add and change
function put(device, verb,  wanted, code) {
  wanted = word[8]
  if (wanted !~ /^(netem|tbf|htb)$/ || (wanted == "htb" && (count != 10 || word[9] != "default"))) return unknown()
  lock(device)
  load(device)
  if (verb == "add" && handle == word[7]) code = refuse("Error: Exclusivity flag on, cannot modify.")
  else if (handle == "0:" && verb == "change") code = refuse("Error: Qdisc not found. To create specify NLM_F_CREATE flag.")
  else if (handle != "0:" && handle != word[7] && verb != "replace") code = refuse("Error: NLM_F_REPLACE needed to override.")
  else if (wanted == "netem" && !has("netem")) code = refuse("Error: Specified qdisc kind is unknown.")
  else if (verb == "change" && kind != wanted) code = refuse("Error: Invalid qdisc name.")
  else if (wanted == "netem") code = parse_netem()
  else if (wanted == "tbf") code = parse_tbf()
  if (!code) store(device, state(wanted, word[7]))
  unlock(device)
  return code + 0
}

function refuse(text) { complain(text); return 2 }

# What is not named goes back to its default, except what has an attribute of its own: reorder, corrupt, rate.
function parse_netem(  i, name) {
  value["limit"] = 1000; value["delay"] = 0; value["jitter"] = 0; value["loss"] = 0; value["duplicate"] = 0; value["gap"] = 0
  delete value["delay_corr"]; delete value["loss_corr"]; delete value["duplicate_corr"]
  for (i = 9; i <= count; i++) {
    name = word[i]
    if (name == "limit" || name == "gap") value[name] = word[++i]
    else if (name == "delay") {
      if ((value["delay"] = time(word[++i])) < 0) return refuse_word("latency")
      if (word[i + 1] ~ /^[0-9.]+(us|ms|s)$/) value["jitter"] = time(word[++i])
      if (word[i + 1] ~ /%$/) value["delay_corr"] = percent(word[++i])
    } else if (name == "distribution") { i++; if (!value["jitter"]) { complain("distribution specified but no latency and jitter values"); return 1 } }
    else if (name == "loss" || name == "duplicate" || name == "corrupt" || name == "reorder") {
      if ((value[name] = percent(word[++i])) < 0) return refuse_word(name " percent")
      if (word[i + 1] ~ /%$/) value[name "_corr"] = percent(word[++i])
    } else if (name == "rate") { if ((value["rate"] = rate(word[++i])) < 0) return refuse_word("rate") }
    else { complain("What is \"" name "\"?"); return 1 }
  }
  if (value["reorder"] > 0 && !value["delay"]) { complain("reordering not possible without specifying some delay"); return 1 }
  if (value["reorder"] > 0 && value["gap"] == 0) value["gap"] = 1
  return 0
}

function parse_tbf(  i, name) {
  for (i = 9; i <= count; i++) {
    name = word[i]
    if (name == "rate") value["rate"] = rate(word[++i])
    else if (name == "burst") value["burst"] = size(word[++i])
    else if (name == "latency") value["lat"] = time(word[++i])
    else if (name == "limit") value["bytes"] = size(word[++i])
    else return unknown()
  }
  if (!("burst" in value)) { complain("tbf: the \"burst\" parameter is mandatory.\ntbf: either \"limit\" or \"latency\" is required."); return 1 }
  # Kept as a time, in whole microseconds.
  value["burst"] = int(value["burst"] / value["rate"] * 1000000) * value["rate"] / 1000000
  if ("bytes" in value) value["lat"] = int((value["bytes"] - value["burst"]) / value["rate"] * 1000000)
  return 0
}

function refuse_word(name) { complain("Illegal \"" name "\""); return 1 }

function time(text) {
  if (text !~ /^[0-9]+(\.[0-9]+)?(us|ms|s)$/) return -1
  if (text ~ /us$/) return text + 0
  if (text ~ /ms$/) return text * 1000
  return text * 1000000
}

function percent(text) {
  if (text !~ /^[0-9]+(\.[0-9]+)?%$/ || text + 0 > 100) return -1
  return text / 100
}

function rate(text,  unit) {
  text = tolower(text)
  if (text !~ /^[0-9]+(\.[0-9]+)?[kmgt]?bit$/) return -1
  unit = 1
  if (text ~ /kbit/) unit = 1000
  if (text ~ /mbit/) unit = 1000000
  if (text ~ /gbit/) unit = 1000000000
  if (text ~ /tbit/) unit = 1000000000000
  return text * unit / 8
}

function size(text) {
  text = tolower(text)
  if (text ~ /^[0-9]+kb?$/) return text * 1024
  if (text ~ /^[0-9]+mb?$/) return text * 1048576
  return text + 0
}
