/* SPDX-License-Identifier: BSD-2-Clause */
#include "conversation/matcher.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "conversation/state.h"

struct matcher {
	struct matcher_limits limits;
	struct matcher_count count;
	struct map sockets;             /* id -> endpoint */
	struct map tuples;              /* hash of protocol, local, remote -> chain of endpoints */
	struct endpoint *oldest, *newest; /* order of last use */
	struct conversation *recent_first, *recent_last; /* ended, the oldest first */
	uint32_t recent_count;
	uint32_t numbers;               /* of conversations given out */
	struct conversation *touched;   /* of the last event: looked after before the next one */
};

struct matcher *matcher_create(const struct matcher_limits *limits)
{
	static const struct matcher_limits usual = { .endpoints = 262144, .recent = 256 };
	struct matcher *m = memory_create(1, sizeof(*m));

	m->limits = limits ? *limits : usual;
	return m;
}

/* ---- order of use ---- */

static void order_remove(struct matcher *m, struct endpoint *ep)
{
	if (ep->older)
		ep->older->newer = ep->newer;
	else
		m->oldest = ep->newer;
	if (ep->newer)
		ep->newer->older = ep->older;
	else
		m->newest = ep->older;
	ep->older = ep->newer = NULL;
}

static void order_add(struct matcher *m, struct endpoint *ep)
{
	ep->older = m->newest;
	if (m->newest)
		m->newest->newer = ep;
	else
		m->oldest = ep;
	m->newest = ep;
}

/* ---- the index of address pairs ---- */

struct tuple {
	struct address local, remote; /* plain */
	uint8_t protocol;
};

static uint64_t tuple_hash(const struct tuple *t)
{
	uint64_t hash = address_hash(&t->local) * 0x9e3779b97f4a7c15ull;

	return (hash ^ address_hash(&t->remote)) * 31 + t->protocol;
}

static struct tuple tuple_of(const struct endpoint *ep)
{
	return (struct tuple){
		.local = address_plain(ep->local), .remote = address_plain(ep->remote), .protocol = ep->protocol
	};
}

static struct tuple tuple_mirror(const struct tuple *t)
{
	return (struct tuple){ .local = t->remote, .remote = t->local, .protocol = t->protocol };
}

static void tuples_remove(struct matcher *m, struct endpoint *ep)
{
	struct endpoint *head = map_get(&m->tuples, ep->tuple_hash);
	struct endpoint **link = &head;

	if (!ep->in_tuples)
		return;
	ep->in_tuples = false;
	while (*link && *link != ep)
		link = &(*link)->tuple_next;
	if (*link)
		*link = ep->tuple_next;
	ep->tuple_next = NULL;
	if (head)
		map_put(&m->tuples, ep->tuple_hash, head);
	else
		map_remove(&m->tuples, ep->tuple_hash);
}

static void tuples_add(struct matcher *m, struct endpoint *ep, uint64_t hash)
{
	ep->tuple_hash = hash;
	ep->tuple_next = map_get(&m->tuples, hash);
	ep->in_tuples = true;
	map_put(&m->tuples, hash, ep);
}

/*
 * The other end: same namespace first, since address pairs are only unique within one; else any namespace, because a veth pair
 * connects two of them. Sockets that have a peer or are gone belong to an earlier use of the same pair.
 */
static struct endpoint *tuples_find(const struct matcher *m, const struct endpoint *for_whom, const struct tuple *t)
{
	struct endpoint *elsewhere = NULL;

	for (struct endpoint *ep = map_get(&m->tuples, tuple_hash(t)); ep; ep = ep->tuple_next) {
		struct tuple theirs = tuple_of(ep);

		if (ep == for_whom || ep->peer || endpoint_over(ep) || theirs.protocol != t->protocol ||
		    (ep->state == TCP_CLOSE && for_whom->state == TCP_SYN_SENT) ||
		    !address_equal(&theirs.local, &t->local) || !address_equal(&theirs.remote, &t->remote))
			continue;
		if (ep->netns == for_whom->netns)
			return ep;
		elsewhere = ep;
	}
	return elsewhere;
}

