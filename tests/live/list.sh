#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `socktale list` against ss, which asks the kernel through another door: the same sockets, states, queues and holders.
# Has no planes: iterators are neither functions nor tracepoints.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
live_begin "$@"

cat >"$tmp/sockets.py" <<'END'
import ctypes, os, socket, struct, sys, time

INET, INET6, UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX
STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
kept = []


def sock(family, kind, *protocol):
    s = socket.socket(family, kind, *protocol)
    kept.append(s)
    return s


def listener(family, host, port, backlog):
    s = sock(family, STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(backlog)
    return s


four, six = listener(INET, "127.0.0.1", 21001, 7), listener(INET6, "::1", 21002, 9)
client = sock(INET, STREAM)
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 500)
client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 7))
client.connect(("127.0.0.1", 21001))
server, _ = four.accept()
kept.append(server)
client.send(b"x" * 1000)
# TIME_WAIT on the client's side
gone = socket.create_connection(("::1", 21002))
peer, _ = six.accept()
peer_port = gone.getsockname()[1]
gone.close()
peer.close()
for host, port, family in (("127.0.0.1", 21001, INET), ("::1", 21002, INET6)):
    sock(family, STREAM).connect((host, port))  # not accepted
# A request that stays one: the client is deaf to the SYN-ACK.
deaf = sock(INET, STREAM)
program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
deaf.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HL", 1, ctypes.addressof(program)))
deaf.setblocking(False)
deaf.connect_ex(("127.0.0.1", 21001))
# UDP, both families; unread datagrams
for family, host in ((INET, "127.0.0.1"), (INET6, "::1")):
    receiver, sender = sock(family, DGRAM), sock(family, DGRAM)
    receiver.bind((host, 21003))
    sender.connect((host, 21003))
    sender.send(b"y" * 500)
# unix: a path with an escape in it, an abstract name, a pair; shared with a child
path = os.path.join(sys.argv[1], "name\x1b[31m")
named, caller = sock(UNIX, STREAM), sock(UNIX, STREAM)
named.bind(path)
named.listen(3)
caller.connect(path)
caller.send(b"z" * 77)
sock(UNIX, DGRAM).bind("\0socktale-list")
left, right = socket.socketpair()
kept += [left, right]
left.send(b"12345")
for s in kept:
    s.set_inheritable(True)
parent_lives, held = os.pipe()
if not os.fork():
    os.close(held)
    os.read(parent_lives, 1)
    os._exit(0)
print("ready", os.getpid(), left.fileno(), peer_port, flush=True)
time.sleep(600)
END
start holder python3 "$tmp/sockets.py" "$tmp"
sees holder ready
read -r _ holder left_fd peer_port <"$tmp/holder.out"

ss -HtuanpmO >"$tmp/ss.inet"
ss -Hxap >"$tmp/ss.unix"
"$SOCKTALE" list --json >"$tmp/all.json" 2>"$tmp/all.err"
check "list ends with 0" [ $? = 0 ]
check "and says nothing else, or only that unix sockets may be missing" [ -z "$(grep -v 'since Linux 5.15' "$tmp/all.err")" ]
"$SOCKTALE" list >"$tmp/all.txt" 2>/dev/null
"$SOCKTALE" list --fields >"$tmp/fields.txt"
"$SOCKTALE" list --json -p "$holder" >"$tmp/pid.json" 2>/dev/null
"$SOCKTALE" list --json --port 21001 --state listen >"$tmp/port.json"
"$SOCKTALE" list --json --proto udp --family inet6 >"$tmp/udp6.json"
unshare -n "$SOCKTALE" list --json --proto tcp,udp >"$tmp/elsewhere.json"
unshare -n "$SOCKTALE" list --json --netns "$holder" --proto tcp,udp >"$tmp/here.json"

judge "$tmp" "$holder" "$left_fd" "$peer_port" "$netns" <<'END'
import json, re, sys
from events import *

tmp, holder, left_fd, peer_port, netns = sys.argv[2], *map(int, sys.argv[3:7])


def rows(name):
    with open(f"{tmp}/{name}.json") as f:
        return [json.loads(line) for line in f]


