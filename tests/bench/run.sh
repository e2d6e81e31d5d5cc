#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What tracing costs: each load runs in short windows, untraced and traced in turn, for every way of tracing below and
# for the tools of today that are here. Floors are judged; what a tool of today cannot do here is a skip with its reason.
#
#   run.sh [SECTION...]     churn rr bulk idle udp unix services peers rate start memory; all of them without one
#
# BUILD names the build folder; the figures go to $BUILD/bench/SECTION.md as well, and from there into docs/cost.md by
# tests/bench/page.sh. BENCH_SECONDS (720) bounds the whole: what has not begun by then is skipped. BENCH_PAIRS (7) and
# BENCH_WINDOW (300 ms) are the pairs a row has. Root and BPF are needed; without: exit 77 with a reason. Exit 1 when a floor
# is missed. The loads run in a network namespace of their own. Tracers of other people slow both halves of a pair: they
# are counted.
set -u

export PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
tool=$build/socktale

skip() { echo "skip: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
[ -x "$tool" ] || skip "no $tool (make)"
if [ -z "${BENCH_INSIDE:-}" ]; then
	unshare -n true 2>/dev/null || skip "no network namespaces here"
	BENCH_INSIDE=1 exec unshare -n "${BASH_SOURCE[0]}" "$@"
fi
ip link set lo up || skip "no loopback device"
sysctl -qw net.ipv4.tcp_max_tw_buckets=60000

bin=$build/tests/bench pages=$build/bench
mkdir -p "$bin" "$pages"
for program in load pair; do
	cc -O2 -Wall -Wextra -std=gnu11 -D_GNU_SOURCE -o "$bin/$program" "$here/$program.c" || exit 1
done
cc -O2 -Wall -Wextra -std=gnu11 -D_GNU_SOURCE -o "$bin/empty" "$here/empty.c" -lbpf -lelf -lz || exit 1
work=$(mktemp -d /dev/shm/socktale-bench.XXXXXX) || exit 1
# The kernel's BPF statistics, where somebody left them on, cost each hit some 35 ns: off meanwhile.
statistics=$(sysctl -n kernel.bpf_stats_enabled)
sysctl -qw kernel.bpf_stats_enabled=0
trap 'sysctl -qw kernel.bpf_stats_enabled="$statistics"; rm -rf "$work"' EXIT
"$tool" trace -d 0.1 --format record -o "$work/rec" 2>"$work/said" || skip "cannot trace here: $(tail -1 "$work/said")"

pairs=${BENCH_PAIRS:-7} window=${BENCH_WINDOW:-300} settle=1500 missed=0
began=$SECONDS most=${BENCH_SECONDS:-720}
recording=(--format record -o "$work/rec")

late() { [ $((SECONDS - began)) -ge "$most" ]; }
say() { # to the reader and to the section's page
	printf '%s\n' "$1"
	printf '%s\n' "$1" >>"$page"
}
table() {
	say "| load | what traces | traced / untraced (quartiles) | floor | untraced/s | traced/s | tracer's CPU | lost |"
	say "| --- | --- | --- | --- | --- | --- | --- | --- |"
}

# one LOAD-COMMAND NAME FLOOR TRACER...: a row
one() {
	local load=$1 name=$2 floor=$3 lost figures verdict="" command=$1
	shift 3
	if late; then
		say "| ${load%% *} | $name | skipped: the ${most} s are over | | | | | |"
		return
	fi
	case $load in nginx | redis | iperf3) command="$here/service.sh $load" ;; *) command="$bin/load $load" ;; esac
	rm -f "$work/said"
	# shellcheck disable=SC2086
	figures=$("$bin/pair" -n "$pairs" -w "$window" -s "$settle" -e "$work/said" $command -- "$@" 2>"$work/why") || {
		say "| ${load%% *} | $name | skipped: $(grep -v '^$' "$work/why" | tail -n 1), $(grep -v '^$' "$work/said" 2>/dev/null | tail -n 1 | cut -c1-90) | | | | | |"
		return
	}
	lost=-
	if [ "$1" = "$tool" ]; then
		lost=$(sed -n 's/.* \([0-9]*\) lost.*/\1/p' "$work/said" | awk '{ s += $1 } END { print s + 0 }')
		lost+=$(sed -n 's/.*; \([0-9]*\) hooks skipped.*/\1/p' "$work/said" | awk '{ s += $1 } END { if (s) print " +" s " hooks" }')
	fi
	# shellcheck disable=SC2086
	set -- $figures
	if [ "$floor" != - ] && awk "BEGIN { exit !($1 < $floor) }"; then
		missed=$((missed + 1))
		verdict=", **not reached**"
	fi
	[ "$floor" = - ] && floor=""
	say "$(printf '| %s | %s | %.2f (%.2f-%.2f) | %s%s | %s | %s | %s %% | %s |' "${load%% *}" "$name" "$1" "$2" "$3" "$floor" "$verdict" \
		"$4" "$5" "$6" "$lost")"
}

