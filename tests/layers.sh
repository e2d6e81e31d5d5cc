#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Checks the arrows between the rooms: which room may include which, and who may know libbpf.
# Reads nothing but #include lines; prints each that goes against an arrow, and ends with 1 if there is one.
set -u
cd "$(dirname "$0")/.." || exit 1

# room          may include ("libbpf": <bpf/...> and the skeleton; "bpf": event.h, event.def, config.h and record.h)
arrows='
user/base         base
user/event        base event bpf
user/conversation base event conversation bpf
user/explain      base event conversation explain bpf
user/render       base event conversation explain render bpf
user/probe        base event probe bpf libbpf
user/snapshot     base event snapshot bpf libbpf
user/lesson       base event lesson bpf
user/command      base event conversation explain render probe snapshot lesson command bpf
user/main         base command
bpf               bpf libbpf vmlinux
'

# The room an included file belongs to: from its quotes or brackets, nothing for a header of the system.
room_of()
{
	case $1 in
	'"bpf/event.'* | '"bpf/config.h"' | '"bpf/record.h"' | '"bpf/snapshot.'*) echo bpf ;;
	'"bpf/'*) echo "${2%%/*}" | grep -x bpf || echo "bpf/ (kernel side)" ;;
	'<bpf/'* | '"socktale.skel.h"') echo libbpf ;;
	'"vmlinux.h"') echo vmlinux ;;
	'"'*/*) echo "$1" | sed 's|^"||; s|/.*||' ;;
	'"'*) echo "no room (write it from the root of the rooms)" ;;
	esac
}

wrong=0 seen=0
while read -r room allowed; do
	[ -n "$room" ] || continue
	files=$(find bpf user -type f \( -path "$room/*" -o -path "$room.*" \) -name '*.[ch]*' 2>/dev/null)
	for file in $files; do
		while IFS=: read -r line text; do
			included=$(sed -E 's/^[ \t]*#[ \t]*include[ \t]*(["<][^">]*[">]).*/\1/' <<<"$text")
			target=$(room_of "$included" "$room")
			seen=$((seen + 1))
			[ -n "$target" ] || continue
			case " $allowed " in
			*" $target "*) ;;
			*)
				echo "$file:$line: $room may not include $included: $target is not among: $allowed"
				wrong=$((wrong + 1))
				;;
			esac
		done < <(grep -nE '^[ \t]*#[ \t]*include[ \t]*["<]' "$file")
	done
done <<<"$arrows"

# A room without a row would be free of every arrow.
for room in user/*/; do
	room=${room%/}
	grep -q "^$room " <<<"$arrows" || { echo "$room: has no row in $0"; wrong=$((wrong + 1)); }
done
[ "$seen" -gt 0 ] || { echo "no #include was found: is this the tree?"; wrong=1; }
[ "$wrong" -eq 0 ] && echo "layers: $seen includes follow the arrows"
[ "$wrong" -eq 0 ]
