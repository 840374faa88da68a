#!/bin/bash
# Runs the scenarios inside the machine. Arguments: fast or all, then (optional) names of scenarios.
cd /vmchaos || exit 1
# shellcheck source-path=SCRIPTDIR
. lib/tap.sh
. lib/topology.sh
. lib/system.sh
. lib/measure.sh
. lib/plan.sh
. lib/cut.sh
. lib/driver.sh
. lib/left.sh
. lib/fault.sh

mode=${1:-all} only=${*:2}
echo "# kernel $(uname -r), $(tc -V), $(nft --version)"
make_node
if [ "$mode" = record ]; then
	. ./record.sh >/dev/ttyS1 2>&1
	echo "kernel: 1 passed, 0 failed"
	exit
fi
for scenario in scenarios/*.sh; do
	name=${scenario##*/[0-9][0-9]-}
	name=${name%.sh}
	if [ "$name" = wiring ]; then
		: # the others stand on it
	elif [ -n "$only" ]; then
		[[ " $only " = *" $name "* ]] || continue
	elif [ "$mode" = fast ]; then
		grep -q '^# fast' "$scenario" || continue
	fi
	read -r up idle </proc/uptime
	echo "# $name (at $up s, $idle s of them idle)"
	# shellcheck source=/dev/null
	. "$scenario"
done
echo "kernel: $passed passed, $failed failed"
