#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Folded figures lose no byte: the sum of all tcp_io is what the load itself has counted, exactly, also when the trace
# ends while connections live. BUILD names the build folder. Exit 77: skipped with a reason.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$(cd "$here/../.." && pwd)/$build ;; esac

skip() { echo "skip: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
if [ -z "${BENCH_INSIDE:-}" ]; then
	unshare -n true 2>/dev/null || skip "no network namespaces here"
	BENCH_INSIDE=1 exec unshare -n "${BASH_SOURCE[0]}" "$@"
fi
ip link set lo up
netns=$(stat -Lc %i /proc/self/ns/net)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
[ -x "$build/tests/bench/load" ] ||
	{ mkdir -p "$build/tests/bench" && cc -O2 -D_GNU_SOURCE -o "$build/tests/bench/load" "$here/load.c"; } || exit 1
failed=0

for load in request bulk; do
	mkfifo "$work/to" "$work/ready"
	"$build/tests/bench/load" $load <"$work/to" >"$work/counted" &
	exec 9>"$work/to"
	while ! grep -q ready "$work/counted"; do sleep 0.05; done
	exec 8<>"$work/ready"
	"$build/socktale" trace --netns "$netns" --io folded --format log -o "$work/log" --ready-fd 8 2>"$work/said" &
	tracer=$!
	read -r -t 20 _ <&8 || { echo "exact $load: the tracer did not attach: $(tail -1 "$work/said")"; kill $tracer; exit 1; }
	for _ in 1 2 3 4 5; do echo 300 >&9; done
	while [ "$(wc -l <"$work/counted")" -lt 6 ]; do sleep 0.05; done
	kill -INT $tracer
	wait $tracer
	exec 9>&- 8>&-
	wait
	awk -v load=$load '
	FNR == NR { if (NF == 5) { sent += $4; received += $5 } next }
	$3 == "tcp_io" {
		rows++
		for (i = 4; i <= NF; i++) {
			split($i, pair, "=")
			if (pair[1] == "sent_bytes") told_sent += pair[2]
			if (pair[1] == "recv_bytes") told_received += pair[2]
		}
	}
	END {
		printf "exact %s: sent %.0f told %.0f, received %.0f told %.0f, in %d events: %s\n", load, sent, told_sent,
			received, told_received, rows, sent == told_sent && received == told_received ? "the same" : "DIFFERENT"
		exit !(sent > 0 && sent == told_sent && received == told_received)
	}' "$work/counted" "$work/log" || failed=1
	rm -f "$work/to" "$work/ready"
done
exit $failed
