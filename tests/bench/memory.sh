#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a recording trace holds in memory with so many idle connections: the process by its own account, the kernel's maps by
# theirs. One line per count: connections, resident kB, anonymous kB of it, maps kB. BUILD names the build folder.
#
#   memory.sh [CONNECTIONS...]     (0 10000 20000; both ends are here)
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
work=$(mktemp -d /dev/shm/socktale-memory.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT

[ $# -gt 0 ] || set -- 0 10000 20000
for connections; do
	mkfifo "$work/to" "$work/ready"
	"$build/tests/bench/load" request -i "$connections" <"$work/to" >"$work/counted" &
	exec 9>"$work/to"
	for _ in $(seq 600); do grep -q ready "$work/counted" && break; sleep 0.1; done
	exec 8<>"$work/ready"
	"$build/socktale" trace --netns "$netns" --io folded --format record -o "$work/rec" --ready-fd 8 2>"$work/said" 9>&- &
	tracer=$!
	read -r -t 30 _ <&8 || { echo "memory: the tracer did not attach: $(tail -1 "$work/said")"; kill $tracer; exit 1; }
	sleep 1
	process=$(awk '/^VmRSS/ { r = $2 } /^RssAnon/ { a = $2 } END { print r, a }' "/proc/$tracer/status")
	# One line per map, however many descriptors lead to it; programs have a memlock too, and no map_id.
	maps=$(for f in "/proc/$tracer/fdinfo"/*; do
		awk '/^map_id:/ { id = $2 } /^memlock:/ { bytes = $2 } END { if (id) print id, bytes }' "$f" 2>/dev/null
	done | sort -u | awk '{ s += $2 } END { printf "%d", s / 1024 }')
	kill -INT $tracer
	wait $tracer
	exec 9>&- 8>&-
	wait
	echo "$connections $process $maps"
	rm -f "$work/to" "$work/ready" "$work/rec"
done
