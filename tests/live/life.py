# SPDX-License-Identifier: BSD-2-Clause
"""What each scenario of life.sh must show. A function per scenario, given the events of its namespace."""
import sys

from events import *

FOLDER = sys.argv[2]
MS = 1000000


def of(events, side, port_number=9527):
    """The events of one side: the server's sockets have the port, the client's have it at the other end."""
    return [e for e in events if (local(e) if side == "server" else remote(e)) == port_number]


def moves(events):
    return [(e["oldstate"][4:], e["newstate"][4:]) for e in pick(events, "tcp_state")]


def one(events, sentence, event, **wanted):
    """Exactly one such event."""
    found = pick(events, event, **wanted)
    check(f"{NOW}: {sentence}", len(found) == 1, briefs(found or pick(events, event)) or f"no {event} at all")
    return found[0] if found else {}


def some(events, sentence, event, **wanted):
    found = pick(events, event, **wanted)
    check(f"{NOW}: {sentence}", found, briefs(pick(events, event)) or f"no {event} at all")
    return found


def none(events, sentence, event, **wanted):
    found = pick(events, event, **wanted)
    check(f"{NOW}: {sentence}", not found, briefs(found))


def that(sentence, good, detail=""):
    check(f"{NOW}: {sentence}", good, detail)


def over(least, most=float("inf")):
    return lambda v: isinstance(v, (int, float)) and least <= v <= most


def handshake(e):
    client, server = of(e, "client"), of(e, "server")
    one(e, "socket, client", "sock_create", comm="graceclient", type="stream", protocol="tcp", fd=over(3))
    one(e, "bind, with the address asked for", "sock_bind", comm="addressused", asked="0.0.0.0:9527", error=None)
    one(e, "listen, backlog asked and in effect", "sock_listen", asked_backlog=1024, backlog=over(1), error=None)
    one(e, "connect succeeds, with its duration", "tcp_connect", comm="graceclient", asked="127.0.0.1:9527", error=None,
        duration_ns=over(1))
    one(e, "the request socket, with the queues", "tcp_syn_recv", comm="addressused", attribution="inherited", accept_queue=0)
    one(e, "accept", "tcp_accept", comm="addressused", attribution="exact", error=None, fd=over(3), remote=over_text("127.0.0.1:"))
    that("the client's states", moves(client) == [("CLOSE", "SYN_SENT"), ("SYN_SENT", "ESTABLISHED"), ("ESTABLISHED", "FIN_WAIT1"),
         ("FIN_WAIT1", "FIN_WAIT2"), ("FIN_WAIT2", "CLOSE")], moves(client))
    that("the server's states", moves(server) == [("CLOSE", "LISTEN"), ("LISTEN", "SYN_RECV"), ("SYN_RECV", "ESTABLISHED"),
         ("ESTABLISHED", "CLOSE_WAIT"), ("CLOSE_WAIT", "LAST_ACK"), ("LAST_ACK", "CLOSE"), ("LISTEN", "CLOSE")] or
         moves(server)[:6] == [("CLOSE", "LISTEN"), ("LISTEN", "SYN_RECV"), ("SYN_RECV", "ESTABLISHED"),
         ("ESTABLISHED", "CLOSE_WAIT"), ("LISTEN", "CLOSE"), ("CLOSE_WAIT", "LAST_ACK")], moves(server))
    first = [(x["direction"], "+".join(sorted(flags(x)))) for x in pick(client, "tcp_segment")][:2]
    that("the client's first segments: SYN out, SYN-ACK in", first == [("sent", "SYN"), ("received", "ACK+SYN")], first)
    syn = one(client, "the SYN carries its MSS", "tcp_segment", direction="sent", flags=["SYN"], mss=65495)
    syn_ack = (pick(client, "tcp_segment", direction="received", flags=lambda f: "SYN" in f and "ACK" in f) or [{}])[0]
    that("the SYN-ACK acknowledges the SYN", syn and syn_ack.get("ack") == (syn["seq"] + 1) % 2 ** 32, (syn, syn_ack))
    one(e, "the client's close, with the state", "sock_close", comm="graceclient", cause="close", state="TCP_ESTABLISHED",
        last=True, references=1, unread_bytes=0, linger_s=-1)
    one(client, "the state changed because of that close", "tcp_state", newstate="TCP_FIN_WAIT1", cause="close")
    one(e, "TIME_WAIT, of the client, for a minute", "tcp_time_wait", comm="graceclient", substate="TCP_TIME_WAIT",
        timeout_ns=over(55e9, 65e9), attribution="exact")
    one(server, "the read of the data", "tcp_recv", done_bytes=5, call={"read", "recvfrom"}, error=None)
    one(server, "the read of the end", "tcp_recv", done_bytes=0, error=None)
    one(client, "the write", "tcp_send", asked_bytes=5, done_bytes=5, error=None, call={"write", "sendto"})
    some(server, "the reader's wait begins", "tcp_recv_block", phase="begins")
    some(server, "the reader's wait ends", "tcp_recv_block", phase="ends", blocked_ns=over(1))
    that("time is told in each state", all(x["in_state_ns"] > 0 for x in pick(e, "tcp_state") if x["oldstate"] != "TCP_LISTEN" or
         x["newstate"] == "TCP_CLOSE"), briefs([x for x in pick(e, "tcp_state") if not x["in_state_ns"]]))


