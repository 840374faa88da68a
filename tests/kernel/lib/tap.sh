# shellcheck shell=bash
# Results, one line each: `ok 3 - name # measured` or `not ok …`; and the comparisons they are made of.

passed=0 failed=0

# What was said on one line, without the shell's own word on a process that was killed on purpose.
measured() { sed '/: line [0-9]*: *[0-9]* Killed /d' <<<"$1" | sed ':a; N; $!ba; s/\n/ | /g'; }

ok() { # NAME MEASURED
	passed=$((passed + 1))
	echo "ok $((passed + failed)) - $1${2:+ # ${2:0:200}}"
}

not_ok() { # NAME MEASURED
	failed=$((failed + 1))
	echo "not ok $((passed + failed)) - $1${2:+ # ${2:0:2000}}"
}

# Runs a command; its success is the result, its output what was measured.
check() { # NAME COMMAND…
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then ok "$name" "$(measured "$said")"; else not_ok "$name" "$(measured "$said")"; fi
}

# A measurement that misses is taken once more: the margin stays as it is.
check_twice() { # NAME COMMAND…
	local said
	if said=$("${@:2}" 2>&1); then ok "$1" "$(measured "$said")"; else check "$1" "${@:2}"; fi
}

same() { # NAME WANTED GOT
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "they differ"
		diff <(echo "$2") <(echo "$3") | sed 's/^/#   /'
	fi
}

# One value out of a line of key=value words.
value() { # LINE KEY
	[[ " $1 " =~ \ $2=(-?[0-9]+)\  ]] && echo "${BASH_REMATCH[1]}"
}

within() { # VALUE LOW HIGH
	[[ $1 =~ ^-?[0-9]+$ ]] && [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

# Is COUNT of N what a chance of PER_MILLE gives, within four standard deviations?
by_chance() { # COUNT N PER_MILLE
	awk -v c="$1" -v n="$2" -v p="$3" 'BEGIN { p /= 1000; d = c - n * p; exit !(d * d <= 16 * n * p * (1 - p)) }'
}
