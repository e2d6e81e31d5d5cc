#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What tracing costs: each load runs in short windows, untraced and traced in turn, for every way of tracing below and
# for the tools of today that are here. Does not judge by itself what is good: the floors are in the table.
#
#   run.sh            all of it, below ten minutes (BENCH=quick: below three, without other tools; BENCH=own: only without them)
#
# BUILD names the build folder. Root and BPF are needed; without: exit 77 with a reason. Exit 1 when a floor is missed.
# The loads run in a network namespace of their own. Tracers of other people slow both halves of a pair: they are named.
set -u

export PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
tool=$build/socktale
mode=${BENCH:-full}

skip() { echo "skip: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
[ -x "$tool" ] || skip "no $tool (make)"
if [ -z "${BENCH_INSIDE:-}" ]; then
	unshare -n true 2>/dev/null || skip "no network namespaces here"
	BENCH_INSIDE=1 exec unshare -n "${BASH_SOURCE[0]}" "$@"
fi
ip link set lo up || skip "no loopback device"
sysctl -qw net.ipv4.tcp_max_tw_buckets=60000

bin=$build/tests/bench
mkdir -p "$bin"
for program in load pair; do
	cc -O2 -Wall -Wextra -std=gnu11 -D_GNU_SOURCE -o "$bin/$program" "$here/$program.c" || exit 1
done
work=$(mktemp -d /dev/shm/socktale-bench.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
"$tool" trace -d 0.1 --format record -o "$work/rec" 2>"$work/said" || skip "cannot trace here: $(tail -1 "$work/said")"

pairs=9 window=300
[ "$mode" = quick ] && pairs=5 window=150
missed=0

echo "# machine: $(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1); kernel $(uname -r)"
echo "# $pairs pairs of windows of $window ms; ratio: traced/untraced, median (quartiles); load average $(cut -d' ' -f1 /proc/loadavg)"
others=$(bpftool prog show 2>/dev/null | grep -cE 'tracing|raw_tracepoint|kprobe|perf_event')
[ "${others:-0}" = 0 ] || echo "# note: $others tracing programs of others are loaded: untraced is not quite untraced"
printf '%-10s %-34s %-20s %-6s %11s %11s %7s %8s %7s %s\n' \
	load traced ratio floor untraced/s traced/s 'tracer%' 'memory' attach lost

# one LOAD NAME FLOOR TRACER...: a row. LOAD may carry options of load.
one() {
	local load=$1 name=$2 floor=$3 lost figures median
	shift 3
	rm -f "$work/said"
	# shellcheck disable=SC2086
	figures=$("$bin/pair" -n $pairs -w $window -s "${settle:-1500}" -e "$work/said" "$bin/load" $load -- "$@" 2>"$work/why") || {
		printf '%-10s %-34s skip: %s\n' "$load" "$name" "$(tail -1 "$work/why") $(tail -1 "$work/said" 2>/dev/null)"
		return
	}
	lost=-
	if [ "$1" = "$tool" ]; then
		lost=$(sed -n 's/.* \([0-9]*\) lost.*/\1/p' "$work/said" | awk '{ s += $1 } END { print s + 0 }')
		lost+=$(sed -n 's/.*; \([0-9]*\) hooks skipped.*/\1/p' "$work/said" | awk '{ s += $1 } END { if (s) print " +" s " skipped" }')
	fi
	# shellcheck disable=SC2086
	set -- $figures
	median=$1
	printf '%-10s %-34s %-20s %-6s %11s %11s %6s%% %5s MB %4s ms %s' "${load%% *}" "$name" "$1 ($2-$3)" "$floor" "$4" "$5" "$6" \
		"$(($7 / 1024))" "$8" "$lost"
	if [ "$floor" != - ] && awk "BEGIN { exit !($median < $floor) }"; then
		missed=$((missed + 1))
		printf ' below'
	fi
	printf '\n'
}

trace() { # LOAD NAME FLOOR OPTION...
	local load=$1 name=$2 floor=$3
	shift 3
	one "$load" "$name" "$floor" "$tool" trace --ready-fd @READY "$@"
}
recording=(--format record -o "$work/rec")
log=(--format log -o "$work/log")

control() { # the same twice: what the method itself is worth
	one "$1" "nothing (control)" - sleep 60
}

settle=10 control churn
trace churn "whole life, recording" 0.88 "${recording[@]}"
trace churn "whole life, log" - "${log[@]}"
trace churn "states only" - -e tcp_state "${recording[@]}"
trace churn "filtered to another process" 0.97 -p 1 "${recording[@]}"
settle=10 control request
trace request "folded, recording" 0.93 --io folded "${recording[@]}"
trace request "every call, recording" 0.78 "${recording[@]}"
trace request "every call, log" - "${log[@]}"
trace request "states only" - -e tcp_state "${recording[@]}"
trace request "filtered to another process" 0.97 -p 1 "${recording[@]}"
trace bulk "folded, recording" 0.95 --io folded "${recording[@]}"
trace bulk "every call, recording" - "${recording[@]}"
trace bulk "filtered to another process" 0.97 -p 1 "${recording[@]}"
trace udp "every call, recording" - "${recording[@]}"
trace udp "filtered to another process" 0.97 -p 1 "${recording[@]}"
trace unix "every call, recording" - "${recording[@]}"
trace unix "filtered to another process" 0.97 -p 1 "${recording[@]}"
trace "request -i 20000" "folded, 20 000 idle besides" 0.93 --io folded "${recording[@]}"

# ---- the tools of today ----

peer() { # LOAD NAME PROGRAM ARG...: skipped with a reason when it is not here
	local load=$1 name=$2
	shift 2
	if ! command -v "$1" >/dev/null; then
		printf '%-10s %-34s skip: no %s here\n' "$load" "$name" "$1"
		return
	fi
	one "$load" "$name" - "$@"
}

if [ "$mode" = full ]; then
	pairs=3 settle=2500
	states='tracepoint:sock:inet_sock_set_state { printf("%d %s %d>%d\n", nsecs, comm, args->oldstate, args->newstate); }'
	calls='tracepoint:syscalls:sys_exit_read,tracepoint:syscalls:sys_exit_write { @[pid] = sum(args->ret); }'
	for t in tcpstates tcplife tcpconnect; do
		peer churn "$t" "$t-bpfcc"
	done
	peer churn "bpftrace per state" bpftrace -e "$states"
	peer churn "tcpdump to nowhere" tcpdump -i lo -w /dev/null tcp
	peer request "bpftrace sums per process" bpftrace -e "$calls"
	peer request "tcpdump to nowhere" tcpdump -i lo -w /dev/null tcp
	if command -v strace >/dev/null; then
		# strace follows what it starts: the load itself runs under it.
		for load in churn request; do
			bare=$(printf '%s\n%s\n' $window $window | "$bin/load" $load | tail -1 | cut -d' ' -f1)
			traced=$(printf '%s\n%s\n' $window $window | strace -f -qq -e trace=network,read,write,close -o /dev/null "$bin/load" $load |
				tail -1 | cut -d' ' -f1)
			awk -v l=$load -v a="$traced" -v b="$bare" 'BEGIN { printf "%-10s %-34s %.3f\n", l, "strace -f (one pair)", a / b }'
		done
	else
		echo "strace: skip: not here"
	fi
fi

# ---- nothing is lost: folded figures, to the byte; and how many events a second a recording takes ----

BUILD=$build "$here/exact.sh" || missed=$((missed + 1))
BUILD=$build "$here/rate.sh"
[ $missed = 0 ] || { echo "$missed below their floors"; exit 1; }
