/* SPDX-License-Identifier: BSD-2-Clause */
#include "conversation/matcher.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "conversation/state.h"
#include "event/schema.h"
#include "tests/test.h"

static uint32_t events; /* told to the matcher of the test so far */

static struct matcher *begin(void)
{
	events = 0;
	return matcher_create(NULL);
}

static void set_ends(struct event *e, const char *local, const char *remote)
{
	struct address a;

	CHECK(address_parse(local, &a));
	e->family = a.family;
	e->local = a.ip;
	e->local_port = a.port;
	if (!remote)
		return;
	CHECK(address_parse(remote, &a));
	e->remote = a.ip;
	e->remote_port = a.port;
}

static struct endpoint *tell(struct matcher *m, union event_any *e)
{
	e->head.time_ns = ++events * 1000;
	return matcher_event(m, &e->head, events);
}

static struct endpoint *move_in(struct matcher *m, uint32_t netns, uint64_t socket, const char *local, const char *remote,
				int oldstate, int newstate)
{
	union event_any e;

	event_init(&e, EVENT_tcp_state);
	e.head.socket = socket;
	e.head.netns = netns;
	e.head.protocol = IPPROTO_TCP;
	set_ends(&e.head, local, remote);
	e.tcp_state.oldstate = oldstate;
	e.tcp_state.newstate = newstate;
	return tell(m, &e);
}

static struct endpoint *move(struct matcher *m, uint64_t socket, const char *local, const char *remote, int oldstate,
			     int newstate)
{
	return move_in(m, 1, socket, local, remote, oldstate, newstate);
}

static struct endpoint *client(struct matcher *m, uint64_t socket, const char *local, const char *remote)
{
	return move(m, socket, local, remote, TCP_SYN_SENT, TCP_ESTABLISHED);
}

static struct endpoint *server(struct matcher *m, uint64_t socket, const char *local, const char *remote)
{
	return move(m, socket, local, remote, TCP_SYN_RECV, TCP_ESTABLISHED);
}

static struct endpoint *close_last(struct matcher *m, const struct endpoint *ep)
{
	union event_any e;

	event_init(&e, EVENT_sock_close);
	e.head.socket = ep->socket;
	e.sock_close.last = 1;
	e.sock_close.state = ep->state;
	return tell(m, &e);
}

/* Both ends of a connection that was reset: nothing is left. */
static void end_both(struct matcher *m, struct endpoint *a, struct endpoint *b)
{
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];

	address_print(&a->local, local);
	address_print(&a->remote, remote);
	move_in(m, a->netns, a->socket, local, remote, TCP_ESTABLISHED, TCP_CLOSE);
	move_in(m, b->netns, b->socket, remote, local, TCP_ESTABLISHED, TCP_CLOSE);
	close_last(m, a);
	close_last(m, b);
}

TEST("both ends of a local connection are one conversation, the client first")
{
	struct matcher *m = begin();
	struct endpoint *c = client(m, 1, "10.0.0.1:40000", "10.0.0.2:80");
	struct endpoint *s = server(m, 2, "10.0.0.2:80", "10.0.0.1:40000");

	CHECK(c->peer == s && s->peer == c);
	CHECK(c->conversation == s->conversation);
	CHECK(c->conversation->end[0] == c && c->conversation->end[1] == s);
	CHECK(conversation_client(c->conversation) == c && conversation_server(c->conversation) == s);
	CHECK(c->conversation->events == 2);
	matcher_destroy(m);
}

TEST("a mirror seen first still finds its peer")
{
	struct matcher *m = begin();
	struct endpoint *s = server(m, 2, "10.0.0.2:80", "10.0.0.1:40000");
	struct endpoint *c = client(m, 1, "10.0.0.1:40000", "10.0.0.2:80");

	CHECK(s->peer == c);
	CHECK(c->conversation->end[0] == c);
	CHECK(c->conversation->number == 1);
	matcher_destroy(m);
}

TEST("a port that becomes known later joins the ends then")
{
	struct matcher *m = begin();
	struct endpoint *c = move(m, 1, "10.0.0.1:0", "10.0.0.2:80", TCP_CLOSE, TCP_SYN_SENT);
	struct endpoint *s = server(m, 2, "10.0.0.2:80", "10.0.0.1:40000");

	CHECK(!c->peer && !s->peer);
	client(m, 1, "10.0.0.1:40000", "10.0.0.2:80");
	CHECK(c->peer == s);
	matcher_destroy(m);
}