def over_text(beginning):
    return lambda v: isinstance(v, str) and v.startswith(beginning)


def refused(e):
    one(e, "connect fails by name", "tcp_connect", error="ECONNREFUSED", asked="127.0.0.1:9527")
    one(e, "the state says why", "tcp_state", oldstate="TCP_SYN_SENT", newstate="TCP_CLOSE", error="ECONNREFUSED")
    one(e, "a RST arrived", "tcp_reset_received", state="TCP_SYN_SENT", comm="connectto")
    one(e, "a RST was sent, for no socket", "tcp_reset_sent", reason={"NO_SOCKET", "NOT_SPECIFIED"}, local="127.0.0.1:9527")
    one(e, "an error was stored", "sock_error", error="ECONNREFUSED")


def unreachable(e):
    one(e, "connect fails at once", "tcp_connect", error="ENETUNREACH", asked="192.0.2.1:80")
    none(e, "no segment left", "tcp_segment")


def timeout_(e):
    one(e, "connect times out", "tcp_connect", error="ETIMEDOUT", duration_ns=over(2.5e9))
    some(e, "the SYN was sent again", "tcp_retransmit", kind="syn", attempt=1, state="TCP_SYN_SENT", rto_us=over(900000),
        comm="connectto")
    one(e, "the error", "sock_error", error="ETIMEDOUT")
    syns = pick(e, "tcp_segment", direction="sent", flags=["SYN"])
    again = pick(e, "tcp_retransmit", kind="syn")
    that("each retransmission is a SYN on the wire", len(syns) == 1 + len(again) and len(again) >= 1,
         f"{len(syns)} SYNs, {len(again)} retransmissions")
    that("all but the first are marked as repeated", [s["repeated"] for s in syns] == [False] + [True] * len(again), briefs(syns))


def nonblocking(e):
    one(e, "connect goes on", "tcp_connect", error="EINPROGRESS")
    one(of(e, "client"), "and succeeds", "tcp_state", newstate="TCP_ESTABLISHED", comm="connectto")


def bind_in_use(e):
    one(e, "bind fails by name", "sock_bind", error="EADDRINUSE", asked="0.0.0.0:9527")


def listen_cut(e):
    one(e, "the backlog is cut to somaxconn", "sock_listen", asked_backlog=1000, backlog=100)


def accept_wait(e):
    one(e, "accept says how long the connection waited", "tcp_accept", queued_ns=over(0.95e9, 20e9), error=None, accept_queue=0,
        backlog=5)


def listen_drop(e):
    drops = some(e, "SYNs are dropped: accept queue", "tcp_listen_drop", reason="accept_queue", accept_queue=2, backlog=1,
                 comm="backlog")
    that("the client of each is named", all(d["remote"] and remote(d) and local(d) == 9527 for d in drops), briefs(drops))
    some(e, "their SYNs come again", "tcp_retransmit", kind="syn")


def send_block_window(e):
    begins = some(e, "a send blocks", "tcp_send_block", phase="begins", comm="tcpclient")
    ends = some(e, "it ends, after its timeout", "tcp_send_block", phase="ends", blocked_ns=over(0.9e9))
    that("what it waited for is named", begins and begins[0]["reason"] in ("peer_window", "send_buffer", "congestion_window") and
         begins[0]["queued_bytes"] > 0 and begins[0]["sndbuf_bytes"] > 0, briefs(begins))
    that("each beginning has its end", len(begins) == len(ends), f"{len(begins)} begin, {len(ends)} end")
    that("at the end the peer's window was the reason", ends and ends[-1]["reason"] == "peer_window" and not ends[-1]["window_bytes"],
         briefs(ends))
    some(e, "a send returns what was copied", "tcp_send", asked_bytes=20000000, done_bytes=over(100000, 19999999),
         duration_ns=over(1e9), error=None)
    one(e, "the last one fails with EAGAIN", "tcp_send", error="EAGAIN")


