#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Plays every lesson and holds it to what it promises: each of its must-sees is a line of TAP, and so are its end in time and
# that nothing is left behind. The last lines are how many of the notes' claims have their evidence, and `N passed, N failed, N skipped`.
# Usage: tests/live/lessons.sh [LESSON...]    SOCKTALE_PLANE forces a plane, SOCKTALE the binary, LIVE_SLOW the patience
# shellcheck source=tests/live/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ "$(id -u)" = 0 ] || skip_all "not root: hosts of lessons are network namespaces"
[ -x "$SOCKTALE" ] || skip_all "no $SOCKTALE: run make first"
command -v ip >/dev/null || skip_all "ip is not installed"
command -v nft >/dev/null || skip_all "nft is not installed"

passed=0 failed=0 skipped=0 slow=${slow:-1}
log=$(mktemp) all=$(mktemp)
trap 'rm -f "$log" "$all"' EXIT

# What a lesson must leave as it was: links, mounts, namespaces with a name, filter rules.
traces() {
	ip -o link | wc -l
	wc -l </proc/self/mounts
	ip netns list | wc -l
	nft list ruleset 2>/dev/null | md5sum
	cat /proc/sys/net/ipv4/{tcp_rmem,tcp_wmem,tcp_tw_reuse,tcp_fin_timeout,ip_local_port_range} /proc/sys/net/core/somaxconn
}

# play LESSON: TAP lines of one lesson
play() {
	local lesson=$1 began=$SECONDS before code line
	before=$(traces)
	COLUMNS=400 LC_ALL=C.UTF-8 LANGUAGE=en timeout -k 5 $((90 * slow)) "$SOCKTALE" play --format text --patience "$slow" \
		${SOCKTALE_PLANE:+--plane "$SOCKTALE_PLANE"} "$lesson" >"$log" 2>&1 </dev/null
	code=$?
	if grep -q 'this kernel lacks\|not permitted\|Operation not permitted' "$log" && ! grep -q 'must-sees:' "$log"; then
		echo "ok - $lesson # SKIP $(grep -m 1 'socktale:' "$log")"
		skipped=$((skipped + 1))
		return
	fi
	while read -r line; do
		case $line in
		ok\ *) passed=$((passed + 1)) && echo "ok - $lesson: ${line#ok - }" ;;
		not\ ok\ *) failed=$((failed + 1)) && echo "not ok - $lesson: ${line#not ok - }" ;;
		skip\ *) skipped=$((skipped + 1)) && echo "ok - $lesson: ${line#skip - } # SKIP not to be seen on this plane or machine" ;;
		esac
	done < <(grep -E '^  (ok|not ok|skip) - ' "$log")
	cat "$log" >>"$all"
	whole "$lesson: plays to its end (status $code, $((SECONDS - began)) s)" test "$code" = 0
	whole "$lesson: leaves nothing behind" test "$before" = "$(traces)"
	whole "$lesson: no shell misses its folder" no_complaint
	bars "$lesson"
	grep -aE 'socktale: |events missing' "$log" | sed 's/^/# /' | head -n 5
}

no_complaint() { ! grep -q 'getcwd' "$log"; }

# What became of each claim in all lessons played: one must-see that fails is enough for it to fail.
claims() {
	awk '
		/^C[0-9]+ [a-z -]+: / { claim = $1; next }
		/^[^ ]/ { claim = "" }
		claim == "" { next }
		/^  ok - / { if (!(claim in worst)) worst[claim] = 0 }
		/^  skip - / { if (worst[claim] < 1) worst[claim] = 1 }
		/^  not ok - / { worst[claim] = 2 }
		END {
			for (claim in worst) count[worst[claim]]++
			printf "# claims: %d with evidence, %d without what must be seen, %d not to be seen here\n", count[0], count[2], count[1]
			for (claim in worst) if (worst[claim]) printf "#   %s %s\n", claim, worst[claim] == 2 ? "not seen" : "not to be seen here"
		}' "$all"
}

# What a lesson declares as a bar is shown with what is said.
bars() {
	local label
	case $1 in
	queues) label='accept queue of backlog +\[█+░*\] 2 of 2' ;;
	send-block) label='send buffer of tcpclient +\[█+░*\] [0-9.]+ MB \(limit|tcpclient\[[0-9]+\]: in sendto\(\) [0-9.]+ (ms|s): the peer' ;;
	time-wait) label='ports of portpool +\[█+\] 10 of 10, 10 in TIME-WAIT' ;;
	*) return ;;
	esac
	whole "$1: shows its bars" grep -qE "$label" "$log"
	[ "$1" = time-wait ] || return
	whole "$1: shows the countdown with its owner" grep -qE '^The TIME-WAIT of graceclient\[[0-9]+\] has 5[0-9]\.[0-9] s to go' "$log"
	whole "$1: CLOSED is told with TIME-WAIT, in the same millisecond" closed_is_time_wait
}

