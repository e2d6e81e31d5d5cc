#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Each event of the TCP life, brought about by the notes' programs, told with the fields that make it worth telling.
# One tracer watches all scenarios; each has a network namespace of its own, which is how its events are found again.
. "$(dirname "$0")/lib.sh"

# ---- the scenarios, each in its own namespace; what they must show is judged in life.py ----

# A port is open: from the client's side of a scenario this is when to begin.
server() { # NAME PORT COMMAND...
	local name=$1 port=$2
	shift 2
	start "$name" "$@"
	until_true 10 listens "$port" || program_failed "$name" "does not open port $port"
}
wait_for() { until_true "${3:-15}" says "$1" "$2" || program_failed "$1" "does not print '$2'"; }
drop() { # RULE: what matches does not arrive
	nft add table ip t
	nft 'add chain ip t c { type filter hook input priority 0; }'
	nft "add rule ip t c $1 drop"
}
undrop() { nft delete table ip t; }

handshake() { # and a close by the client
	server s 9527 "$demos/addressused"
	start c "$demos/graceclient" -s 0 127.0.0.1
	type_line c hello
	wait_for s 'received 5 bytes'
	type_line c close
	ends c
	ends s 1
}
refused() { start c "$demos/connectto" 127.0.0.1 9527; ends c 1; }
unreachable() { start c "$demos/connectto" 192.0.2.1 80; ends c 1; }
timeout_() {
	drop 'tcp dport 7777'
	start c "$demos/connectto" -c 1 127.0.0.1 7777
	ends c 1
}
nonblocking() {
	server s 9527 "$demos/addressused"
	start c "$demos/connectto" -n 127.0.0.1 9527
	ends c
}
bind_in_use() {
	server s 9527 "$demos/addressused"
	start t "$demos/addressused"
	ends t 1
}
listen_cut() { # a backlog beyond somaxconn
	sysctl -qw net.core.somaxconn=100
	server s 9527 "$demos/backlog" -b 1000
}
accept_wait() { # the connection waits a second for its accept()
	server s 9527 "$demos/backlog" -b 5
	start c "$demos/connectto" -k 3 127.0.0.1 9527
	wait_for s 'accept queue: 1 waiting'
	sleep 1
	type_line s accept
	wait_for s accepted
}
listen_drop() { # a backlog of 1 holds two
	server s 9527 "$demos/backlog" -b 1
	start c "$demos/crowd" -n 4 -w 2 127.0.0.1
	wait_for s 'accept queue: 2 waiting'
	ends c 0 20
}
send_block_window() { # the reader never reads: its window closes
	server s 9527 "$demos/backlog" -b 5
	start c "$demos/tcpclient" -p 9527 -n 20000000 -t 1.2 127.0.0.1
	ends c 1 30
}
send_block_slow() { # the reader is slow: the send ends after some waiting
	server s 12345 "$demos/tcpserver" -d 0.02
	start c "$demos/tcpclient" -n 8000000 127.0.0.1
	ends c 0 60
}
linger_reset() {
	server s 9527 "$demos/backlog" -b 5
	start c "$demos/linger" -l 0 -n 100 127.0.0.1
	ends c
}
linger_wait() {
	server s 9527 "$demos/backlog" -b 5
	start c "$demos/linger" -l 1 127.0.0.1
	ends c
}
unread_close() { # the server dies with data unread, the client writes on: reset, once, then EPIPE
	server s 9527 "$demos/backlog" -b 5
	start c "$demos/tcpclient" -p 9527 -n 100 -c 3 -g 400 -k 127.0.0.1
	wait_for c 'send into buffer 100'
	type_line s accept
	wait_for s accepted
	type_line s close
	ends c 141
}
grace() { # POLICY STATUS: the server writes to a client that has closed
	server s 9527 "$demos/graceserver" -t 0.4 -p "$1"
	start c "$demos/graceclient" -s 0.5 127.0.0.1
	type_line c data1
	wait_for s 'received 5 bytes: data1'
	type_line c data2
	type_line c close
	ends s "$2"
	ends c
}
sigpipe_ignored() { grace ignore 1; }
sigpipe_fatal() { grace default 141; }
sigpipe_caught() { grace handler 1; }
sigpipe_none() { grace nosignal 1; }
half_close() {
	server s 9527 "$demos/graceserver" -t 0.2
	start c "$demos/graceclient" 127.0.0.1
	type_line c data1
	wait_for s 'received 5 bytes: data1'
	type_line c shutdown
	ends c 1
	ends s 1
}
keepalive_death() {
	server s 9527 "$demos/addressused"
	start c "$demos/keepalive" -i 1 -I 1 -c 2 127.0.0.1
	wait_for c '^now: keepalive on'
	drop 'tcp dport 9527'
	ends c 1
}
zero_window() {
	server s 9527 "$demos/backlog" -b 5
	start c "$demos/tcpclient" -p 9527 -n 20000000 -t 2.5 127.0.0.1
	ends c 1 30
}
nagle() { # two small writes and a delayed acknowledgement
	server s 9527 "$demos/twowritesserver"
	start c "$demos/twowrites" -n 6 127.0.0.1
	ends c
}
cork() {
	server s 9527 "$demos/twowritesserver"
	start c "$demos/twowrites" -m corkon -n 3 127.0.0.1
	ends c
}
nodelay() {
	server s 9527 "$demos/twowritesserver"
	start c "$demos/twowrites" -m nodelay -n 3 127.0.0.1
	ends c
}
retransmit() { # the data is lost for a while
	server s 9527 "$demos/addressused"
	start c "$demos/graceclient" 127.0.0.1
	type_line c one
	wait_for s 'received 3 bytes'
	drop 'tcp dport 9527'
	type_line c two
	sleep 1
	undrop
	wait_for s 'received 3 bytes: two'
}
syn_ack_again() { # the third segment is lost, the SYN-ACK comes again
	server s 9527 "$demos/backlog" -b 5
	drop 'tcp dport 9527 tcp flags & (syn|ack) == ack'
	start c "$demos/connectto" -k 3 127.0.0.1 9527
	wait_for c connected
	sleep 1.6
	undrop
}
time_wait_recycled() { # loopback, after a second (tcp_tw_reuse 2)
	sysctl -qw net.ipv4.ip_local_port_range='40000 40009'
	server s 12345 "$demos/tcpserver" -d 0
	start c "$demos/portpool" -n 10 -r 2 -w 1.4 127.0.0.1
	ends c 0
}
time_wait_never() {
	sysctl -qw net.ipv4.tcp_max_tw_buckets=1
	server s 12345 "$demos/tcpserver" -d 0
	start c "$demos/portpool" -n 4 127.0.0.1
	ends c 0
}
orphan_fin_wait() { # the client closes, the server keeps its end: FIN_WAIT2 without a socket, then TIME_WAIT
	server s 9527 "$demos/backlog" -b 5
	start c "$demos/connectto" 127.0.0.1 9527
	ends c
	type_line s accept
	wait_for s accepted
	sleep 0.5
	type_line s close
	wait_for s 'close returned'
}
fork_close() {
	server s 9527 "$demos/addressused"
	start c "$demos/forkclose" -w 0.3 127.0.0.1
	ends c
	ends s 1
}
killed() { # a process that dies holding a connection
	server s 9527 "$demos/addressused"
	start c "$demos/graceclient" 127.0.0.1
	type_line c hello
	wait_for s 'received 5 bytes'
	kill -KILL "${pid[c]}"
	ends s 1
}
simultaneous_close() { # both FINs cross: CLOSING
	server s 9527 "$demos/backlog" -b 5
	start c "$demos/graceclient" -s 2 127.0.0.1
	type_line s accept
	wait_for s accepted
	drop 'tcp sport 9527 tcp flags & fin == fin'
	nft 'add rule ip t c tcp dport 9527 tcp flags & fin == fin drop'
	type_line s close
	type_line c close
	wait_for s 'close returned'
	sleep 0.1
	undrop
	ends c 0 30
}
scenarios="handshake refused unreachable timeout_ nonblocking bind_in_use listen_cut accept_wait listen_drop send_block_window
	send_block_slow linger_reset linger_wait unread_close sigpipe_ignored sigpipe_fatal sigpipe_caught sigpipe_none half_close
	keepalive_death zero_window nagle cork nodelay retransmit syn_ack_again time_wait_recycled time_wait_never
	orphan_fin_wait fork_close killed simultaneous_close"

