# SPDX-License-Identifier: BSD-2-Clause
"""A writer that must wait for a reader on unix sockets: every kind of wait, every end of one, and none where a call may not wait.

    unix-waits.py FOLDER

Prints `pids WRITER READER`, and goes on when FOLDER/go exists. The socket files are there by then.
"""
import os
import signal
import socket
import struct
import sys
import time

folder = sys.argv[1]
UNIX, STREAM, DGRAM = socket.AF_UNIX, socket.SOCK_STREAM, socket.SOCK_DGRAM
MUCH = 1000000  # more than a send buffer holds
QUEUE = int(open("/proc/sys/net/unix/max_dgram_qlen").read())
turns = [os.pipe(), os.pipe()]  # not sockets: these would be told too


def name(comm):
    with open("/proc/self/comm", "w") as f:
        f.write(comm)


def path(of):
    return f"{folder}/waits-{of}"


def meet(me):
    """Both have come so far."""
    os.write(turns[me][1], b".")
    os.read(turns[1 - me][0], 1)


def fails(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    raise AssertionError("it does not fail")


def read_all(s, much):
    while much:
        got = len(s.recv(much))
        assert got
        much -= got


def writer():
    def connect():
        s = socket.socket(UNIX, STREAM)
        s.connect(path("stream"))
        return s

    def full():
        s = socket.socket(UNIX, DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
        for _ in range(QUEUE + 1):
            s.sendto(b"m", path("dgram"))
        return s

    name("waits-writer")
    while not os.path.exists(folder + "/go"):
        time.sleep(0.02)
    s = connect()
    meet(0)
    s.sendall(b"x" * MUCH)  # until it is read
    meet(0)
    d = full()
    meet(0)
    d.sendto(b"m", path("dgram"))  # until one is read
    meet(0)
    some = [connect(), connect()]
    meet(0)
    connect()  # until one is accepted
    meet(0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 200000))
    assert 0 < s.send(b"x" * MUCH) < MUCH  # until the time is over
    d = full()
    d.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 200000))
    assert fails(d.sendto, b"m", path("dgram")) == 11
    s = connect()
    meet(0)
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    assert 0 < s.send(b"x" * MUCH) < MUCH  # until the signal
    s = connect()
    meet(0)
    assert 0 < s.send(b"x" * MUCH) < MUCH  # until the other end closes
    meet(0)
    name("waits-never")
    s = connect()
    meet(0)
    s.setblocking(False)
    assert 0 < s.send(b"x" * MUCH) < MUCH
    assert fails(s.send, b"x" * MUCH) == 11
    d.setblocking(False)
    assert fails(d.sendto, b"m", path("dgram")) == 11
    some += [connect(), connect()]
    s = socket.socket(UNIX, STREAM)
    s.setblocking(False)
    assert fails(s.connect, path("stream")) == 11
    meet(0)


def reader(l, d):
    def drain():
        for _ in range(QUEUE + 2):
            d.recv(10)

    name("waits-reader")
    kept = [l.accept()[0]]
    meet(1)
    time.sleep(0.3)
    read_all(kept[0], MUCH)
    meet(1)
    meet(1)
    time.sleep(0.3)
    drain()
    meet(1)
    meet(1)
    time.sleep(0.3)
    kept += [l.accept()[0] for _ in range(3)]
    meet(1)
    for _ in range(2):
        kept.append(l.accept()[0])
        meet(1)
    time.sleep(0.3)
    kept.pop().close()
    meet(1)
    kept.append(l.accept()[0])
    meet(1)
    meet(1)


for file in "stream", "dgram":
    if os.path.exists(path(file)):
        os.unlink(path(file))
listener, datagrams = socket.socket(UNIX, STREAM), socket.socket(UNIX, DGRAM)
listener.bind(path("stream"))
listener.listen(1)
datagrams.bind(path("dgram"))
child = os.fork()
if not child:
    listener.close()
    datagrams.close()
    writer()
    sys.exit()
print("pids", child, os.getpid(), flush=True)
reader(listener, datagrams)
sys.exit(os.waitpid(child, 0)[1] != 0)
