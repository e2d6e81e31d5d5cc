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
	grep -aE 'socktale: |events missing' "$log" | sed 's/^/# /' | head -n 5
}

# What became of each claim in all lessons played: one must-see that fails is enough for it to fail.
claims() {
	awk '
		/^C[0-9]+ [a-z]+: / { claim = $1; next }
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
fi
claims
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
