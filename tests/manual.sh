#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The manual: one page per command, each option of --help in it and no other, and nothing groff complains of.
#
# usage: tests/manual.sh SOCKTALE
set -u
binary=$(realpath "${1:-build/socktale}")
cd "$(dirname "$0")/.." || exit 1
wrong=0 pages=0

complain() { echo "$*"; wrong=$((wrong + 1)); }
in_help() { "$binary" "$1" --help | grep -oE '^ +(-[a-z], )?( +)?--[a-z-]+' | grep -oE -- '--[a-z-]+' | grep -vxE -- '--(help|usage)' | sort -u; }
in_page() { sed 's/\\-/-/g' "$1" | grep -oE '^\.B (-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u; }

commands=$("$binary" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }')
[ -n "$commands" ] || complain "$binary --help names no command"
for command in $commands; do
	page=docs/socktale-$command.1
	if [ ! -e "$page" ]; then
		complain "$command: has no page $page"
		continue
	fi
	pages=$((pages + 1))
	difference=$(diff <(in_help "$command") <(in_page "$page"))
	[ -z "$difference" ] || complain "$page: options differ (< only in --help, > only in the page): $(grep '^[<>]' <<<"$difference" | tr '\n' ' ')"
	grep -q "socktale.-$command" docs/socktale.1 || complain "docs/socktale.1: does not name $command"
done
if command -v groff >/dev/null; then
	for page in docs/*.1; do
		said=$(groff -man -Tutf8 -ww "$page" 2>&1 >/dev/null)
		[ -z "$said" ] || complain "$said"
	done
fi
[ $wrong = 0 ] && echo "manual: $pages pages say what --help says"
[ $wrong = 0 ]