# ---- one scenario in its namespace ----

if [ "${1:-}" = --scenario ]; then
	tmp=$3/$2
	mkdir -p "$tmp"
	trap live_finish EXIT
	KEEP=quiet
	ip link set lo up
	sysctl -qw net.ipv4.tcp_rmem='4096 131072 6291456' net.ipv4.tcp_wmem='4096 16384 4194304'
	stat -Lc %i /proc/self/ns/net >"$tmp/netns"
	# Keeps the namespace until all is judged: its number must not be given out again.
	sleep infinity <&- >&- 2>&- &
	echo $! >"$tmp/keeper"
	disown
	test_name="life: $2"
	"$2"
	# What happens after a program's end on its own time; the rest ends with the namespace.
	sleep $((slow > 1 ? 2 : 1))
	live_end
fi

live_begin "$@"
[ -x "$demos/graceserver" ] || skip_all "the demos are not built (make all)"
# Every event by name, also those that are told only when asked for.
events=$("$SOCKTALE" trace -e help | awk '{ print $1 }' | grep -vxE 'tcp_io|app_output' | paste -sd,)
trace_start life --proto tcp -e "$events" || live_end
jobs_at_once=$([ "$slow" -gt 1 ] && echo 2 || echo 6)
# shellcheck disable=SC2086
printf '%s\n' ${LIVE_SCENARIOS:-$scenarios} |
	xargs -P "$jobs_at_once" -I{} timeout -k 5 $((100 * slow)) unshare -n bash "$0" --scenario {} "$tmp" >"$tmp/told"
cat "$tmp/told"
failures=$(grep -c '^not ok' "$tmp/told")
trace_stop life
cat "$tmp"/*/keeper | xargs kill
tail -n 1 "$tmp/life.err" | sed 's/^/# /'
python3 "$live_folder/life.py" "$test_name" "$tmp" "${LIVE_SCENARIOS:-}"
failures=$((failures + $?))
live_end
