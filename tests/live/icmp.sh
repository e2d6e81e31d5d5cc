#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# ICMP errors, on a router between two hosts: whose packet each is about, whether it is for this host at all, and what the
# kernel makes of it, against what the program's next call returned.
. "$(dirname "$0")/lib.sh"
live_begin "$@"

host far || skip_all "no veth here"
unshare -n sleep infinity &
pid[host-beyond]=$!
until_true 5 is_sleeping "${pid[host-beyond]}"
ip link add w0 type veth peer name w1 netns "${pid[host-beyond]}"
ip address add 10.9.2.1/24 dev w0
ip address add fd00:a::1/64 dev w0 nodad
ip link set w0 up
on beyond ip address add 10.9.2.2/24 dev w1
on beyond ip address add fd00:a::2/64 dev w1 nodad
on beyond ip address add 10.9.2.3/24 dev w1
on beyond ip address add fd00:a::3/64 dev w1 nodad
on beyond ip link set w1 up
on beyond ip link set lo up
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
on beyond sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
on far ip route add default via 10.9.1.1
on far ip -6 route add default via fd00:9::1
on far sysctl -qw net.ipv4.ping_group_range='0 2147483647'
on beyond ip route add default via 10.9.2.1
on beyond ip -6 route add default via fd00:a::1
ip route add unreachable 10.9.3.0/24
ip -6 route add unreachable fd00:b::/64
ip link set w0 mtu 1300
on far ping -c 1 10.9.2.2 >/dev/null 2>&1
on far ping -c 1 fd00:a::2 >/dev/null 2>&1

trace_start icmp
start router python3 -c '
import socket, time
open("/proc/self/comm", "w").write("routerd")
for family in socket.AF_INET, socket.AF_INET6:
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(("", 5000))
    globals()[f"kept{family}"] = s
print("ready", flush=True)
time.sleep(600)'
sees router ready
cat >"$tmp/far.py" <<'END'
import errno, os, socket, struct, sys, time

INET, INET6, DGRAM = socket.AF_INET, socket.AF_INET6, socket.SOCK_DGRAM
there = {INET: "10.9.2.2", INET6: "fd00:a::2"}
here = {INET: "10.9.1.2", INET6: "fd00:9::2"}
nowhere = {INET: "10.9.3.1", INET6: "fd00:b::1"}
kept = []


def comm(name):
    open("/proc/self/comm", "w").write(name)


def sock(family, address=None, peer=None, reuse=False, kind=DGRAM):
    s = socket.socket(family, kind)
    kept.append(s)
    s.setblocking(False)
    if reuse:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if address:
        s.bind(address)
    if peer:
        s.connect(peer)
    return s


def stored(s):
    """What the kernel keeps for the next call."""
    time.sleep(0.1 * int(os.environ.get("LIVE_SLOW") or 1))
    return errno.errorcode.get(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "none")


def done():
    for s in kept:
        s.close()
    kept.clear()


for f in INET, INET6:
    v = "4" if f == INET else "6"
    comm("passes" + v) # an error on its way through the router
    s = sock(f, (here[f], 5000))
    s.sendto(b"x", (there[f], 9))
    print("passes" + v, stored(s))
    done()
    comm("faces" + v) # about what went to another address than the peer's, of the same port
    s = sock(f, None, (there[f], 6001))
    s.sendto(b"x", (here[f].replace("1.2", "1.1").replace("9::2", "9::1"), 6001))
    print("faces" + v, stored(s))
    done()
    comm("big" + v)
    s = sock(f, None, (there[f], 6002))
    s.send(b"x" * 1350)
    print("big" + v, stored(s))
    done()
    comm("small" + v) # IP_MTU_DISCOVER, IPV6_MTU_DISCOVER
    s = sock(f)
    s.setsockopt(*((0, 10, 3) if f == INET else (41, 23, 0)))
    s.connect((there[f][:-1] + "3", 6003)) # what is known of the way to the first would be kept to
    s.send(b"x" * 1350)
    print("small" + v, stored(s))
    done()
    time.sleep(1.5) # such errors are told once in a second (ip_error)
    comm("passing" + v) # transient, on a connected socket
    s = sock(f, None, (nowhere[f], 6004))
    s.send(b"x")
    print("passing" + v, stored(s))
    done()
    comm("two" + v) # one port, two addresses; then one port and address shared, and no more
    a, b = sock(f, (here[f], 5001)), sock(f, ("127.0.0.1" if f == INET else "::1", 5001))
    a.connect((there[f], 9))
    a.send(b"x")
    print("two" + v, stored(a))
    done()
    comm("again" + v)
    a, b = sock(f, (here[f], 5002), None, True), sock(f, (here[f], 5002), None, True)
    b.close()
    a.connect((there[f], 9))
    a.send(b"x")
    print("again" + v, stored(a))
    done()
    time.sleep(1.5)
    comm("pings" + v)
    s = socket.socket(f, DGRAM, socket.IPPROTO_ICMP if f == INET else socket.IPPROTO_ICMPV6)
    kept.append(s)
    s.setsockopt(*((0, 11, 1) if f == INET else (41, 25, 1))) # IP_RECVERR, IPV6_RECVERR
    s.sendto(struct.pack("!BBHHH", 8 if f == INET else 128, 0, 0, 0, 1), (nowhere[f], 0))
    print("pings" + v, stored(s))
    done()
    time.sleep(1.5)
    comm("connects" + v)
    s = socket.socket(f, socket.SOCK_STREAM)
    kept.append(s)
    try:
        s.connect((nowhere[f], 80))
        print("connects" + v, "none")
    except OSError as e:
        print("connects" + v, errno.errorcode[e.errno])
    done()