/* ---- forgetting ---- */

static void endpoint_drop(struct matcher *m, struct endpoint *ep)
{
	tuples_remove(m, ep);
	order_remove(m, ep);
	map_remove(&m->sockets, ep->socket);
	m->count.now--;
	endpoint_destroy(ep);
}

static void recent_remove(struct matcher *m, struct conversation *c)
{
	struct conversation **link = &m->recent_first, *before = NULL;

	while (*link && *link != c) {
		before = *link;
		link = &before->recent_next;
	}
	if (!*link)
		return;
	*link = c->recent_next;
	if (m->recent_last == c)
		m->recent_last = before;
	c->recent_next = NULL;
	c->recent = false;
	m->recent_count--;
}

static void conversation_drop(struct matcher *m, struct conversation *c)
{
	if (c->recent)
		recent_remove(m, c);
	for (int i = 0; i < 2; i++)
		if (c->end[i])
			endpoint_drop(m, c->end[i]);
	if (m->touched == c)
		m->touched = NULL;
	conversation_destroy(c);
}

static void recent_add(struct matcher *m, struct conversation *c)
{
	c->recent = true;
	if (m->recent_last)
		m->recent_last->recent_next = c;
	else
		m->recent_first = c;
	m->recent_last = c;
	m->recent_count++;
	while (m->recent_count > m->limits.recent) {
		struct conversation *first = m->recent_first;

		/* A late event may have woken it (a TIME_WAIT told after the state). */
		if (conversation_ended(first))
			conversation_drop(m, first);
		else
			recent_remove(m, first);
	}
}

/* What the last event left behind may go now that everyone has seen it. */
static void look_after(struct matcher *m)
{
	struct conversation *c = m->touched;

	m->touched = NULL;
	if (!c || !conversation_cold(c))
		return;
	for (int i = 0; i < 2; i++) {
		if (!c->end[i])
			continue;
		endpoint_cool(c->end[i]);
		tuples_remove(m, c->end[i]);
	}
	if (conversation_ended(c) && !c->recent)
		recent_add(m, c);
}

static void make_room(struct matcher *m)
{
	while (m->count.now >= m->limits.endpoints && m->oldest) {
		struct conversation *c = m->oldest->conversation;

		for (int i = 0; i < 2; i++)
			if (c->end[i] && c->end[i]->kind != ENDPOINT_ended)
				m->count.forgotten++;
		conversation_drop(m, c);
	}
}

void matcher_destroy(struct matcher *m)
{
	if (!m)
		return;
	while (m->oldest)
		conversation_drop(m, m->oldest->conversation);
	map_finish(&m->sockets);
	map_finish(&m->tuples);
	free(m);
}

/* ---- joining ---- */

static bool opener(const struct endpoint *a, const struct endpoint *b)
{
	if (a->role != b->role) {
		if (a->role == ROLE_client || b->role == ROLE_server)
			return true;
		if (b->role == ROLE_client || a->role == ROLE_server)
			return false;
	}
	return a->first_ns <= b->first_ns;
}

/* Where neither opened a connection, `a` did if it `spoke` first, else the elder. */
static void join(struct matcher *m, struct endpoint *a, struct endpoint *b, bool spoke)
{
	struct conversation *stays = a->conversation, *goes = b->conversation;

	if (stays->number > goes->number) {
		stays = b->conversation;
		goes = a->conversation;
	}
	stays->events += goes->events;
	if (m->touched == goes)
		m->touched = stays;
	if (goes->recent)
		recent_remove(m, goes);
	conversation_destroy(goes);
	if ((spoke && a->role == b->role) || opener(a, b))
		conversation_join(stays, a, b);
	else
		conversation_join(stays, b, a);
	m->count.joined++;
}

static bool pairs_by_address(const struct endpoint *ep)
{
	if (ep->family != AF_INET && ep->family != AF_INET6)
		return false;
	return ep->kind != ENDPOINT_listener && address_complete(&ep->local) && address_complete(&ep->remote);
}

