# shellcheck shell=bash
# What many ports cost on the node, and what this kernel cannot do: it has no reject for the netdev family.
make_systems

# Seconds on the node between two events of VM 0.
between() { # EVENT EVENT
	local one two
	one=$(grep "\"ev\":\"$1\"" <<<"${wire_log[fault]}" | sed 's/.*"t":\([0-9.]*\).*/\1/')
	two=$(grep "\"ev\":\"$2\"" <<<"${wire_log[fault]}" | sed 's/.*"t":\([0-9.]*\).*/\1/')
	awk -v a="${one%%$'\n'*}" -v b="${two%%$'\n'*}" 'BEGIN { printf "%.2f s", b - a }'
}

for engine in nft tc; do
	# Every second port, so that none are merged. Flower has a filter for each, in two families and with and
	# without a tag: few are enough here, for their description is long, and the shell reads a byte at a time.
	CUT_PORTS=$(seq -s, 7001 2 "$([ $engine = nft ] && echo 8999 || echo 7031)")
	cut_plan $engine tcp 60 7 in
	label="$engine, $(tr , '\n' <<<"$CUT_PORTS" | wc -l) ports"
	if up "$label" dash 7; then
		echo "# $label: $(between found ready) to look, $(between ready injected) to apply and read back"
		check "$label: into the guest" into_guests 7 tcp/7001
		check "$label: out of the guest" out_of_guest 7
	fi
	down "$label" 7
done

CUT_PORTS=7001
cut_plan nft tcp 60 7 out
PLAN=${PLAN/engine nft/engine nft reject}
PLAN=${PLAN//counter drop/counter reject with tcp reset}
before=$(snapshot 7)
agent_start fault bash
say fault hello 0
step "reject: the node says that it has none" await fault "$(event hello).*\"reject\":false"
step "reject: refused" await fault "$(event refused 0).*\"reason\":\"no-reject\""
say fault bye
step "reject: the agent ends well" agent_end fault
step "reject: nothing left" nothing_left fault
same "reject: left as it was" "$before" "$(snapshot 7)"
