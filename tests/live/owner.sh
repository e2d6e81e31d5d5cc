#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The owner benchmark: two programs of different name, connections of every kind, and every line must name the right one.
# IPv4 and IPv6, loopback and veth, either end closing first, accepted by the listener or by its forked child.
. "$(dirname "$0")/lib.sh"
live_begin "$@"

connections=${LIVE_CONNECTIONS:-$([ "$slow" -gt 1 ] && echo 20 || echo 100)}
cp "$load" "$tmp/tale-server"
cp "$load" "$tmp/tale-client"
host far || skip_all "no veth here"

# A program that waits to be let go, so that its number is known before it has made a socket.
start_held() { # NAME COMMAND...
	local name=$1
	shift
	start "$name" bash -c 'kill -STOP $$; exec "$@"' - "$@"
	until_true 10 is_stopped "${pid[$name]}"
}
is_stopped() { [ "$(awk '{ print $3 }' "/proc/$1/stat")" = T ]; }
let_go() { kill -CONT "${pid[$1]}"; }

# ---- all kinds, one tracer ----

trace_start all --family inet,inet6
port=20000
: >"$tmp/plan"
for family in 4 6; do
	for path in loopback veth; do
		for closer in client server; do
			for accept in self child; do
				port=$((port + 1))
				case $path$family in
				loopback4) address=127.0.0.1 place= ;;
				loopback6) address=::1 place= ;;
				veth4) address=10.9.1.2 place="on far" ;;
				veth6) address=fd00:9::2 place="on far" ;;
				esac
				if [ $closer = server ]; then server=first client=last; else server=last client=first; fi
				[ $accept = child ] && fork=-f || fork=
				# nsenter execs, so the number of the job is the number of the program.
				if [ -n "$place" ]; then
					start server nsenter -t "${pid[host-far]}" -n -- "$tmp/tale-server" server $address $port \
						"$connections" -c $server $fork
				else
					start server "$tmp/tale-server" server $address $port "$connections" -c $server $fork
				fi
				sees server ready
				start client "$tmp/tale-client" client $address $port "$connections" -c $client
				pids="${pid[server]} ${pid[client]}"
				ends client
				ends server
				child=$(sed -n 's/^child //p' "$tmp/server.out")
				echo "$port $pids ${child:-0} IPv$family, $path, $closer closes first, accepted by $accept" >>"$tmp/plan"
			done
		done
	done
done
trace_stop all
check "the tracer ends with 0 on SIGTERM" [ "${status[all]}" = 0 ]

judge "$tmp/all.json" "$tmp/plan" "$connections" "$netns" "$(netns_of far)" <<'END'
import sys
from events import *

path, plan, connections = sys.argv[2], sys.argv[3], int(sys.argv[4])
events = read(path, sys.argv[5:])
of_port = collections.defaultdict(list)
for e in events:
    if e["event"] in ("lost", "gap") or e["family"] not in ("inet", "inet6"):
        continue
    of_port[local(e)].append((e, "tale-server"))
    of_port[remote(e)].append((e, "tale-client"))
total = right = 0
for line in open(plan):
    number, server, client, child, kind = line.split(None, 4)
    kind = kind.strip()
    lines = of_port[int(number)]
    pids = {"tale-server": {int(server), int(child)}, "tale-client": {int(client)}}
    good = [e for e, side in lines if e["comm"] == side and e["pid"] in pids[side] and e["attribution"] != "unknown"]
    bad = [e for e, side in lines if not (e["comm"] == side and e["pid"] in pids[side] and e["attribution"] != "unknown")]
    total += len(lines)
    right += len(good)
    check(f"{kind}: every line names the right process ({len(good)} of {len(lines)})",
          lines and not bad, [f"{c} x {n}" for n, c in counts(bad).most_common()] + briefs(bad[:6]))
    for side in ("tale-server", "tale-client"):
        mine = [e for e, s in lines if s == side]
        opened = pick(mine, "tcp_state", newstate="TCP_ESTABLISHED")
        ended = pick(mine, "tcp_state", newstate="TCP_CLOSE",
                     oldstate=lambda s: s not in ("TCP_LISTEN", "TCP_SYN_SENT"))
        check(f"{kind}: {side} is seen to open and close {connections} connections",
              len(opened) == connections and len(ended) == connections, f"opened {len(opened)}, ended {len(ended)}")
    waits = pick([e for e, s in lines], "tcp_time_wait", restarted=False)
    first = "tale-server" if "server closes first" in kind else "tale-client"
    whole = collections.Counter(e["comm"] for e in waits)
    check(f"{kind}: the TIME_WAITs belong to the end that closed first",
          whole == {first: connections}, dict(whole))
    accepted = [e["pid"] for e, s in lines if e["event"] == "tcp_accept" and not e["error"]]
    wanted = int(child) or int(server)
    check(f"{kind}: accept() is told of the process that called it",
          accepted == [wanted] * connections, f"{collections.Counter(accepted)}, wanted {wanted}")
