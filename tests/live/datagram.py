# SPDX-License-Identifier: BSD-2-Clause
"""The programs of datagram.sh: a server and a client of each kind, known to a tracer by name and process number.

    datagram.py NAME server|client udp ADDRESS PORT COUNT [connect] [many] [fork]
    datagram.py NAME server|client stream|seqpacket|dgram PATH COUNT [fork]

The client's messages are 100 bytes long and the server's 200, so that whose message an event tells of needs no owner.
"""
import ctypes
import os
import socket
import sys

ASK, ANSWER = b"a" * 100, b"b" * 200
name, side, kind = sys.argv[1:4]
words = sys.argv[4:]
options = {w for w in words if w in ("connect", "many", "fork")}
words = [w for w in words if w not in options]


def called(name):
    with open("/proc/self/comm", "w") as comm:
        comm.write(name)


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(Iovec)),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("hdr", Msghdr), ("length", ctypes.c_uint)]


def send_many(s, count):
    """All in one sendmmsg() on a connected socket."""
    part = Iovec(ASK, len(ASK))
    messages = (Mmsghdr * count)()
    for m in messages:
        m.hdr.iov, m.hdr.iovlen = ctypes.pointer(part), 1
    sent = ctypes.CDLL(None, use_errno=True).sendmmsg(s.fileno(), messages, count, 0)
    assert sent == count, (sent, ctypes.get_errno())


def ready():
    print("ready", flush=True)


def in_child(work):
    """Do it in a child of its own, and tell its number."""
    if "fork" not in options:
        return work()
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    print("child", child, flush=True)
    os.waitpid(child, 0)


def udp(address, port, count):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    to = (address, int(port))
    s.settimeout(30)
    if side == "server":
        s.bind(to)
        ready()

        def answer():
            for _ in range(int(count)):
                got, client = s.recvfrom(1000)
                assert got == ASK
                s.sendto(ANSWER, client)
        in_child(answer)
        return
    if "connect" in options or "many" in options:
        s.connect(to)

    def ask():
        if "many" in options:
            send_many(s, int(count))
        for _ in range(int(count)):
            if "connect" in options:
                s.send(ASK)
            elif "many" not in options:
                s.sendto(ASK, to)
            assert s.recv(1000) == ANSWER
    in_child(ask)


def unix(path, count):
    family, kinds = socket.AF_UNIX, {"stream": socket.SOCK_STREAM, "seqpacket": socket.SOCK_SEQPACKET,
                                     "dgram": socket.SOCK_DGRAM}
    s = socket.socket(family, kinds[kind])
    if path[0] == "@":
        path = "\0" + path[1:]
    if kind == "dgram":
        s.settimeout(30)
        if side == "server":
            s.bind(path)
            ready()

            def answer():
                for _ in range(int(count)):
                    got, client = s.recvfrom(1000)
                    assert got == ASK
                    s.sendto(ANSWER, client)
            in_child(answer)
            return
        s.bind("")  # the kernel chooses a name

        def ask():
            for _ in range(int(count)):
                s.sendto(ASK, path)
                assert s.recv(1000) == ANSWER
        in_child(ask)
        return
    if side == "server":
        s.bind(path)
        s.listen(5)
        ready()
        for _ in range(int(count)):
            c, _ = s.accept()

            def answer():
                assert c.recv(1000) == ASK
                c.send(ANSWER)
                assert c.recv(1000) == b""
            in_child(answer)
            c.close()
        return

    def ask():
        for _ in range(int(count)):
            c = socket.socket(family, kinds[kind])
            c.connect(path)
            c.send(ASK)
            assert c.recv(1000) == ANSWER
            c.close()
    s.close()
    in_child(ask)


called(name)
udp(*words) if kind == "udp" else unix(*words)
