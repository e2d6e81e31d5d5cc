#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Takes the pictures of README.md: lessons played on the running kernel in a terminal of 80x24 (tmux), as they looked. Each goes to
# NAME.txt here, and between the lines `<!-- picture NAME -->` and `<!-- end -->` of README.md. Needs root and tmux.
# Usage: docs/pictures/record.sh [NAME...]    SOCKTALE the binary (build/socktale)
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
SOCKTALE=${SOCKTALE:-$checkout/build/socktale}
socket=socktale-pictures-$$
trap 'tmux -L "$socket" kill-server 2>/dev/null' EXIT
[ $# -gt 0 ] || set -- send-block small-writes time-wait

screen() { tmux -L "$socket" capture-pane -p -t play "$@"; }

# play PATTERN ARGUMENT...: a lesson plays until the screen or what has scrolled off it shows the pattern
play() {
	local pattern=$1 i
	shift
	tmux -L "$socket" -f /dev/null start-server \; set -g history-limit 20000 \; new-session -d -s play -x 80 -y 24 \
		"env -u COLUMNS -u LANGUAGE NO_COLOR=1 LC_ALL=C.UTF-8 '$SOCKTALE' play $*; sleep 60"
	for ((i = 0; i < 600; i++)); do
		screen -S - | grep -qE "$pattern" && return
		sleep 0.1
	done
	echo "$*: never shown: $pattern" >&2
	return 1
}

# rows PATTERN: 24 rows of what was shown, from the one with the pattern on
rows() { screen -S - | grep -vE '^ *$' | awk -v pattern="$1" '$0 ~ pattern && !on { on = 1 } on && n++ < 24'; }

for name in "$@"; do
	case $name in
	send-block) play 'in sendto\(\) 3\.[0-9] s' send-block && screen ;;
	small-writes) play 'request 3: ' small-writes && rows 'request 1: ' ;;
	time-wait) play 'TIME-WAIT of graceclient .* 4[0-9]\.[0-9] s of' time-wait --full && screen ;;
	*) echo "$name: there is no such picture" >&2 && false ;;
	esac | sed 's/ *$//' >"$here/$name.txt"
	tmux -L "$socket" kill-server 2>/dev/null
	[ -s "$here/$name.txt" ] || exit 1
	awk -v name="$name" -v file="$here/$name.txt" '
		$0 == "<!-- picture " name " -->" { print; print "```text"; while ((getline line < file) > 0) print line; print "```"; skip = 1; next }
		$0 == "<!-- end -->" { skip = 0 }
		!skip' "$checkout/README.md" >"$here/README.new" && mv "$here/README.new" "$checkout/README.md"
done
