# SPDX-License-Identifier: BSD-2-Clause
"""What the notes claim of datagrams and unix sockets, done by one program, each step under a comm of its number.

    datagram-claims.py FOLDER
"""
import os
import socket
import struct
import subprocess
import sys
import threading
import time

folder = sys.argv[1]
UNIX, INET = socket.AF_UNIX, socket.AF_INET
STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
kept = []


def claim(name):
    def run(work):
        with open("/proc/self/comm", "w") as comm:
            comm.write(name)
        work()
        for s in kept:
            s.close()
        kept.clear()
    return run


def sock(family, kind=DGRAM):
    s = socket.socket(family, kind)
    kept.append(s)
    return s


def fails(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    raise AssertionError("it did not fail")


def path(name):
    return os.path.join(folder, name)


def as_child(name, work):
    """In a process of its own, whose number is returned with a pipe that tells when it is ready."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with open("/proc/self/comm", "w") as comm:
            comm.write(name)
        work(lambda: os.write(writer, b"."))
        os._exit(0)
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    return child


@claim("c147")
def connect_sends_nothing():
    s = sock(INET)
    s.connect(("127.0.0.1", 9999))


@claim("c148")
def error_comes_with_the_next_call():
    s = sock(INET)
    s.connect(("127.0.0.1", 9999))
    s.send(b"1")
    time.sleep(0.05)
    fails(s.send, b"2")
    s.send(b"3")
    time.sleep(0.05)
    fails(s.recv, 100)


@claim("c152")
def source_sticks():
    s = sock(INET)
    s.connect(("127.0.0.1", 9999))
    fails(s.connect, ("10.9.1.2", 9999))


@claim("c153")
def dissolve():
    import ctypes
    s = sock(INET)
    s.connect(("127.0.0.1", 9999))
    assert ctypes.CDLL(None).connect(s.fileno(), b"\0" * 16, 16) == 0
    assert s.getsockname() == ("0.0.0.0", 0)
    fails(s.send, b"x")
    s.connect(("10.9.1.2", 9999))


@claim("c154")
def other_destination():
    a, b = sock(INET), sock(INET)
    b.bind(("127.0.0.1", 9154))
    a.connect(("127.0.0.1", 9999))
    a.sendto(b"elsewhere", ("127.0.0.1", 9154))
    b.recv(100)


@claim("c155")
def connected_server():
    server, first, second = sock(INET), sock(INET), sock(INET)
    server.bind(("127.0.0.1", 9155))
    first.connect(("127.0.0.1", 9155))
    second.connect(("127.0.0.1", 9155))
    second.send(b"before")
    server.connect(first.getsockname())
    second.send(b"after")
    time.sleep(0.05)
    fails(second.recv, 100)
    server.recv(100)


@claim("c66")
def relative_path():
    os.chdir(folder)
    sock(UNIX, STREAM).bind("relative")


@claim("c67")
def path_in_use():
    sock(UNIX, STREAM).bind(path("c67"))
    fails(sock(UNIX, STREAM).bind, path("c67"))
    fails(sock(UNIX, STREAM).bind, folder)
    fails(sock(UNIX, STREAM).bind, path("none/c67"))


@claim("c68")
def permissions():
    l = sock(UNIX, STREAM)
    l.bind(path("c68"))
    os.chmod(path("c68"), 0o755)
    l.listen(1)

    def other(ready):
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        fails(socket.socket(UNIX, STREAM).bind, path("c68-other"))
        fails(socket.socket(UNIX, STREAM).connect, path("c68"))
        ready()
    os.waitpid(as_child("c68", other), 0)


@claim("c69")
def nobody_there():
    fails(sock(UNIX, STREAM).connect, path("c69-none"))
    l = sock(UNIX, STREAM)
    l.bind(path("c69"))
    l.listen(1)
    l.close()
    fails(sock(UNIX, STREAM).connect, path("c69"))


@claim("c70")
def queue():
    l = sock(UNIX, STREAM)
    l.bind(path("c70"))
    l.listen(1)
    for _ in range(2):
        sock(UNIX, STREAM).connect(path("c70"))
    third = sock(UNIX, STREAM)
    third.setblocking(False)
    fails(third.connect, path("c70"))
    threading.Timer(0.3, lambda: kept.append(l.accept()[0])).start()
    sock(UNIX, STREAM).connect(path("c70"))


def killed(unread):
    l = sock(UNIX, STREAM)
    l.bind(path(f"killed-{unread}"))
    l.listen(1)

    def client(ready):
        c = socket.socket(UNIX, STREAM)
        c.connect(path(f"killed-{unread}"))
        ready()
        time.sleep(60)
    child = as_child("victim", client)
    c = l.accept()[0]
    kept.append(c)
    if unread:
        c.send(b"x" * unread)
    os.kill(child, 9)
    os.waitpid(child, 0)
    if unread:
        fails(c.recv, 100)
    assert c.recv(100) == b""


@claim("c71")
def killed_client():
    killed(0)


@claim("c72")
def killed_with_unread():
    killed(7)


@claim("c73")
def unbound_is_not_answered():
    server, nameless, named = sock(UNIX), sock(UNIX), sock(UNIX)
    server.bind(path("c73"))
    nameless.sendto(b"who", path("c73"))
    assert not server.recvfrom(100)[1]
    fails(server.send, b"?")
    named.bind("")
    named.sendto(b"me", path("c73"))
    server.sendto(b"you", server.recvfrom(100)[1])
    named.recv(100)


@claim("c74")
def empty_is_no_end():
    server, client = sock(UNIX), sock(UNIX)
    server.bind(path("c74"))
    client.sendto(b"", path("c74"))
    assert server.recv(100) == b""


@claim("c75")
def full_and_gone():
    server, client = sock(UNIX), sock(UNIX)
    server.bind(path("c75"))
    client.connect(path("c75"))
    client.setblocking(False)
    sent = 0
    try:
        while client.send(b"x"):
            sent += 1
    except BlockingIOError:
        print("c75", sent, flush=True)
    client.setblocking(True)
    threading.Timer(0.3, lambda: server.recv(10)).start()
    client.send(b"waits")
    server.close()
    fails(client.send, b"gone")


@claim("c58")
def silence():
    s = sock(INET)
    s.sendto(b"nobody", ("127.0.0.1", 9999))
    s.settimeout(0.2)
    fails(s.recv, 100)


@claim("c149")
def asked_for_errors():
    s = sock(INET)
    s.setsockopt(0, 11, 1)
    s.sendto(b"nobody", ("127.0.0.1", 9999))
    fails(s.recv, 100)


@claim("c59")
def several_clients():
    server = sock(INET)
    server.bind(("127.0.0.1", 9059))
    clients = [sock(INET) for _ in range(4)]
    for c in clients:
        c.sendto(b"hello", ("127.0.0.1", 9059))
        server.sendto(b"Hi", server.recvfrom(100)[1])
    for c in clients:
        c.recv(100)
    print("c59", *(c.getsockname()[1] for c in clients), flush=True)


@claim("c60")
def restarted_server():
    to = ("127.0.0.1", 9060)
    idle, sends, connected = sock(INET), sock(INET), sock(INET)
    connected.connect(to)

    def serve(client, call, *arguments):
        call(*arguments)
        server.sendto(b"answer", server.recvfrom(100)[1])
        client.recv(100)
    server = sock(INET)
    server.bind(to)
    for c in (idle, sends):
        serve(c, c.sendto, b"1", to)
    serve(connected, connected.send, b"1")
    server.close()
    sends.sendto(b"lost", to)
    connected.send(b"lost")
    time.sleep(0.05)
    fails(connected.recv, 100)
    server = sock(INET)
    server.bind(to)
    serve(idle, idle.sendto, b"2", to)
    serve(connected, connected.send, b"2")
    sends.settimeout(0.1)
    fails(sends.recv, 100)


@claim("c61")
def restarted_listener():
    def listen():
        l = sock(INET, STREAM)
        l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        l.bind(("127.0.0.1", 9061))
        l.listen(5)
        return l
    old, c = listen(), sock(INET, STREAM)
    c.connect(("127.0.0.1", 9061))
    a = old.accept()[0]
    a.close()
    old.close()
    new = listen()
    c.send(b"to the old one")
    time.sleep(0.05)
    fails(c.send, b"again")
    c = sock(INET, STREAM)
    c.connect(("127.0.0.1", 9061))
    c.send(b"to the new one")
    new.accept()[0].recv(100)


@claim("c65")
def latency():
    l = sock(INET, STREAM)
    l.bind(("127.0.0.1", 9065))
    l.listen(1)
    c = sock(INET, STREAM)
    c.connect(("127.0.0.1", 9065))
    for a, b in ((c, l.accept()[0]), socket.socketpair(UNIX, STREAM)):
        for _ in range(200):
            a.send(b"x" * 64)
            b.recv(64)


@claim("c150")
def sends_without_connect():
    server, s = sock(INET), sock(INET)
    server.bind(("127.0.0.1", 9150))
    for i in range(20):
        s.sendto(b"x", ("127.0.0.1", 9150))
    server.recv(100)
    fails(s.getpeername)


@claim("c151")
def connect_twice():
    import ctypes
    l = sock(INET, STREAM)
    l.bind(("127.0.0.1", 9151))
    s = sock(INET, STREAM)
    fails(s.connect, ("127.0.0.1", 9151))
    l.listen(5)
    s.connect(("127.0.0.1", 9151))
    fails(s.connect, ("127.0.0.1", 9151))
    assert ctypes.CDLL(None).connect(s.fileno(), b"\0" * 16, 16) == 0
    s.connect(("127.0.0.1", 9151))
    l.accept()[0].close()


@claim("waits")
def waits():
    s, c = sock(INET), sock(INET)
    s.bind(("127.0.0.1", 9170))
    c.bind(("127.0.0.1", 9171))
    c.sendto(b"first", ("127.0.0.1", 9170))
    c.sendto(b"second", ("127.0.0.1", 9170))
    time.sleep(0.1)
    s.recv(100, socket.MSG_PEEK)
    time.sleep(0.1)
    s.recv(100)
    s.recv(100)
    threading.Timer(0.2, lambda: c.sendto(b"third", ("127.0.0.1", 9170))).start()
    s.recv(100)


@claim("several")
def several_receivers():
    """One datagram to a broadcast or a multicast address reaches every socket that wants it."""
    receivers = [sock(INET) for _ in range(3)]
    sender = sock(INET)
    sender.bind(("10.9.1.1", 9211))
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    for s in receivers:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("", 9210))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                     socket.inet_aton("239.1.2.3") + socket.inet_aton("10.9.1.1"))
        s.settimeout(5)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.9.1.1"))
    for to in ("10.9.1.255", "239.1.2.3"):
        sender.sendto(to.encode(), (to, 9210))
        for s in receivers:
            assert s.recv(100) == to.encode()


@claim("closes")
def other_closes():
    """Descriptors that go without close(): by dup2(), close_range() and exec."""
    null = os.open("/dev/null", os.O_RDONLY)
    a, b = socket.socketpair(UNIX, STREAM)
    s = sock(INET)
    s.bind(("127.0.0.1", 9180))
    os.dup2(null, s.fileno())
    os.dup2(null, a.detach())
    assert b.recv(10) == b""
    s = socket.socket(INET, DGRAM)
    s.bind(("127.0.0.1", 9181))
    s = s.detach()
    os.closerange(s, s + 1)

    def leaves(ready):
        s = socket.socket(INET, DGRAM)
        s.bind(("127.0.0.1", 9182))
        try:
            os.execv("/nonexistent", ["none"])
        except OSError:
            pass
        ready()
        os.execv("/bin/sh", ["sh", "-c", "exit 0"])
    os.waitpid(as_child("closes", leaves), 0)
    b.close()
    os.close(null)


@claim("broker")
def broker():
    """One process makes a socket and hands it to another, which goes on with it: who holds it is its owner."""
    a, b = socket.socketpair(UNIX, STREAM)
    server = sock(INET)
    server.bind(("127.0.0.1", 9190))

    def worker(ready):
        ready()
        fd = socket.recv_fds(b, 100, 1)[1][0]
        s = socket.socket(fileno=fd)
        s.sendto(b"from the worker", ("127.0.0.1", 9190))
        s.close()
    child = as_child("worker", worker)
    s = socket.socket(INET, DGRAM)
    s.bind(("127.0.0.1", 9191))
    socket.send_fds(a, [b"take"], [s.fileno()])
    s.close()
    os.waitpid(child, 0)
    server.recv(100)
    a.close()
    b.close()


@claim("c64")
def no_stack():
    a, b = socket.socketpair(UNIX, STREAM)
    kept.extend((a, b))
    a.send(b"x" * 100)
    b.recv(100)


@claim("passed")
def descriptors():
    a, b = socket.socketpair(UNIX, STREAM)
    s = sock(INET)
    s.bind(("127.0.0.1", 9160))
    kept.extend((a, b))
    socket.send_fds(a, [b"take"], [s.fileno(), 0])
    for fd in socket.recv_fds(b, 100, 4)[1]:
        os.close(fd)


@claim("kinds")
def kinds_of_descriptors():
    a, b = socket.socketpair(UNIX, STREAM)
    c = socket.create_server(("127.0.0.1", 9161))
    kept.extend((a, b, c))
    pipe = os.pipe()
    files = [os.open(folder + "/a\nname\x1b[31m", os.O_CREAT | os.O_WRONLY), pipe[0], c.fileno(),
             os.open(folder, os.O_RDONLY), pipe[1], os.eventfd(0) if hasattr(os, "eventfd") else pipe[1]]
    socket.send_fds(a, [b"six"], files)
    got = socket.recv_fds(b, 100, 6)[1]
    socket.send_fds(a, [b"too many"], files[:3])
    flags = b.recvmsg(100, socket.CMSG_LEN(2 * 4))
    assert flags[2] & socket.MSG_CTRUNC
    got += [int.from_bytes(flags[1][0][2][i:i + 4], sys.byteorder) for i in (0, 4)]
    socket.send_fds(a, [b"none"], files[:1])
    assert b.recvmsg(100)[2] & socket.MSG_CTRUNC
    for fd in set(files + got) - {c.fileno()}:
        os.close(fd)


@claim("creds")
def credentials():
    def from_another(ready):
        a.send(b"another")
        ready()
    a, b = socket.socketpair(UNIX)
    kept.extend((a, b))
    b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    a.sendmsg([b"own"], [(socket.SOL_SOCKET, 2, struct.pack("3I", os.getpid(), os.getuid(), os.getgid()))])
    a.sendmsg([b"init"], [(socket.SOL_SOCKET, 2, struct.pack("3I", 1, 7, 8))])
    a.send(b"unasked")
    for _ in range(3):
        b.recvmsg(100, 100)
    child = as_child("creds-child", from_another)
    os.waitpid(child, 0)
    print("creds", child, flush=True)
    b.recvmsg(100, 100)
    fails(a.sendmsg, [b"no such"], [(socket.SOL_SOCKET, 2, struct.pack("3I", 0x3fffffff, 0, 0))])
    b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
    a.send(b"plain")
    b.recvmsg(100, 100)


@claim("splice")
def splice():
    a, b = socket.socketpair(UNIX, STREAM)
    l = socket.create_server(("127.0.0.1", 9162))
    c = socket.create_connection(("127.0.0.1", 9162))
    d = l.accept()[0]
    kept.extend((a, b, c, d, l))
    reader, writer = os.pipe()
    for s, r in (a, b), (c, d):
        os.write(writer, b"x" * 500)
        assert os.splice(reader, s.fileno(), 500) == 500
        assert os.splice(r.fileno(), writer, 400) == 400
        assert len(os.read(reader, 400)) == 400
        file = os.open(__file__, os.O_RDONLY)
        assert os.sendfile(s.fileno(), file, 0, 300) == 300
        os.close(file)
        got = 0
        while got < 400:
            got += len(r.recv(1000))
    os.close(reader)
    os.close(writer)


@claim("ping")
def ping():
    subprocess.run(["ping", "-c", "1", "-W", "2", "127.0.0.1"], stdout=subprocess.DEVNULL)


@claim("pair")
def pair_whose_other_end_is_gone():
    """Of a socketpair the kernel knows who made it, not who holds the other end."""
    a, b = socket.socketpair(UNIX, STREAM)
    kept.append(a)
    b.close()
    assert a.recv(10) == b""
    fails(a.send, b"x")


@claim("cork")
def one_datagram_of_three_sends():
    server, s = sock(INET), sock(INET)
    server.bind(("127.0.0.1", 9220))
    s.connect(("127.0.0.1", 9220))
    s.send(b"x" * 11, socket.MSG_MORE)
    s.send(b"x" * 22, socket.MSG_MORE)
    s.send(b"x" * 33)
    assert len(server.recv(100)) == 66
    s.send(b"x" * 11, socket.MSG_MORE)
    fails(s.send, b"x" * 65500)
    s.send(b"x" * 44)
    assert len(server.recv(100)) == 44


@claim("report")
def error_report():
    """What MSG_ERRQUEUE gives is no datagram, and one that waits meanwhile stays."""
    s = sock(INET)
    s.bind(("127.0.0.1", 9221))
    s.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
    s.sendto(b"x" * 7, ("127.0.0.1", 9999))
    time.sleep(0.05)
    sock(INET).sendto(b"y" * 9, ("127.0.0.1", 9221))
    assert s.recvmsg(100, 500, socket.MSG_ERRQUEUE)[0] == b"x" * 7
    assert len(s.recv(100, socket.MSG_PEEK)) == 9
    assert len(s.recv(100)) == 9


@claim("cut")
def cut():
    """Longer than the room for it: told by recvmsg(), and of recvfrom() known from the queue."""
    server, s = sock(INET), sock(INET)
    server.bind(("127.0.0.1", 9222))
    for _ in range(4):
        s.sendto(b"x" * 100, ("127.0.0.1", 9222))
    assert len(server.recvfrom(10)[0]) == 10
    assert server.recv_into(bytearray(10), 10, socket.MSG_TRUNC) == 100
    assert len(server.recvmsg(10)[0]) == 10
    assert len(server.recv(100)) == 100
    for kind in DGRAM, socket.SOCK_SEQPACKET:
        a, b = socket.socketpair(UNIX, kind)
        kept.extend((a, b))
        for _ in range(4):
            a.send(b"x" * 100)
        assert len(b.recv(10)) == 10
        assert b.recv_into(bytearray(10), 10, socket.MSG_TRUNC) == 100
        assert len(b.recvmsg(10)[0]) == 10
        assert len(b.recv(100)) == 100


@claim("mapped")
def mapped():
    s = sock(socket.AF_INET6)
    fails(s.sendto, b"x" * 65510, ("::ffff:127.0.0.1", 9999))
    s.connect(("::1", 9999))
    s.connect(("::1", 9999))


@claim("same")
def same_name_twice():
    """Two sockets of one path, in two directories: whose message it is tells the place, not the name."""
    children = []
    for name in "first", "second":
        os.mkdir(path(name))
        os.chdir(path(name))

        def serve(ready):
            d, l = socket.socket(UNIX, DGRAM), socket.socket(UNIX, STREAM)
            d.bind("dgram")
            l.bind("stream")
            l.listen()
            ready()
            d.recv(100)
            time.sleep(0.1)
            l.accept()[0].recv(100)
        children.append(as_child(name, serve))
    os.chdir(path("first"))
    time.sleep(0.1)
    sock(UNIX).sendto(b"x" * 12, "dgram")
    s = sock(UNIX, STREAM)
    s.connect("stream")
    s.send(b"x" * 13)
    os.waitpid(children[0], 0)
    os.chdir(path("second"))
    sock(UNIX).sendto(b"x" * 14, "dgram")
    s = sock(UNIX, STREAM)
    s.connect("stream")
    s.send(b"x" * 15)
    os.waitpid(children[1], 0)
    os.chdir("/")
    print("same", *children)
