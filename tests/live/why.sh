#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `socktale why` finds what is wrong: real sockets get into real trouble, some before the watching and some during it, and each
# trouble must be found with its program, its figures and its events; what is well must not be found. A recording of the same gives
# the same findings, without privilege, but for what stood still.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
live_begin "$@"

plane=${SOCKTALE_PLANE:+--plane "$SOCKTALE_PLANE"}

# ---- the troubles ----

# Says "ready" when what stands still stands; does the rest when a line is typed, and stays until the input ends.
cat >"$tmp/trouble.py" <<'END'
import ctypes, os, resource, select, signal, socket, struct, sys, threading, time

LOOP = "127.0.0.1"
kept = []


def listener(port, backlog=16, host=LOOP):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(backlog)
    kept.append(s)
    return s


def pair(l):
    c = socket.create_connection(l.getsockname())
    a, _ = l.accept()
    kept.extend((c, a))
    return c, a


def named(name, body):
    """A child process of that name; its exit status."""
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)
        try:
            body()
        except OSError:
            pass
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def fill(c):
    c.setblocking(False)
    try:
        while True:
            c.send(b"x" * 65536)
    except BlockingIOError:
        c.setblocking(True)


# What stands still.
calm = listener(22000)
leak = listener(22001)
for _ in range(3):
    c, a = pair(leak)
    c.close()
stuck = listener(22002)
c, a = pair(stuck)
fill(c)
full = listener(22003, 0)
kept.append(socket.create_connection((LOOP, 22003)))
print("ready", flush=True)
sys.stdin.readline()


def refused():
    for _ in range(3):
        s = socket.socket()
        assert s.connect_ex((LOOP, 22099)) == 111


def in_use():
    socket.socket().bind((LOOP, 22000))


def dropped():
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex((LOOP, 22003))
    time.sleep(1.5)


def aborted():
    l = listener(22004)
    for _ in range(2):
        c, a = pair(l)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
        time.sleep(0.05)


def unread():
    l = listener(22005)
    c, a = pair(l)
    c.send(b"x" * 300)
    time.sleep(0.1)
    a.close()
    time.sleep(0.1)


def killed_by_pipe():
    l = listener(22006)

    def victim():
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        c = socket.create_connection((LOOP, 22006))
        a, _ = l.accept()
        a.close()
        c.send(b"1")
        time.sleep(0.1)
        c.send(b"2")
    assert os.WTERMSIG(named("victim", victim)) == signal.SIGPIPE


def blocked():
    l = listener(22007)
    c, a = pair(l)

    def read_later():
        time.sleep(0.8)
        left = 8 << 20
        while left:
            left -= len(a.recv(1 << 20))
    t = threading.Thread(target=read_later)
    t.start()
    c.sendall(b"x" * (8 << 20))
    t.join()


def thinking():
    l = listener(22008)

    def thinker():
        a, _ = l.accept()
        a.recv(100)
        time.sleep(0.6)
        a.send(b"well")
        a.recv(100)
    t = threading.Thread(target=lambda: named("thinker", thinker))
    t.start()
    c = socket.create_connection((LOOP, 22008))
    c.send(b"why?")
    c.recv(100)
    c.close()
    t.join()


def waiting():
    l = listener(22009)
    c = socket.create_connection((LOOP, 22009))
    time.sleep(0.4)
    kept.extend((c, l.accept()[0]))


def datagrams():
    r, s = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
    r.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    r.bind((LOOP, 22010))
    for _ in range(30):
        s.sendto(b"x" * 1000, (LOOP, 22010))
    s.sendto(b"nobody", (LOOP, 22098))
    u = socket.socket(type=socket.SOCK_DGRAM)
    u.connect((LOOP, 22097))
    u.send(b"nobody")
    try:
        s.sendto(b"x" * 65508, (LOOP, 22010))
    except OSError as e:
        assert e.errno == 90
    time.sleep(0.1)


def unix():
    path = sys.argv[1] + "/sock"
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.close()
    for p, error in ((path, 111), (path + ".none", 2)):
        assert socket.socket(socket.AF_UNIX).connect_ex(p) == error


def unanswered():
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex((LOOP, 22666))  # which a firewall drops
    kept.append(s)


def keepalive():
    l = listener(22667)
    c, a = pair(l)
    for name, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 1)):
        c.setsockopt(socket.IPPROTO_TCP, name, value)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    print("cut", flush=True)


def many():
    l = listener(22011)
    for _ in range(150):
        c = socket.create_connection((LOOP, 22011))
        a, _ = l.accept()
        c.close()
        a.close()


def no_descriptor():
    l = listener(22012)
    c = socket.create_connection((LOOP, 22012))

    def starved():
        resource.setrlimit(resource.RLIMIT_NOFILE, (l.fileno() + 1, l.fileno() + 1))
        for fd in range(3, l.fileno()):
            try:
                os.fstat(fd)
            except OSError:
                os.dup2(0, fd)
        try:
            l.accept()
        except OSError:
            time.sleep(0.3)  # long enough to be asked for its parent
    named("starved", starved)
    c.close()


