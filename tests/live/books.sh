#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel keeps books of its own (nstat). In a fresh namespace, after a mixed load, events must come to the same sums.
# Each row of the table below says which events make up which counter, and why where the definitions differ.
. "$(dirname "$0")/lib.sh"
live_begin "$@"

host far || skip_all "no veth here"
[ -x "$demos/rawsyn" ] || skip_all "build/demos/rawsyn is not built (make all)"
# What a nonsense load cannot show is shown by these modules being there.
for rule in 'numgen inc mod 12 == 7 drop' 'tcp flags & (syn|ack) == ack drop'; do
	nft add table inet probe && nft 'add chain inet probe in { type filter hook input priority 0; }' &&
		nft "add rule inet probe in $rule" || skip_all "nft cannot do '$rule'"
	nft delete table inet probe
done

trace_start books --netns "$netns" || live_end
cat /proc/self/net/snmp >"$tmp/before.snmp"
cat /proc/self/net/netstat >"$tmp/before.netstat"
check "the mixed load does what it should" \
	timeout $((120 * slow)) python3 "$live_folder/books_load.py" "${pid[host-far]}" "$demos/rawsyn" "$slow"
cat /proc/self/net/snmp >"$tmp/after.snmp"
cat /proc/self/net/netstat >"$tmp/after.netstat"
trace_stop books

judge "$tmp" "$netns" <<'END'
import sys
from events import *

folder, netns = sys.argv[2:4]
events = read(f"{folder}/books.json", netns)
lost = pick(read(f"{folder}/books.json"), "lost")


def books(when):
    values = {}
    for name in ("snmp", "netstat"):
        with open(f"{folder}/{when}.{name}") as file:
            lines = [line.split() for line in file]
        for head, row in zip(lines[::2], lines[1::2]):
            if head[0] in ("Tcp:", "TcpExt:"):
                values.update(zip(head[1:], map(int, row[1:])))
    return values


before, after = books("before"), books("after")
# While inet_timewait_sock had tw_kill (5.10), tw_timer_handler() counted entries as they ran out.
with open("/sys/kernel/btf/vmlinux", "rb") as btf:
    tw_kill = b"\0tw_kill\0" in btf.read()


def states(old, new, **wanted):
    return pick(events, "tcp_state", oldstate=old, newstate=new, **wanted)


def total(chosen, field):
    return sum(e[field] for e in chosen)


# A flow is named by its two ends, as the server sees it.
def flow(e):
    return e["local"], e["remote"]


# RSTs that arrived while the four-tuple led to a request socket: answered SYN, no child yet.
requests, embryonic, to_request = set(), 0, []
for e in events:
    if e["event"] == "tcp_syn_recv":
        requests.add(flow(e))
    elif e["event"] == "tcp_state" and e["newstate"] == "TCP_SYN_RECV":
        requests.discard(flow(e))
    elif e["event"] == "tcp_segment" and e["direction"] == "received" and "RST" in flags(e) and flow(e) in requests:
        requests.discard(flow(e))
        to_request.append(e)
has_reason = bool(pick(events, "tcp_reset_sent", reason=lambda r: r not in ("NOT_SPECIFIED", None)))
resets = pick(events, "tcp_reset_sent")
recycled = pick(events, "tcp_time_wait_end", ending="recycled")
closes = pick(events, "sock_close", last=True, protocol="tcp")
linger_closes = [e for e in closes if e["linger_s"] == 0 and not e["unread_bytes"] and
                 e["state"] not in ("TCP_LISTEN", "TCP_CLOSE")]
unread_closes = [e for e in closes if e["unread_bytes"] and e["state"] not in ("TCP_LISTEN", "TCP_CLOSE")]
wire_resets = [e for e in events if e["event"] == "tcp_segment" and "RST" in flags(e)]
# FIN_WAIT to CLOSE with neither a RST from the peer nor a TIME_WAIT: data came and nobody was left to read it.
reset_arrived = {flow(e) for e in wire_resets if e["direction"] == "received"}
waited = {flow(e) for e in pick(events, "tcp_time_wait")} | {flow(e) for e in pick(events, "tcp_time_wait_end", ending="never")}
refused_data = [e for e in states({"TCP_FIN_WAIT1", "TCP_FIN_WAIT2"}, "TCP_CLOSE", error=lambda v: v != "ETIMEDOUT")
                if flow(e) not in reset_arrived | waited]

# A timer that finds the socket in a call leaves the acknowledgement to the call's end. Tracepoints do not say what becomes of it.
acks = pick(events, "tcp_ack_delayed", phase={"ends", "whole"})
delayed = len(acks)
if {e["plane"] for e in acks} == {"tracepoints"}:
    unsure = after["DelayedACKs"] - before["DelayedACKs"] - delayed
    delayed += unsure if 0 <= unsure <= after["DelayedACKLocked"] - before["DelayedACKLocked"] else 0

