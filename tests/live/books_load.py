# SPDX-License-Identifier: BSD-2-Clause
"""The mixed load of books.sh: each way a connection can begin, fail, repeat itself and end, a known number of times.

Servers listen on 31000 and above, bound clients use 41000 and above. Needs a network namespace of its own with a second
host at 10.9.1.2 (its process id is the first argument). Every step prints its name when it has done what it should.
"""
import errno
import os
import select
import socket
import struct
import subprocess
import sys
import time

FAR, RAWSYN = sys.argv[1], sys.argv[2]
SLOW = float(sys.argv[3])
RESET = struct.pack("ii", 1, 0)


def shell(command):
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)


def listen(port, backlog=128, family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
    s.listen(backlog)
    return s


def connect(port, family=socket.AF_INET, source=None, blocking=True):
    s = socket.socket(family, socket.SOCK_STREAM)
    if source:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", source))
    s.setblocking(blocking)
    try:
        s.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
    except BlockingIOError:
        pass
    return s


def pair(listener, **how):
    c = connect(listener.getsockname()[1], listener.family, **how)
    return c, listener.accept()[0]


def until(what, condition, seconds=15):
    end = time.monotonic() + seconds * SLOW
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"books_load: {what} did not happen")
        time.sleep(0.01)


def counter(name):
    for file in ("snmp", "netstat"):
        with open("/proc/self/net/" + file) as f:
            lines = [line.split() for line in f]
        for head, row in zip(lines[::2], lines[1::2]):
            if name in head:
                return int(row[head.index(name)])
    return 0


def is_connected(s):
    return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0 and select.select([], [s], [], 0)[1] != []


def error_of(s):
    select.select([], [s], [], 30 * SLOW)
    return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def drop(rule):
    shell("nft add table inet books")
    shell("nft 'add chain inet books in { type filter hook input priority 0; }'")
    shell(f"nft 'add rule inet books in {rule} drop'")


def undrop():
    shell("nft delete table inet books")


# ---- the steps ----

def plain():
    for family in (socket.AF_INET, socket.AF_INET6):
        s = listen(31000, family=family)
        for i in range(20):
            c, a = pair(s)
            first, last = (c, a) if i % 2 else (a, c)
            first.sendall(b"x")
            last.recv(1)
            first.close()
            last.recv(1)
            last.close()
        s.close()


def refused():
    for i in range(5):
        try:
            connect(31001)
        except ConnectionRefusedError:
            continue
        sys.exit("books_load: a closed port let somebody in")


def abort_linger():
    s = listen(31002)
    for i in range(4):
        c, a = pair(s)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        c.close()
        a.close()
    s.close()


def abort_unread():
    s = listen(31003)
    for i in range(3):
        c, a = pair(s)
        c.sendall(b"never read")
        until("the data's arrival", lambda: select.select([a], [], [], 0)[0])
        a.close()
        c.close()
    s.close()


def data_after_close():
    s = listen(31004)
    for i in range(3):
        c, a = pair(s)
        c.close()
        a.recv(1)
        a.sendall(b"nobody reads this")
        until("the reset", lambda: select.select([a], [], [], 0)[0] and error_of(a) in (errno.EPIPE, errno.ECONNRESET))
        a.close()
    s.close()


def data_after_shutdown():
    """SHUT_RDWR and still holding the socket: data that arrives is answered with RST and TCPAbortOnData."""
    s = listen(31005)
    for i in range(2):
        c, a = pair(s)
        a.shutdown(socket.SHUT_RDWR)
        c.sendall(b"too late")
        until("the reset", lambda: error_of(c) in (errno.EPIPE, errno.ECONNRESET))
        a.close()
        c.close()
    s.close()


def listener_closed():
    s = listen(31006)
    waiting = [connect(31006) for i in range(3)]
    s.close()
    for c in waiting:
        until("the reset", lambda: select.select([c], [], [], 0)[0])
        c.close()