check(f"all together: {right} of {total} lines are right", total > 0 and right == total)
check("nothing was lost", not pick(events, "lost"), briefs(pick(events, "lost")))
END

# ---- the filters: exactly what the owner's lines are in an unfiltered trace ----

for family in 4 6; do
	for closer in client server; do
		[ $family = 4 ] && address=127.0.0.1 || address=::1
		if [ $closer = server ]; then server=first client=last; else server=last client=first; fi
		start_held server "$tmp/tale-server" server $address 21000 20 -c $server
		start_held client "$tmp/tale-client" client $address 21000 20 -c $client
		trace_start full --netns "$netns"
		trace_start by-server -p "${pid[server]}"
		trace_start by-client -p "${pid[client]}"
		pids="${pid[server]} ${pid[client]}"
		if [ $family = 4 ] && [ $closer = client ]; then
			trace_start by-port --port 21000
			trace_start by-comm --comm tale-client
			more="$tmp/by-port.json $tmp/by-comm.json"
		else
			more=
		fi
		let_go server
		sees server ready
		let_go client
		ends client
		ends server
		for name in full by-server by-client ${more:+by-port by-comm}; do trace_stop $name; done
		# shellcheck disable=SC2086
		judge "IPv$family, $closer closes first" "$netns" "$tmp/full.json" "$tmp/by-server.json" "$tmp/by-client.json" \
			$pids $more <<'END'
import sys
from events import *

kind, netns, full_path, by_server, by_client = sys.argv[2:7]
server, client = int(sys.argv[7]), int(sys.argv[8])
full = read(full_path, netns)


def shape(events, only=lambda e: True):
    """What was told, without what differs from one tracer to the other (time, duration, number of a socket)."""
    keys = ("event", "local", "remote", "pid", "comm", "oldstate", "newstate", "direction", "flags", "done_bytes", "option")
    return collections.Counter(tuple(str(e.get(k)) for k in keys) for e in events
                               if e["event"] not in ("lost", "gap", "tcp_recv_block", "tcp_ack_delayed") and only(e))


def same(sentence, path, got, only):
    """A filtered trace holds what the full one tells of these, but for what either says that it missed."""
    got, wanted = shape(got), shape(full, only)
    missing, extra = wanted - got, got - wanted
    return check(sentence, wanted and missing.total() <= skipped(path) and extra.total() <= skipped(full_path),
                 [f"missing {n} x {k}" for k, n in missing.items()][:5] + [f"too many {n} x {k}" for k, n in extra.items()][:5])


same(f"{kind}: -p SERVER gives exactly the server's lines", by_server, read(by_server), lambda e: e["pid"] == server)
same(f"{kind}: -p CLIENT gives exactly the client's lines", by_client, read(by_client), lambda e: e["pid"] == client)
for side, pid, path in (("SERVER", server, by_server), ("CLIENT", client, by_client)):
    sockets = {e["local"] for e in pick(read(path), "tcp_state", newstate="TCP_ESTABLISHED")}
    remotes = {e["remote"] for e in pick(read(path), "tcp_state", newstate="TCP_ESTABLISHED")}
    check(f"{kind}: -p {side} gives its 20 connections, each once",
          len(pick(read(path), "tcp_state", newstate="TCP_ESTABLISHED")) == 20 and
          max(len(sockets), len(remotes)) == 20 and min(len(sockets), len(remotes)) == 1,
          f"{len(sockets)} local and {len(remotes)} remote addresses")
