#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Plays each lesson on the running kernel, in English and Chinese, and writes the pages of this folder from what was seen: those of
# the lessons, what the notes get wrong, and the table of claims. Needs root and python3; about three minutes for all.
# Usage: docs/lessons/record.sh [LESSON...]    SOCKTALE the binary (build/socktale); without a lesson: all
#
# Both languages play at the same time; where something that must be seen was not, each has two more tries alone. A lesson that
# still fails keeps its old page, and the exit status says so. evidence/ keeps what the must-sees rest on, from the English play.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
export SOCKTALE=${SOCKTALE:-$checkout/build/socktale}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export COLUMNS=90 LC_ALL=C.UTF-8
unset LANGUAGE SOCKTALE_LESSONS SOCKTALE_DEMOS
failed=0

# play NAME LANGUAGE: its words into $folder/LANGUAGE, its evidence into $folder/LANGUAGE.log
play() {
	rm -f "$folder/$2.log"
	SOCKTALE_EVIDENCE=$folder/$2.log "$SOCKTALE" play --lang "$2" --format lanes "$1" >"$folder/$2" 2>"$folder/$2.err" </dev/null
}

# again NAME LANGUAGE
again() {
	play "$1" "$2" || play "$1" "$2" && return
	echo "$1 ($2): not all must-sees hold; its page stays as it was" >&2
	grep -hE '^socktale|not ok' "$folder/$2.err" "$folder/$2" | head -n 5 >&2
	return 1
}

# page FILE LANGUAGE
page() {
	python3 "$here/pages.py" lesson "$1" "$2" "$folder/$2" "$folder/$2.log" >"$folder/page" || return 1
	mv "$folder/page" "$here/$1$([ "$2" = zh ] && echo .zh).md"
}

mkdir -p "$here/evidence"
for file in "$checkout"/demos/lessons/*.lesson; do
	file=$(basename "$file" .lesson)
	name=${file#*-}
	[ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
	play "$name" en & en=$!
	play "$name" zh & zh=$!
	wait $en; en=$?
	wait $zh; zh=$?
	[ $en = 0 ] || again "$name" en || { failed=1; continue; }
	[ $zh = 0 ] || again "$name" zh || { failed=1; continue; }
	sed -E 's/ (netns|plane|uid)=[^ ]+//g' "$folder/en.log" >"$here/evidence/$file.log"
	page "$file" en && page "$file" zh || failed=1
done
for lang in en zh; do
	for page in wrong claims; do
		python3 "$here/pages.py" $page $lang >"$here/$page$([ $lang = zh ] && echo .zh).md" || failed=1
	done
done
exit $failed
