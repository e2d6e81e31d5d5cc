#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# How many events a second go into a recording before the first is lost: every CPU makes the cheapest call that is told
# on its own, at rising rates and at last as fast as it can. BUILD names the build folder. Exit 77: skipped.
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
work=$(mktemp -d /dev/shm/socktale-rate.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT

for rate in 250000 500000 1000000 0; do
	mkfifo "$work/to" "$work/ready"
	limit=()
	[ $rate = 0 ] || limit=(-r "$rate")
	"$build/tests/bench/load" option "${limit[@]}" <"$work/to" >"$work/counted" &
	exec 9>"$work/to"
	while ! grep -q ready "$work/counted"; do sleep 0.05; done
	exec 8<>"$work/ready"
	"$build/socktale" trace -e sock_option --format record -o "$work/rec" --ready-fd 8 2>"$work/said" &
	tracer=$!
	read -r -t 20 _ <&8 || { echo "rate: the tracer did not attach: $(tail -1 "$work/said")"; kill $tracer; exit 1; }
	echo 1000 >&9
	while [ "$(wc -l <"$work/counted")" -lt 2 ]; do sleep 0.05; done
	kill -INT $tracer
	wait $tracer
	exec 9>&- 8>&-
	wait
	awk -v asked=$rate 'FNR == NR { n = $1 / $2; next } /produced/ { lost = 0; for (i = 2; i <= NF; i++) if ($i ~ /^lost/) lost = $(i - 1)
		printf "rate: %s a second and CPU asked, %.0f events a second into a recording, %d lost\n", asked ? asked : "no end", n, lost
	}' "$work/counted" "$work/said"
	rm -f "$work/to" "$work/ready" "$work/rec"
done
