# SPDX-License-Identifier: BSD-2-Clause
"""Reads what `socktale trace --format json` wrote, and says TAP.

Knows the shape of an event, not what any test wants to see. A program that uses it is given the name of the test
first (sys.argv[1]) and ends with the number of failed checks.
"""
import atexit
import collections
import json
import os
import re
import sys
import traceback

TEST = sys.argv[1] if len(sys.argv) > 1 else "live"
failed = 0


def check(sentence, good, detail=""):
    """One TAP line; `detail` (text, or a list of which the beginning is shown) explains a failure."""
    global failed
    print(f"{'ok' if good else 'not ok'} - {TEST}: {sentence}")
    if not good:
        failed += 1
        lines = [str(d) for d in detail[:8]] if isinstance(detail, list) else str(detail).splitlines()[:20]
        for line in lines:
            print("#   " + line[:400])
        if isinstance(detail, list) and len(detail) > 8:
            print(f"#   ... {len(detail)} in all")
    return good


@atexit.register
def _leave():
    sys.stdout.flush()
    os._exit(min(failed, 100))


def _broke(kind, value, trace):
    check(f"the judging program runs to its end ({kind.__name__}: {value})", False,
          "".join(traceback.format_tb(trace)))


sys.excepthook = _broke


def read(path, netns=None):
    """Every event of the file, in order; with `netns` (a number, or several) only those of these namespaces.

    A line that is not one whole JSON object is a failed check."""
    if netns is not None:
        netns = {int(n) for n in (netns if isinstance(netns, (list, set, tuple)) else [netns])}
    events, wrong = [], []
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("no newline at the end")
                e = json.loads(line.decode("utf-8"))
                e["event"], e["time_ns"], e["pid"], e["socket"]
            except (ValueError, KeyError, TypeError) as problem:
                wrong.append(f"{path}:{number}: {problem}: {line[:200]!r}")
                continue
            if netns is None or e.get("netns") in netns:
                events.append(e)
    if wrong:
        check("every line is one JSON object", False, wrong)
    return events


def matches(e, wanted):
    for key, value in wanted.items():
        have = e.get(key)
        if callable(value):
            if not value(have):
                return False
        elif isinstance(value, (set, tuple)):
            if have not in value:
                return False
        elif have != value:
            return False
    return True


def pick(events, event=None, **wanted):
    """The events of that name, or one of those names, whose fields have these values (a value, a collection of them, or a predicate)."""
    names = event if isinstance(event, (set, tuple)) else {event}
    return [e for e in events if (event is None or e["event"] in names) and matches(e, wanted)]


def skipped(path):
    """How many runs of its hooks the kernel skipped, by the trace's own word (kernels 7.0 and later, where a tracepoint can be
    preempted): what they would have told is missing there, and from no other trace of the same load."""
    return sum(e["count"] for e in pick(read(path), "gap", what="skipped"))


def port(address):
    """The port of "10.0.0.1:80" or "[::1]:80", 0 when there is none."""
    return int(address.rsplit(":", 1)[1]) if isinstance(address, str) and ":" in address and address[0] != "/" else 0


def local(e):
    return port(e.get("local"))


def remote(e):
    return port(e.get("remote"))


def flags(e):
    """The control bits of a tcp_segment as a set of upper-case words."""
    value = e.get("flags")
    if isinstance(value, str):
        value = re.split(r"[^A-Za-z]+", value)
    return {str(v).upper() for v in value or []}


def brief(e):
    """An event without what says little, for explanations."""
    leave = {"netns", "family", "protocol", "tid", "uid", "plane"}
    return json.dumps({k: v for k, v in e.items() if k not in leave}, ensure_ascii=False)


def briefs(events):
    return [brief(e) for e in events]


def counts(events):
    return collections.Counter(e["event"] for e in events)


def counter_values(netns_pid="self"):
    """The kernel's counters as {name: value}: what nstat shows, TcpExt and Tcp of that process's namespace."""
    values = {}
    for name in ("snmp", "netstat"):
        with open(f"/proc/{netns_pid}/net/{name}") as file:
            lines = [line.split() for line in file]
        for head, row in zip(lines[::2], lines[1::2]):
            if head[0] in ("Tcp:", "TcpExt:"):
                values.update(zip(head[1:], map(int, row[1:])))
    return values
