#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The generated pages of docs/: writes them, or checks that they are what the program writes today. Those of the claims are written
# by docs/lessons/pages.py from the lessons and what was recorded of them (needs python3, else they are left out).
#
# usage: tests/docs.sh write|check SOCKTALE
set -u
verb=${1:-} binary=$(realpath "${2:-build/socktale}")
cd "$(dirname "$0")/.." || exit 1

# page, and the words that make the program write it
pages='
docs/events.md events --markdown
docs/rules.md tell --rules
docs/lessons/wrong.md wrong en
docs/lessons/wrong.zh.md wrong zh
docs/lessons/claims.md claims en
docs/lessons/claims.zh.md claims zh
'

case $verb in
write | check) ;;
*) echo "usage: tests/docs.sh write|check SOCKTALE" >&2; exit 2 ;;
esac
# writes PAGE WORDS...: what is to stand there
writes() {
	case $1 in
	docs/lessons/*) SOCKTALE=$binary python3 docs/lessons/pages.py "${@:2}" ;;
	*) "$binary" "${@:2}" ;;
	esac
}
new=$(mktemp) || exit 1
trap 'rm -f "$new" "$new.diff"' EXIT
stale=0
while read -r page words; do
	[ -n "$page" ] || continue
	[[ $page != docs/lessons/* ]] || command -v python3 >/dev/null || { echo "$page: left out, python3 is not installed"; continue; }
	# shellcheck disable=SC2086 # the words of the table are separate arguments
	writes "$page" $words >"$new" || { echo "$page: '$words' failed"; stale=1; continue; }
	if [ "$verb" = write ]; then
		install -D -m 644 "$new" "$page" && echo "$page: written"
	elif ! diff -u "$page" "$new" >"$new.diff"; then
		head -20 "$new.diff"
		echo "$page: is not what '$words' writes; run: make docs"
		stale=1
	fi
done <<<"$pages"
[ "$stale" -eq 0 ] && [ "$verb" = check ] && echo "docs: the generated pages are fresh"
exit "$stale"
