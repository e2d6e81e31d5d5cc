/* SPDX-License-Identifier: BSD-2-Clause */
#include "lesson/gauge.h"

#include <netinet/tcp.h>

#include "lesson/standing.h"
#include "tests/test.h"

static const char *owner; /* of the event at hand */

static bool is(const struct event *e, const char *who, void *context)
{
	return !strcmp(who, owner);
}

/* An event of `who`, with the fields that follow. */
#define TELL(g, who, name, ...)                                                                                       \
	do {                                                                                                          \
		struct event_##name e_ = { __VA_ARGS__ };                                                             \
		e_.head.id = EVENT_##name;                                                                            \
		e_.head.size = sizeof(e_);                                                                            \
		owner = (who);                                                                                        \
		gauge_event((g), &e_.head, is, NULL);                                                                 \
	} while (0)

#define MOVE(s, ...)                                                                                                  \
	do {                                                                                                          \
		struct event_tcp_state e_ = { __VA_ARGS__ };                                                          \
		e_.head.id = EVENT_tcp_state;                                                                         \
		standings_event((s), &e_.head);                                                                       \
	} while (0)

TEST("the send buffer is what send() left in the queue, and empty once all is acknowledged")
{
	struct bar bar = { .kind = GAUGE_send, .who = "client" };
	struct gauge g;

	gauge_begin(&g, &bar);
	CHECK(!g.known);
	TELL(&g, "server", tcp_send, .queued_bytes = 1, .sndbuf_bytes = 2);
	CHECK(!g.known);
	TELL(&g, "client", tcp_send_block, .phase = PHASE_begins, .queued_bytes = 700, .sndbuf_bytes = 1000);
	CHECK(g.known && g.value == 700 && g.limit == 1000);
	TELL(&g, "client", tcp_send, .error = 11, .queued_bytes = 0);
	CHECK(g.value == 700);
	TELL(&g, "client", tcp_state, .newstate = TCP_FIN_WAIT2);
	CHECK(g.value == 0 && g.limit == 1000);
	gauge_finish(&g);
}

TEST("what is underway is written by one, not read by the other, and never less than nothing")
{
	struct bar bar = { .kind = GAUGE_underway, .who = "client", .to = "server" };
	struct gauge g;

	gauge_begin(&g, &bar);
	TELL(&g, "server", tcp_recv, .done_bytes = 10);
	CHECK(g.value == 0);
	TELL(&g, "client", tcp_send, .done_bytes = 100);
	CHECK(g.value == 90 && g.limit == 90);
	TELL(&g, "server", tcp_recv, .done_bytes = 60);
	CHECK(g.value == 30 && g.limit == 90);
	gauge_finish(&g);
}

TEST("a request is answered by its own handshake; a drop tells the limit")
{
	struct bar bar = { .kind = GAUGE_requests, .who = "server" };
	struct gauge g;

	gauge_begin(&g, &bar);
	TELL(&g, "server", sock_listen, .backlog = 8);
	CHECK(g.value == 0 && g.limit == 9);
	TELL(&g, "server", tcp_syn_recv, .head.remote_port = 7, .syn_queue = 1, .backlog = 8);
	TELL(&g, "server", tcp_syn_recv, .head.remote_port = 8, .syn_queue = 2, .backlog = 8);
	CHECK(g.value == 2 && g.limit == 9);
	TELL(&g, "server", tcp_state, .head.remote_port = 9, .oldstate = TCP_SYN_RECV, .newstate = TCP_ESTABLISHED);
	CHECK(g.value == 2);
	TELL(&g, "server", tcp_state, .head.remote_port = 8, .oldstate = TCP_SYN_RECV, .newstate = TCP_ESTABLISHED);
	CHECK(g.value == 1);
	TELL(&g, "server", tcp_listen_drop, .reason = LISTEN_DROP_accept_queue, .syn_queue = 1);
	CHECK(g.limit == 9);
	TELL(&g, "server", tcp_listen_drop, .reason = LISTEN_DROP_syn_queue, .syn_queue = 5);
	CHECK(g.value == 5 && g.limit == 5);
	gauge_finish(&g);
}

TEST("the accept queue grows when a handshake is complete and shrinks with accept()")
{
	struct bar bar = { .kind = GAUGE_accept, .who = "server" };
	struct gauge g;

	gauge_begin(&g, &bar);
	TELL(&g, "server", sock_listen, .backlog = 1);
	CHECK(g.value == 0 && g.limit == 2);
	TELL(&g, "server", tcp_state, .oldstate = TCP_SYN_RECV, .newstate = TCP_ESTABLISHED);
	TELL(&g, "client", tcp_state, .oldstate = TCP_SYN_SENT, .newstate = TCP_ESTABLISHED);
	CHECK(g.value == 1);
	TELL(&g, "server", tcp_listen_drop, .accept_queue = 2, .backlog = 1);
	CHECK(g.value == 2);
	TELL(&g, "server", tcp_accept, .accept_queue = 1, .backlog = 1);
	CHECK(g.value == 1 && g.limit == 2);
	gauge_finish(&g);
}