TEST("what the kernel clears on the way to CLOSED stays known")
{
	struct matcher *m = begin();
	struct endpoint *c = client(m, 1, "10.0.0.1:40000", "10.0.0.2:80");

	move(m, 1, "0.0.0.0:0", "0.0.0.0:0", TCP_ESTABLISHED, TCP_CLOSE);
	CHECK(c->local.port == 40000 && c->remote.port == 80 && !address_any(&c->local));
	matcher_destroy(m);
}

TEST("equal address pairs in two namespaces are two connections")
{
	struct matcher *m = begin();
	struct endpoint *c1 = move_in(m, 1, 1, "127.0.0.1:40000", "127.0.0.1:80", TCP_SYN_SENT, TCP_ESTABLISHED);
	struct endpoint *c2 = move_in(m, 2, 2, "127.0.0.1:40000", "127.0.0.1:80", TCP_SYN_SENT, TCP_ESTABLISHED);
	struct endpoint *s2 = move_in(m, 2, 4, "127.0.0.1:80", "127.0.0.1:40000", TCP_SYN_RECV, TCP_ESTABLISHED);
	struct endpoint *s1 = move_in(m, 1, 3, "127.0.0.1:80", "127.0.0.1:40000", TCP_SYN_RECV, TCP_ESTABLISHED);

	CHECK(c1->peer == s1 && c2->peer == s2);
	matcher_destroy(m);
}

TEST("without a mirror in its own namespace an end finds it across a veth pair")
{
	struct matcher *m = begin();
	struct endpoint *c = move_in(m, 1, 1, "10.0.0.1:40000", "10.0.0.2:80", TCP_SYN_SENT, TCP_ESTABLISHED);
	struct endpoint *s = move_in(m, 2, 2, "10.0.0.2:80", "10.0.0.1:40000", TCP_SYN_RECV, TCP_ESTABLISHED);

	CHECK(c->peer == s);
	matcher_destroy(m);
}

TEST("an IPv4 client finds the IPv6 socket that serves it")
{
	struct matcher *m = begin();
	struct endpoint *c = client(m, 1, "10.0.0.1:40000", "10.0.0.2:80");
	struct endpoint *s = server(m, 2, "[::ffff:10.0.0.2]:80", "[::ffff:10.0.0.1]:40000");

	CHECK(c->peer == s);
	matcher_destroy(m);
}

TEST("a socket connected to itself has no other end")
{
	struct matcher *m = begin();
	struct endpoint *c = client(m, 1, "127.0.0.1:40000", "127.0.0.1:40000");

	CHECK(!c->peer && c->conversation->end[0] == c && !c->conversation->end[1]);
	matcher_destroy(m);
}

TEST("an address pair used again is another conversation")
{
	struct matcher *m = begin();
	struct endpoint *c1 = client(m, 1, "10.0.0.1:40000", "10.0.0.2:80");
	struct endpoint *s1 = server(m, 2, "10.0.0.2:80", "10.0.0.1:40000");
	struct endpoint *c2, *s2;

	end_both(m, c1, s1);
	CHECK(c1->kind == ENDPOINT_ended && s1->kind == ENDPOINT_ended);
	c2 = client(m, 3, "10.0.0.1:40000", "10.0.0.2:80");
	CHECK(!c2->peer);
	s2 = server(m, 4, "10.0.0.2:80", "10.0.0.1:40000");
	CHECK(c2->peer == s2 && c1->peer == s1);
	CHECK(c2->conversation != c1->conversation);
	matcher_destroy(m);
}

TEST("a socket that connects anew leaves its former peer, and finds the next one")
{
	struct matcher *m = begin();
	struct endpoint *c = client(m, 1, "127.0.0.1:40000", "127.0.0.1:80");
	struct endpoint *first = server(m, 2, "127.0.0.1:80", "127.0.0.1:40000"), *second;
	uint32_t number = c->conversation->number;

	CHECK(c->peer == first);
	move(m, 1, "127.0.0.1:40000", "127.0.0.1:80", TCP_ESTABLISHED, TCP_CLOSE);
	move(m, 2, "127.0.0.1:80", "127.0.0.1:40000", TCP_ESTABLISHED, TCP_CLOSE);
	/* The kernel still names the old port. */
	move(m, 1, "127.0.0.1:40000", "127.0.0.1:80", TCP_CLOSE, TCP_SYN_SENT);
	CHECK(!c->peer && !first->peer);
	CHECK(first->conversation->number == number && c->conversation->number != number);
	CHECK(endpoint_fact(c, FACT_established) == NULL);
	client(m, 1, "127.0.0.1:40001", "127.0.0.1:80");
	second = server(m, 3, "127.0.0.1:80", "127.0.0.1:40001");
	CHECK(c->peer == second && second->conversation == c->conversation);
	matcher_destroy(m);
}

