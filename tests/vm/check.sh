#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Checks that the VM runner tells the truth: exit codes, output, time limit, networking, two at once.
#
#   check.sh [KERNEL [virtiofs|initramfs]]     (6.1, virtiofs)
#
# Prints TAP. Exit status: 0 all well, 1 not, 77 the kernel or QEMU is missing.
set -u -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kernel=${1:-6.1} root=${2:-}
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
count=0 bad=0

vm() { "$here/run.sh" "$kernel" ${root:+--root "$root"} --time "${limit:-120}" -- "$@"; }
is()	# sentence, then a test
{
	local said=$1
	shift
	count=$((count + 1))
	if "$@"; then echo "ok $count - $said"; else echo "not ok $count - $said"; bad=1; fi
}
ends_with()	# code command...
{
	local want=$1
	shift
	vm "$@" >"$work/all" 2>&1
	local got=$?
	[ $got = "$want" ] || { sed 's/^/# /' "$work/all"; echo "# ended with $got"; return 1; }
}

vm uname -r >"$work/release" 2>"$work/err"
code=$?
[ $code = 77 ] && { cat "$work/release"; exit 77; }
is "the command runs on the kernel asked for" \
	[ "$code $(cat "$work/release")" = "0 $("$here/kernels.sh" "$kernel" | cut -d' ' -f2)" ]
is "nothing is added to its output" [ ! -s "$work/err" ]
is "exit code 3 comes out" ends_with 3 sh -c 'exit 3'
is "exit code 77 comes out" ends_with 77 sh -c 'exit 77'
is "exit code 200 comes out" ends_with 200 sh -c 'exit 200'
is "a command that is not there ends with 127" ends_with 127 no-such-command
is "a death by SIGKILL ends with 137" ends_with 137 bash -c 'kill -9 $$'

vm bash -c 'echo out; echo err >&2; echo again >/dev/stderr; printf "<%s>" "$@"' x "it's" 'two words' '' '$HOME *' $'new\nline' \
	>"$work/out" 2>"$work/err"
is "words keep their quotes, spaces and newlines" \
	[ "$(cat "$work/out")" = "out"$'\n'"<it's><two words><><\$HOME *><new"$'\n'"line>" ]
is "standard error stays apart" [ "$(cat "$work/err")" = "err"$'\n'"again" ]

vm bash -c 'seq 1 740000' >"$work/big"
is "five megabytes arrive whole" [ "$(cksum <"$work/big")" = "$(seq 1 740000 | cksum)" ]

begin=$SECONDS
limit=12 ends_with 124 bash -c 'echo before; sleep 1000'
is "a command that hangs is ended with 124" [ $? = 0 ]
is "soon after its time" [ $((SECONDS - begin)) -lt 30 ]
is "with what it had said" grep -qx before "$work/all"
is "and with a word why" grep -q 'out of time' "$work/all"

is "a daemon left behind does not hold the VM" ends_with 0 bash -c 'sleep 1000 & exit 0'
limit=30 is "nor one that ignores signals" ends_with 4 bash -c 'trap "" TERM HUP; sleep 1000 & exit 4'
is "a guest that dies is told as 125" ends_with 125 bash -c 'echo c >/proc/sysrq-trigger; sleep 100'

cat >"$work/net.sh" <<-'END'
	set -e
	ip link add v0 type veth peer name v1
	ip netns add far
	ip link set v1 netns far
	ip addr add 10.9.0.1/24 dev v0 && ip link set v0 up
	ip -n far addr add 10.9.0.2/24 dev v1 && ip -n far link set v1 up
	ip link add d0 type dummy
	nft -f - <<N
	table inet t {
	chain i {
	type filter hook input priority 0;
	tcp dport 7777 counter reject with tcp reset
	tcp dport 7778 numgen random mod 2 0 drop
	udp dport 7779 limit rate 5/second accept
	udp dport 7780 reject
	}
	}
	N
	! ip netns exec far bash -c 'echo >/dev/tcp/10.9.0.1/7777' 2>/dev/null
	nft list table inet t | grep -q 'counter packets [1-9]'
	tc qdisc add dev lo root netem delay 10ms
	tc -n far qdisc add dev v1 root tbf rate 1mbit burst 16kb latency 50ms
	modprobe -a tun inet_diag tcp_diag udp_diag unix_diag
	ss -tln >/dev/null
	[ -e /sys/kernel/btf/vmlinux ] && [ -d /sys/kernel/tracing/events/tcp ] && [ -d /sys/kernel/debug/tracing ]
	mountpoint -q /sys/fs/bpf && [ -f /sys/fs/cgroup/cgroup.procs ]
	bpftool prog list
END
is "veth, namespaces, nftables, netem, tbf, diag, BTF, tracefs, bpf and cgroup2 are there" \
	ends_with 0 bash -c "$(cat "$work/net.sh")"

vm bash -c 'sleep 3; echo one' >"$work/one" & first=$!
vm bash -c 'sleep 3; echo two' >"$work/two" & second=$!
wait $first; a=$?; wait $second; b=$?
is "two at once do not disturb each other" [ "$a $b $(cat "$work/one" "$work/two" | xargs)" = "0 0 one two" ]

echo "1..$count"
exit $bad