def overflow():
    """Five want in, a backlog of 1 holds two: three SYNs are dropped and come again after a second."""
    shell("sysctl -qw net.ipv4.tcp_syncookies=0")  # a cookie's third segment could be dropped for good
    s = listen(31007, backlog=1)
    s.settimeout(60 * SLOW)
    begin = counter("ListenOverflows")
    clients = [connect(31007, blocking=False) for i in range(5)]
    until("a dropped SYN sent again", lambda: counter("ListenOverflows") >= begin + 6)
    accepted = [s.accept()[0] for i in range(2)]
    for i in range(3):
        accepted.append(s.accept()[0])
    shell("sysctl -qw net.ipv4.tcp_syncookies=1")
    for c in clients + accepted:
        c.close()
    s.close()


def last_segment_overflow():
    """The third segment is lost; when it comes again the accept queue is full: refused in silence (no RST)."""
    s = listen(31008, backlog=1)
    s.settimeout(60 * SLOW)
    drop("tcp dport 31008 tcp flags & (syn|ack|fin|rst|psh) == ack")
    late = connect(31008)
    undrop()
    quick = [connect(31008) for i in range(2)]
    begin = counter("ListenOverflows")
    until("a refused last segment", lambda: counter("ListenOverflows") > begin)
    accepted = [s.accept()[0] for i in range(3)]
    for c in [late] + quick + accepted:
        c.close()
    s.close()


def syn_queue_full():
    """Forty SYNs from addresses that never answer, without SYN cookies: most are dropped."""
    shell("sysctl -qw net.ipv4.tcp_syncookies=0")
    for i in range(100, 140):
        shell(f"ip neigh replace 10.9.1.{i} lladdr 02:00:00:00:00:01 dev v0")
    s = listen(31009, backlog=8)
    begin = counter("ListenDrops")
    shell(f"nsenter -t {FAR} -n -- {RAWSYN} -s 10.9.1.100 -n 40 10.9.1.1 31009")
    until("a dropped SYN", lambda: counter("ListenDrops") > begin)
    s.close()
    shell("sysctl -qw net.ipv4.tcp_syncookies=1")


def reset_of_request():
    """The kernel that never sent this SYN answers the SYN-ACK with RST: the request dies (AttemptFails)."""
    s = listen(31010)
    begin = counter("EmbryonicRsts")
    shell(f"{RAWSYN} -p 42000 127.0.0.1 31010")
    until("the end of the request", lambda: counter("EmbryonicRsts") > begin)
    s.close()


def timeouts():
    shell("sysctl -qw net.ipv4.tcp_syn_retries=1")
    drop("tcp dport 31011")
    clients = [connect(31011, blocking=False) for i in range(3)]
    for c in clients:
        if error_of(c) != errno.ETIMEDOUT:
            sys.exit("books_load: a connect without an answer did not time out")
        c.close()
    undrop()
    shell("sysctl -qw net.ipv4.tcp_syn_retries=6")


def lost_tail():
    """The last segments are lost: a tail-loss probe, then the retransmission timer."""
    s = listen(31012)
    c, a = pair(s)
    c.sendall(b"warm up")
    a.recv(100)
    begin = counter("RetransSegs")
    drop("tcp dport 31012")
    c.sendall(b"lost")
    until("three retransmissions", lambda: counter("RetransSegs") >= begin + 3)
    undrop()
    a.settimeout(20 * SLOW)
    a.recv(100)
    c.close()
    a.close()
    s.close()


def lost_middle():
    """One segment in a dozen is lost: acknowledgements show it, fast retransmit, SACK."""
    s = listen(31013)
    c, a = pair(s)
    shell("ip link set lo mtu 1500")
    drop("tcp dport 31013 tcp flags & (syn|fin) == 0 meta length > 200 numgen inc mod 12 == 7")
    left, data = 600000, b"d" * 20000
    c.setblocking(False)
    a.setblocking(False)
    sent = 0
    end = time.monotonic() + 60 * SLOW
    while left:
        if time.monotonic() > end:
            sys.exit("books_load: the transfer with losses did not end")
        r, w, _ = select.select([a], [c] if sent < 600000 else [], [], 1)
        if w:
            sent += c.send(data[:min(len(data), 600000 - sent)])
        if r:
            left -= len(a.recv(65536))
    undrop()
    shell("ip link set lo mtu 65536")
    c.setblocking(True)
    a.setblocking(True)
    c.close()
    a.recv(1)
    a.close()
    s.close()