TEST("an end in TIME_WAIT whose peer is elsewhere does not take the next connection's end")
{
	struct matcher *m = begin();
	struct endpoint *s = server(m, 1, "10.0.0.2:80", "10.0.0.1:40000"), *c;
	union event_any e;

	event_init(&e, EVENT_tcp_time_wait);
	e.head.socket = 1;
	e.tcp_time_wait.substate = TCP_TIME_WAIT;
	tell(m, &e);
	move(m, 1, "10.0.0.2:80", "10.0.0.1:40000", TCP_FIN_WAIT2, TCP_CLOSE);
	CHECK(s->kind == ENDPOINT_time_wait && s->state == TCP_TIME_WAIT);
	c = client(m, 2, "10.0.0.1:40000", "10.0.0.2:80");
	CHECK(!c->peer && !s->peer);
	matcher_destroy(m);
}

TEST("request, child and TIME_WAIT are one endpoint from first to last")
{
	struct matcher *m = begin();
	union event_any e;
	struct endpoint *s, *after;

	event_init(&e, EVENT_tcp_syn_recv);
	e.head.socket = 7;
	e.head.protocol = IPPROTO_TCP;
	set_ends(&e.head, "10.0.0.2:80", "10.0.0.1:40000");
	e.tcp_syn_recv.listener = 5;
	s = tell(m, &e);
	CHECK(s->kind == ENDPOINT_request && s->role == ROLE_server && s->listener == 5);
	move(m, 7, "10.0.0.2:80", "10.0.0.1:40000", TCP_SYN_RECV, TCP_ESTABLISHED);
	CHECK(s->kind == ENDPOINT_child);
	event_init(&e, EVENT_tcp_accept);
	e.head.socket = 7;
	e.tcp_accept.listener = 5;
	tell(m, &e);
	CHECK(s->kind == ENDPOINT_socket);
	move(m, 7, "10.0.0.2:80", "10.0.0.1:40000", TCP_ESTABLISHED, TCP_FIN_WAIT1);
	close_last(m, s);
	CHECK(s->kind == ENDPOINT_orphan);
	event_init(&e, EVENT_tcp_time_wait);
	e.head.socket = 7;
	e.tcp_time_wait.substate = TCP_TIME_WAIT;
	e.tcp_time_wait.timeout_ns = 60000000000ull;
	after = tell(m, &e);
	CHECK(after == s && s->kind == ENDPOINT_time_wait);
	move(m, 7, "10.0.0.2:80", "10.0.0.1:40000", TCP_FIN_WAIT2, TCP_CLOSE);
	CHECK(s->kind == ENDPOINT_time_wait && s->time_wait_ends_ns == s->time_wait.time_ns + 60000000000ull);
	event_init(&e, EVENT_tcp_time_wait_end);
	e.head.socket = 7;
	e.tcp_time_wait_end.ending = TIME_WAIT_END_expired;
	tell(m, &e);
	CHECK(s->kind == ENDPOINT_ended && conversation_ended(s->conversation));
	matcher_destroy(m);
}

TEST("the owner seen in a call is kept against guesses")
{
	struct matcher *m = begin();
	union event_any e;
	struct endpoint *ep;

	event_init(&e, EVENT_tcp_state);
	e.head.socket = 1;
	e.head.pid = 200;
	e.head.attribution = ATTRIBUTION_inherited;
	ep = tell(m, &e);
	CHECK(ep->pid == 200);
	e.head.pid = 300;
	e.head.attribution = ATTRIBUTION_exact;
	tell(m, &e);
	CHECK(ep->pid == 300 && ep->attribution == ATTRIBUTION_exact);
	e.head.pid = 200;
	e.head.attribution = ATTRIBUTION_inherited;
	tell(m, &e);
	CHECK(ep->pid == 300);
	e.head.pid = 0;
	e.head.attribution = ATTRIBUTION_unknown;
	tell(m, &e);
	CHECK(ep->pid == 300);
	matcher_destroy(m);
}