def local_port(s):
    return int(s["local"].rsplit(":", 1)[1])


WORDS = {"ESTAB": "TCP_ESTABLISHED", "LISTEN": "TCP_LISTEN", "SYN-SENT": "TCP_SYN_SENT", "SYN-RECV": "TCP_NEW_SYN_RECV",
         "TIME-WAIT": "TCP_TIME_WAIT", "CLOSE-WAIT": "TCP_CLOSE_WAIT", "FIN-WAIT-2": "TCP_FIN_WAIT2",
         "FIN-WAIT-1": "TCP_FIN_WAIT1", "LAST-ACK": "TCP_LAST_ACK", "UNCONN": "bound"}
everything = rows("all")
inet = {(s["protocol"], s["state"], s["local"], s["remote"]): s for s in everything if s["protocol"] in ("tcp", "udp")}
theirs = {}
for line in open(f"{tmp}/ss.inet"):
    word = line.split()
    proto, state, local, remote = word[0], WORDS[word[1]], word[4], word[5]
    if proto == "udp" and state == "TCP_ESTABLISHED":
        state = "connected"
    theirs[proto, state, local, None if remote.endswith(":*") else remote] = (
        int(word[2]), int(word[3]), {(int(p), int(f)) for p, f in re.findall(r"pid=(\d+),fd=(\d+)", line)},
        re.search(r"skmem:\(r(\d+),rb(\d+),t(\d+),tb(\d+),f(\d+),w(\d+),o(\d+),bl(\d+),d(\d+)\)", line))
check("tcp and udp: the same sockets as ss, in the same states", set(inet) == set(theirs) and len(inet) >= 14,
      [f"only ours: {k}" for k in set(inet) - set(theirs)] + [f"only ss: {k}" for k in set(theirs) - set(inet)])
wrong = []
for key in set(inet) & set(theirs):
    s, (recv, send, owners, memory) = inet[key], theirs[key]
    if {(o["pid"], o["fd"]) for o in s["owners"]} != owners:
        wrong.append(f"{key}: held by {s['owners']}, ss says {owners}")
    # ss counts the sequence number of a FIN; we do not. Of UDP both count memory.
    if "recv_queue_bytes" in s and (s["recv_queue_bytes"], s["send_queue_bytes"]) != (recv, send) and "WAIT" not in key[1]:
        # an unanswered SYN takes a sequence number: nothing a program wrote
        if not (key[1] == "TCP_SYN_SENT" and send == 1):
            wrong.append(f"{key}: queues {s['recv_queue_bytes']} {s['send_queue_bytes']}, ss says {recv} {send}")
    if memory and "recv_memory_bytes" in s:
        # Left out: what changes between two looks (memory in advance, drops), and the memory of options, in which another
        # tracer's socket storage comes and goes.
        ours = [s[f] for f in ("recv_memory_bytes", "recv_buffer_bytes", "send_memory_bytes", "send_buffer_bytes",
                               "write_queue_bytes", "backlog_bytes")]
        if ours != [int(memory.group(i)) for i in (1, 2, 3, 4, 6, 8)]:
            wrong.append(f"{key}: memory {ours}, ss says {memory.group(0)}")
check("with the same queues, holders and buffers", not wrong, wrong)

unix = {s["inode"]: s for s in everything if s["protocol"] == "unix"}
missing, wrong, held = [], [], 0
for line in open(f"{tmp}/ss.unix"):
    owners = {(int(p), int(f)) for p, f in re.findall(r"pid=(\d+),fd=(\d+)", line)}
    numbers = re.findall(r" (\d+) +\S+ (\d+)\s+users:", line)
    word = line.split()
    inode, peer = numbers[-1] if numbers else (0, 0)
    if not owners:
        continue  # those need Linux 5.15, and are looked at below
    held += 1
    s = unix.get(int(inode))
    if not s:
        missing.append(line.strip())
        continue
    if {(o["pid"], o["fd"]) for o in s["owners"]} != owners or s["peer_inode"] != int(peer) or s["recv_queue_bytes"] != int(word[2]):
        wrong.append(f"{s}: ss says {line.strip()}")