def keepalive():
    s = listen(31014)
    c, a = pair(s)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    begin = counter("TCPKeepAlive")
    until("two keepalive probes", lambda: counter("TCPKeepAlive") >= begin + 2)
    c.close()
    a.close()
    s.close()


def delayed_acks():
    s = listen(31015)
    c, a = pair(s)
    begin = counter("DelayedACKs")
    for i in range(3):
        a.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        c.sendall(b"x")
        until("a delayed acknowledgement", lambda: counter("DelayedACKs") > begin + i)
    c.close()
    a.recv(10)
    a.close()
    s.close()


def zero_window():
    s = listen(31016)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    c, a = pair(s)
    c.setblocking(False)
    begin = counter("TCPWinProbe")
    sent = 0
    end = time.monotonic() + 30 * SLOW
    while counter("TCPWinProbe") < begin + 2:
        if time.monotonic() > end:
            sys.exit("books_load: no zero-window probe")
        try:
            sent += c.send(b"z" * 65536)
        except BlockingIOError:
            time.sleep(0.02)
    a.setblocking(True)
    while sent:
        sent -= len(a.recv(65536))
    c.close()
    a.recv(1)
    a.close()
    s.close()


def run_out():
    """A closed end whose peer does not close waits in FIN-WAIT-2 as a TIME_WAIT entry; with TCP_LINGER2 it runs out at once."""
    s = listen(31019)
    for i in range(2):
        c, a = pair(s, source=41020 + i)
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, 1)
        c.close()
        a.recv(1)
        entry = f"0100007F:{41020 + i:04X} 0100007F:{31019:04X}"
        until("the entry's end", lambda: entry not in open("/proc/self/net/tcp").read())
        a.close()
    s.close()


def crossed():
    """Both ends close, each on a processor of its own: one's FIN may arrive while the other makes its TIME_WAIT entry."""
    cpus = sorted(os.sched_getaffinity(0))
    shell("sysctl -qw net.ipv4.ip_local_port_range='45000 60999'") # those of recycled() stay free
    s = listen(31020)
    count = int(1200 // SLOW)
    child = os.fork()
    if not child:
        os.sched_setaffinity(0, cpus[-1:])
        for i in range(count):
            c = connect(31020)
            c.recv(1)
            c.close()
        os._exit(0)
    os.sched_setaffinity(0, cpus[:1])
    for i in range(count):
        s.accept()[0].close()
    os.sched_setaffinity(0, cpus)
    s.close()
    if os.waitpid(child, 0)[1]:
        sys.exit("books_load: the clients failed")
    # 0x05 is FIN_WAIT2: a FIN that was lost between the two comes again
    until("the last FIN", lambda: not any(line.split()[3] == "05" for line in open("/proc/self/net/tcp")))


def recycled():
    """TIME_WAITs whose addresses are used again: by a connect (counted TWRecycled), by a SYN that arrives (not counted)."""
    shell("sysctl -qw net.ipv4.tcp_tw_reuse=1")
    s = listen(31017)
    for i in range(3):  # the client waits
        c, a = pair(s, source=41000 + i)
        c.close()
        a.recv(1)
        a.close()
    for i in range(2):  # the server waits
        c, a = pair(s, source=41010 + i)
        a.close()
        c.recv(1)
        c.close()
    time.sleep(1.5)  # the clock of the timestamps must move by a second (tcp_twsk_unique)
    for source in (41000, 41001, 41002, 41010, 41011):
        c, a = pair(s, source=source)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        c.close()
        a.close()
    s.close()


def no_bucket():
    """Once all buckets are taken a TIME_WAIT never begins."""
    shell("sysctl -qw net.ipv4.tcp_max_tw_buckets=1")
    s = listen(31018)
    for i in range(4):
        c, a = pair(s)
        c.close()
        a.recv(1)
        a.close()
    s.close()


for step in (plain, refused, abort_linger, abort_unread, data_after_close, data_after_shutdown, listener_closed, overflow,
             last_segment_overflow, syn_queue_full, reset_of_request, timeouts, lost_tail, lost_middle, keepalive,
             delayed_acks, zero_window, run_out, crossed, recycled, no_bucket):
    began = time.monotonic()
    step()
    print(f"# {step.__name__}: {time.monotonic() - began:.1f} s", flush=True)