def nagle():
    l = listener(22013)
    c, a = pair(l)

    def serve():
        while a.recv(4, socket.MSG_WAITALL):
            a.send(b"!")
    t = threading.Thread(target=serve)
    t.start()
    for _ in range(20):
        c.send(b"12")
        c.send(b"34")
        c.recv(1)
    c.shutdown(socket.SHUT_WR)
    t.join()


def lossy():
    c, a = pair(listener(22014))
    for _ in range(40):
        c.send(b"x" * 100)  # of which a firewall drops one in ten
        a.recv(100)


def foreign():
    socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).close()  # MPTCP: not TCP, though a byte of 262 says so


def quiet():
    c, a = pair(calm)
    for _ in range(20):
        c.send(b"ping")
        a.recv(10)
        a.send(b"pong")
        c.recv(10)
    c.shutdown(socket.SHUT_WR)
    assert a.recv(10) == b""
    a.close()
    assert c.recv(10) == b""
    c.close()


for trouble in (unanswered, keepalive, refused, in_use, dropped, aborted, unread, killed_by_pipe, blocked, thinking, waiting,
                datagrams, unix, many, no_descriptor, nagle, lossy, foreign, quiet):
    try:
        trouble()
    except OSError as e:
        print(trouble.__name__, e, flush=True)
print("done", flush=True)
sys.stdin.read()
END

nft add table ip t
nft add chain ip t in '{ type filter hook input priority 0; }'
nft add rule ip t in tcp dport 22666 drop
nft add rule ip t in tcp dport 22014 tcp flags '&' psh == psh numgen inc mod 10 == 9 drop

start trouble python3 "$tmp/trouble.py" "$tmp"
sees trouble ready

# ---- the watching ----

# why_start NAME ARGUMENT...: returns when every hook is attached. The answer goes to NAME.json.
why_start() {
	local name=$1
	shift
	rm -f "$tmp/$name.ready"
	mkfifo "$tmp/$name.ready"
	# shellcheck disable=SC2086 # two words or none
	"$SOCKTALE" why $plane --ready-fd 9 --format json -o "$tmp/$name.json" "$@" 9>"$tmp/$name.ready" 2>"$tmp/$name.err" &
	tracer[$name]=$!
	[ "$(timeout $((60 * slow)) head -c 1 "$tmp/$name.ready" | wc -c)" = 1 ] && return
	not_ok "why '$name' gets ready"
	explain <"$tmp/$name.err"
	return 1
}

trace_start record --netns "$netns" --format record -o "$tmp/record.rec" -e "$("$SOCKTALE" trace -e help | awk '{ print $1 }' | grep -v app_output | paste -sd,)"
why_start whole --netns "$netns" -d $((60 * slow))
why_start process "${pid[trouble]}" -d $((60 * slow))
why_start port :22004 -d $((60 * slow))
why_start nothing :22999 -d 1
trace_wait nothing
type_line trouble go
sees trouble cut
nft add rule ip t in tcp dport 22667 drop
nft add rule ip t in tcp sport 22667 drop
sees trouble "done" 60
until_true 10 eval '[ -z "$(ss -Hto state established "( dport = :22667 )")" ]'
sleep 1
for name in whole process port; do trace_stop $name INT; done
trace_stop record
for name in whole process port nothing; do
	check "why '$name' ends with 0, told to answer at once" [ "${status[$name]}" = 0 ]
done
end_input trouble
ends trouble
explain <"$tmp/trouble.out"

setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
	"$SOCKTALE" why --format json --from - <"$tmp/record.rec" >"$tmp/from.json" 2>"$tmp/from.err"
check "a recording is judged without privilege" [ $? = 0 ]
explain <"$tmp/from.err"

judge "$tmp" "${pid[trouble]:-0}" "$(sysctl -n net.core.somaxconn)" <<'END'
import fnmatch
import sys
from events import *

tmp, somaxconn = sys.argv[2], sys.argv[4]
answers = {name: json.load(open(f"{tmp}/{name}.json")) for name in ("whole", "process", "port", "nothing", "from")}
STANDS = {"close_wait", "send_stuck", "not_read", "queue_now"}

