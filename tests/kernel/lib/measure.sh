# shellcheck shell=bash
# Measurements, each a command that succeeds when the value is as asked and prints what it saw.
# Addresses are those of guests; everything is measured from the peer unless the name says otherwise.

echo_of() { in_peer meter echo "$1" "${2:-20}" "${3:-20000}" 3000; }

# One-way times in milliseconds: what is asked, to 10 %, on top of what the path takes without a fault
# (at most 5 ms on this machine); a direction without a fault stays below 5 ms.
delays() { # ADDRESS IN_MS OUT_MS
	local line in out
	line=$(echo_of "$1")
	echo "$line"
	in=$(value "$line" in) out=$(value "$line" out)
	[ "$(value "$line" lost)" = 0 ] &&
		one_way "$in" "$2" && one_way "$out" "$3" &&
		within "$(value "$line" rtt)" $((($2 + $3) * 900)) $((($2 + $3) * 1100 + 5000))
}

one_way() { # MICROSECONDS ASKED_MS
	if [ "$2" = 0 ]; then within "$1" 0 5000; else within "$1" $(($2 * 900)) $(($2 * 1100)); fi
}

# Fraction lost in each direction, by chance; a direction that is not asked for loses nothing.
loss() { # ADDRESS in|out PER_MILLE [N]
	local line n=${4:-2000}
	line=$(in_peer meter "$2" "$1" "$n" 200 1000)
	echo "$2: $line"
	if [ "$3" = 0 ]; then [ "$(value "$line" lost)" = 0 ]; else by_chance "$(value "$line" lost)" "$n" "$3"; fi
}

duplicates() { # ADDRESS in|out PER_MILLE [N]
	local line n=${4:-2000}
	line=$(in_peer meter "$2" "$1" "$n" 200 1000)
	echo "$2: $line"
	[ "$(value "$line" lost)" = 0 ] && if [ "$3" = 0 ]; then [ "$(value "$line" dup)" = 0 ]; else by_chance "$(value "$line" dup)" "$n" "$3"; fi
}

# A flipped bit shows as a failed checksum, or, when it hits a header, as a lost packet.
corruption() { # ADDRESS in|out PER_MILLE [N]
	local line n=${4:-2000} lost bad
	line=$(in_peer meter "$2" "$1" "$n" 1200 1000)
	echo "$2: $line"
	lost=$(value "$line" lost) bad=$(value "$line" bad)
	if [ "$3" = 0 ]; then [ "$lost$bad" = 00 ]; else by_chance "$lost" "$n" "$3" && [ $((bad * 10)) -ge $((lost * 8)) ] && [ "$bad" -le "$lost" ]; fi
}

# Packets that others overtook: with `delay 10ms reorder P`, P of them leave at once.
reordering() { # ADDRESS in|out yes|no
	local line
	line=$(in_peer meter "$2" "$1" 1000 200 1000)
	echo "$2: $line"
	[ "$(value "$line" lost)" = 0 ] && if [ "$3" = yes ]; then [ "$(value "$line" late)" -ge 300 ]; else [ "$(value "$line" late)" = 0 ]; fi
}

# Rate in kbit/s to 10 % (0: at least 10 times 1000, the link is not limited).
rate() { # ADDRESS in|out KBIT
	local line
	line=$(in_peer meter "$2" "$1" 400 1200 "$([ "$3" = 0 ] && echo 500 || echo 4000)")
	echo "$2: $line"
	if [ "$3" = 0 ]; then [ "$(value "$line" kbit)" -ge 10000 ]; else within "$(value "$line" kbit)" $(($3 * 90 / 100)) $(($3 * 110 / 100)); fi
}

# The guest answers ping, and how fast (milliseconds, whole).
ping_of() { # ADDRESS LOW HIGH
	local said ms
	said=$(in_peer /bb/ping -c 5 -i 1 -W 5 "$1") || { echo "$said"; return 1; }
	ms=$(sed -n 's/.*round-trip.*= [0-9.]*\/\([0-9]*\).*/\1/p' <<<"$said")
	echo "average $ms ms"
	within "$ms" "$2" "$3"
}

# What a pod that is not meant has meanwhile: no delay, nothing lost.
undisturbed() { delays "$1" 0 0; }
host_undisturbed() {
	local line
	line=$(in_peer /bb/ping -c 3 -i 1 "$host4" 2>&1)
	[[ $line = *" 0% packet loss"* ]] || { echo "$line"; return 1; }
}

host_reaches() { # ADDRESS
	/bb/ping -c 2 -i 1 -W 2 "$1" >/tmp/ping.log && grep -q ' 0% packet loss' /tmp/ping.log
}
