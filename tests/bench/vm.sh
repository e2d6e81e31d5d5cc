#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a program costs per hit behind each kind of door, and what a peer's program on the same hook costs, by run time and
# count of the kernel's BPF statistics. For a guest, where nobody else traces:
#
#   tests/vm/run.sh 6.12 --time 280 -- tests/bench/vm.sh
#
# The guest's clock counts instructions (-icount), so its nanoseconds are work, not time. BUILD names the build folder.
# Prints a table (page.sh puts it into docs/cost.md as `functions` where $BUILD/bench/functions.md is it).
set -u

export PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build}
case $build in /*) ;; *) build=$root/$build ;; esac
skip() { echo "skip: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
command -v bpftool >/dev/null || skip "needs bpftool"
work=$(mktemp -d) || exit 1
load=$work/load
cc -O2 -D_GNU_SOURCE -o "$load" "$root/tests/live/load.c" || skip "load.c does not compile here"
ip link set lo up
sysctl -qw kernel.bpf_stats_enabled=1 || skip "this kernel keeps no BPF statistics"
connections=${CONNECTIONS:-40} exchanges=10 port=22300

programs() { # type, name, hits, ns a hit
	bpftool prog show -j | python3 -c '
import json, sys
for p in json.load(sys.stdin):
    if p.get("run_cnt"):
        print(p["type"], p.get("name", "-"), p["run_cnt"], round(p["run_time_ns"] / p["run_cnt"]))'
}
work_on() {
	port=$((port + 1))
	"$load" server 127.0.0.1 $port $connections -c last -x $exchanges >"$work/server" &
	local server=$!
	until grep -q ready "$work/server"; do sleep 0.1; done
	"$load" client 127.0.0.1 $port $connections -c first -x $exchanges >/dev/null
	wait $server
}
row() { # WHO
	programs | awk -v who="$1" '$2 ~ /^(kprobe__)?(tcp_set_state|tcp_sendmsg|inet_sock_set_sta|inet_sock_set_s|handle_set_state)/ {
		printf "| %s | `%s` | %s | %d | %d |\n", who, $2, $1, $3, $4 }'
}
ours() { # WHO WITHOUT ARGUMENT...
	local who=$1 without=$2
	shift 2
	rm -f "$work/ready"
	mkfifo "$work/ready"
	SOCKTALE_WITHOUT=$without "$build/socktale" trace --ready-fd 9 --format record -o "$work/rec" "$@" 9>"$work/ready" 2>"$work/said" &
	local tracer=$!
	if [ "$(timeout 60 head -c 1 "$work/ready" | wc -c)" != 1 ]; then
		echo "| $who | skipped: $(head -n 1 "$work/said") | | | |"
		wait $tracer
		return
	fi
	work_on
	row "$who"
	kill -KILL $tracer
	wait $tracer 2>/dev/null
	sleep 1
}
peer() { # WHO COMMAND...
	local who=$1 tries=0
	shift
	command -v "$1" >/dev/null || { echo "| $who | skipped: $1 is not installed | | | |"; return; }
	"$@" >/dev/null 2>"$work/said" &
	local tracer=$! before
	before=$(bpftool prog show -j | grep -o '"id"' | wc -l)
	while [ $((tries++)) -lt 100 ] && kill -0 $tracer 2>/dev/null && ! programs_loaded; do sleep 0.3; done
	sleep 3
	if ! kill -0 $tracer 2>/dev/null; then
		echo "| $who | skipped: $(grep -v '^$' "$work/said" | tail -n 1 | cut -c1-100) | | | |"
		return
	fi
	work_on
	row "$who"
	kill -KILL $tracer
	wait $tracer 2>/dev/null
	sleep 1
}
programs_loaded() { bpftool prog show | grep -qE 'name (kprobe__)?(tcp_set_state|tcp_sendmsg|inet_sock_set_s|handle_set_state)'; }

echo "Linux $(uname -r), $connections connections of $exchanges exchanges; ns a hit are instructions of the emulated CPU, statistics included."
echo
echo "| tracer | program | type | hits | ns a hit |"
echo "| --- | --- | --- | --- | --- |"
ours "socktale, fentry" "" --plane functions
ours "socktale, kprobe" fentry --plane functions
ours "socktale, tp_btf" "" --plane tracepoints
ours "socktale, raw_tp" tp_btf --plane tracepoints
peer "bpftrace, a line per state, kprobe" bpftrace -e 'kprobe:tcp_set_state { printf("%d %s %d\n", nsecs, comm, arg1); }'
peer "bpftrace, a line per send, kprobe" bpftrace -e 'kprobe:tcp_sendmsg { printf("%d %s %d\n", nsecs, comm, arg2); }'
peer "libbpf-tools tcptop, kprobe" tcptop -C 60
peer "libbpf-tools tcpstates, tracepoint" tcpstates
rm -rf "$work"
