# What the fake tc prints, as text and as JSON, of what tc.awk has loaded: kind, handle, value[], extra, standard.

# The kernel counts in ticks of 64 ns: short times come back a little short.
function ticks(micro) { return int(int(micro * 15.625) / 15.625 + 0.0000001) }

function show_all(  command, device, code) {
  if (json) return unknown()
  command = "ls '" space "'"
  while ((command | getline device) > 0) if (device !~ /\./ && load(device)) code = show(device, 0, " dev " device)
  close(command)
  return code + 0
}

function show(device, root_only, where,  line) {
  if (json) {
    line = kind == "none" ? "" : root_json()
    if (!root_only && standard == "mq" && handle == "0:") line = line "," child_json()
    if (!root_only && extra != "") line = line ",{\"kind\":\"" extra "\",\"handle\":\"ffff:\",\"parent\":\"ffff:fff1\",\"options\":{}" statistics() "}"
    print "[" line "]"
    return 0
  }
  if (kind != "none") {
    print "qdisc " kind " " handle where " root" refcnt() options_text()
    numbers()
  }
  if (!root_only && standard == "mq" && handle == "0:") print "qdisc fq_codel 0:" where " parent :1" fq_codel_text()
  if (!root_only && extra != "") { print "qdisc " extra " ffff:" where " parent ffff:fff1 "; numbers() }
  return 0
}

function numbers() {
  if (stats && kind != "mq") { print " Sent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0) "; print " backlog 0b 0p requeues 0" }
}

function statistics() {
  return stats ? ",\"bytes\":0,\"packets\":0,\"drops\":0,\"overlimits\":0,\"requeues\":0,\"backlog\":0,\"qlen\":0" : ""
}

function refcnt() { return kind == "mq" ? " " : " refcnt " (standard == "mq" ? 257 : 2) }

function fq_codel_text() { return " limit 10240p flows 1024 quantum 1514 target 5ms interval 100ms memory_limit 32Mb ecn drop_batch 64 " }
function fq_codel_json() { return "{\"limit\":10240,\"flows\":1024,\"quantum\":1514,\"target\":4999,\"interval\":99999,\"memory_limit\":33554432,\"ecn\":true,\"drop_batch\":64}" }
function child_json() { return "{\"kind\":\"fq_codel\",\"handle\":\"0:\",\"parent\":\":1\",\"options\":" fq_codel_json() statistics() "}" }

function root_json() {
  return "{\"kind\":\"" kind "\",\"handle\":\"" handle "\",\"root\":true" (kind == "mq" ? "" : ",\"refcnt\":" (standard == "mq" ? 257 : 2)) ",\"options\":" options_json() statistics() "}"
}

function options_json(  text) {
  if (kind == "fq_codel") return fq_codel_json()
  if (kind == "pfifo_fast") return "{\"bands\":3,\"priomap\":[1,2,2,2,1,2,0,0,1,1,1,1,1,1,1,1],\"multiqueue\":false}"
  if (kind == "tbf") return "{\"rate\":" whole(value["rate"]) ",\"burst\":" whole(value["burst"]) ",\"lat\":" whole(value["lat"]) "}"
  if (kind == "htb") return "{\"r2q\":10,\"default\":\"0x1\",\"direct_packets_stat\":0,\"direct_qlen\":1000}"
  if (kind != "netem") return "{}"
  text = "{\"limit\":" value["limit"]
  if (value["delay"] > 0) text = text ",\"delay\":{\"delay\":" fraction(ticks(value["delay"]) / 1000000) ",\"jitter\":" fraction(ticks(value["jitter"]) / 1000000) ",\"correlation\":" fraction(value["delay_corr"]) "}"
  text = text chance_json("loss-random", "loss") chance_json("duplicate", "duplicate") chance_json("reorder", "reorder") chance_json("corrupt", "corrupt")
  if (value["rate"] > 0) text = text ",\"rate\":{\"rate\":" whole(value["rate"]) ",\"packetoverhead\":0,\"cellsize\":0,\"celloverhead\":0}"
  return text ",\"ecn\":false,\"gap\":" value["gap"] "}"
}

function chance_json(object, name) {
  return value[name] > 0 ? ",\"" object "\":{\"" name "\":" fraction(chance(value[name])) ",\"correlation\":" fraction(value[name "_corr"]) "}" : ""
}

function chance_text(name) {
  return value[name] > 0 ? " " name " " fraction(chance(value[name]) * 100) "%" (value[name "_corr"] > 0 ? " " fraction(value[name "_corr"] * 100) "%" : "") : ""
}

# Kept as a 32-bit share of one.
function chance(part) { return int(part * 4294967295 + 0.5) / 4294967295 }

function options_text(  text) {
  if (kind == "fq_codel") return fq_codel_text()
  if (kind == "pfifo_fast") return " bands 3 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1"
  if (kind == "tbf") return " rate " rate_text(value["rate"]) " burst " size_text(value["burst"]) " lat " time_text(value["lat"]) " "
  if (kind == "noqueue") return " "
  if (kind == "htb") return " r2q 10 default 0x1 direct_packets_stat 0 direct_qlen 1000"
  if (kind != "netem") return ""
  text = " limit " value["limit"]
  if (value["delay"] > 0) text = text " delay " time_text(ticks(value["delay"])) (value["jitter"] > 0 ? "  " time_text(ticks(value["jitter"])) (value["delay_corr"] > 0 ? " " fraction(value["delay_corr"] * 100) "%" : "") : "")
  text = text chance_text("loss") chance_text("duplicate") chance_text("reorder") chance_text("corrupt")
  if (value["rate"] > 0) text = text " rate " rate_text(value["rate"])
  return text (value["gap"] > 0 ? " gap " value["gap"] : "")
}

function whole(number) { return sprintf("%.0f", number) }
function fraction(number) { return sprintf("%g", number) }

function time_text(micro) {
  if (micro >= 1000000) return short(micro / 1000000) "s"
  if (micro >= 1000) return short(micro / 1000) "ms"
  return whole(micro) "us"
}

function short(number) { return sprintf("%.3g", number) }

function rate_text(bytes,  bits) {
  bits = bytes * 8
  if (bits >= 1000000000 && bits % 1000000000 == 0) return whole(bits / 1000000000) "Gbit"
  if (bits >= 1000000 && bits % 1000000 == 0) return whole(bits / 1000000) "Mbit"
  if (bits >= 1000 && bits % 1000 == 0) return whole(bits / 1000) "Kbit"
  return whole(bits) "bit"
}

function size_text(bytes) {
  if (bytes >= 1048576 && bytes % 1048576 == 0) return whole(bytes / 1048576) "Mb"
  if (bytes >= 1024 && bytes % 1024 == 0) return whole(bytes / 1024) "Kb"
  return whole(bytes) "b"
}