if len(sys.argv) > 9:
    same("--port gives exactly the lines of that port, at either end", sys.argv[9], read(sys.argv[9], netns),
         lambda e: 21000 in (local(e), remote(e)))
    same("--comm gives exactly the lines of that program", sys.argv[10], read(sys.argv[10], netns),
         lambda e: e["comm"] == "tale-client")
END
	done
done

# ---- a connection whose listener is another process's ----

start parent python3 -c '
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", 22000))
child = os.fork()
if child:
    print("child", child, flush=True)
    os.waitpid(child, 0)
    sys.exit()
connection, peer = listener.accept()
while connection.recv(100):
    connection.sendall(b"answer")
connection.close()'
sees parent child
child=$(sed -n 's/^child //p' "$tmp/parent.out")
trace_start by-child -p "$child"
python3 -c '
import socket
connection = socket.create_connection(("127.0.0.1", 22000))
connection.sendall(b"question")
connection.recv(100)
connection.close()'
ends parent
trace_stop by-child
# A call that sleeps when the trace begins is known since Linux 6.2.
judge "$tmp/by-child.json" "$child" "$(at_least 6.2; echo $((!$?)))" <<'END'
import sys
from events import *

path, child, under_way = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
events = read(path)
check("-p of a child that accepts from its parent's listener: every line is the child's",
      (pick(events, "tcp_accept", error=None) or not under_way) and pick(events, "tcp_recv") and all(e["pid"] == child for e in events if e["event"] not in ("lost", "gap")),
      briefs(events))
check("and the segment that its peer ends with is among them",
      len(pick(events, "tcp_segment", direction="received", flags=lambda f: "FIN" in f)) == 1 or skipped(path),
      briefs(pick(events, "tcp_segment")))
END

# ---- -p where no segment is told, where a connection fails behind its call, and where one is handed over ----

start keeper python3 -c '
import os, select, socket
server = socket.create_server(("127.0.0.1", 22100))
client = socket.create_connection(("127.0.0.1", 22100))
kept = server.accept()[0]
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
child = os.fork()
if not child:
    client.close(); kept.close(); server.close()
    ours.recv(1)
    handed = socket.socket(fileno=socket.recv_fds(ours, 1, 1)[1][0])
    handed.sendall(b"question")
    handed.close()
    own = socket.create_connection(("127.0.0.1", 22100))
    while own.recv(100): pass
    own.close()
    ours.recv(1)
    mine = socket.create_server(("127.0.0.1", 22100))
    ours.send(b"y")
    mine.accept()[0].close()
    failing = socket.socket()
    failing.setblocking(False)
    failing.connect_ex(("10.9.1.77", 22101))
    select.select([], [failing], [])
    assert failing.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    os._exit(0)
print("child", child, flush=True)
input()
theirs.send(b"x")
socket.send_fds(theirs, [b"y"], [client.fileno()])
client.close()
while kept.recv(100): pass
kept.close()
server.accept()[0].close()
server.close()
theirs.send(b"z")
theirs.recv(1)
socket.create_connection(("127.0.0.1", 22100)).close()
os.waitpid(child, 0)'
sees keeper child
child=$(sed -n 's/^child //p' "$tmp/keeper.out")
trace_start bare -p "$child" -e tcp_state,gap
trace_start wired -p "$child"
type_line keeper ""
ends keeper
trace_stop bare
trace_stop wired
judge "$tmp/bare.json" "$tmp/wired.json" <<'END'
import sys
from events import *


def states(events, port, first):
    """The states that the sockets with that remote port go through, the one that begins with `first`."""
    told = [(e["socket"], e["oldstate"], e["newstate"]) for e in pick(events, "tcp_state") if remote(e) == port]
    of_one = next((s for s, old, new in told if old == first), None)
    return [new for s, old, new in told if s == of_one]


