/* SPDX-License-Identifier: BSD-2-Clause */
#include "lesson/gauge.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { PORT_free, PORT_used, PORT_waits };

#define AS(name) ((const struct event_##name *)e)

enum gauge_kind gauge_kind_find(const char *word)
{
	static const char *const words[GAUGE_KINDS] = { "send", "receive", "underway", "accept", "requests", "ports", "time-wait" };
	int kind = 0;

	while (kind < GAUGE_KINDS && strcmp(words[kind], word) != 0)
		kind++;
	return kind;
}

void gauge_begin(struct gauge *g, const struct bar *bar)
{
	*g = (struct gauge){ .bar = bar };
	if (bar->kind == GAUGE_requests)
		g->ports = memory_create(UINT16_MAX + 1, 1);
	if (bar->kind != GAUGE_ports)
		return;
	g->limit = bar->last - bar->first + 1;
	g->ports = memory_create(g->limit, 1);
}

void gauge_finish(struct gauge *g)
{
	free(g->ports);
	*g = (struct gauge){ 0 };
}

static void set(struct gauge *g, uint64_t value, uint64_t limit)
{
	g->known = true;
	g->value = value;
	g->limit = limit;
}

/* Where nobody tells what full is: the most there was. */
static void set_of_most(struct gauge *g, uint64_t value)
{
	set(g, value, value > g->limit ? value : g->limit);
}

static void send_queue(struct gauge *g, const struct event *e)
{
	switch (e->id) {
	case EVENT_tcp_send:
		if (!AS(tcp_send)->error)
			set(g, AS(tcp_send)->queued_bytes, AS(tcp_send)->sndbuf_bytes);
		break;
	case EVENT_tcp_send_block:
		set(g, AS(tcp_send_block)->queued_bytes, AS(tcp_send_block)->sndbuf_bytes);
		break;
	case EVENT_sock_close:
		if (g->known && AS(sock_close)->last && e->remote_port)
			set(g, AS(sock_close)->unsent_bytes, g->limit);
		break;
	case EVENT_tcp_state:
		/* The FIN is behind the data: who acknowledged it has all of them. */
		if (g->known && (AS(tcp_state)->newstate == TCP_CLOSE || AS(tcp_state)->newstate == TCP_FIN_WAIT2))
			set(g, 0, g->limit);
		break;
	default:
		break;
	}
}

static void receive_queue(struct gauge *g, const struct event *e)
{
	switch (e->id) {
	case EVENT_tcp_recv:
		if (!AS(tcp_recv)->error)
			set_of_most(g, AS(tcp_recv)->unread_bytes);
		break;
	case EVENT_sock_close:
		if (g->known && AS(sock_close)->last && e->remote_port)
			set_of_most(g, 0);
		break;
	default:
		break;
	}
}

static void accept_queue(struct gauge *g, const struct event *e)
{
	switch (e->id) {
	case EVENT_sock_listen:
		if (!AS(sock_listen)->error)
			set(g, g->value, AS(sock_listen)->backlog + 1);
		break;
	case EVENT_tcp_syn_recv:
		set(g, AS(tcp_syn_recv)->accept_queue, AS(tcp_syn_recv)->backlog + 1);
		break;
	case EVENT_tcp_listen_drop:
		set(g, AS(tcp_listen_drop)->accept_queue, AS(tcp_listen_drop)->backlog + 1);
		break;
	case EVENT_tcp_accept:
		if (!AS(tcp_accept)->error)
			set(g, AS(tcp_accept)->accept_queue, AS(tcp_accept)->backlog + 1);
		break;
	case EVENT_tcp_state:
		if (AS(tcp_state)->oldstate == TCP_SYN_RECV && AS(tcp_state)->newstate == TCP_ESTABLISHED)
			set(g, g->value + 1, g->limit);
		break;
	default:
		break;
	}
}

/* Only the handshake of a request ends one: with a SYN cookie there was none. */
static void request_answered(struct gauge *g, const struct event *e)
{
	if (!g->ports[e->remote_port] || !g->value)
		return;
	g->ports[e->remote_port]--;
	g->value--;
}