TEST("a port is held by its socket, then by its TIME_WAIT, then by nobody")
{
	struct bar bar = { .kind = GAUGE_ports, .who = "client", .first = 40000, .last = 40009 };
	struct gauge g;

	gauge_begin(&g, &bar);
	CHECK(g.limit == 10);
	TELL(&g, "client", tcp_state, .head.local_port = 40002, .newstate = TCP_ESTABLISHED);
	TELL(&g, "client", tcp_state, .head.local_port = 40010, .newstate = TCP_ESTABLISHED);
	CHECK(g.value == 1 && g.waiting == 0);
	TELL(&g, "client", tcp_time_wait, .head.local_port = 40002, .substate = TCP_TIME_WAIT);
	TELL(&g, "client", tcp_state, .head.local_port = 40002, .newstate = TCP_CLOSE);
	CHECK(g.value == 1 && g.waiting == 1);
	TELL(&g, "client", tcp_time_wait_end, .head.local_port = 40002);
	CHECK(g.value == 0 && g.waiting == 0);
	/* The other order: the entry is told after its socket's end. */
	TELL(&g, "client", tcp_state, .head.local_port = 40004, .newstate = TCP_ESTABLISHED);
	TELL(&g, "client", tcp_state, .head.local_port = 40004, .newstate = TCP_CLOSE);
	CHECK(g.value == 0);
	TELL(&g, "client", tcp_time_wait, .head.local_port = 40004, .substate = TCP_TIME_WAIT);
	CHECK(g.value == 1 && g.waiting == 1);
	gauge_finish(&g);
}

TEST("the time left to a TIME_WAIT runs down, and starts anew with a repeated FIN")
{
	struct bar bar = { .kind = GAUGE_time_wait, .who = "client" };
	struct gauge g;

	gauge_begin(&g, &bar);
	TELL(&g, "client", tcp_time_wait, .head.socket = 1, .substate = TCP_FIN_WAIT2, .timeout_ns = 60);
	CHECK(!g.known);
	TELL(&g, "client", tcp_time_wait, .head.socket = 1, .head.time_ns = 100, .substate = TCP_TIME_WAIT, .timeout_ns = 60);
	CHECK(g.known && gauge_left(&g, 100) == 60 && gauge_left(&g, 130) == 30 && gauge_left(&g, 200) == 0);
	TELL(&g, "client", tcp_time_wait, .head.socket = 1, .head.time_ns = 130, .substate = TCP_TIME_WAIT, .timeout_ns = 60);
	CHECK(gauge_left(&g, 130) == 60);
	TELL(&g, "client", tcp_time_wait_end, .head.socket = 2);
	CHECK(gauge_left(&g, 130) == 60);
	TELL(&g, "client", tcp_time_wait_end, .head.socket = 1);
	CHECK(gauge_left(&g, 130) == 0);
	gauge_finish(&g);
}

TEST("a socket stands where its last move left it, and its TIME_WAIT outlives it")
{
	struct standings s = { 0 };
	struct event_tcp_time_wait wait = { .head = { .id = EVENT_tcp_time_wait, .socket = 7, .time_ns = 30 },
					    .substate = TCP_TIME_WAIT, .timeout_ns = 60 };
	struct event_tcp_time_wait_end end = { .head = { .id = EVENT_tcp_time_wait_end, .socket = 7, .time_ns = 90 } };

	MOVE(&s, .head.socket = 7, .head.time_ns = 10, .head.pid = 3, .newstate = TCP_SYN_SENT);
	MOVE(&s, .head.socket = 7, .head.time_ns = 20, .head.pid = 3, .oldstate = TCP_SYN_SENT, .newstate = TCP_ESTABLISHED);
	CHECK(s.count == 1 && s.rows[0].state == TCP_ESTABLISHED && s.rows[0].since_ns == 20 && s.rows[0].pid == 3);
	standings_event(&s, &wait.head);
	MOVE(&s, .head.socket = 7, .head.time_ns = 31, .oldstate = TCP_FIN_WAIT2, .newstate = TCP_CLOSE);
	CHECK(s.count == 1 && s.rows[0].entry && s.rows[0].state == TCP_TIME_WAIT && s.rows[0].ends_ns == 90);
	standings_event(&s, &end.head);
	CHECK(s.count == 0);
	standings_finish(&s);
}

TEST("a listener keeps standing when an older kernel moves its child under its name")
{
	struct standings s = { 0 };

	MOVE(&s, .head.socket = 1, .newstate = TCP_LISTEN);
	MOVE(&s, .head.socket = 1, .oldstate = TCP_LISTEN, .newstate = TCP_SYN_RECV);
	CHECK(s.count == 1 && s.rows[0].state == TCP_LISTEN);
	standings_finish(&s);
}
