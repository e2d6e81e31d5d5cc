#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The generated pages of docs/: writes them, or checks that they are what the program writes today.
#
# usage: tests/docs.sh write|check SOCKTALE
set -u
verb=${1:-} binary=$(realpath "${2:-build/socktale}")
cd "$(dirname "$0")/.." || exit 1

# page, and the words that make the program write it
pages='
docs/events.md events --markdown
docs/rules.md tell --rules
'

case $verb in
write | check) ;;
*) echo "usage: tests/docs.sh write|check SOCKTALE" >&2; exit 2 ;;
esac
new=$(mktemp) || exit 1
trap 'rm -f "$new" "$new.diff"' EXIT
stale=0
while read -r page words; do
	[ -n "$page" ] || continue
	# shellcheck disable=SC2086 # the words of the table are separate arguments
	"$binary" $words >"$new" || { echo "$page: $binary $words failed"; stale=1; continue; }
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
