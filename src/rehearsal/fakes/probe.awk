# What a packet from the node meets on its way to a practice VM and back: the qdiscs and filters on the devices of the pod's
# own network. Prints `lost`, `refused`, or the seconds of a round trip. Every practice guest answers on every port.
#   probe.awk icmp|tcp ADDRESS PORT

BEGIN {
  protocol = ARGV[1]; port = ARGV[3]
  node = ENVIRON["VMCHAOS_TOOLS"] "/../"
  while ((getline line < (node "addresses")) > 0) { split(line, part, " "); if (part[1] == ARGV[2]) pod = part[2] }
  space = node "netns/" pod ".d/"
  srand()
  round = 0.0004
  devices = split("tap0 eth0 eth0-nic", device, " ")
  for (d = 1; d <= devices; d++) {
    if ((getline line < (space device[d])) > 0) qdisc(line)
    while ((getline line < (space device[d] ".filters")) > 0) flower(device[d], line)
  }
  while ((getline line < (space "nft.tables")) > 0) nft(line)
  for (one in dropped) verdict = "lost"
  if (!found) verdict = "lost"
  if (verdict == "") verdict = round
  print verdict
}

function qdisc(text,  part, pair, n, i) {
  found = 1
  n = split(text, part, " ")
  for (i = 3; i <= n; i++) {
    split(part[i], pair, "=")
    if (pair[1] == "delay") round += pair[2] / 1000000
    if (pair[1] == "loss" && rand() < pair[2]) verdict = "lost"
  }
}

# Where the packet goes to: the guest's port on its way in, some port of the node's on its way out.
function goes_to(way) { return way == "in" ? port : 45678 }

function flower(on, text,  part, keys, way, range, n) {
  split(text, part, " ")
  way = (on == "tap0") == (part[2] == "egress") ? "in" : "out"
  if (part[1] == "del") { for (n in dropped) if (index(n, on " " part[2] " " part[3] " ") == 1) delete dropped[n]; return }
  keys = part[8]
  if (keys !~ /"eth_type":"ipv4"/ || keys ~ /vlan_ethtype|_ip"/) return
  if (keys ~ /"ip_proto"/ && keys !~ ("\"ip_proto\":\"" protocol "\"")) return
  if (match(keys, /"dst_port":[{]?[^}]*/)) {
    range = substr(keys, RSTART + 11, RLENGTH - 11)
    gsub(/[^0-9,]/, "", range)
    n = split(range, part, ",")
    if (protocol == "icmp" || goes_to(way) < part[1] + 0 || goes_to(way) > part[n] + 0) return
    split(text, part, " ")
  }
  dropped[on " " part[2] " " part[3] " " part[4]] = 1
}

function nft(text,  part, n, i, body, way) {
  n = split(text, part, " ")
  if (part[1] == "set" && part[3] == "ports") ports[part[2]] = part[6]
  if (part[1] != "rule" || part[3] !~ /^(in|out)_(tap0|eth0|eth0-nic)$/) return
  way = part[3] ~ /^in_/ ? "in" : "out"
  body = " "
  for (i = 6; i <= n && part[i] != "counter"; i++) body = body part[i] " "
  gsub(/,/, "", body)
  # Of some peers, or of another family only.
  if (body ~ / (saddr|daddr|icmpv6) / || (body ~ / ip6 / && body !~ / ip /)) return
  if (body ~ / (tcp|udp|sctp|icmp) / && body !~ (" " protocol " ")) return
  if (body ~ / dport @ports / && (protocol == "icmp" || !holds(ports[part[2]], goes_to(way)))) return
  if (text ~ / reject /) { if (verdict == "") verdict = "refused" } else verdict = "lost"
}

function holds(elements, number,  part, range, n, i, m) {
  n = split(elements, part, ",")
  for (i = 1; i <= n; i++) {
    m = split(part[i], range, "-")
    if (number >= range[1] + 0 && number <= range[m] + 0) return 1
  }
  return 0
}