trace() { # LOAD NAME FLOOR OPTION...
	local load=$1 name=$2 floor=$3
	shift 3
	one "$load" "$name" "$floor" "$tool" trace --ready-fd @READY "$@"
}
control() { # the same twice: what the method itself is worth
	local settle=10
	one "$1" "nothing (control)" - sleep 60
}
# The least that can be had: empty programs on the tracepoints that a trace with these options listens at.
empty() { # LOAD OPTION...
	local load=$1 hook
	shift
	printf '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\nchar LICENSE[] SEC("license") = "GPL";\n' >"$work/empty.c"
	for hook in $("$tool" trace --cost -d 0.1 "$@" "${recording[@]}" 2>&1 | sed -n 's/.*cost: \([a-z_0-9]*\)__tp_btf .*/\1/p'); do
		[ "$hook" = descriptors_abandoned ] || # a second program on sched_process_exit
			printf 'SEC("tp_btf/%s") int %s(void *context) { return 0; }\n' "$hook" "$hook" >>"$work/empty.c"
	done
	clang -O2 -g -target bpf -I"$root/vmlinux" -c "$work/empty.c" -o "$work/empty.o" || return
	local settle=300
	one "$load" "empty programs on the same hooks" - "$bin/empty" "$work/empty.o" @READY
}
peer() { # LOAD NAME PROGRAM ARG...
	local load=$1 name=$2
	shift 2
	if command -v "$1" >/dev/null; then
		one "$load" "$name" - "$@"
	else
		say "| $load | $name | skipped: $1 is not installed | | | | | |"
	fi
}

# ---- the sections ----

