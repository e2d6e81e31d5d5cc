#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every header of user/ compiles alone: it brings what it needs.
set -u
cd "$(dirname "$0")/.." || exit 1
headers=$(find user -name '*.h' | sort)
[ -n "$headers" ] || { echo "headers: none found"; exit 1; }
bad=0
for header in $headers; do
	echo "#include \"$header\"" | ${CC:-gcc} -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-parameter \
		-fmax-errors=2 -I. -Iuser -Ibuild -x c -fsyntax-only - || { echo "$header: does not compile alone"; bad=1; }
done
[ "$bad" -eq 0 ] && echo "headers: $(wc -l <<<"$headers") compile alone"
exit "$bad"