static void request_queue(struct gauge *g, const struct event *e)
{
	switch (e->id) {
	case EVENT_sock_listen:
		if (!AS(sock_listen)->error)
			set(g, g->value, AS(sock_listen)->backlog + 1);
		break;
	case EVENT_tcp_syn_recv:
		g->ports[e->remote_port] += g->ports[e->remote_port] < UINT8_MAX;
		set(g, AS(tcp_syn_recv)->syn_queue, AS(tcp_syn_recv)->syn_queue > g->limit ? AS(tcp_syn_recv)->syn_queue : g->limit);
		break;
	case EVENT_tcp_listen_drop:
		/* net.ipv4.tcp_max_syn_backlog may set a lower limit: this is it. */
		if (AS(tcp_listen_drop)->reason == LISTEN_DROP_syn_queue)
			set(g, AS(tcp_listen_drop)->syn_queue, AS(tcp_listen_drop)->syn_queue);
		break;
	case EVENT_tcp_state:
		if (AS(tcp_state)->oldstate == TCP_SYN_RECV && AS(tcp_state)->newstate == TCP_ESTABLISHED)
			request_answered(g, e);
		break;
	default:
		break;
	}
}

static void port_set(struct gauge *g, uint16_t port, uint8_t state)
{
	uint8_t *at;

	if (port < g->bar->first || port > g->bar->last)
		return;
	at = &g->ports[port - g->bar->first];
	g->value += (state != PORT_free) - (*at != PORT_free);
	g->waiting += (state == PORT_waits) - (*at == PORT_waits);
	*at = state;
	g->known = true;
}

static bool port_waits(const struct gauge *g, uint16_t port)
{
	return port >= g->bar->first && port <= g->bar->last && g->ports[port - g->bar->first] == PORT_waits;
}

static void port_pool(struct gauge *g, const struct event *e)
{
	switch (e->id) {
	case EVENT_tcp_state:
		if (AS(tcp_state)->newstate != TCP_CLOSE)
			port_set(g, e->local_port, PORT_used);
		else if (!port_waits(g, e->local_port)) /* the entry is there already: only the full socket went */
			port_set(g, e->local_port, PORT_free);
		break;
	case EVENT_tcp_time_wait:
		port_set(g, e->local_port, PORT_waits);
		break;
	case EVENT_tcp_time_wait_end:
		if (port_waits(g, e->local_port))
			port_set(g, e->local_port, PORT_free);
		break;
	default:
		break;
	}
}

static void time_wait(struct gauge *g, const struct event *e)
{
	switch (e->id) {
	case EVENT_tcp_time_wait:
		if (AS(tcp_time_wait)->substate != TCP_TIME_WAIT)
			break;
		set(g, 0, AS(tcp_time_wait)->timeout_ns);
		g->ends_ns = e->time_ns + AS(tcp_time_wait)->timeout_ns;
		g->socket = e->socket;
		break;
	case EVENT_tcp_time_wait_end:
		if (e->socket == g->socket)
			g->ends_ns = 0;
		break;
	default:
		break;
	}
}

uint64_t gauge_left(const struct gauge *g, uint64_t now_ns)
{
	return g->ends_ns > now_ns ? g->ends_ns - now_ns : 0;
}

/* Two programs, so the two totals are kept: what is read may be told before the call that wrote it returns. */
static void underway(struct gauge *g, const struct event *e, condition_is *is, void *context)
{
	if (e->id == EVENT_tcp_send && !AS(tcp_send)->error && is(e, g->bar->who, context))
		g->written += AS(tcp_send)->done_bytes;
	else if (e->id == EVENT_tcp_recv && !AS(tcp_recv)->error && is(e, g->bar->to, context))
		g->read += AS(tcp_recv)->done_bytes;
	else
		return;
	set_of_most(g, g->written > g->read ? g->written - g->read : 0);
}

void gauge_event(struct gauge *g, const struct event *e, condition_is *is, void *context)
{
	if (g->bar->kind == GAUGE_underway) {
		underway(g, e, is, context);
		return;
	}
	if (!is(e, g->bar->who, context))
		return;
	switch (g->bar->kind) {
	case GAUGE_send:
		send_queue(g, e);
		break;
	case GAUGE_receive:
		receive_queue(g, e);
		break;
	case GAUGE_accept:
		accept_queue(g, e);
		break;
	case GAUGE_requests:
		request_queue(g, e);
		break;
	case GAUGE_ports:
		port_pool(g, e);
		break;
	default:
		time_wait(g, e);
		break;
	}
}
