# SPDX-License-Identifier: BSD-2-Clause
"""socktale play on a terminal of its own: what is drawn in place, keys, Ctrl-C. Prints TAP; ends with the number of failures."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import unicodedata

SOCKTALE = os.environ["SOCKTALE"]
SLOW = float(os.environ.get("LIVE_SLOW", "1"))
PLANE = ["--plane", os.environ["SOCKTALE_PLANE"]] if os.environ.get("SOCKTALE_PLANE") else []
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
failures = 0


def check(sentence, good, shown=""):
    global failures
    print(("ok - " if good else "not ok - ") + sentence, flush=True)
    if not good:
        failures += 1
        for line in str(shown).splitlines()[-12:]:
            print("#   " + line)


def columns(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


class Play:
    """One play on a pseudo-terminal of 80x24."""

    def __init__(self, *arguments, rows=24, width=80, **environment):
        self.text, self.status, self.began = "", None, time.time()
        self.pid, self.terminal = pty.fork()
        if not self.pid:
            for name in ("COLUMNS", "NO_COLOR", "LANGUAGE"):
                os.environ.pop(name, None)
            os.environ.update({"LC_ALL": "C.UTF-8", "TERM": "xterm", **environment})
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, width, 0, 0))
            os.execv(SOCKTALE, ["socktale", "play", *PLANE, "--patience", str(SLOW), *arguments])

    def read(self, seconds):
        """Read for that long, or to the end. Returns whether the play goes on."""
        end = time.time() + seconds
        while time.time() < end and self.status is None:
            if not select.select([self.terminal], [], [], max(0, end - time.time()))[0]:
                continue
            try:
                got = os.read(self.terminal, 65536)
            except OSError:
                got = b""
            if not got:
                self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
                break
            self.text += got.decode(errors="replace")
        return self.status is None

    def until(self, pattern, seconds, since=0):
        """Read until the pattern was shown. Returns the match, or None."""
        end = time.time() + seconds * SLOW
        while True:
            found = re.search(pattern, ESCAPES.sub("", self.text[since:]))
            if found or time.time() > end or not self.read(0.1):
                return found or re.search(pattern, ESCAPES.sub("", self.text[since:]))

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def lines(self):
        return [line.rsplit("\r", 1)[-1] for line in ESCAPES.sub("", self.text).replace("\r\n", "\n").split("\n")]

    def end(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.read(5)
        os.close(self.terminal)


def board():
    p = Play("send-block")
    check("on a terminal: the call a writer is stuck in, with its time",
          p.until(r"in sendto\(\) 1\.\d s: .*\S", 60), "\n".join(p.lines()))
    check("and the state of its socket with the time spent in it", p.until(r"tcpclient\[\d+\] ESTABLISHED 1\.\d s", 5))
    check("and how full its send buffer is", p.until(r"send buffer of tcpclient +\[█+░*\] [\d.]+ MB \(limit [\d.]+ MB\)", 5))
    check("and what its reader has not read", p.until(r"receive buffer of tcpserver +\[█+░+\] [\d.]+ kB \(most", 5))
    shown = ESCAPES.sub("", p.text)
    check("what follows at once from what was waited for comes before the next deed",
          0 < shown.find("listen(1024)") < shown.find("starts tcpclient"), shown)
    since = len(p.text)
    check("the time goes on where it stands", p.until(r"in sendto\(\) [34]\.\d s", 6, since))
    widest = max(p.lines(), key=columns)
    check("no line is wider than the screen", columns(widest) <= 80, widest)
    p.type("\x03")
    p.until("never shown", 3)
    check("Ctrl-C ends it", p.status == 130, p.status)
    check("and takes the board away", p.text.rstrip("\x00").endswith("\r\x1b[J") or "┄┄" not in p.lines()[-1])
    p.end()


def chinese():
    p = Play("--lang", "zh", "time-wait")
    check("in Chinese: the countdown of TIME-WAIT with its owner",
          p.until(r"graceclient 的 TIME-WAIT +\[█+░\] 还剩 [\d.]+ 秒", 60), "\n".join(p.lines()))
    check("and what is left of it when the hosts are thrown away", p.until(r"graceclient\[\d+\] 的 TIME-WAIT 还剩 5\d\.\d 秒", 20))
    widest = max(p.lines(), key=columns)
    check("in Chinese no line is wider than the screen", columns(widest) <= 80, widest)
    lanes = {tuple(columns(line[:i]) for i, c in enumerate(line) if c == "│")
             for line in p.lines() if re.match(r"\+\d+\.\d{6} ", line) and line.count("│") == 2}
    check("its lanes stand in the same columns in each line", len(lanes) == 1, lanes)
    p.end()


def step():
    p = Play("--step", "handshake")
    check("--step asks for a key before it begins", p.until(r"\[any key\]", 40), p.text)
    p.read(1.5)
    check("and does nothing without", p.text.count("\n") < 12 and "starts" not in p.text, p.text)
    keys = 0
    while p.status is None and keys < 100 and time.time() < p.began + 150 * SLOW:
        since = len(p.text)
        p.type("x")
        keys += 1
        p.until(r"\[any key\]", 40, since)
    says = "".join(ESCAPES.sub("", p.text)).count("\n▌")
    check(f"--step: {keys} keys lead to the end", p.status == 0 and keys > 3, (p.status, "\n".join(p.lines())))
    check("what happens while a key is waited for is not lost", "0 not ok" in p.text and ", 0 lost" in p.text, "\n".join(p.lines()))
    check("each thing said has waited", says >= keys, (says, keys))
    p.end()


def slow():
    took = []
    for options in ((), ("--slow",)):
        p = Play(*options, "handshake")
        p.until("never shown", 160)
        took.append(time.time() - p.began)
        check(" ".join(("handshake plays to its end", *options)), p.status == 0, "\n".join(p.lines()))
        p.end()
    check(f"--slow gives time to read: {took[1]:.0f} s, not {took[0]:.0f} s", took[1] > 1.5 * took[0])


def plain():
    p = Play("send-block", LC_ALL="C")
    check("a terminal without UTF-8 gets the board in ASCII", p.until(r"\[#+\.*\] [\d.]+ MB \(limit", 60), "\n".join(p.lines()))
    check("and nothing else", all(ord(c) < 128 for c in p.text), [c for c in p.text if ord(c) > 127][:9])
    p.end()


for test in (board, chinese, step, plain, slow):
    test()
sys.exit(min(failures, 100))