def send_block_slow(e):
    end = some(e, "a blocked send is told with its time", "tcp_send_block", phase="ends", blocked_ns=over(10 * MS))
    sent = one(of(e, "client", 12345), "the send", "tcp_send", asked_bytes=8000000, done_bytes=8000000)
    that("it did not block longer than the call took", sent and all(b["blocked_ns"] <= sent["duration_ns"] for b in end))


def linger_reset(e):
    one(e, "the option", "sock_option", option="SO_LINGER", value=1, value2=0)
    one(e, "the close, with its linger time", "sock_close", comm="linger", linger_s=0, last=True)
    one(e, "the RST, and the call that caused it", "tcp_reset_sent", comm="linger", cause="close",
        reason={"TCP_STATE", "TCP_ABORT_ON_LINGER", "NOT_SPECIFIED"})
    one(e, "it arrived", "tcp_reset_received", comm="backlog")
    none(of(e, "client"), "no TIME_WAIT", "tcp_time_wait")


# Before Linux 6.6 a file is let go, and lingers, between the end of close() and the return to the program.
def linger_wait(e):
    within = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= (6, 6)
    one(e, "the close took its second" if within else "the close is told, and that it lingers", "sock_close", comm="linger",
        linger_s=1, unsent_bytes=over(0), duration_ns=over(0.9e9) if within else over(0))


def unread_close(e):
    one(e, "the close says what was not read", "sock_close", comm="backlog", unread_bytes=over(100), cause="close")
    one(e, "the RST, its reason and its call", "tcp_reset_sent", comm="backlog", cause="close",
        reason={"TCP_ABORT_ON_CLOSE", "NOT_SPECIFIED"}, unread_bytes=over(100))
    one(e, "it arrived", "tcp_reset_received", comm="tcpclient", state="TCP_ESTABLISHED")
    one(e, "the next send fails with it", "tcp_send", comm="tcpclient", error="ECONNRESET")
    one(e, "the one after with EPIPE", "tcp_send", comm="tcpclient", error="EPIPE")
    one(e, "and SIGPIPE", "signal", number="SIGPIPE", fate="fatal", comm="tcpclient")


def sigpipe_ignored(e):
    one(e, "SIGPIPE, ignored", "signal", number="SIGPIPE", fate="ignored", comm="graceserver", cause={"write", "sendto"})
    one(e, "EPIPE", "tcp_send", error="EPIPE", comm="graceserver")
    some(e, "data for a closed socket is answered with RST", "tcp_reset_sent", comm="graceclient", attribution={"exact"})


def sigpipe_fatal(e):
    one(e, "SIGPIPE, fatal", "signal", number="SIGPIPE", fate="fatal", comm="graceserver")


def sigpipe_caught(e):
    one(e, "SIGPIPE, caught", "signal", number="SIGPIPE", fate="caught", comm="graceserver")


def sigpipe_none(e):
    none(e, "MSG_NOSIGNAL: no signal", "signal")
    one(e, "EPIPE, and the flag", "tcp_send", error="EPIPE", flags=lambda f: "MSG_NOSIGNAL" in f)


def half_close(e):
    one(e, "shutdown of the writing side", "sock_shutdown", how="SHUT_WR", state="TCP_ESTABLISHED", comm="graceclient", error=None)
    one(of(e, "client"), "which sends the FIN", "tcp_state", newstate="TCP_FIN_WAIT1", cause="shutdown")
    some(of(e, "client"), "and still reads", "tcp_recv", done_bytes=over(1))


def keepalive_death(e):
    some(e, "the option", "sock_option", option="SO_KEEPALIVE", value=1)
    some(e, "the interval", "sock_option", option={"TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"})
    probes = some(e, "probes", "tcp_probe", kind="keepalive", comm="keepalive")
    that("counted", [p["unanswered"] for p in probes][-2:] == [1, 2], briefs(probes))
    one(e, "the connection is declared dead", "sock_error", error="ETIMEDOUT", comm="keepalive")
    one(e, "the last word is a RST", "tcp_reset_sent", comm="keepalive", reason={"TCP_KEEPALIVE_TIMEOUT", "NOT_SPECIFIED"})


def zero_window(e):
    some(e, "probes of a closed window", "tcp_probe", kind="zero_window", comm="tcpclient")
    some(e, "the closed window is seen", "tcp_segment", window=0, flags=lambda f: "SYN" not in f and "RST" not in f)


