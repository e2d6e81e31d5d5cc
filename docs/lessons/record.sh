#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Writes the pages of this folder: each lesson played on the running kernel, in English and Chinese, with the output as recorded,
# and the table of claims. Needs root.
# Usage: docs/lessons/record.sh [LESSON...|claims]    SOCKTALE the binary (build/socktale); without a lesson: all, and the claims
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
SOCKTALE=${SOCKTALE:-$checkout/build/socktale}
folder=$(mktemp -d)
raw=$folder/claims
trap 'rm -rf "$folder"' EXIT
export COLUMNS=80 LC_ALL=C.UTF-8
unset LANGUAGE

# page FILE LANGUAGE: the page of one lesson
page() {
	local file=$1 lang=$2 name number raw=$folder/$2
	name=$(basename "$file" .lesson)
	number=${name%%-*} name=${name#*-}
	"$SOCKTALE" play --lang "$lang" --format lanes "$name" >"$raw" 2>/dev/null </dev/null || echo "$name ($lang): not all must-sees hold" >&2
	sed -i -E '/^━━ /s/ ━+$//' "$raw"
	awk -v lang="$lang" -v number="$number" -v name="$name" -v kernel="$(uname -r | sed 's/-.*//')" '
		function word(english, chinese) { return lang == "zh" ? chinese : english }
		function close_block() { if (open) print "```"; open = 0 }
		/^━━ / {
			title = $0
			sub(/^━━ /, "", title)
			part++
			if (part == 1) {
				print "# " title "\n"
				next
			}
			if (part == 2) print "\n\n" word("Play it: ", "播放：") "`socktale play " name "`\n"
			close_block()
			if (title == word("What you just saw", "你刚才看到的")) {
				print "\n## " title "\n\n" word("As recorded on Linux ", "录制于 Linux ") kernel word(":", "：") "\n"
				ending = 1
			} else {
				scenes++
				if (scenes == 2) print "\n## " word("Further scenes", "其余各幕") "\n"
				if (scenes == 1) print "\n## " title "\n"
				else print "- " title
			}
			lines = 0
			next
		}
		part == 1 { sub(/^▌ ?/, ""); if ($0 != "") printf "%s%s", $0, (lang == "zh" ? "" : " "); next }
		scenes == 1 && !ending || ending {
			if (!open) { print "```text"; open = 1 }
			if (++lines <= (ending ? 400 : 110)) print
			else if (lines == 111 && !ending) print "..."
		}
		END { close_block() }' "$raw" | sed 's/ *$//' | cat -s >"$here/$number-$name$([ "$lang" = zh ] && echo .zh).md"
}

claims() {
	COLUMNS=400 "$SOCKTALE" play --claims >"$raw" 2>/dev/null </dev/null
	{
		echo "# What the notes claim, and what this kernel shows"
		echo
		echo "Written by \`docs/lessons/record.sh\` from \`socktale play --claims\` on Linux $(uname -r | sed 's/-.*//'). Each claim of the notes, the"
		echo "verdict, the lesson that shows it, and the event it rests on (time since the scene began, process, event, fields)."
		echo
		echo "| claim | the notes say | verdict | lesson | evidence |"
		echo "|---|---|---|---|---|"
		awk '
			NR == FNR { if (/^C[0-9]+ /) { number = $1; $1 = $2 = $3 = ""; sub(/^ +/, ""); text[number] = $0 } next }
			$2 ~ /^C[0-9]+$/ {
				evidence = $0
				sub(/^[a-z]+( ok)? +C[0-9]+ +[a-z-]+ +[a-z-]+ +/, "", evidence)
				print "| " $2 " | " text[$2] " | " $3 " | " $4 " | `" substr(evidence, 1, 160) "` |"
			}
			/^not ok/ {
				evidence = $0
				sub(/^not ok +C[0-9]+ +[a-z-]+ +[a-z-]+ +/, "", evidence)
				print "| " $3 " | " text[$3] " | " $4 " | " $5 " | **not seen**: `" substr(evidence, 1, 160) "` |"
			}' "$checkout/demos/lessons/claims" "$raw"
		echo
		tail -n 1 "$raw"
	} >"$here/claims.md"
}

for file in "$checkout"/demos/lessons/*.lesson; do
	name=$(basename "$file" .lesson)
	[ $# = 0 ] || [[ " $* " == *" ${name#*-} "* ]] || continue
	page "$file" en
	page "$file" zh
done
[ $# -gt 0 ] && [ "$*" != claims ] || claims