TEST("a unix socket finds the peer its events name, and keeps the names")
{
	struct matcher *m = begin();
	union event_any e;
	struct endpoint *c, *s;

	event_init(&e, EVENT_unix_connect);
	e.head.socket = 1;
	e.head.family = AF_UNIX;
	e.unix_connect.peer = 2;
	e.unix_connect.path.length = 2;
	memcpy(e.unix_connect.path.bytes, "/s", 2);
	c = tell(m, &e);
	CHECK(!c->peer && c->remote_path);
	event_init(&e, EVENT_unix_accept);
	e.head.socket = 2;
	e.head.family = AF_UNIX;
	e.unix_accept.peer = 1;
	s = tell(m, &e);
	CHECK(c->peer == s && c->conversation->end[0] == c);
	matcher_destroy(m);
}

TEST("events without a socket belong to no endpoint")
{
	struct matcher *m = begin();
	union event_any e;

	event_init(&e, EVENT_process_exit);
	CHECK(tell(m, &e) == NULL);
	CHECK(matcher_count(m).endpoints == 0);
	matcher_destroy(m);
}

TEST("ended conversations are known for a while and then forgotten, the counts stay")
{
	struct matcher_limits limits = { .endpoints = 1000, .recent = 3 };
	struct matcher *m = matcher_create(&limits);
	char local[32];

	events = 0;
	for (uint64_t i = 1; i <= 100; i++) {
		struct endpoint *c, *s;

		snprintf(local, sizeof(local), "10.0.0.1:%u", (unsigned)(1000 + i));
		c = client(m, 2 * i, local, "10.0.0.2:80");
		s = server(m, 2 * i + 1, "10.0.0.2:80", local);
		end_both(m, c, s);
	}
	CHECK(matcher_find(m, 200) && matcher_find(m, 201));
	CHECK(!matcher_find(m, 2));
	CHECK(matcher_count(m).now <= 2 * 4);
	CHECK(matcher_count(m).endpoints == 200 && matcher_count(m).joined == 100);
	CHECK(matcher_count(m).forgotten == 0);
	matcher_destroy(m);
}

TEST("beyond the limit the sockets unused for longest go, and are counted")
{
	struct matcher_limits limits = { .endpoints = 10, .recent = 3 };
	struct matcher *m = matcher_create(&limits);
	char local[32];

	events = 0;
	for (uint64_t i = 1; i <= 25; i++) {
		snprintf(local, sizeof(local), "10.0.0.1:%u", (unsigned)(1000 + i));
		client(m, i, local, "10.0.0.2:80");
		client(m, 1, "10.0.0.1:1001", "10.0.0.2:80"); /* always in use */
	}
	CHECK(matcher_count(m).now == 10);
	CHECK(matcher_count(m).forgotten == 15);
	CHECK(matcher_find(m, 1) && matcher_find(m, 25) && !matcher_find(m, 2));
	matcher_destroy(m);
}

TEST("who holds a port is found: a socket before a TIME_WAIT, and only in the namespace")
{
	struct matcher *m = begin();
	struct endpoint *s = server(m, 1, "10.0.0.2:80", "10.0.0.1:40000"), *l;
	struct address any, other;
	union event_any e;

	CHECK(address_parse("0.0.0.0:80", &any) && address_parse("10.0.0.9:80", &other));
	event_init(&e, EVENT_tcp_time_wait);
	e.head.socket = 1;
	e.tcp_time_wait.substate = TCP_TIME_WAIT;
	tell(m, &e);
	CHECK(matcher_holder(m, &any, 1, 9) == s);
	CHECK(matcher_holder(m, &other, 1, 9) == NULL);
	CHECK(matcher_holder(m, &any, 2, 9) == NULL);
	CHECK(matcher_holder(m, &any, 1, 1) == NULL);
	l = move(m, 3, "0.0.0.0:80", NULL, TCP_CLOSE, TCP_LISTEN);
	CHECK(matcher_holder(m, &any, 1, 9) == l);
	CHECK(matcher_holder(m, &other, 1, 9) == l);
	matcher_destroy(m);
}
