#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Puts the figures of the last `make bench` ($BUILD/bench/SECTION.md) into docs/cost.md, each between its two marks.
# A section that was not run keeps its figures.
set -eu

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
pages=${BUILD:-build}/bench
[ -d "$pages" ] || { echo "page: nothing was measured (make bench)" >&2; exit 1; }
awk -v pages="$pages" '
/^<!-- bench: [a-z]+ -->$/ {
	print
	file = pages "/" $3 ".md"
	held = ""
	copied = 0
	while ((getline line < file) > 0) {
		if (!copied++)
			print ""
		print line
	}
	close(file)
	skipping = copied > 0
	if (skipping)
		print ""
	next
}
/^<!-- bench end -->$/ { skipping = 0 }
!skipping
' docs/cost.md >"$pages/cost.new"
mv "$pages/cost.new" docs/cost.md
echo "docs/cost.md: written"
