#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The translations: each language of po/ says every sentence of the sources, none that is gone, none that is only a guess,
# and with the same names in braces. Formats are checked by msgfmt. Which words are right is for a reader to judge.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
for tool in xgettext msgmerge msgattrib msgfmt; do
	command -v $tool >/dev/null || { echo "skip: $tool is not installed (package gettext)"; exit 77; }
done
new=$(mktemp -d) || exit 1
trap 'rm -rf "$new"' EXIT
wrong=0
check() { if [ ! -s "$2" ]; then echo "ok - $1"; else echo "not ok - $1"; sed 's/^/#   /' "$2" | head -n 40; wrong=1; fi; }
ids() { awk '/^msgid / { sub(/^msgid /, ""); if ($0 != "\"\"") print; next } /^msgid_plural/ { next } /^"/ && id { print } { id = /^msgid/ }'; }

env -u MAKEFLAGS make --no-print-directory -s B="$new" "$new/socktale.pot" >"$new/log" 2>&1 || {
	echo "not ok - the sentences are found"
	sed 's/^/#   /' "$new/log"
	exit 1
}
count=$(grep -c '^msgid ' "$new/socktale.pot")
if [ "$count" -gt 1000 ]; then echo "ok - $((count - 1)) sentences are found"; else echo "not ok - only $count sentences are found"; wrong=1; fi
for po in po/*.po; do
	msgmerge --quiet --no-fuzzy-matching --no-wrap -o "$new/now.po" "$po" "$new/socktale.pot" 2>/dev/null
	msgattrib --untranslated --no-obsolete --no-wrap "$new/now.po" 2>/dev/null | ids >"$new/untranslated"
	check "$po: every sentence has its translation (make words)" "$new/untranslated"
	msgattrib --only-obsolete --no-wrap "$new/now.po" 2>/dev/null | sed -n 's/^#~ msgid /gone: /p' >"$new/gone"
	check "$po: no sentence that the sources no longer say (make words)" "$new/gone"
	msgattrib --only-fuzzy --no-wrap "$po" 2>/dev/null | ids >"$new/fuzzy"
	check "$po: no translation is a guess (fuzzy)" "$new/fuzzy"
	msgfmt --check -o /dev/null "$po" 2>&1 | grep -v "escape sequence" >"$new/format"
	check "$po: header and formats" "$new/format"
	msgcat --no-wrap "$po" 2>/dev/null | awk '
		function names(s,   all, n, sorted, i, list) {
			all = ""
			while (match(s, /\{[a-z_0-9:]+\}/)) { all = all " " substr(s, RSTART, RLENGTH); s = substr(s, RSTART + RLENGTH) }
			n = split(all, list, " ")
			for (i = 1; i <= n; i++) seen[list[i]]++
			return all
		}
		/^msgid / { id = $0 }
		/^msgstr/ && id ~ /\{/ {
			delete seen; names(id); for (x in seen) need[x] = 1
			delete seen; names($0)
			for (x in need) if (!(x in seen)) print x " is missing: " $0
			for (x in seen) if (!(x in need)) print x " is not in: " id
			delete need
		}' >"$new/braces"
	check "$po: the same names in braces" "$new/braces"
done

# Lessons carry their translations with them: a line zh behind each line that is said, and a page in either language that
# says all of it as the lesson says it today.
if command -v python3 >/dev/null; then
	python3 - demos/lessons/*.lesson >"$new/lessons" <<-'END'
	import re, sys

	SAID = ("title", "aim", "end", "read", "say", "scene", "en")
	plain = lambda text: re.sub(r"\s+", "", text)
	for path in sys.argv[1:]:
	    lines = re.sub(r"\\\n\s*", " ", open(path, encoding="utf-8").read()).split("\n")
	    lines = [l.strip().partition(" ")[::2] for l in lines if l.strip() and not l.strip().startswith("#")]
	    said = {"": [], ".zh": []}
	    only_full = False     # what only --full sees is on no page
	    for (word, rest), (after, chinese) in zip(lines, lines[1:] + [("", "")]):
	        only_full = word == "full" or only_full and word not in ("see", "never", "scene")
	        if word not in SAID:
	            continue
	        if after != "zh":
	            print(f"{path}: without Chinese: {word} {rest}")
	        elif not (word == "en" and only_full):
	            said[""].append(rest.partition(" ")[2] if word == "scene" else rest)
	            said[".zh"].append(chinese)
	    for language, texts in said.items():
	        page = path.replace("demos/", "docs/").replace(".lesson", language + ".md")
	        try:
	            shown = plain(re.sub(r"(?m)^▌ ?", "", open(page, encoding="utf-8").read()))
	        except FileNotFoundError:
	            print(f"{page}: is not there (docs/lessons/record.sh)")
	            continue
	        for text in texts:
	            if plain(text) not in shown:
	                print(f"{page}: does not say (docs/lessons/record.sh): {text}")
	END
	check "lessons and their pages say the same in both languages" "$new/lessons"
	awk -F' ' '/^C[0-9]/ { if (claim) print claim ": without Chinese"; claim = $1 } /^zh / { claim = "" } END { if (claim) print claim ": without Chinese" }' \
		demos/lessons/claims >"$new/claims"
	check "each claim is said in both languages" "$new/claims"
fi
[ $wrong = 0 ]
