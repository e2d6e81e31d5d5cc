# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the live tests share: a network namespace of their own, tracers, programs with input, waiting, and TAP.
# Sourced, never run. A test says `live_begin "$@"` first, which ends with 77 and a reason where it cannot run.
# Does not judge what a trace says: that is Python's part, through events.py.
#
# Environment: SOCKTALE the binary (build/socktale), SOCKTALE_PLANE forces a plane, BUILD the build folder,
# LIVE_SLOW multiplies every waiting time (1; in a VM 6), KEEP=1 keeps the working folder.
set -u

live_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$live_folder/../.." && pwd)
build=${BUILD:-$checkout/build}
[[ $build == /* ]] || build=$checkout/$build
SOCKTALE=${SOCKTALE:-$build/socktale}
demos=$build/demos
slow=${LIVE_SLOW:-$([ -n "${SOCKTALE_VM:-}" ] && echo 6 || echo 1)}
export PYTHONPATH=$live_folder PYTHONDONTWRITEBYTECODE=1 SOCKTALE
# Where these are not set, bash and Python ask the name service for them: over sockets, in the middle of what is counted.
export HOME=${HOME:-/} SHELL=${SHELL:-/bin/bash}
# What is looked for is drawn in Unicode; that plain ASCII is drawn elsewhere is asked for where it is tested.
export LC_ALL=${LC_ALL:-C.UTF-8}
test_name=$(basename "$0" .sh)

declare -A pid tracer status input # by the name something was started under
failures=0

# ---- TAP ----

ok() { echo "ok - $test_name: $1"; }
not_ok() {
	echo "not ok - $test_name: $1"
	failures=$((failures + 1))
}
check() { # SENTENCE COMMAND...
	local sentence=$1
	shift
	if "$@"; then ok "$sentence"; else not_ok "$sentence"; fi
}
explain() { sed 's/^/#   /' | head -n "${1:-20}"; }
skip_all() {
	echo "skip: $test_name: $*"
	exit 77
}
live_end() { [ "$failures" -eq 0 ]; exit; }

# Judge a trace in Python: the program on the standard input, its arguments here. events.py prints the TAP lines.
judge() {
	python3 /dev/fd/3 "$test_name" "$@" 3<&0
	local failed=$?
	failures=$((failures + (failed > 100 ? 1 : failed)))
}

# ---- waiting ----

# until_true SECONDS COMMAND...: true as soon as the command is; false when the time is over
until_true() {
	local tries=$(($1 * slow * 20))
	shift
	while ! "$@"; do
		[ $((tries--)) -gt 0 ] || return 1
		sleep 0.05
	done
}
alive() { kill -0 "$1" 2>/dev/null; }
gone() { ! alive "$1"; }
says() { grep -q -- "$2" "$tmp/$1.out"; }
grown() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -ge "$2" ]; }
listens() { [ -n "$(ss -Hltn "sport = :$1")" ]; }

# Whether the running kernel is that version or newer.
at_least() { [ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]; }

# ---- the place ----

live_begin() {
	if [ "${1:-}" != --inside ]; then
		[ "$(id -u)" = 0 ] || skip_all "needs root"
		[ -x "$SOCKTALE" ] || skip_all "$SOCKTALE is not built (make all)"
		for tool in ip ss nft python3 setpriv nsenter unshare; do
			command -v $tool >/dev/null || skip_all "$tool is not installed"
		done
		unshare -n true 2>/dev/null || skip_all "network namespaces are not permitted here"
		exec unshare -n -- bash "$0" --inside
	fi
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/socktale-live.XXXXXX") || exit 1
	chmod 711 "$tmp"
	trap live_finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	live_load
	ip link set lo up
	netns=$(stat -Lc %i /proc/self/ns/net)
	# What the numbers of the scenarios rest on, whatever this machine is tuned to.
	sysctl -qw net.ipv4.tcp_rmem='4096 131072 6291456' net.ipv4.tcp_wmem='4096 16384 4194304'
	live_can_trace
}

# A tracer that cannot start for want of permission or of kernel is a skip that names it; anything else is a failure.
live_can_trace() {
	local code
	timeout -k 5 $((30 * slow)) "$SOCKTALE" trace ${SOCKTALE_PLANE:+--plane "$SOCKTALE_PLANE"} -d 0.1 \
		--format json -o /dev/null 2>"$tmp/first.err"
	code=$?
	[ $code = 0 ] && return
	[ $code = 3 ] && ! bpf_is_permitted && skip_all "$(head -n 1 "$tmp/first.err")"
	[ $code = 4 ] && { [ -n "${SOCKTALE_PLANE:-}" ] || [ ! -e /sys/kernel/btf/vmlinux ]; } &&
		skip_all "$(head -n 1 "$tmp/first.err")"
	not_ok "a tracer starts and ends by itself (status $code)"
	explain <"$tmp/first.err"
	exit 1
}
# Another tool's word for it, so that a fault of ours is no skip.
bpf_is_permitted() { bpftool prog show >/dev/null 2>&1; }

live_load() {
	load=$build/tests/live/load
	[ -x "$load" ] && [ "$load" -nt "$live_folder/load.c" ] && return
	mkdir -p "$build/tests/live"
	# Compiled aside and moved, since tests may run side by side.
	"${CC:-gcc}" -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -o "$tmp/load" "$live_folder/load.c" &&
		mv "$tmp/load" "$load" || skip_all "load.c does not compile here"
}

live_finish() {
	local p
	exec 2>/dev/null # bash tells of each program that is killed
	for p in "${tracer[@]}"; do kill -TERM "$p"; done
	for p in "${pid[@]}"; do kill -KILL "$p"; done
	for p in "${tracer[@]}"; do until_true 10 gone "$p" || kill -KILL "$p"; done
	wait
	case ${KEEP:-} in
	"") rm -rf "$tmp" ;;
	quiet) ;;
	*) echo "# kept: $tmp" ;;
	esac
}

# host NAME: a second host, a network namespace joined by veth. We are 10.9.1.1 and fd00:9::1, it is .2 and ::2.
host() {
	unshare -n sleep infinity &
	pid[host-$1]=$!
	until_true 5 [ "$(readlink /proc/self/ns/net)" != "$(readlink "/proc/${pid[host-$1]}/ns/net")" ]
	until_true 5 is_sleeping "${pid[host-$1]}"
	ip link add v0 type veth peer name v1 netns "${pid[host-$1]}" || return 1
	ip address add 10.9.1.1/24 dev v0
	ip address add fd00:9::1/64 dev v0 nodad
	ip link set v0 up
	on "$1" ip address add 10.9.1.2/24 dev v1
	on "$1" ip address add fd00:9::2/64 dev v1 nodad
	on "$1" ip link set v1 up
	on "$1" ip link set lo up
}
is_sleeping() { [ "$(cat "/proc/$1/comm" 2>/dev/null)" = sleep ]; }
on() {
	local name=$1
	shift
	nsenter -t "${pid[host-$name]}" -n -- "$@"
}
netns_of() { on "$1" stat -Lc %i /proc/self/ns/net; }

# ---- tracers ----

# trace_start NAME ARGUMENT...: returns when every hook is attached. Events go to NAME.json, what it says to NAME.err.
trace_start() {
	local name=$1 got
	shift
	rm -f "$tmp/$name.ready"
	mkfifo "$tmp/$name.ready"
	"$SOCKTALE" trace ${SOCKTALE_PLANE:+--plane "$SOCKTALE_PLANE"} --ready-fd 9 --format json -o "$tmp/$name.json" \
		"$@" 9>"$tmp/$name.ready" 2>"$tmp/$name.err" &
	tracer[$name]=$!
	got=$(timeout $((60 * slow)) head -c 1 "$tmp/$name.ready" | wc -c)
	[ "$got" = 1 ] && return
	not_ok "tracer '$name' gets ready"
	explain <"$tmp/$name.err"
	return 1
}

# trace_stop NAME [SIGNAL]: ask it to end, wait for it, keep its status
trace_stop() {
	alive "${tracer[$1]}" && kill "-${2:-TERM}" "${tracer[$1]}"
	trace_wait "$1"
}
trace_wait() {
	if ! until_true 60 gone_or_zombie "${tracer[$1]}"; then
		not_ok "tracer '$1' ends"
		kill -KILL "${tracer[$1]}"
	fi
	wait "${tracer[$1]}" 2>/dev/null
	status[$1]=$?
	unset "tracer[$1]"
}
gone_or_zombie() {
	local state
	{ read -r _ _ state _ <"/proc/$1/stat"; } 2>/dev/null || return 0
	[ "$state" = Z ]
}

# ---- programs ----

# start NAME COMMAND...: in the background; output in NAME.out, lines typed by type_line
start() {
	local name=$1 reader both f
	shift
	rm -f "$tmp/$name.in"
	mkfifo "$tmp/$name.in"
	: >"$tmp/$name.out"
	exec {both}<>"$tmp/$name.in" # so that the next two do not wait for each other
	exec {reader}<"$tmp/$name.in" {f}>"$tmp/$name.in" {both}>&-
	(
		exec <&"$reader" {reader}<&- >"$tmp/$name.out" 2>&1
		for f in "${input[@]}" "$f"; do eval "exec $f>&-"; done
		# A shell starts background jobs deaf to SIGINT: env gives it back.
		exec env --default-signal=INT,PIPE "$@"
	) &
	pid[$name]=$!
	exec {reader}<&-
	input[$name]=$f
}
type_line() { printf '%s\n' "$2" >&"${input[$1]}"; }
end_input() {
	eval "exec ${input[$1]}>&-"
	unset "input[$1]"
}
# sees NAME PATTERN [SECONDS]: it prints this within the time; only a failure is told
sees() { until_true "${3:-10}" says "$1" "$2" || program_failed "$1" "does not print '$2'"; }
# ends NAME [STATUS]
ends() {
	local code
	until_true "${3:-30}" gone_or_zombie "${pid[$1]}" || { program_failed "$1" "does not end"; return 1; }
	wait "${pid[$1]}" 2>/dev/null
	code=$?
	unset "pid[$1]"
	[ "$code" = "${2:-0}" ] || program_failed "$1" "ends with $code, not ${2:-0}"
}
program_failed() {
	not_ok "$1: the program $2"
	explain 10 <"$tmp/$1.out"
	return 1
}