/* UDP sockets without a peer are found by their port. */
static uint64_t port_hash(uint16_t port)
{
	struct tuple t = { .local = { .port = port }, .protocol = IPPROTO_UDP };

	return tuple_hash(&t);
}

static void index_port(struct matcher *m, struct endpoint *ep)
{
	uint64_t hash = port_hash(ep->local.port);

	if (ep->protocol != IPPROTO_UDP || (ep->in_tuples && ep->tuple_hash == hash))
		return;
	tuples_remove(m, ep);
	if (ep->local.port)
		tuples_add(m, ep, hash);
}

static struct endpoint *port_find(const struct matcher *m, const struct endpoint *for_whom, const struct event_address *a)
{
	struct address peer = address_plain((struct address){ .family = a->family, .port = a->port, .ip = a->ip });

	for (struct endpoint *ep = map_get(&m->tuples, port_hash(peer.port)); ep; ep = ep->tuple_next) {
		struct address theirs = address_plain(ep->local);

		if (ep != for_whom && ep->protocol == IPPROTO_UDP && !endpoint_over(ep) && ep->netns == for_whom->netns &&
		    theirs.port == peer.port && (address_any(&theirs) || address_equal(&theirs, &peer)))
			return ep;
	}
	return NULL;
}

static void pair_by_address(struct matcher *m, struct endpoint *ep)
{
	struct tuple mine, mirror;
	struct endpoint *other;
	uint64_t hash;

	if (!endpoint_over(ep) && !pairs_by_address(ep))
		index_port(m, ep);
	if (endpoint_over(ep) || !pairs_by_address(ep))
		return;
	mine = tuple_of(ep);
	hash = tuple_hash(&mine);
	if (ep->in_tuples && ep->tuple_hash == hash)
		return;
	tuples_remove(m, ep);
	tuples_add(m, ep, hash);
	if (ep->peer)
		return;
	mirror = tuple_mirror(&mine);
	other = tuples_find(m, ep, &mirror);
	if (other)
		join(m, ep, other, false);
}

struct endpoint *matcher_mirror(const struct matcher *m, const struct event *e)
{
	struct tuple mirror = {
		.local = address_plain(address_remote(e)), .remote = address_plain(address_local(e)), .protocol = e->protocol
	};
	struct endpoint *elsewhere = NULL;

	if (!address_complete(&mirror.local) || !address_complete(&mirror.remote))
		return NULL;
	for (struct endpoint *ep = map_get(&m->tuples, tuple_hash(&mirror)); ep; ep = ep->tuple_next) {
		struct tuple theirs = tuple_of(ep);

		if (theirs.protocol != mirror.protocol || !address_equal(&theirs.local, &mirror.local) ||
		    !address_equal(&theirs.remote, &mirror.remote))
			continue;
		if (ep->netns == e->netns)
			return ep;
		elsewhere = ep;
	}
	return elsewhere;
}

static uint64_t named_peer(const struct event *e)
{
	switch (e->id) {
	case EVENT_unix_connect:
		return ((const struct event_unix_connect *)e)->peer;
	case EVENT_unix_accept:
		return ((const struct event_unix_accept *)e)->peer;
	case EVENT_unix_send:
		return ((const struct event_unix_send *)e)->peer;
	case EVENT_unix_recv:
		return ((const struct event_unix_recv *)e)->peer;
	case EVENT_unix_descriptor:
		return ((const struct event_unix_descriptor *)e)->peer;
	case EVENT_unix_credentials:
		return ((const struct event_unix_credentials *)e)->peer;
	case EVENT_unix_block:
		return ((const struct event_unix_block *)e)->peer;
	default:
		return 0;
	}
}

struct endpoint *matcher_correspondent(const struct matcher *m, const struct endpoint *self, const struct event *e)
{
	uint64_t peer;