rows = [
    # counter, the events' sum, how it comes about
    ("ActiveOpens", len(states("TCP_CLOSE", "TCP_SYN_SENT")),
     "tcp_connect() counts a SYN; the state is entered just before, and no connect here fails in between"),
    ("PassiveOpens", len(states("TCP_LISTEN", "TCP_SYN_RECV")),
     "tcp_create_openreq_child(): a child was made of a request"),
    ("AttemptFails", len(states({"TCP_SYN_SENT", "TCP_SYN_RECV"}, "TCP_CLOSE", error=lambda v: v is not None)) + len(to_request),
     "tcp_done() in SYN_SENT or SYN_RECV (it leaves an error; a close() by the program does not), and RSTs to requests"),
    ("EstabResets", len(states({"TCP_ESTABLISHED", "TCP_CLOSE_WAIT"}, "TCP_CLOSE")),
     "tcp_set_state(): straight from ESTABLISHED or CLOSE_WAIT to CLOSE, whoever sent the RST"),
    ("OutRsts", len(resets), "every RST made, answers without a socket among them"),
    ("OutRsts", len([e for e in wire_resets if e["direction"] == "sent" and "SYN" not in flags(e)]), "the same as seen on the wire"),
    ("EmbryonicRsts", len(to_request), "RSTs that end a request socket (tcp_check_req)"),
    ("RetransSegs", total(pick(events, "tcp_retransmit"), "segments"), "segments, not calls; SYN-ACKs count"),
    ("TCPSynRetrans", len(pick(events, "tcp_retransmit", kind={"syn", "syn_ack"})), "SYN and SYN-ACK"),
    ("TCPFastRetrans", total(pick(events, "tcp_retransmit", kind="fast"), "segments"), "those that acknowledgements asked for"),
    ("TCPLossProbes", len(pick(events, "tcp_retransmit", kind="tlp")),
     "tcp_send_loss_probe() counts also a probe of new data; the load has none"),
    ("ListenOverflows", len(pick(events, "tcp_listen_drop", reason="accept_queue")), "full accept queue, at the SYN or at the third segment"),
    ("ListenDrops", len(pick(events, "tcp_listen_drop")), "overflows and every other refusal of a listener (full SYN queue)"),
    ("TW + TWKilled", len(pick(events, "tcp_time_wait_end", ending="expired") if tw_kill
                          else pick(events, "tcp_time_wait", restarted=False)),
     "an entry's clock ran out: kernels with tw_kill count then" if tw_kill else
     "an entry's clock started; TWKilled are those of 4 s or less; a FIN that restarts the clock counts nothing"),
    ("TWRecycled", len([e for e in recycled if local(e) >= 32000]),
     "only a connect() that takes the place of its own entry counts (__inet_check_established)"),
    ("TCPTimeWaitOverflow", len(pick(events, "tcp_time_wait_end", ending="never")), "no bucket left: TIME_WAIT never begins"),
    ("TCPAbortOnClose", len(unread_closes), "close() with unread data (RFC 2525, 2.17)"),
    ("TCPAbortOnData", len(linger_closes) + len(refused_data),
     "close() with linger 0, and data that arrives after the reader has gone (RFC 2525, 2.17; RFC 1122, 4.2.2.13)"),
    ("TCPAbortOnTimeout", len(pick(events, "tcp_state", newstate="TCP_CLOSE", error="ETIMEDOUT")), "tcp_write_err()"),
    ("TCPKeepAlive", len(pick(events, "tcp_probe", kind="keepalive")), "keepalive probes sent"),
    ("TCPWinProbe", len(pick(events, "tcp_probe", kind="zero_window")), "zero-window probes sent"),
    ("DelayedACKs", delayed, "acknowledgements the timer sent"),
]
if has_reason:
    rows += [
        ("TCPAbortOnClose", len(pick(resets, reason="TCP_ABORT_ON_CLOSE")), "by the kernel's own reason of the RST"),
    ]
print(f"# {'counter':20} {'kernel':>7} {'events':>7}")
failures = []
for name, told, why in rows:
    kernel = sum(after.get(n, 0) - before.get(n, 0) for n in name.split(" + "))
    missing = not any(n in after for n in name.split(" + "))
    mark = "-" if missing else "ok" if kernel == told else "DIFFERS"
    print(f"# {name:20} {kernel:7} {told:7} {mark:8} {why}")
    if missing:
        continue
    # A counter that did not move would prove nothing.
    check(f"{name}: the kernel counted {kernel}, the events say so ({why})", kernel == told and kernel > 0, f"events: {told}")
received = [e for e in wire_resets if e["direction"] == "received"]
check("a RST is told as received only when one arrived",
      len(pick(events, "tcp_reset_received")) <= len(received) - len(to_request),
      f"{len(pick(events, 'tcp_reset_received'))} told, {len(received)} on the wire, {len(to_request)} to requests")
# books_load.py: crossed()
entries = collections.defaultdict(list)
for e in pick(events, "tcp_time_wait"):
    if local(e) == 31020:
        entries[e["socket"]].append(e["substate"])
crossed = [e for e in pick(events, "tcp_accept") if local(e) == 31020]
check(f"both ends closed: each of {len(entries)} entries is told to be in TIME_WAIT, {sum(len(v) > 1 for v in entries.values())} "
      "of them in FIN_WAIT2 before", crossed and len(entries) == len(crossed) and
      all(v in (["TCP_TIME_WAIT"], ["TCP_FIN_WAIT2", "TCP_TIME_WAIT"]) for v in entries.values()),
      f"{len(crossed)} accepted; {collections.Counter(map(tuple, entries.values()))}")
check("nothing was lost on the way", not lost, briefs(lost))
END
live_end