handshake = ["TCP_SYN_SENT", "TCP_ESTABLISHED", "TCP_CLOSE_WAIT", "TCP_LAST_ACK", "TCP_CLOSE"]
for name, path in (("with its segments", sys.argv[3]), ("without", sys.argv[2])):
    events = read(path)
    whole, failed = states(events, 22100, "TCP_CLOSE"), states(events, 22101, "TCP_CLOSE")
    handed = states(events, 22100, "TCP_ESTABLISHED")
    check(f"-p {name}: every state of a connection is told, those that the peer's packets bring too",
          whole == handshake or skipped(path), whole)
    check(f"-p {name}: and the end of one that fails while nobody waits", failed == ["TCP_SYN_SENT", "TCP_CLOSE"] or skipped(path), failed)
    check(f"-p {name}: and of one that another process has handed over",
          handed == ["TCP_FIN_WAIT1", "TCP_FIN_WAIT2", "TCP_CLOSE"] or skipped(path), handed)
fins = [e["direction"] for e in pick(read(sys.argv[3]), "tcp_segment", flags=lambda f: "FIN" in f) if remote(e) == 22100]
syns = pick(read(sys.argv[3]), "tcp_segment", direction="received", flags=["SYN"])
check("and the SYN that comes for the port it takes over from another process", len(syns) == 1 and local(syns[0]) == 22100 or
      skipped(sys.argv[3]), briefs(syns))
check("the segments of the one handed over and of its own are both told", sorted(fins) == ["received"] * 2 + ["sent"] * 2 or
      skipped(sys.argv[3]), fins)
END

# ---- who holds a socket, and who lets go of it ----

trace_start holders --netns "$netns" -e sock_create,sock_close,gap
trace_start mapped --addr 127.0.0.1 -e tcp_accept,tcp_recv,sock_close
start holders python3 -c '
import ctypes, os, resource, socket, threading, time
def named():
    ctypes.CDLL(None).prctl(15, b"worker", 0, 0, 0)
    socket.socket().close()
thread = threading.Thread(target=named)
thread.start(); thread.join()
print("named", flush=True)
inherited = socket.socket()
child = os.fork()
if not child:
    time.sleep(0.3)
    os._exit(0)
inherited.close()
os.waitpid(child, 0)
print("child", child, flush=True)
resource.setrlimit(resource.RLIMIT_NOFILE, (3000, 3000))
sockets = [socket.socket(socket.AF_INET6) for i in range(1500)]
first = min(s.fileno() for s in sockets)
for s in sockets: s.detach()
os.closerange(first, 3000)
server = socket.create_server(("::", 23000), family=socket.AF_INET6, dualstack_ipv6=True)
client = socket.create_connection(("127.0.0.1", 23000))
connection, peer = server.accept()
client.sendall(b"x"); connection.recv(1)'
program=${pid[holders]}
ends holders
child=$(sed -n 's/^child //p' "$tmp/holders.out")
trace_stop holders
trace_stop mapped
# Who only inherited a socket is looked at when it ends since Linux 5.11.
judge "$tmp/holders.json" "$tmp/mapped.json" "$program" "$child" "$(at_least 5.11; echo $((!$?)))" <<'END'
import sys
from events import *

events, mapped, program, child = read(sys.argv[2]), read(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
check("the owner's name is the process's, not that of a thread with a name of its own",
      {e["comm"] for e in pick(events, "sock_create", pid=program)} == {"python3"} and
      any(e["tid"] != e["pid"] for e in pick(events, "sock_create", pid=program)), counts(events))
ended = pick(events, "sock_close", cause="exit", last=True, pid=child)
check("the last to hold an inherited socket is who ends it by its exit",
      not int(sys.argv[6]) and not ended or len(ended) == 1 and pick(events, "sock_close", socket=ended[0]["socket"], last=False, pid=program, references=2),
      briefs(pick(events, "sock_close", pid={program, child}))[:8])
missed = sum(e["count"] for e in pick(events, "gap", what="descriptors"))
closed = pick(events, "sock_close", family="inet6", cause={"close", "close_range"}, pid=program)
check("1500 sockets closed at once are told, or said to be missing", len(closed) >= 1500 or (missed > 0 and len(closed) > 900),
      f"{len(closed)} told, {missed} descriptors missed")
check("--addr of an IPv4 peer means the server's end of a dual-stack socket too",
      len(pick(mapped, "tcp_accept", pid=program)) == 1 and len(pick(mapped, "tcp_recv", pid=program)) == 1, briefs(mapped))
END
live_end