	if (e->id == EVENT_udp_send)
		return port_find(m, self, &((const struct event_udp_send *)e)->to);
	if (e->id == EVENT_udp_recv)
		return port_find(m, self, &((const struct event_udp_recv *)e)->from);
	peer = named_peer(e);
	return peer && peer != self->socket ? map_get(&m->sockets, peer) : NULL;
}

static void pair_by_name(struct matcher *m, struct endpoint *ep, const struct event *e)
{
	struct endpoint *other;

	if (ep->peer)
		return;
	other = matcher_correspondent(m, ep, e);
	/* A datagram server is the peer of many: the first keeps it, the others talk alone. */
	if (!other || other->peer || other->role == ROLE_listener)
		return;
	if (e->id == EVENT_udp_recv || e->id == EVENT_unix_recv)
		join(m, other, ep, true);
	else
		join(m, ep, other, e->id == EVENT_udp_send || e->id == EVENT_unix_send);
}

/* A socket that connects anew leaves its former peer alone with their conversation. */
static void part(struct matcher *m, struct endpoint *ep)
{
	struct conversation *c = ep->conversation;
	struct endpoint *other = ep->peer;

	if (!other)
		return;
	c->end[0] = other;
	c->end[1] = NULL;
	c->version++;
	ep->peer = other->peer = NULL;
	conversation_create(ep, ++m->numbers);
	m->count.conversations++;
}

/* ---- events ---- */

static struct endpoint *endpoint_get(struct matcher *m, const struct event *e)
{
	struct endpoint *ep = map_get(&m->sockets, e->socket);

	if (ep) {
		order_remove(m, ep);
		order_add(m, ep);
		return ep;
	}
	make_room(m);
	ep = endpoint_create(e);
	map_put(&m->sockets, e->socket, ep);
	order_add(m, ep);
	conversation_create(ep, ++m->numbers);
	m->count.endpoints++;
	m->count.conversations++;
	m->count.now++;
	return ep;
}

/* Whether a reader should be told anew who talks to whom. A local port found on the way is not worth it, one given back is. */
static bool heading_changed(const struct endpoint *ep, const struct endpoint *before)
{
	return ep->pid != before->pid || ep->remote.port != before->remote.port || (before->local.port && !ep->local.port) ||
	       (ep->role == ROLE_listener && before->role != ROLE_listener) || !ep->remote_path != !before->remote_path ||
	       memcmp(&ep->comm, &before->comm, sizeof(ep->comm)) != 0;
}

struct endpoint *matcher_event(struct matcher *m, const struct event *e, uint32_t number)
{
	struct endpoint *ep, before;

	look_after(m);
	if (!e->socket)
		return NULL;
	ep = endpoint_get(m, e);
	before = *ep;
	if (endpoint_begins_anew(ep, e))
		part(m, ep);
	endpoint_event(ep, e, number);
	pair_by_address(m, ep);
	pair_by_name(m, ep, e);
	if (heading_changed(ep, &before))
		ep->conversation->version++;
	ep->conversation->events++;
	m->touched = ep->conversation;
	return ep;
}

struct endpoint *matcher_find(const struct matcher *m, uint64_t socket)
{
	return map_get(&m->sockets, socket);
}

struct endpoint *matcher_holder(const struct matcher *m, const struct address *a, uint32_t netns, uint64_t self)
{
	struct address asked = address_plain(*a);
	struct endpoint *waiting = NULL;

	if (!asked.port)
		return NULL;
	for (struct endpoint *ep = m->newest; ep; ep = ep->older) {
		struct address theirs = address_plain(ep->local);

		if (ep->socket == self || ep->kind == ENDPOINT_ended || ep->netns != netns || theirs.port != asked.port)
			continue;
		if (!address_any(&asked) && !address_any(&theirs) && !address_equal(&asked, &theirs))
			continue;
		if (ep->kind != ENDPOINT_time_wait)
			return ep;
		if (!waiting)
			waiting = ep;
	}
	return waiting;
}

struct matcher_count matcher_count(const struct matcher *m)
{
	return m->count;
}