def nagle(e):
    held = some(e, "a small write is held back", "tcp_nagle_hold", reason="nagle", phase="ends", comm="twowrites", held_bytes=over(1))
    that("for some 40 ms", any(25 * MS <= h["held_ns"] <= 2000 * MS for h in held), briefs(held))
    late = some(e, "the acknowledgement was delayed by the other side", "tcp_ack_delayed", comm="twowritesserver")
    that("for some 40 ms too", any(25 * MS <= h["held_ns"] <= 2000 * MS for h in late), briefs(late))


def cork(e):
    some(e, "the option", "sock_option", option="TCP_CORK", value=1)
    held = some(e, "a cork holds bytes back", "tcp_nagle_hold", reason="cork", phase="ends", comm="twowrites")
    that("for some 200 ms", any(150 * MS <= h["held_ns"] <= 4000 * MS for h in held), briefs(held))


def nodelay(e):
    one(e, "the option", "sock_option", option="TCP_NODELAY", value=1)
    none(e, "nothing is held back", "tcp_nagle_hold")


def retransmit(e):
    found = some(e, "the data is sent again", "tcp_retransmit", kind={"rto", "tlp"}, length=3, state="TCP_ESTABLISHED",
                 comm="graceclient")
    some(e, "by the timer", "tcp_retransmit", kind="rto", attempt=over(1), rto_us=over(100000))
    that("always the same bytes", len({r["seq"] for r in found}) == 1, briefs(found))


def syn_ack_again(e):
    one(e, "the SYN-ACK is sent again", "tcp_retransmit", kind="syn_ack", attempt=over(1), comm="backlog", attribution="inherited")


def time_wait_recycled(e):
    ends = pick(e, "tcp_time_wait_end", ending="recycled", comm="portpool")
    that("ten entries are recycled, each told", len(ends) == 10, briefs(pick(e, "tcp_time_wait_end")) or "none")
    that("after more than a second", all(x["lasted_ns"] > 1e9 for x in ends), briefs(ends))


def time_wait_never(e):
    # Of four closes one finds the bucket.
    ends = pick(e, "tcp_time_wait_end", ending="never", comm="portpool")
    that("three never begin", len(ends) == 3, briefs(pick(e, "tcp_time_wait_end")) or "none")


def orphan_fin_wait(e):
    waits = of(pick(e, "tcp_time_wait"), "client")
    that("FIN_WAIT2 without a socket, then TIME_WAIT",
         [(w["substate"], w["restarted"]) for w in waits] == [("TCP_FIN_WAIT2", False), ("TCP_TIME_WAIT", True)], briefs(waits))
    that("with their owner, whose process is gone", all(w["comm"] == "connectto" for w in waits), briefs(waits))


def fork_close(e):
    closes = [c for c in pick(e, "sock_close") if remote(c) == 9527]
    that("two closes, the second is the last", [c["last"] for c in closes] == [False, True], briefs(closes))
    that("by two processes", len({c["pid"] for c in closes}) == 2 or len({c["tid"] for c in closes}) == 2, briefs(closes))
    that("the first sees two references", closes and closes[0]["references"] == 2, briefs(closes))


def killed(e):
    one(of(e, "client"), "the FIN is the death's work", "tcp_state", newstate="TCP_FIN_WAIT1", cause="exit", comm="graceclient")
    some(of(e, "client"), "a close is told for it", "sock_close", cause="exit", comm="graceclient")


def simultaneous_close(e):
    some(e, "both FINs cross: CLOSING", "tcp_state", newstate="TCP_CLOSING")


wanted = sys.argv[3].split() if len(sys.argv) > 3 and sys.argv[3] else None
everything = read(f"{FOLDER}/life.json")
places = {}
for name in sorted(os.listdir(FOLDER)):
    path = f"{FOLDER}/{name}/netns"
    if os.path.exists(path) and (not wanted or name in wanted):
        places[name] = int(open(path).read())
for NOW, netns in places.items():
    events = [e for e in everything if e["netns"] == netns]
    if check(f"{NOW}: something is told", events):
        globals()[NOW](events)
        # A namespace that died before us may have had the number, and leave a socket: a gap tells of it.
        older = {e["socket"] for e in pick(events, "gap", what="beginning")}
        strangers = [e for e in events if e["attribution"] == "unknown" and e["socket"] not in older and
                     e["event"] not in ("lost", "tcp_reset_sent", "tcp_segment")]
        check(f"{NOW}: every line has an owner", not strangers, briefs(strangers))
NOW = "all"
check("nothing was lost", not pick(everything, "lost"), briefs(pick(everything, "lost")))