# finding, a part of where, what else must be so
wanted = (
    ("refused", "-> 127.0.0.1:22099", lambda f: f["count"] == 3),
    ("bind_taken", "127.0.0.1:22000", None),
    ("listen_full", "127.0.0.1:22003", lambda f: somaxconn in f["remedy"] or "not known" in f["remedy"]),
    ("reset_linger", "22004", lambda f: f["count"] == 2),
    ("reset_unread", "22005", lambda f: "300 bytes" in f["cause"]),
    ("sigpipe", "victim", None),
    ("send_window", "22007", lambda f: 3e8 < f["worst"] < 1e10 and f["unit"] == "ns"),
    ("program_late", "thinker", lambda f: 5e8 < f["worst"] < 1e10),
    ("accept_wait", "22009", lambda f: 3.5e8 < f["worst"] < 1e10),
    ("udp_dropped", "22010", lambda f: f["count"] >= 20),
    ("udp_silent", "22098", lambda f: f["count"] == 1),
    ("udp_refused", "22097", lambda f: f["count"] == 1),
    ("udp_too_big", "22010", lambda f: f["worst"] == 65508),
    ("unix_refused", "/sock", None),
    ("unix_missing", "/sock.none", None),
    ("syn_unanswered", "22666", lambda f: f["going_on"] == 1 and f["worst"] > 1e9),
    ("peer_dead", "22667", None),
    ("time_waits", "22011", lambda f: 120 <= f["count"] <= 150),
    ("fd_limit", "starved", None),
    ("nagle", "22013", lambda f: f["worst"] >= 2e7),
    ("retransmit*", "22014", lambda f: (" %" if live else "not known") in f["remedy"]),
    ("close_wait", "python3", lambda f: f["count"] >= 3 and f["going_on"] >= 3),
    ("send_stuck", "22002", lambda f: f["worst"] > 100000),
    ("not_read", "22002", lambda f: f["worst"] > 10000),
)


def find(answer, name, where):
    return [f for f in answer["findings"] if fnmatch.fnmatch(f["finding"], name) and where in f["where"]]


def told(answer):
    return [f"{f['finding']}: {f['where']}: {f['count']} times, worst {f['worst']}" for f in answer["findings"]]


for kind in ("whole", "from", "process"):
    answer, live = answers[kind], kind != "from"
    for name, where, so in wanted:
        if kind == "from" and (name in STANDS or name == "bind_taken"):
            continue
        if name == "bind_taken":
            # Who holds it gave no event, unless it was used meanwhile.
            found = find(answer, name, where) + find(answer, "bind_in_use", where)
            so = lambda f: "python3[" in f["cause"]
        else:
            found = find(answer, name, where)
        check(f"{kind}: {name} at {where} is found", found and (so is None or any(so(f) for f in found)), found or told(answer))
    for f in answer["findings"]:
        if not (f["title"] and f["cause"] and f["remedy"] and f["cases"] and f["cases"][0]["evidence"]) or "{" in f["cause"] + f["remedy"]:
            check(f"{kind}: {f['finding']} has cause, remedy and evidence", False, f)
    wrong = [f for f in answer["findings"] if "22000" in f["where"] and not f["finding"].startswith("bind_")]
    wrong += [f for f in answer["findings"] if f["finding"].startswith("reset") and "0.0.0.0:0" in f["where"]]
    check(f"{kind}: what is well is not found", not wrong, wrong)
    order = [("failure", "delay", "risk").index(f["severity"]) for f in answer["findings"]]
    check(f"{kind}: the most serious come first", order == sorted(order), order)
    check(f"{kind}: nothing was lost", answer["watched"]["lost"] == 0, answer["watched"])

port = answers["port"]
check("a port is asked about: only what is of it is found", port["findings"] and
      all("22004" in f["where"] or "22004" in str(f["cases"]) for f in port["findings"]), told(port))
check("a port is asked about: what is found elsewhere is the same", find(port, "reset_linger", "22004"), told(port))
nothing = answers["nothing"]
check("nothing is wrong: it says so, with what was watched and what could not be seen",
      nothing["findings"] == [] and "22999" in nothing["watched"]["what"] and nothing["watched"]["duration_ns"] > 9e8 and
      nothing["not_seen"], nothing)
END

# ---- for a person ----

"$SOCKTALE" why --from "$tmp/record.rec" :22004 >"$tmp/page.txt"
check "the page of a recording names the finding" grep -q '^1\. failure: reset: aborted' "$tmp/page.txt"
check "no line of it is wider than 80 columns" awk 'length($0) > 80 { bad = 1 } END { exit bad }' "$tmp/page.txt"
check "no colours go into a file" eval '! grep -q "$(printf "\033")" "$tmp/page.txt"'
check "it speaks Chinese where asked" eval '"$SOCKTALE" why --lang zh --from "$tmp/record.rec" :22004 | grep -q 故障'

# ---- what is refused ----

refuses() { # STATUS ARGUMENT...
	local wanted=$1
	shift
	timeout $((30 * slow)) "$SOCKTALE" why "$@" >/dev/null 2>"$tmp/refused.err"
	[ $? = "$wanted" ] && [ -s "$tmp/refused.err" ]
}
check "a process that does not exist is refused with 2" refuses 2 999999999
check "an argument that names nothing is refused with 2" refuses 2 nonsense
check "a cgroup cannot be asked of a recording: 2" refuses 2 --from "$tmp/record.rec" --cgroup /sys/fs/cgroup
check "a recording that is not there ends with 1" refuses 1 --from "$tmp/none"
setpriv --bounding-set=-all --inh-caps=-all "$SOCKTALE" why -d 1 >/dev/null 2>"$tmp/refused.err"
code=$?
check "without privilege it ends with 3 and names the capability" eval '[ $code = 3 ] && grep -q CAP_ "$tmp/refused.err"'
live_end
