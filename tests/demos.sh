#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The demo programs against each other: built with sanitizers, each scenario in a network
# namespace of its own, judged by what they print. No BPF.
# Usage: tests/demos.sh [SCENARIO...]    SAN=none builds without sanitizers, KEEP=1 keeps the outputs
set -u

self=$(readlink -f "$0")
root=$(dirname "$(dirname "$self")")
san=${SAN:-address,undefined}
bin=$root/build/demos-${san//,/-}
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1

# ---- inside one namespace -----------------------------------------------------------------

declare -A pid input # by the name a program was started under

# start NAME PROGRAM ARG...: in the background, stdin from us, stdout and stderr into a file
start() {
	local name=$1 program=$2 f
	shift 2
	mkfifo "$tmp/$name.in"
	: >"$tmp/$name.out"
	exec {both}<>"$tmp/$name.in" # so that the next two do not wait for each other
	exec {reader}<"$tmp/$name.in" {f}>"$tmp/$name.in" {both}>&-
	( # a shell starts background jobs deaf to SIGINT: env gives it back
		exec <&"$reader" {reader}<&- >"$tmp/$name.out" 2>&1
		for f in "${input[@]}" "$f"; do eval "exec $f>&-"; done
		exec env --default-signal=INT ${as:-} "$bin/$program" "$@"
	) &
	pid[$name]=$!
	exec {reader}<&-
	input[$name]=$f
}

# server NAME PORT PROGRAM ARG...: start, and wait until the port is open
server() {
	local name=$1 port=$2 i
	shift 2
	start "$name" "$@"
	for ((i = 0; i < 250; i++)); do
		[ -n "$(ss -Hltun "sport = :$port")" ] && return
		sleep 0.02
	done
	fail "$name opens port $port"
}

type_line() { printf '%s\n' "$2" >&"${input[$1]}"; }
end_input() { eval "exec ${input[$1]}>&-"; unset "input[$1]"; }
signal() {
	kill -"$2" "${pid[$1]}"
	[ "$2" != KILL ] || wait "${pid[$1]}" 2>/dev/null # and say nothing of it
}
alive() { kill -0 "${pid[$1]}" 2>/dev/null; }
count() { grep -c -- "$2" "$tmp/$1.out"; }

pass() { echo "ok - $scenario: $1"; }
fail() {
	echo "not ok - $scenario: $1"
	for f in "$tmp"/*.out; do sed "s|^|# $(basename "$f" .out): |" "$f" | cut -c 1-200 | tail -n 30; done
}
check() { # SENTENCE COMMAND...
	local what=$1
	shift
	if "$@"; then pass "$what"; else fail "$what ($*)"; fi
}

# sees NAME PATTERN [SECONDS]: the line appears within the time
sees() {
	local i
	for ((i = 0; i < ${3:-5} * 50; i++)); do
		grep -q -- "$2" "$tmp/$1.out" && break
		sleep 0.02
	done
	check "$1 prints '$2'" grep -q -- "$2" "$tmp/$1.out"
}
sees_not() { check "$1 does not print '$2'" hushed "$@"; }
hushed() { ! grep -q -- "$2" "$tmp/$1.out"; }
sees_times() { check "$1 prints '$2' $3 times" test "$(count "$1" "$2")" -eq "$3"; }

# ends NAME STATUS [SECONDS]: by itself, within the time
ends() {
	local i status
	for ((i = 0; i < ${3:-5} * 50; i++)); do
		alive "$1" || break
		sleep 0.02
	done
	if alive "$1"; then
		fail "$1 ends"
		return
	fi
	wait "${pid[$1]}" 2>/dev/null
	status=$?
	check "$1 ends with status $2, not $status" test "$status" -eq "$2"
}
waits() { # NAME: still there, after a while
	sleep "${2:-0.4}"
	check "$1 is still waiting" alive "$1"
}
# number_in NAME REGEX: the first number captured by the expression
number_in() { sed -nE "s/.*$2.*/\1/p" "$tmp/$1.out" | head -n 1; }
number_is() { # SENTENCE NUMBER OPERATOR NUMBER
	check "$1: ${2:-none} $3 $4" awk -v a="${2:-x}" -v b="$4" "BEGIN { exit !(a != \"x\" && a + 0 $3 b + 0) }"
}
setting() { sysctl -qw "$1" >/dev/null; }

# ---- the notes' own scenarios ---------------------------------------------------------------

S1() { # a send larger than all buffers
	server s 12345 tcpserver -d 0.2
	start c tcpclient -n 10240000 127.0.0.1
	ends c 0 60
	number_is "the send blocked (ms)" "$(number_in c 'send into buffer 10240000 \(after ([0-9.]+) ms')" '>' 300
	number_is "KB read when the client had gone" "$(count s '1K read')" '<' 10000
	sees s '^1K read for 10000 $' 30
}
S2() { # one that fits
	server s 12345 tcpserver -d 1
	start c tcpclient -n 1024000 127.0.0.1
	ends c 0
	number_is "the send took (ms)" "$(number_in c 'send into buffer 1024000 \(after ([0-9.]+) ms')" '<' 200
	number_is "KB read when the client had gone" "$(count s '1K read')" '<' 1000
	sees s '^1K read for 1000 $' 20
	start d tcpclient -n 1500 127.0.0.1
	sees s '^476 bytes read for 2 $'
	start e tcpserver
	ends e 1
	sees e 'bind failed: EADDRINUSE Address already in use (98)'
	start f tcpserver -i
	sees f 'bind failed: EADDRINUSE .*, ignored'
	sees f 'listening on 0.0.0.0:'
	number_is "a port nobody asked for" "$(number_in f 'listening on 0.0.0.0:([0-9]+)')" '!=' 12345
}
S3() { # UDP without a server
	start c udpclient 127.0.0.1
	type_line c g1
	sees c '^send bytes: 2 $'
	waits c
	sees_not c failed
	start t udpclient -t 0.2 127.0.0.1
	type_line t g1
	sees t 'no answer within 0.2 s'
	end_input t
	ends t 0
}
S4() {
	server s 9527 udpserver
	start c udpclient 127.0.0.1
	type_line c g1
	sees c '^Hi, g1$'
	type_line c ''
	sees c '^Hi, $'
	type_line c "$(printf 'x%.0s' {1..4090})"
	sees c '^Hi, xxxxxxxx*$'
	number_is "longest answer" "$(awk '{ if (length > m) m = length } END { print m }' "$tmp/c.out")" '>=' 4094
	start u udpclient not-an-address
	ends u 2
}
S5() {
	server s 9527 udpserver
	start a udpclient 127.0.0.1
	start b udpclient 127.0.0.1
	for n in 1 3; do
		type_line a g$n
		sees a "^Hi, g$n\$"
		type_line b g$((n + 1))
		sees b "^Hi, g$((n + 1))\$"
	done
	signal s INT
	ends s 0
	sees s '^received 4 datagrams$'
	server again 9527 udpserver # S6
	type_line a g5
	sees a '^Hi, g5$'
	signal again TERM
	ends again 0
	type_line b g6 # into the gap
	sleep 0.2
	server third 9527 udpserver
	type_line a g7
	sees a '^Hi, g7$'
	waits b
	sees_not b 'Hi, g6'
}
S7() { # S7 to S10: local streams
	start c unixstreamclient "$tmp/sock"
	ends c 1
	sees c 'connect failed: ENOENT No such file or directory (2)'
	cp "$bin/unixstreamserver" "$tmp/"
	chmod 755 "$tmp"
	mkdir -m 700 "$tmp/private"
	(bin=$tmp as='setpriv --reuid=65534 --clear-groups' start denied unixstreamserver "$tmp/private/sock"
	wait)
	sees denied 'bind failed: EACCES Permission denied (13)'
	start s unixstreamserver "$tmp/sock"
	for ((i = 0; i < 100; i++)); do [ -S "$tmp/sock" ] && break; sleep 0.02; done
	check "the file is a socket of size 0" test "$(stat -c '%F %s' "$tmp/sock")" = 'socket 0'
	start d unixstreamclient "$tmp/sock"
	type_line d g1
	sees d '^Hi, g1$'
	type_line d g2
	sees d '^Hi, g2$'
	type_line d g3
	sees d '^Hi, g3$'
	sees_times s '^Receive: g' 3
	signal d INT
	ends d 130
	sees s '^client quit$'
	ends s 0
	check "the file is gone" test ! -e "$tmp/sock"

	start k unixstreamserver -k -f "$tmp/sock"
	for ((i = 0; i < 100; i++)); do [ -S "$tmp/sock" ] && break; sleep 0.02; done
	start e unixstreamclient -f "$tmp/sock"
	type_line e longer
	type_line e g2
	sees e '^Hi, longer$'
	sees e '^Hi, g2$'
	end_input e
	ends e 0
	ends k 0
	start f unixstreamclient "$tmp/sock"
	ends f 1
	sees f 'connect failed: ECONNREFUSED Connection refused (111)'
	start x unixstreamserver @abstract
	sleep 0.2
	start y unixstreamclient @abstract
	type_line y g1
	sees y '^Hi, g1$'
	signal x TERM
	type_line y g2
	ends y 1
	start l unixstreamclient "$(printf 'p%.0s' {1..108})"
	ends l 2
}
S11() { # local datagrams
	start s unixdataserver "$tmp/sock"
	for ((i = 0; i < 100; i++)); do [ -S "$tmp/sock" ] && break; sleep 0.02; done
	start c unixdataclient "$tmp/sock"
	for n in g1 g2 g3; do
		type_line c $n
		sees c "^Hi, $n\$"
		sees s "^now sending: Hi, $n \$"
	done
	type_line c ''
	sees c '^Hi, $'
	own=$(number_in c 'my name is (.*)')
	check "the client's file is there" test -S "$own"
	signal c INT
	ends c 130
	check "the client's file is gone" test ! -e "$own"
	check "the server lives on" alive s
	start a unixdataclient -a "$tmp/sock"
	sees a 'my name is @[0-9a-f]*$'
	type_line a auto
	sees a '^Hi, auto$'
	start u unixdataclient -u -t 0.2 "$tmp/sock"
	type_line u nobody
	sees s 'failed: ENOTCONN'
	sees u 'no answer within 0.2 s'
	signal s INT
	ends s 130
	start z unixdataserver -z "$tmp/sock"
	for ((i = 0; i < 100; i++)); do [ -S "$tmp/sock" ] && break; sleep 0.02; done
	start e unixdataclient "$tmp/sock"
	type_line e ''
	sees z '^client quit$'
	ends z 0
}
grace_close() { # POLICY: data1, data2, close
	server s 9527 graceserver -t 0.4 -p "$1"
	start c graceclient -s 0.5 127.0.0.1
	type_line c data1
	sees s 'received 5 bytes: data1'
	type_line c data2
	type_line c close
	sees s '^send bytes: 9 $'
	sees s '^received 5 bytes: data2$'
}
S12() { # close: RST, EPIPE
	grace_close ignore
	ends s 1
	sees s 'error write: EPIPE Broken pipe (32)'
	sees_not s 'client closed'
	ends c 0
	sees_not c 'Hi,'
}
S12default() { grace_close default; ends s 141; }
S12wrong() { grace_close wrong; ends s 141; }
S12nosignal() { grace_close nosignal; ends s 1; sees s 'error write: EPIPE'; sees_not s caught; }
S12handler() { grace_close handler; ends s 1; sees s '^SIGPIPE caught$'; sees s 'error write: EPIPE'; }
S13() { # shutdown: both replies
	server s 9527 graceserver -t 0.4
	start c graceclient 127.0.0.1
	type_line c data1
	sees s 'received 5 bytes: data1'
	type_line c data2
	type_line c shutdown
	sees c '^Hi, data1$'
	sees c '^Hi, data2$'
	ends s 1
	ends c 1
	sees s '^client closed$'
	sees c '^server terminated$'
}
S13pipe() { # lines that come together, and the end of the input
	server s 9527 graceserver -t 0.05
	start c graceclient 127.0.0.1
	printf 'one\ntwo\nthree' >&"${input[c]}"
	end_input c
	ends c 1
	sees c '^now sending two$'
	sees c '^now sending three$'
	ends s 1
	server t 9527 graceserver
	sleep 0.2
	signal t INT
	ends t 0
	sees t '^received 0 reads$'
}
S14() { # writev
	server s 9527 addressused
	start c writevclient 127.0.0.1
	type_line c world
	sees s '^received 12 bytes: hello,world$'
	type_line c network
	sees s '^received 14 bytes: hello,network$'
	end_input c
	ends c 0
	ends s 1
}
S15() { # connected UDP, no server
	start c udpconnectclient 127.0.0.1
	type_line c g1
	sees c 'recvfrom failed: ECONNREFUSED Connection refused (111)'
	ends c 1
	start k udpconnectclient2 -k 127.0.0.1
	type_line k g1
	sees k 'recv failed: ECONNREFUSED'
	server s 9527 udpserver
	type_line k g2
	sees k '^Hi, g2$'
	start d udpconnectclient 127.0.0.1
	type_line d g3
	sees d '^Hi, g3$'
}
S16() { # a server that connects
	server s 9527 udpconnectserver
	start a udpconnectclient2 127.0.0.1
	start b udpconnectclient2 127.0.0.1
	type_line a hello-long
	sees a '^Hi, hello-long$'
	type_line b g1
	sees b 'recv failed: ECONNREFUSED Connection refused (111)'
	ends b 1
	type_line a hi
	sees a '^Hi, hi$'
	sees s '^received 2 bytes: hi$'
	type_line a goodbye
	sees a '^Hi, goodbye$'
	ends s 0
}
S17() { # the client goes first: restart at once
	server s 9527 addressused
	start c graceclient 127.0.0.1
	type_line c good
	sees s '^received 4 bytes: good$'
	end_input c
	ends s 1
	ends c 1
	server again 9527 addressused
	sees_not again EADDRINUSE
}
server_first() { # FIRST-OPTION SECOND-OPTION
	server s 9527 addressused $1
	start c graceclient 127.0.0.1
	type_line c good
	sees s '^received 4 bytes: good$'
	signal s INT
	ends s 130
	sees_not s 'client closed'
	ends c 1
	start again addressused $2
	if [ "$1$2" = -r-r ]; then
		waits again
	else
		ends again 1
		sees again 'bind failed: EADDRINUSE Address already in use (98)'
	fi
}
S18() { server_first '' ''; }
S18mixed() { server_first '' -r; }
S19() { server_first -r -r; }

# ---- what the notes only describe ---------------------------------------------------------------

D1() { # PING and PONG
	server s 9527 pingpongserver
	start c pingpongclient -i 0.2 -I 0.2 127.0.0.1
	type_line c hello
	sees s '^received data: hello$'
	sees c '^received PONG$'
	signal s STOP
	sees c 'connection dead: 3 PINGs unanswered'
	ends c 1
	signal s CONT
	ends s 1
	server m 9527 pingpongserver -m
	start d pingpongclient -i 0.1 -I 0.1 -c 2 127.0.0.1
	sees d 'connection dead: 2 PINGs unanswered'
}
D2() { # keepalive: the peer vanishes
	server s 9527 addressused
	start c keepalive -i 1 -I 1 -c 1 127.0.0.1
	sees c '^default: keepalive off, idle 7200 s, interval 75 s, count 9'
	sees c '^now: keepalive on, idle 1 s, interval 1 s, count 1'
	nft -f - <<-END
		table ip t {
			chain c { type filter hook input priority 0; tcp dport 9527 drop; }
		}
	END
	sees c 'read failed: ETIMEDOUT Connection timed out (110)' 8
	ends c 1
}
D3() { # Nagle and the delayed ACK
	server s 9527 twowritesserver
	for mode in plain nodelay writev more cork quickack corkon; do
		start $mode twowrites -m $mode -n 7 127.0.0.1
		ends $mode 0 8
		case $mode in
		plain) number_is "plain: median (ms)" "$(number_in plain 'median ([0-9.]+)')" '>' 30 ;;
		corkon) number_is "corkon: median (ms)" "$(number_in corkon 'median ([0-9.]+)')" '>' 150 ;;
		*) number_is "$mode: median (ms)" "$(number_in $mode 'median ([0-9.]+)')" '<' 20 ;;
		esac
	done
}
D4() { # linger
	server s 9527 backlog -b 5
	start zero linger -l 0 127.0.0.1
	ends zero 0
	sees zero 'close returned 0'
	start two linger -l 1 127.0.0.1
	ends two 0
	number_is "close blocked (ms)" "$(number_in two 'close returned 0 after ([0-9.]+)')" '>' 900
	start none linger 127.0.0.1
	ends none 0
	number_is "close did not block (ms)" "$(number_in none 'close returned 0 after ([0-9.]+)')" '<' 500
	start shut linger -l 1 -e shutdown 127.0.0.1
	ends shut 0
	start leave linger -l 0 -e exit 127.0.0.1
	ends leave 0
	sees s 'accept queue: 5 waiting, limit 5'
	type_line s accept
	sees s '^accepted 127.0.0.1:.* at 127.0.0.1:9527'
	type_line s read
	sees s 'received .* bytes\|read failed: ECONNRESET'
}
D6() { # how connect fails
	start r connectto 127.0.0.1 9527
	ends r 1
	sees r 'connect failed: ECONNREFUSED Connection refused (111) after'
	start u connectto 192.0.2.1 80
	ends u 1
	sees u 'connect failed: ENETUNREACH Network is unreachable (101)'
	start i connectto ::1 9527
	ends i 1
	sees i 'ECONNREFUSED'
	nft -f - <<-END
		table ip t {
			chain c { type filter hook input priority 0; tcp dport 7777 drop; }
		}
	END
	start t connectto -c 1 127.0.0.1 7777
	start e connectto -t 0.3 127.0.0.1 7777
	start n connectto -n -c 1 127.0.0.1 7777
	sees e 'connect failed: EINPROGRESS'
	sees n 'connect: EINPROGRESS Operation now in progress (115), state SYN_SENT'
	sees t 'connect failed: ETIMEDOUT Connection timed out (110)' 8
	sees n 'connect failed: ETIMEDOUT Connection timed out (110)' 8
	server s 9527 addressused -b ::
	start v4 connectto -n -p 41000 127.0.0.1 9527
	ends v4 0
	sees v4 'connected 127.0.0.1:41000 -> 127.0.0.1:9527'
}
D8() { # a pool of ten ports
	setting net.ipv4.ip_local_port_range='40000 40009'
	server s 12345 tcpserver -d 0
	start p portpool -r 2 -w 1.3 127.0.0.1
	ends p 1 10
	sees p 'connect 11 failed: EADDRNOTAVAIL Cannot assign requested address (99)'
	sees p 'round 2: .* 10 recycled' # tcp_tw_reuse 2: loopback, after one second
	start o portpool -n 3 127.0.0.2
	ends o 0 # another destination: the same ports are free
	setting net.ipv4.tcp_max_tw_buckets=1
	start b portpool -n 2 127.0.0.3
	ends b 0
	sees b 'round 1: .* 2 lacked a bucket'
}
D11() {
	start m bindmatrix
	ends m 0
	sees_times m ' ok$' 5
	sees m '^0.0.0.0   then 127.0.0.1  SO_REUSEADDR  listen each        bind failed: EADDRINUSE'
	sees m 'listen after both  listen failed: EADDRINUSE'
	start b bindstates
	ends b 0
	sees_times b 'old on  new on   bind ok' 4
	sees_times b 'bind failed: EADDRINUSE' 12
	sees_times b 'set on the same socket, bind again: ok' 4
}
D13() { # fork
	server s 9527 addressused
	start c forkclose -w 0.3 127.0.0.1
	ends c 0
	sees c '^child: state is ESTABLISHED$'
	sees c '^child: send bytes: 5$'
	sees c '^parent: write failed: EBADF'
	sees s '^received 5 bytes: hello$'
	ends s 1
	server t 9527 addressused
	start d forkclose -s -w 0.3 127.0.0.1
	ends d 0
	sees d '^child: state is FIN_WAIT'
	sees d '^child: send failed: EPIPE'
}
D14() { # SHUT_RD
	server s 9527 shutrd
	start c graceclient 127.0.0.1
	type_line c before
	sees s '^shutdown(SHUT_RD) returned 0, state ESTABLISHED$'
	sees s '^received 6 bytes: before$'
	sees s '^received 0 bytes: $'
	type_line c after
	sees s '^received 5 bytes: after$'
	(yes 0123456789012345678901234567890123456789 | head -c 8000000 >&"${input[c]}") &
	local last=-1 now
	for ((i = 0; i < 50; i++)); do
		sleep 0.3
		now=$(count c '^send bytes')
		[ "$now" -gt 0 ] && [ "$now" = "$last" ] && break
		last=$now
	done
	check "the sender is stuck" alive c
	sees s 'bytes wait unread, state ESTABLISHED'
	signal c KILL
}
D14both() { # SHUT_RDWR: data that arrives is answered with RST
	server s 9527 shutrd -b
	start c tcpclient -p 9527 -n 100 -c 5 -g 100 127.0.0.1
	sees s '^shutdown(SHUT_RDWR) returned 0, state FIN_WAIT'
	sees s '^received 100 bytes: a*$'
	ends c 141 # the second send after the RST: EPIPE, and SIGPIPE by default
	sees_times c '^send into buffer 100 ' 2
	sees s 'recv failed: ECONNRESET'
	ends s 0
}
S1reset() { # the server dies with data unread: the error is told once, then SIGPIPE
	server s 9527 backlog -b 5
	start c tcpclient -p 9527 -n 100 -c 3 -g 300 -k 127.0.0.1
	sees c '^send into buffer 100 '
	signal s KILL
	ends c 141
	sees_times c '^send failed: ECONNRESET Connection reset by peer (104)$' 1
	server t 9527 backlog -b 5
	start a tcpclient -p 9527 -n 20000000 -a 0.3 127.0.0.1
	start b tcpclient -p 9527 -n 20000000 -t 0.3 127.0.0.1
	sees a '^send into buffer [0-9]* '
	number_is "a signal ended the send early (ms)" "$(number_in a 'after ([0-9.]+) ms')" '<' 1000
	sees b '^send into buffer [0-9]* '
	number_is "so did a timeout (ms)" "$(number_in b 'after ([0-9.]+) ms')" '>' 290
	sees b '^send failed: EAGAIN'
	ends b 1
}
D15() { # UDP reconnect
	ip link add v0 type veth peer name v1
	ip address add 10.9.1.1/24 dev v0
	ip link set v0 up
	ip link set v1 up
	start a udpreconnect 127.0.0.1 10.9.1.2
	ends a 0
	sees a 'connect 10.9.1.2:9527 failed: EINVAL Invalid argument (22)'
	start b udpreconnect -d 127.0.0.1 10.9.1.2
	ends b 0
	sees b '^connect 10.9.1.2:9527$'
	sees b 'send failed: EDESTADDRREQ'
	sees b '  local 0.0.0.0:0, peer none'
	start c udpreconnect -d -b 127.0.0.1 127.0.0.1 127.0.0.2
	ends c 0
	sees c '  local 127.0.0.1:7100, peer none'
}
D16() { # sizes of datagrams
	server r 9527 udpsize -l 127.0.0.1
	start s udpsize 127.0.0.1 0 1472 65507 65508
	ends s 0
	sees s 'sendto of 65508 bytes failed: EMSGSIZE Message too long (90)'
	sees r '^received 65507 bytes$'
	signal r INT
	ends r 0
	sees r '^received 3 datagrams$'
	start d udpsize -d 127.0.0.1 65507
	ends d 0
	start six udpsize ::1 65527 65528
	ends six 0
	sees six '^send bytes: 65527$'
	sees six 'sendto of 65528 bytes failed: EMSGSIZE'
	server b 9527 udpsize -l -b 4096 -w 0.5 127.0.0.1
	start many udpsize -c 50 127.0.0.1 1000
	ends many 0
	sleep 0.8
	signal b TERM
	ends b 0
	number_is "datagrams that fitted" "$(number_in b 'received ([0-9]+) datagrams')" '<' 50
}
D18() { # backlog n holds n + 1
	server s 9527 backlog -b 1
	start c crowd -n 4 -w 4 127.0.0.1
	sees s '^accept queue: 2 waiting, limit 1$'
	sleep 0.5
	sees_times c ': connected' 2
	type_line s accept
	type_line s accept
	sees s '^accepted'
	ends c 0 10
	sees_times c ': connected' 4
	sees_not c ECONNREFUSED
	type_line s 'listen 3'
	sees s '^listen 3 returned 0$'
	sees s 'limit 3$'
	type_line s 'write hello'
	type_line s close
	type_line s quit
	ends s 0
}
D19() { # segments no socket would send
	server s 9527 backlog -b 8
	start syn rawsyn -p 41000 127.0.0.1 9527 # SYN-ACK to a port without a socket: RST
	ends syn 0
	sees syn '^sent \[S\] 127.0.0.1:41000 -> 127.0.0.1:9527 seq 1000 ack 0, 0 bytes of data$'
	sleep 0.1
	number_is "a RST came back and ended the attempt" \
		"$(nstat -asz TcpExtEmbryonicRsts | awk '/Embryonic/ { print $2 }')" '==' 1
	start data rawsyn -f PA -d hello -T 100,200 127.0.0.1 5555
	ends data 0
	number_is "checksums found wrong" "$(nstat -asz TcpInCsumErrors | awk '/Csum/ { print $2 }')" '==' 0
	number_is "resets sent" "$(nstat -asz TcpOutRsts | awk '/OutRsts/ { print $2 }')" '==' 2
	start flood rawsyn -s 10.99.0.1 -n 40 127.0.0.1 9527
	ends flood 0
	sees_times flood '^sent' 40
}
more() { # smaller claims
	start o oob
	ends o 0
	sees o '^received 1 bytes out of band: z$'
	sees o '^received 4 bytes as usual: abxy$'
	start e udperror
	ends e 0
	sees_times e 'send: ECONNREFUSED' 2 # connected, and IP_RECVERR; never the plain one
	sees e 'error queue: ECONNREFUSED .*, ICMP type 3 code 3, for 127.0.0.1:7777'
	start m multicast
	ends m 0
	sees m '^10 multicast datagrams: first got 10, second 10$'
	sees m '^10 unicast datagrams: first got 0, second 10$'
	sees m '^broadcast: EACCES'
	sees m '^broadcast with SO_BROADCAST: 1 byte$'
	server s 9527 backlog -b 5
	start r tcpreconnect 127.0.0.1
	ends r 0
	sees r '^connect 127.0.0.1:7777: ECONNREFUSED'
	sees r '^connect 127.0.0.1:9527: EISCONN'
	sees_times r '^connect 127.0.0.1:9527: ok, state ESTABLISHED$' 2
}
more2() {
	start n readn
	ends n 0
	sees_times n 'readn returned 18446744073709551615$' 2 # no data, and after the RST
	sees n '^1K read, says the caller: readn returned 1024$'
	start p reuseport
	ends p 0
	sees p '^0.0.0.0, 127.0.0.1, 127.0.0.2, 40 connections to 127.0.0.2: 0 0 40$'
	number_is "the first of two equals got" "$(number_in p '^two .*: ([0-9]+) [0-9]+')" '>' 0
	number_is "the second of two equals got" "$(number_in p '^two .*: [0-9]+ ([0-9]+)')" '>' 0
}
facts() {
	start z sizes
	ends z 0
	sees z '^C8 sizeof(sa_family_t) = 2$'
	sees z '^C11 sizeof(struct sockaddr_un) = 110$'
	sees z '^C11 the address @one has 6 bytes$'
	start f sysctlfacts
	ends f 0
	sees f '^C132 net/ipv4/tcp_keepalive_time = 7200:'
	sees f '^C101 net/ipv4/ip_local_port_range = 32768 60999:'
	start m makesocket -l 3 0
	sees m '^bound to 0.0.0.0:[0-9]*[13579], state CLOSE$'
	sees m '^listening on 0.0.0.0:[0-9]*[13579], state LISTEN$'
	end_input m
	ends m 0
	start u makesocket -u
	sees u '^listening on 0.0.0.0:'
	for program in "$bin"/*; do
		case $program in *.log) continue ;; esac
		check "$(basename "$program") -h" shows_usage "$program"
	done
}
shows_usage() { "$1" -h | grep -q '^usage: '"$(basename "$1")"; }

# ---- one scenario in its namespace, or all of them --------------------------------------------

if [ "${1:-}" = --inside ]; then
	scenario=$2
	tmp=$(mktemp -d)
	finish() {
		exec 2>/dev/null # bash would tell of each process killed
		for p in "${pid[@]}"; do kill -KILL "$p"; done
		wait
		if [ -n "${KEEP:-}" ]; then echo "# outputs in $tmp"; else rm -rf "$tmp"; fi
	}
	trap finish EXIT
	ip link set lo up
	setting net.ipv4.tcp_rmem='4096 131072 6291456'
	setting net.ipv4.tcp_wmem='4096 16384 4194304'
	"$scenario"
	if grep -qsE 'AddressSanitizer|LeakSanitizer|runtime error' "$tmp"/*.out; then
		fail "no sanitizer speaks"
	else
		pass "no sanitizer speaks"
	fi
	exit
fi

[ "$(id -u)" -eq 0 ] || { echo "SKIP: needs root, for network namespaces"; exit 77; }
unshare -n true 2>/dev/null || { echo "SKIP: unshare -n is not permitted here"; exit 77; }
for tool in ss nft nstat setpriv; do
	command -v $tool >/dev/null || { echo "SKIP: $tool is not installed"; exit 77; }
done

mkdir -p "$bin"
flags="-g -O1 -Wall -Wextra -Werror"
[ "$san" = none ] || flags="$flags -fsanitize=$san"
stale=$(for c in "$root"/demos/*.c; do
	x=$bin/$(basename "$c" .c)
	[ "$x" -nt "$c" ] && [ "$x" -nt "$root/demos/demo.h" ] || echo "$c"
done)
if [ -n "$stale" ]; then
	echo "# building $(wc -l <<<"$stale") programs"
	xargs -P 2 -I{} sh -c "${CC:-gcc} $flags -o '$bin'/\$(basename {} .c) {}" <<<"$stale" ||
		{ echo "0 passed, 1 failed, 0 skipped"; exit 1; }
fi

[ $# -gt 0 ] || set -- S1 S1reset S2 S3 S4 S5 S7 S11 S12 S12default S12wrong S12nosignal S12handler S13 \
	S13pipe S14 S15 S16 S17 S18 S18mixed S19 D1 D2 D3 D4 D6 D8 D11 D13 D14 D14both D15 D16 \
	D18 D19 more more2 facts
results=$(mktemp)
for s in "$@"; do
	unshare -n bash "$self" --inside "$s" 2>&1 | tee -a "$results"
done
passed=$(grep -c '^ok' "$results")
failed=$(grep -c '^not ok' "$results")
rm -f "$results"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