END
on far python3 "$tmp/far.py" >"$tmp/far.out" 2>"$tmp/far.err" || { not_ok "the program behind the router runs to its end"; explain <"$tmp/far.err"; }
trace_stop icmp
judge "$tmp/icmp.json" "$tmp/far.out" "$netns" "$(netns_of far)" <<'END'
import sys
from events import *

events = read(sys.argv[2])
stored = dict(line.split() for line in open(sys.argv[3]))
router, far = int(sys.argv[4]), int(sys.argv[5])
got = pick(events, "icmp_received", netns=far)
passed = pick(events, "icmp_received", netns=router)
check("an error that only passes through is not told as received", not passed, briefs(passed))


def of(name, family):
    port = [local(e) for e in events if e["comm"] == name and e["netns"] == far and local(e)]
    return [e for e in got if e["comm"] == name or (local(e) in port and e["pid"] == 0)]


def rules(events):
    return {n["rule"] for e in events for n in e.get("notes", [])}


for v in "4", "6":
    told = of("passes" + v, v)
    check(f"IPv{v}: it is told where it ends, with its owner and fate: the next call gets nothing",
          [(e["comm"], e["fate"]) for e in told] == [("passes" + v, "silent")] and stored["passes" + v] == "none",
          briefs(told))
    told = of("faces" + v, v)
    check(f"IPv{v}: of an error about another address than its peer's a connected socket hears nothing",
          [(e["comm"], e["fate"]) for e in told] == [("faces" + v, "silent")] and stored["faces" + v] == "none" and
          rules(told) == {"icmp_other_peer"}, briefs(told) + [stored["faces" + v]])
    told = of("big" + v, v)
    check(f"IPv{v}: that a datagram is too big for the way is stored on a connected socket: {stored['big' + v]}",
          [(e["comm"], e["fate"], e["error"]) for e in told] == [("big" + v, "delivered", "EMSGSIZE")] and
          stored["big" + v] == "EMSGSIZE", briefs(told) + [stored["big" + v]])
    told = of("small" + v, v)
    wanted = ("delivered", "EMSGSIZE") if v == "4" else ("silent", "none")
    check(f"IPv{v}: unless the option says otherwise: {stored['small' + v]}",
          not told or {(e["comm"], e["fate"], stored["small" + v]) for e in told} == {("small" + v, *wanted)},
          briefs(told) + [stored["small" + v]])
    told = of("passing" + v, v)
    check(f"IPv{v}: a transient error is not told to a connected socket either",
          [(e["comm"], e["fate"]) for e in told] == [("passing" + v, "silent")] and stored["passing" + v] == "none" and
          rules(told) == {"icmp_transient"}, briefs(told) + [stored["passing" + v]])
    for name in "two", "again":
        told = of(name + v, v)
        check(f"IPv{v}: the right one of two sockets with one port is found ({name})",
              [(e["comm"], e["fate"], e["error"]) for e in told] == [(name + v, "delivered", "ECONNREFUSED")] and
              stored[name + v] == "ECONNREFUSED", briefs(told) + [stored[name + v]])
    told = of("pings" + v, v)
    check(f"IPv{v}: an error about a ping finds its socket",
          [(e["comm"], e["fate"], e["error"]) for e in told] == [("pings" + v, "queued", stored["pings" + v])],
          briefs(told) + [stored["pings" + v]])
    told = of("connects" + v, v)
    call = pick(events, "tcp_connect", comm="connects" + v)
    # The first SYN draws its error while connect() has the socket locked, if at all: only the repetition ends the call.
    check(f"IPv{v}: an error that finds a socket inside connect() does not end it, one that finds it waiting does",
          len(call) == 1 and call[0]["error"] == stored["connects" + v] and told and told[-1]["fate"] == "delivered" and
          all(e["fate"] == "soft" for e in told[:-1]) and (len(told) == 1 or call[0]["duration_ns"] > 900e6),
          briefs(told + call))
END
live_end
