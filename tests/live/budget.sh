#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A bound is kept and told: --max-rate lets through so many events a second and counts the others; --budget leaves out
# detail in its fixed order while tracing costs too much, says so in the stream, and tells all again when the load falls.
. "$(dirname "$0")/lib.sh"
live_begin "$@"

burst() { # PORT COUNT EXCHANGES
	start server "$load" server 0.0.0.0 "$1" "$2" -c last -x "$3"
	sees server ready
	start client "$load" client 127.0.0.1 "$1" "$2" -c first -x "$3"
	ends client 0 120
	ends server 0 120
}

# ---- so many a second ----

trace_start rate --netns "$netns" --max-rate 2000 --strict
burst 22100 20 1000 # 80 000 events, as fast as they come
trace_stop rate
check "--strict ends with 5 when events were held back (it ended with ${status[rate]})" [ "${status[rate]}" = 5 ]
check "a rate that is none is refused" eval '! "$SOCKTALE" trace --max-rate 0 -d 1 2>"$tmp/refused"; grep -q "max-rate" "$tmp/refused"'

# ---- so much of a CPU ----

trace_start budget --netns "$netns" --budget 2
# A quick machine is through the first bursts before the first window ends: the last one falls into the shedding.
exchanges=0
for _ in {1..20}; do
	begun=$(grep -c '"event":"shed"' "$tmp/budget.json")
	burst 22101 1 150000
	exchanges=$((exchanges + 150000))
	[ "$begun" = 0 ] || break
done
calm() { [ "$(grep '"event":"shed"' "$tmp/budget.json" | tail -n 1 | grep -c '"left_out":"nothing"')" = 1 ]; }
check "something was left out while the load ran" grep -q '"event":"shed"' "$tmp/budget.json"
check "when the load has fallen all is told again" until_true 60 calm
burst 22102 10 1
trace_stop budget
check "a budget that is none is refused" eval '! "$SOCKTALE" trace --budget 0 -d 1 2>"$tmp/refused"; grep -q "budget" "$tmp/refused"'

judge "$tmp/rate.json" "$tmp/rate.err" "$tmp/budget.json" "$tmp/budget.err" $exchanges <<'END'
import sys
from events import *

ORDER = ["nothing", "calls", "segments", "sockets", "life"]
IO = ("tcp_send", "tcp_recv")


def figure(pattern, text):
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def summary(path):
    text = open(path).read()
    return [figure(p, text) for p in (r"(\d+) events produced", r"(\d+) delivered", r"(\d+) lost",
                                      r"(\d+) held back", r"(\d+) left out")]


def books(name, events, path):
    produced, delivered, lost, held, shed = summary(path)
    by_cause = collections.Counter()
    for e in pick(events, "lost"):
        by_cause[e["cause"]] += e["count"]
    check(f"{name}: delivered + lost + held back + left out = produced ({delivered} + {lost} + {held} + {shed} = {produced})",
          produced and delivered + lost + held + shed == produced)
    told = [e for e in events if e["event"] not in ("lost", "shed")]
    check(f"{name}: every delivered event is a line", len(told) == delivered, f"{len(told)} lines, {delivered} delivered")
    check(f"{name}: the stream says what the end says",
          (by_cause["ring_full"], by_cause["held_back"], by_cause["shed"]) == (lost, held, shed), f"{dict(by_cause)}")
    return held, shed, told


rate = read(sys.argv[2])
held, _, told = books("--max-rate", rate, sys.argv[3])
check(f"--max-rate: most of the burst was held back ({held})", held > 10000)
windows = collections.Counter(e["time_ns"] // 100000000 for e in told)
slack = os.cpu_count()
check("--max-rate: no tenth of a second holds more than a tenth of the rate",
      windows and max(windows.values()) <= 200 + slack, sorted(windows.values())[-5:])
check("--max-rate: and what may be told is told", max(windows.values()) >= 200, sorted(windows.values())[-5:])

budget = read(sys.argv[4])
_, shed, told = books("--budget", budget, sys.argv[5])
steps = pick(budget, "shed")
levels = [0] + [ORDER.index(e["left_out"]) for e in steps]
check("--budget: one step at a time, in the order of the manual", all(abs(a - b) == 1 for a, b in zip(levels, levels[1:])),
      briefs(steps))
check("--budget: less is told only when tracing costs more than the budget, more only when it costs less",
      all((e["cost_percent"] > e["budget_percent"]) == (b > a) for e, a, b in zip(steps, levels, levels[1:])), briefs(steps))
check("--budget: each step names the budget", all(e["budget_percent"] == 2 for e in steps))
exchanges = int(sys.argv[6])
of_load = [e for e in told if 22101 in (local(e), remote(e))]
sends = len(pick(of_load, "tcp_send")) + sum(e["sends"] for e in pick(of_load, "tcp_io"))
lost = sum(e["count"] for e in pick(budget, "lost", which="tcp_send", cause="ring_full"))
check(f"--budget: calls, sums and what was lost are all that was sent ({sends} + {lost} of {2 * exchanges})",
      sends + lost == 2 * exchanges, f"{len(pick(of_load, 'tcp_send'))} told one by one")
check("--budget: the last of it as sums", sum(e["sends"] for e in pick(of_load, "tcp_io")) >= 200000,
      f"{len(pick(of_load, 'tcp_send'))} one by one")
times = [e["time_ns"] for e in steps]
shedding = [(begin + 100000000, end) for begin, end, level in zip(times, times[1:], levels[1:]) if level]
late = [e for e in of_load if e["event"] in IO and any(begin < e["time_ns"] < end for begin, end in shedding)]
check("--budget: while anything is left out no send or receive is told on its own", shedding and not late, briefs(late))
after = [e for e in told if 22102 in (local(e), remote(e))]
check("--budget: after the last step everything is told",
      len(pick(after, "tcp_connect", error=None)) == 10 and len(pick(after, "tcp_send")) == 20 and pick(after, "tcp_segment"),
      counts(after))
END
live_end