# tcp_time_wait() makes the entry, then the socket CLOSED; told is each when its plane sees it.
closed_is_time_wait() {
	awk '/FIN-WAIT-2 -> CLOSED/ { closed = substr($1, 2) }
		/TIME-WAIT for 6/ { begun = substr($1, 2) }
		closed && begun && (begun - closed) ^ 2 < 0.001 ^ 2 { found = 1 }
		END { exit !found }' "$log"
}

# Lessons at once, and one of them twice: namespaces, ports, abstract names and filter rules are each one's own.
together() {
	local one log_of=() pids=() i=0 code
	for one in "$@"; do
		log_of[i]=$(mktemp)
		COLUMNS=400 LC_ALL=C.UTF-8 LANGUAGE=en "$SOCKTALE" play --format text --patience $((2 * slow)) \
			${SOCKTALE_PLANE:+--plane "$SOCKTALE_PLANE"} "$one" >"${log_of[i]}" 2>&1 </dev/null &
		pids[i]=$!
		i=$((i + 1))
	done
	i=0
	for one in "$@"; do
		wait "${pids[i]}"
		code=$?
		whole "$* at once: $one sees all it must ($(grep -o '[0-9]* ok, [0-9]* not ok' "${log_of[i]}"))" test $code = 0
		[ $code = 0 ] || grep -A 3 'not ok - ' "${log_of[i]}" | sed 's/^/#   /' | head -n 12
		rm -f "${log_of[i]}"
		i=$((i + 1))
	done
}

# The screen has a terminal of its own there. Its TAP is passed on and counted.
on_a_terminal() {
	local line
	command -v python3 >/dev/null || { echo "ok - the screen # SKIP python3 is not installed" && skipped=$((skipped + 1)) && return; }
	while read -r line; do
		echo "$line"
		case $line in
		ok\ *) passed=$((passed + 1)) ;;
		not\ ok\ *) failed=$((failed + 1)) ;;
		esac
	done < <(LIVE_SLOW=$slow python3 "$live_folder/screen.py" 2>&1)
}

whole() { # SENTENCE COMMAND...
	local sentence=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
		echo "ok - $sentence"
	else
		failed=$((failed + 1))
		echo "not ok - $sentence"
	fi
}

# Interrupted in the middle of a scene, it must put everything back as well, and end its programs.
interrupted() {
	local before child stage started=()
	before=$(traces)
	"$SOCKTALE" play --format text loss-of-nothing >/dev/null 2>&1
	whole "a lesson there is none of: status 2" test $? = 2
	: >"$log" # what is looked for below must not be the last lesson's
	"$SOCKTALE" play --format text keepalive >"$log" 2>&1 </dev/null &
	child=$!
	for ((i = 0; i < 200 * slow; i++)); do
		grep -q 'keepalive 10.9.1.2' "$log" && break
		sleep 0.05
	done
	sleep 1
	for stage in $(pgrep -P "$child"); do
		mapfile -t -O "${#started[@]}" started < <(echo "$stage"; pgrep -P "$stage")
	done
	whole "SIG$1 comes in the middle of a scene: ${#started[@]} processes run" test "${#started[@]}" -ge 3
	kill "-$1" "$child"
	wait "$child" 2>/dev/null
	sleep 0.5
	whole "SIG$1 in the middle of a scene: nothing is left behind" test "$before" = "$(traces)"
	whole "SIG$1 in the middle of a scene: its programs are gone" none_lives "${started[@]}"
}

# --list has a line for each file, and make demo plays one of them.
listed() {
	local count
	count=$(find "$checkout/demos/lessons" -name '*.lesson' | wc -l)
	whole "--list lists the $count lessons" test "$(LC_ALL=C "$SOCKTALE" play --list | grep -cE '^ *[0-9]+ ')" = "$count"
	whole "a number and a name mean the same lesson" same_lesson 12 unix
}
same_lesson() {
	[ "$(LC_ALL=C "$SOCKTALE" play --claims "$1" 2>/dev/null | awk '{ print $2 }')" = \
		"$(LC_ALL=C "$SOCKTALE" play --claims "$2" 2>/dev/null | awk '{ print $2 }')" ]
}

none_lives() {
	local one
	for one in "$@"; do
		# A zombie whose new parent is slow does not live either.
		grep -q '^State:.[^ZX]' "/proc/$one/status" 2>/dev/null && return 1
	done
	return 0
}

if [ $# -gt 0 ]; then
	lessons=("$@")
else
	mapfile -t lessons < <(LC_ALL=C "$SOCKTALE" play --list | awk '{ print $2 }')
fi
[ ${#lessons[@]} -gt 0 ] || skip_all "there are no lessons"
for lesson in "${lessons[@]}"; do play "$lesson"; done
if [ $# = 0 ]; then
	interrupted INT
	interrupted KILL
	together reset reset datagrams udp-connect
	on_a_terminal
	listed
fi
claims
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