check("unix: every socket that ss shows a holder of", held >= 5 and not missing, missing or held)
check("with the same holders, peers and receive queues", not wrong, wrong)

mine = [s for s in rows("pid")]
check("-p: every socket of the process, and of no other", len(mine) >= 16 and all(holder in {o["pid"] for o in s["owners"]} for s in mine),
      len(mine))
client = [s for s in mine if s["protocol"] == "tcp" and s.get("no_delay")][0]
check("options: nodelay, keepalive, linger with its time", client["keepalive"] and client["linger"] and client["linger_s"] == 7, client)
check("the keepalive timer, with the time left", client["timer"]["kind"] == "keepalive" and 380e3 < client["timer"]["left_ms"] <= 501e3,
      client["timer"])
check("a child holds its parent's sockets too", all(len({o["pid"] for o in s["owners"]}) == 2 for s in mine))
request = [s for s in everything if s["state"] == "TCP_NEW_SYN_RECV"]
check("a request socket, with the timer of its SYN-ACK", len(request) == 1 and request[0]["timer"]["kind"] == "SYN-ACK" and
      not request[0]["owners"], request)
waiting = [s for s in everything if s["state"] == "TCP_TIME_WAIT" and local_port(s) == peer_port]
check("TIME_WAIT, with the seconds it still has", len(waiting) == 1 and 0 < waiting[0]["timer"]["left_ms"] <= 62e3, waiting)
queued = [s for s in everything if s["protocol"] == "tcp" and s["state"] == "TCP_ESTABLISHED" and not s["owners"]]
check("connections nobody has accepted yet", {local_port(s) for s in queued} >= {21001, 21002}, queued)
known = {line.split()[0] for line in open(f"{tmp}/fields.txt")}
check("--fields explains every key, and no other", known == {key for s in everything for key in s}, known ^ {k for s in everything for k in s})
text = open(f"{tmp}/all.txt").read()
check("and says so in the table", text.count("(not accepted yet)") >= 2, text)
check("no control character reaches the terminal", not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text) and r"name\x1b[31m" in text)
check("--port and --state together", [(s["local"], s["state"]) for s in rows("port")] == [("127.0.0.1:21001", "TCP_LISTEN")], rows("port"))
check("--proto and --family together", {s["family"] for s in rows("udp6")} == {"inet6"} and {s["protocol"] for s in rows("udp6")} == {"udp"})
check("another namespace's sockets are not listed", not [s for s in rows("elsewhere") if s["netns"] == netns])
key = lambda s: (s["protocol"], s["state"], s["local"], s["remote"])
passing = ("TCP_NEW_SYN_RECV", "TCP_SYN_SENT", "TCP_TIME_WAIT")  # may have ended since
outside, inside = {key(s) for s in rows("here")}, set(inet)
check("--netns PID lists them from outside", {k for k in outside ^ inside if k[1] not in passing} == set() and len(outside) >= 14,
      outside ^ inside)
END

COLUMNS=80 "$SOCKTALE" list >"$tmp/narrow.txt" 2>/dev/null
check "the table fits 80 columns" [ -z "$(awk 'length > 80' "$tmp/narrow.txt")" ]
setpriv --bounding-set=-all --inh-caps=-all "$SOCKTALE" list >"$tmp/none.txt" 2>&1
check "without capabilities it ends with 3" [ $? = 3 ]
check "and names the missing one" grep -q CAP_BPF "$tmp/none.txt"
: >"$tmp/empty"
if unshare -m sh -c 'for f in /sys/kernel/btf/vmlinux /boot/vmlinux*; do [ ! -e "$f" ] || mount --bind "$1" "$f" || exit 99; done
		exec "$2" list >"$3" 2>&1' sh "$tmp/empty" "$SOCKTALE" "$tmp/bare.txt"; code=$?; [ $code = 99 ]; then
	echo "ok - $test_name: no BTF # SKIP nothing can be mounted here"
else
	check "without BTF it ends with 4" [ $code = 4 ]
	check "and says what is missing" grep -q 'no BTF' "$tmp/bare.txt"
fi
"$SOCKTALE" list --port 80 --proto unix >/dev/null 2>&1
check "a filter without sense is refused with 2" [ $? = 2 ]
live_end