section_churn() {
	table
	control churn
	empty churn
	trace churn "whole life, \`--format record\`" 0.88 "${recording[@]}"
	trace churn "whole life, \`--format log\`" - --format log -o "$work/log"
	trace churn "\`-e tcp_state\`, record" - -e tcp_state "${recording[@]}"
	trace churn "\`-p\` of another process" 0.97 -p 1 "${recording[@]}"
}
section_rr() {
	table
	control request
	empty request --io folded
	trace request "\`--io folded\`, record" 0.93 --io folded "${recording[@]}"
	trace request "every call, record" 0.78 "${recording[@]}"
	trace request "every call, log" - --format log -o "$work/log"
	trace request "\`-p\` of another process" 0.97 -p 1 "${recording[@]}"
	say ""
	while read -r line; do say "- $line"; done < <(BUILD=$build "$here/exact.sh" || echo "exact: FAILED")
	grep -qE 'DIFFERENT|FAILED' "$page" && missed=$((missed + 1))
}
section_bulk() {
	table
	control bulk
	empty bulk --io folded
	trace bulk "\`--io folded\`, record" 0.95 --io folded "${recording[@]}"
	trace bulk "every call, record" - "${recording[@]}"
	trace bulk "\`-p\` of another process" 0.97 -p 1 "${recording[@]}"
}
section_idle() {
	table
	trace "request -i 20000" "\`--io folded\`, record, 20 000 idle connections besides" 0.93 --io folded "${recording[@]}"
}
section_udp() {
	table
	control udp
	empty udp
	trace udp "every call, record" - "${recording[@]}"
	trace udp "\`-p\` of another process" 0.97 -p 1 "${recording[@]}"
}
section_unix() {
	table
	control unix
	empty unix
	trace unix "every call, record" - "${recording[@]}"
	trace unix "\`-p\` of another process" 0.97 -p 1 "${recording[@]}"
}
section_services() {
	local pairs=3 window=1000 service
	table
	for service in nginx redis iperf3; do
		case $service in nginx) set -- nginx wrk ;; redis) set -- redis-server redis-benchmark ;; *) set -- iperf3 ;; esac
		if ! command -v "$@" >"$work/found" || [ "$(wc -l <"$work/found")" -lt $# ]; then
			say "| $service | | skipped: $* are not all installed | | | | | |"
			continue
		fi
		trace $service "\`--io folded\`, record" - --io folded "${recording[@]}"
		trace $service "every call, record" - "${recording[@]}"
	done
}
section_peers() {
	local pairs=3 settle=2500 t load bare traced
	local states='tracepoint:sock:inet_sock_set_state { printf("%d %s %d>%d\n", nsecs, comm, args->oldstate, args->newstate); }'
	local calls='tracepoint:syscalls:sys_exit_read,tracepoint:syscalls:sys_exit_write { @[pid] = sum(args->ret); }'
	table
	for t in tcpstates tcplife tcpconnect tcptracer; do
		peer churn "libbpf-tools $t" "$t"
	done
	peer churn "bcc tcpstates" tcpstates-bpfcc
	peer churn "bpftrace, a line per state" bpftrace -e "$states"
	peer churn "tcpdump to nowhere" tcpdump -i lo -w /dev/null tcp
	peer request "libbpf-tools tcptop" tcptop -C 60
	peer request "bpftrace, sums per process" bpftrace -e "$calls"
	peer request "tcpdump to nowhere" tcpdump -i lo -w /dev/null tcp
	if ! command -v strace >/dev/null; then
		say "| churn | strace -f | skipped: strace is not installed | | | | | |"
		return
	fi
	for load in churn request; do # strace follows what it starts: the load itself runs under it
		late && return
		bare=$(printf '%s\n%s\n' "$window" "$window" | "$bin/load" $load | tail -1 | cut -d' ' -f1)
		traced=$(printf '%s\n%s\n' "$window" "$window" |
			strace -f -qq -e trace=network,read,write,close -o /dev/null "$bin/load" $load | tail -1 | cut -d' ' -f1)
		say "$(awk -v l=$load -v a="$traced" -v b="$bare" \
			'BEGIN { printf "| %s | strace -f -e trace=network,read,write,close (one pair) | %.2f | | | | | |", l, a / b }')"
	done
}
section_rate() {
	while read -r line; do say "- $line"; done < <(BUILD=$build "$here/rate.sh" 2>&1)
}
section_start() {
	local what figures
	say "| command to attached | median (quartiles), ms | wanted |"
	say "| --- | --- | --- |"
	for what in "all events" "-e tcp_state"; do
		# shellcheck disable=SC2046
		figures=$(for _ in 1 2 3 4 5 6 7 8 9; do
			"$bin/pair" -n 1 -w 10 "$bin/load" unix -1 -- "$tool" trace --ready-fd @READY "${recording[@]}" \
				$([ "$what" = "all events" ] || echo "$what") | cut -d' ' -f8
		done | sort -n | tr '\n' ' ')
		# shellcheck disable=SC2086
		set -- $figures
		say "| $what | $5 ($3-$7) | 200$([ "${5:-999}" -le 200 ] || echo ", **not reached**") |"
		[ "${5:-999}" -le 200 ] || missed=$((missed + 1))
	done
}
section_memory() {
	local line
	say "| idle connections, both ends here | resident | anonymous of it | the kernel's maps, 16 MB of them the ring |"
	say "| --- | --- | --- | --- |"
	while read -r line; do
		# shellcheck disable=SC2086
		set -- $line
		say "$(awk -v n="$1" -v r="$2" -v a="$3" -v m="$4" 'BEGIN { printf "| %d | %.1f MB | %.1f MB | %.1f MB |", n, r / 1024, a / 1024, m / 1024 }')"
		[ "$1" = 0 ] && [ "$2" -gt 32768 ] && missed=$((missed + 1))
	done < <(BUILD=$build "$here/memory.sh")
}

page=$pages/machine.md
: >"$page"
others=$(bpftool prog show 2>/dev/null | grep -cE 'tracing|raw_tracepoint|kprobe|perf_event')
say "- Machine: $(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)), Linux $(uname -r), $(date -u '+%Y-%m-%d %H:%M') UTC."
say "- Load average at the beginning: $(cut -d' ' -f1-3 /proc/loadavg); tracing programs of others loaded meanwhile: ${others:-unknown}."
say "- $pairs pairs of windows of $window ms a row, where nothing else is said."

all=(churn rr bulk idle udp unix services peers rate start memory)
[ $# -gt 0 ] || set -- "${all[@]}"
for section; do
	declare -F "section_$section" >/dev/null || { echo "bench: there is no section '$section': ${all[*]}" >&2; exit 2; }
	page=$pages/$section.md
	: >"$page"
	echo
	echo "== $section"
	if late; then say "Skipped: the $most s are over."; else "section_$section"; fi
done
echo
echo "bench: $((SECONDS - began)) s; tests/bench/page.sh puts these figures into docs/cost.md"
[ $missed = 0 ] || { echo "$missed below their floors"; exit 1; }
