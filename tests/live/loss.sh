#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Nothing silent: a tracer that is stopped under load loses events, and says exactly how many: in the stream where it
# happened, at the end on the standard error, and by its status under --strict.
. "$(dirname "$0")/lib.sh"
live_begin "$@"

burst() { # PORT COUNT [EXCHANGES]
	start server "$load" server 0.0.0.0 "$1" "$2" -c last -x "${3:-1}"
	sees server ready
	start client "$load" client 127.0.0.1 "$1" "$2" -c reset -x "${3:-1}"
	ends client 0 120
	ends server 0 120
}

trace_start quiet --netns "$netns" --strict
burst 22000 50
trace_stop quiet
check "--strict ends with 0 when nothing was lost" [ "${status[quiet]}" = 0 ]
check "and the summary says so" grep -q ' 0 lost' "$tmp/quiet.err"

trace_start loss --netns "$netns" --strict
burst 22001 50
kill -STOP "${tracer[loss]}"
burst 22002 300 150 # four events an exchange: some 30 MB, the ring holds 16
kill -CONT "${tracer[loss]}"
burst 22003 50
trace_stop loss
check "--strict ends with 5 when events were lost (it ended with ${status[loss]})" [ "${status[loss]}" = 5 ]
judge "$tmp/loss.json" "$tmp/loss.err" "$tmp/quiet.json" "$tmp/quiet.err" <<'END'
import sys
from events import *


def summary(path):
    text = open(path).read()
    found = re.search(r"(\d+) events produced, (\d+) delivered, (\d+) lost", text)
    check(f"the summary of {os.path.basename(path)} gives produced, delivered and lost", found, text)
    return [int(n) for n in found.groups()] if found else [0, 0, 0], text


for name, path, err in (("without loss", sys.argv[4], sys.argv[5]), ("under load", sys.argv[2], sys.argv[3])):
    (produced, delivered, lost), text = summary(err)
    events = read(path)
    told = [e for e in events if e["event"] != "lost" and e.get("what") != "skipped"] # those two are the loader's own
    losses = pick(events, "lost")
    check(f"{name}: delivered + lost = produced ({delivered} + {lost} = {produced})", produced and delivered + lost == produced)
    check(f"{name}: every delivered event is a line", len(told) == delivered, f"{len(told)} lines, {delivered} delivered")
    check(f"{name}: the stream counts as many losses as the summary",
          sum(e["count"] for e in losses) == lost, f"{sum(e['count'] for e in losses)} in the stream, {lost} at the end")
    left = re.search(r"(\d+) left unread", text)
    check(f"{name}: nothing is left unread", not left, text)
check("under load something was lost", lost > 0)
check("each loss names its event and its place", all(e["which"] and e["cause"] == "ring_full" and e["count"] for e in losses),
      briefs(losses))
by_event = {m[3]: (int(m[1]), int(m[2])) for m in re.finditer(r"lost: (\d+) of (\d+) (\w+)", text)}
stream = collections.Counter()
for e in losses:
    stream[e["which"]] += e["count"]
check("the end counts each event's losses as the stream did", dict(stream) == {k: v[0] for k, v in by_event.items()},
      f"{dict(stream)} and {by_event}")
seen = counts(told)
check("for each event, told + lost = produced", by_event and all(seen[k] + v[0] == v[1] for k, v in by_event.items()),
      [f"{k}: told {seen[k]}, lost {v[0]}, produced {v[1]}" for k, v in by_event.items()])
after = [e for e in told if 22003 in (local(e), remote(e))]
check("what came after the gap is told whole", len(pick(after, "tcp_connect", error=None)) == 50,
      f"{len(pick(after, 'tcp_connect', error=None))} of 50 connects")
order = [i for i, e in enumerate(events) if e["event"] == "lost"]
check("the loss stands before what came after it",
      order and order[0] < max((i for i, e in enumerate(events) if remote(e) == 22003), default=0))
END
live_end
