/* SPDX-License-Identifier: BSD-2-Clause */
#include "conversation/endpoint.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "conversation/state.h"
#include "event/schema.h"

static struct endpoint_memory *memory(struct endpoint *ep)
{
	if (!ep->memory) {
		ep->memory = memory_create(1, sizeof(*ep->memory));
		ep->memory->linger_s = -1;
	}
	return ep->memory;
}

struct endpoint *endpoint_create(const struct event *e)
{
	struct endpoint *ep = memory_create(1, sizeof(*ep));

	ep->socket = e->socket;
	ep->first_ns = e->time_ns;
	return ep;
}

void endpoint_destroy(struct endpoint *ep)
{
	if (!ep)
		return;
	free(ep->memory);
	free(ep->local_path);
	free(ep->remote_path);
	free(ep);
}

struct witness witness_of(const struct event *e, uint32_t number)
{
	return (struct witness){
		.time_ns = e->time_ns, .socket = e->socket, .number = number, .id = e->id
	};
}

const struct witness *endpoint_fact(const struct endpoint *ep, enum fact fact)
{
	if (!ep || !ep->memory || !ep->memory->fact[fact].number)
		return NULL;
	return &ep->memory->fact[fact];
}

bool endpoint_over(const struct endpoint *ep)
{
	return ep->kind == ENDPOINT_time_wait || ep->kind == ENDPOINT_ended;
}

bool endpoint_cold(const struct endpoint *ep)
{
	return ep->kind == ENDPOINT_ended || (ep->kind == ENDPOINT_time_wait && ep->closed);
}

void endpoint_cool(struct endpoint *ep)
{
	free(ep->memory);
	ep->memory = NULL;
}

/* ---- who and where ---- */

static void take_owner(struct endpoint *ep, const struct event *e)
{
	static const uint8_t rank[] = {
		[ATTRIBUTION_unknown] = 0, [ATTRIBUTION_seeded] = 1, [ATTRIBUTION_inherited] = 2, [ATTRIBUTION_exact] = 3
	};
	unsigned theirs = e->attribution < sizeof(rank) ? rank[e->attribution] : 0;

	if (!e->pid || theirs < rank[ep->attribution])
		return;
	ep->pid = e->pid;
	ep->uid = e->uid;
	ep->comm = e->comm;
	ep->attribution = theirs ? e->attribution : ATTRIBUTION_unknown;
}

static void take_address(struct address *mine, struct address theirs)
{
	if (!theirs.family)
		return;
	/* The kernel clears ports and addresses on the way to CLOSED: what was known once stays known. */
	if (mine->port && !theirs.port)
		return;
	if (mine->family && !address_any(mine) && address_any(&theirs))
		return;
	*mine = theirs;
}

static void take_path(struct event_path **mine, const struct event_path *theirs)
{
	if (!theirs->length)
		return;
	if (!*mine)
		*mine = memory_create(1, sizeof(**mine));
	**mine = *theirs;
}

static void remember(struct endpoint *ep, enum fact fact, const struct event *e, uint32_t number)
{
	memory(ep)->fact[fact] = witness_of(e, number);
}


static void call_failed(struct endpoint *ep, int error, const struct event *e, uint32_t number)
{
	error = error_plain(error);
	if (!error || error == EAGAIN || error == EINPROGRESS)
		return;
	memory(ep)->call_error = error;
	memory(ep)->collected = error == memory(ep)->stored_error;
	if (memory(ep)->collected)
		memory(ep)->stored_error = 0;
	remember(ep, FACT_call_error, e, number);
}

/* ---- one function per event that changes what is known ---- */

/* What was seen of an earlier connection of the same socket explains nothing of the next one. */
static void forget_connection(struct endpoint *ep)
{
	static const enum fact stay[] = { FACT_connect, FACT_linger, FACT_send_timeout, FACT_early_close, FACT_gap };
	struct endpoint_memory *m = memory(ep), fresh = { .linger_s = m->linger_s, .send_timeout_ns = m->send_timeout_ns };

	for (size_t i = 0; i < sizeof(stay) / sizeof(*stay); i++)
		fresh.fact[stay[i]] = m->fact[stay[i]];
	*m = fresh;
	ep->local.port = 0; /* the kernel may still name the old one: the SYN will tell */
	ep->wait_came_late = false;
	ep->wait_met.number = 0;
	ep->kind = ENDPOINT_socket;
}

bool endpoint_begins_anew(const struct endpoint *ep, const struct event *e)
{
	return e->id == EVENT_tcp_state && ((const struct event_tcp_state *)e)->newstate == TCP_SYN_SENT &&
	       ep->state != 0 && ep->state != TCP_SYN_SENT;
}

/*
 * Whether it is connect() with AF_UNSPEC that closes: where connect() itself fails, before any SYN, it takes back what the same call
 * began.
 */
static bool dissolves(const struct endpoint *ep, const struct event_tcp_state *e)
{
	const struct witness *returned = endpoint_fact(ep, FACT_connect), *begun = endpoint_fact(ep, FACT_syn);

	if (e->cause != CALL_connect || e->error || endpoint_fact(ep, FACT_reset_received))
		return false;
	return e->oldstate != TCP_SYN_SENT || (returned && begun && returned->number > begun->number);
}

static void on_state(struct endpoint *ep, const struct event_tcp_state *e, uint32_t number)
{
	/* Before 6.13 the child's first move carries the listener's identity (inet_csk_clone_lock); the listener stays. */
	if (ep->kind == ENDPOINT_listener && e->newstate == TCP_SYN_RECV)
		return;
	if (e->error) {
		memory(ep)->stored_error = error_plain(e->error);
		remember(ep, FACT_error, &e->head, number);
	}
	if (e->newstate == TCP_CLOSE)
		memory(ep)->dissolved = dissolves(ep, e);
	ep->old_state = e->oldstate;
	if (e->newstate == TCP_CLOSE && ep->kind == ENDPOINT_time_wait)
		return; /* the full socket ends, the entry that replaced it stays */
	ep->state = e->newstate;
	switch (e->newstate) {
	case TCP_LISTEN:
		ep->kind = ENDPOINT_listener;
		ep->role = ROLE_listener;
		break;
	case TCP_SYN_SENT:
		ep->role = ROLE_client;
		memory(ep)->attempts = true;
		remember(ep, FACT_syn, &e->head, number);
		break;
	case TCP_SYN_RECV:
		if (e->oldstate != TCP_SYN_SENT) {
			ep->role = ROLE_server;
			ep->kind = ENDPOINT_child;
		}
		break;
	case TCP_ESTABLISHED:
		remember(ep, FACT_established, &e->head, number);
		if (e->oldstate == TCP_SYN_SENT)
			ep->role = ROLE_client;
		if (e->oldstate == TCP_SYN_RECV && ep->role != ROLE_client && !endpoint_fact(ep, FACT_accept)) {
			ep->role = ROLE_server;
			ep->kind = ENDPOINT_child;
		}
		break;
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
		remember(ep, FACT_fin_received, &e->head, number);
		break;
	case TCP_CLOSE:
		if (ep->kind == ENDPOINT_orphan ||
		    (ep->kind == ENDPOINT_child && (e->cause == CALL_close || e->cause == CALL_exit || e->cause == CALL_dup ||
						    e->cause == CALL_close_range || e->cause == CALL_exec)))
			ep->kind = ENDPOINT_ended;
		break;
	default:
		break;
	}
}

static void on_close(struct endpoint *ep, const struct event_sock_close *e, uint32_t number)
{
	struct endpoint_memory *m = memory(ep);

	if (!e->last) {
		remember(ep, FACT_early_close, &e->head, number);
		return;
	}
	remember(ep, FACT_close, &e->head, number);
	m->unread_at_close = e->unread_bytes;
	m->unsent_at_close = e->unsent_bytes;
	m->close_state = e->state;
	if (e->linger_s >= 0)
		m->linger_s = e->linger_s;
	ep->closed = true;
	if (endpoint_over(ep))
		return;
	if (ep->protocol != IPPROTO_TCP || ep->kind == ENDPOINT_listener || ep->state == TCP_CLOSE || ep->state == 0)
		ep->kind = ENDPOINT_ended;
	else
		ep->kind = ENDPOINT_orphan;
}

static void on_accept(struct endpoint *ep, const struct event_tcp_accept *e, uint32_t number)
{
	if (e->error) {
		call_failed(ep, e->error, &e->head, number);
		return;
	}
	ep->listener = e->listener;
	ep->role = ROLE_server;
	if (!endpoint_over(ep))
		ep->kind = ENDPOINT_socket;
	remember(ep, FACT_accept, &e->head, number);
}

static void on_time_wait(struct endpoint *ep, const struct event_tcp_time_wait *e, uint32_t number)
{
	if (ep->kind != ENDPOINT_time_wait) {
		ep->wait_came_late = ep->state == TCP_CLOSE;
		ep->old_state = ep->wait_came_late ? ep->old_state : ep->state;
	} else {
		ep->old_state = ep->state;
	}
	ep->kind = ENDPOINT_time_wait;
	ep->state = e->substate;
	ep->waited_before = ep->time_wait.number;
	ep->time_wait = witness_of(&e->head, number);
	ep->time_wait_ends_ns = e->head.time_ns + e->timeout_ns;
	remember(ep, FACT_time_wait, &e->head, number);
}

static void on_time_wait_end(struct endpoint *ep, const struct event_tcp_time_wait_end *e)
{
	if (e->ending == TIME_WAIT_END_never)
		return;
	if (ep->state == TCP_SYN_SENT || ep->state == TCP_ESTABLISHED)
		return; /* the entry was an earlier connection's, the socket lives on with another */
	ep->kind = ENDPOINT_ended; /* `state` keeps what the entry stood for */
}

static void on_send_block(struct endpoint *ep, const struct event_tcp_send_block *e, uint32_t number)
{
	struct endpoint_memory *m = memory(ep);

	if (e->phase != PHASE_ends) {
		m->block_reason = e->reason;
		m->sends_blocked++;
		remember(ep, FACT_block, &e->head, number);
	}
	if (e->phase != PHASE_begins)
		m->blocked_ns += e->blocked_ns;
}

/* An entry keeps no memory, and this it must know at its end. */
static void meet(struct endpoint *ep, const struct event *e, uint32_t number)
{
	if (ep->kind == ENDPOINT_time_wait)
		ep->wait_met = witness_of(e, number);
}

/* Tracepoints see the end of it alone. */
static void on_ack_delayed(struct endpoint *ep, const struct event_tcp_ack_delayed *e, uint32_t number)
{
	enum { SLACK_NS = 1000000 };
	const struct witness *begun = endpoint_fact(ep, FACT_ack_delayed);

	if (e->phase == PHASE_begins || !begun || begun->time_ns + e->held_ns + SLACK_NS < e->head.time_ns)
		remember(ep, FACT_ack_delayed, &e->head, number);
}

static void on_segment(struct endpoint *ep, const struct event_tcp_segment *e, uint32_t number)
{
	enum { FLAG_FIN = 0x01, FLAG_SYN = 0x02, FLAG_RST = 0x04, FLAG_ACK = 0x10 };

	if (e->direction == DIRECTION_sent && (e->flags & FLAG_FIN) && e->repeated)
		remember(ep, FACT_fin_repeated, &e->head, number);
	if (e->direction == DIRECTION_received && (e->flags & FLAG_RST))
		meet(ep, &e->head, number);
	if (e->direction == DIRECTION_sent) {
		memory(ep)->closed_window = !e->window;
		memory(ep)->closed_window_seq = e->seq;
	}
	if (e->direction == DIRECTION_sent && (e->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN && !e->repeated)
		remember(ep, FACT_syn, &e->head, number);
}

static void on_option(struct endpoint *ep, const struct event_sock_option *e, uint32_t number)
{
	if (!e->error && e->option == (SOL_SOCKET << 16 | SO_SNDTIMEO)) {
		memory(ep)->send_timeout_ns = e->value * 1000000000ull + e->value2 * 1000ull;
		remember(ep, FACT_send_timeout, &e->head, number);
	}
	if (e->error || e->option != (SOL_SOCKET << 16 | SO_LINGER))
		return;
	memory(ep)->linger_s = e->value ? e->value2 : -1;
	remember(ep, FACT_linger, &e->head, number);
}

static void on_shutdown(struct endpoint *ep, const struct event_sock_shutdown *e, uint32_t number)
{
	if (e->error)
		return;
	memory(ep)->shutdown_done |= e->how + 1; /* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2: as sk_shutdown counts */
	if (e->how != SHUT_RD)
		remember(ep, FACT_shutdown, &e->head, number);
}

static void on_syn_recv(struct endpoint *ep, const struct event_tcp_syn_recv *e, uint32_t number)
{
	ep->listener = e->listener;
	ep->role = ROLE_server;
	ep->kind = ENDPOINT_request;
	ep->state = TCP_NEW_SYN_RECV;
	ep->backlog = e->backlog;
	remember(ep, FACT_syn_recv, &e->head, number);
}

/* connect() has not waited: this look tells how it ended. */
static void on_error_read(struct endpoint *ep, const struct event_sock_error_read *e)
{
	memory(ep)->call_attempted = memory(ep)->attempts;
	memory(ep)->stored_error = 0;
	if (e->error || e->state != TCP_SYN_SENT)
		memory(ep)->attempts = false;
}

static void on_connect(struct endpoint *ep, int error, const struct event *e, uint32_t number)
{
	if (ep->role == ROLE_unknown)
		ep->role = ROLE_client;
	memory(ep)->call_attempted = memory(ep)->attempts;
	/* A call that a signal ended may show a number of the kernel's own (ERESTARTSYS, 512). */
	if (error_plain(error) != EINPROGRESS && error_plain(error) != EALREADY && error_plain(error) != EINTR && error_plain(error) < 512)
		memory(ep)->attempts = false;
	remember(ep, FACT_connect, e, number);
	call_failed(ep, error, e, number);
}

static void on_io(struct endpoint *ep, uint64_t *total, uint64_t bytes, int error, const struct event *e, uint32_t number)
{
	if (error) {
		call_failed(ep, error, e, number);
		return;
	}
	*total += bytes;
	if (bytes)
		remember(ep, total == &ep->out_bytes ? FACT_send : FACT_recv, e, number);
}

/* What a read took out of the queue: neither what it only looked at, nor the report of an error. */
static uint64_t taken(uint32_t flags, uint64_t bytes)
{
	return flags & (MSG_PEEK | MSG_ERRQUEUE) ? 0 : bytes;
}

#define AS(name) ((const struct event_##name *)e)

static void on_call(struct endpoint *ep, const struct event *e, uint32_t number)
{
	switch (e->id) {
	case EVENT_sock_bind:
		if (!AS(sock_bind)->error)
			take_path(&ep->local_path, &AS(sock_bind)->path);
		call_failed(ep, AS(sock_bind)->error, e, number);
		break;
	case EVENT_sock_listen:
		if (AS(sock_listen)->error) {
			call_failed(ep, AS(sock_listen)->error, e, number);
			break;
		}
		ep->kind = ENDPOINT_listener;
		ep->role = ROLE_listener;
		ep->backlog = AS(sock_listen)->backlog;
		break;
	case EVENT_sock_option:
		on_option(ep, AS(sock_option), number);
		break;
	case EVENT_sock_shutdown:
		on_shutdown(ep, AS(sock_shutdown), number);
		break;
	case EVENT_sock_close:
		on_close(ep, AS(sock_close), number);
		break;
	case EVENT_tcp_connect:
		on_connect(ep, AS(tcp_connect)->error, e, number);
		break;
	case EVENT_tcp_accept:
		on_accept(ep, AS(tcp_accept), number);
		break;
	case EVENT_tcp_send:
		on_io(ep, &ep->out_bytes, AS(tcp_send)->done_bytes, AS(tcp_send)->error, e, number);
		memory(ep)->sent_short = !AS(tcp_send)->error && AS(tcp_send)->done_bytes < AS(tcp_send)->asked_bytes;
		break;
	case EVENT_tcp_recv:
		on_io(ep, &ep->in_bytes, AS(tcp_recv)->done_bytes, AS(tcp_recv)->error, e, number);
		break;
	case EVENT_tcp_io:
		ep->out_bytes += AS(tcp_io)->sent_bytes;
		ep->in_bytes += AS(tcp_io)->recv_bytes;
		if (AS(tcp_io)->recv_bytes)
			remember(ep, FACT_recv, e, number);
		break;
	case EVENT_udp_send:
		if (ep->role == ROLE_unknown)
			ep->role = ROLE_client;
		on_io(ep, &ep->out_bytes, AS(udp_send)->done_bytes, AS(udp_send)->error, e, number);
		break;
	case EVENT_udp_recv:
		if (ep->role == ROLE_unknown && !AS(udp_recv)->error && !(AS(udp_recv)->flags & MSG_ERRQUEUE))
			ep->role = ROLE_server; /* it was spoken to first */
		on_io(ep, &ep->in_bytes, taken(AS(udp_recv)->flags, AS(udp_recv)->done_bytes), AS(udp_recv)->error, e, number);
		break;
	case EVENT_udp_connect:
		ep->connected |= !AS(udp_connect)->error;
		on_connect(ep, AS(udp_connect)->error, e, number);
		break;
	case EVENT_unix_connect:
		take_path(&ep->remote_path, &AS(unix_connect)->path);
		on_connect(ep, AS(unix_connect)->error, e, number);
		break;
	case EVENT_unix_accept:
		take_path(&ep->local_path, &AS(unix_accept)->path);
		if (!AS(unix_accept)->error) {
			ep->role = ROLE_server;
			ep->listener = AS(unix_accept)->listener;
			remember(ep, FACT_accept, e, number);
		}
		break;
	case EVENT_unix_send:
		take_path(&ep->remote_path, &AS(unix_send)->path);
		on_io(ep, &ep->out_bytes, AS(unix_send)->done_bytes, AS(unix_send)->error, e, number);
		break;
	case EVENT_unix_recv:
		on_io(ep, &ep->in_bytes, taken(AS(unix_recv)->flags, AS(unix_recv)->done_bytes), AS(unix_recv)->error, e, number);
		break;
	default:
		break;
	}
}

static void on_kernel(struct endpoint *ep, const struct event *e, uint32_t number)
{
	switch (e->id) {
	case EVENT_tcp_syn_recv:
		on_syn_recv(ep, AS(tcp_syn_recv), number);
		break;
	case EVENT_tcp_state:
		on_state(ep, AS(tcp_state), number);
		break;
	case EVENT_tcp_segment:
		on_segment(ep, AS(tcp_segment), number);
		break;
	case EVENT_tcp_retransmit:
		memory(ep)->syn_repeats += AS(tcp_retransmit)->kind == RETRANSMIT_syn;
		remember(ep, FACT_retransmit, e, number);
		break;
	case EVENT_tcp_reset_sent:
		memory(ep)->reset_cause = AS(tcp_reset_sent)->cause;
		memory(ep)->unread_at_reset = AS(tcp_reset_sent)->unread_bytes;
		memory(ep)->reset_reason = AS(tcp_reset_sent)->reason;
		remember(ep, FACT_reset_sent, e, number);
		meet(ep, e, number);
		break;
	case EVENT_tcp_reset_received:
		memory(ep)->reset_state = AS(tcp_reset_received)->state;
		remember(ep, FACT_reset_received, e, number);
		break;
	case EVENT_tcp_time_wait:
		on_time_wait(ep, AS(tcp_time_wait), number);
		break;
	case EVENT_tcp_time_wait_end:
		on_time_wait_end(ep, AS(tcp_time_wait_end));
		break;
	case EVENT_tcp_probe:
		remember(ep, FACT_probe, e, number);
		break;
	case EVENT_tcp_ack_delayed:
		on_ack_delayed(ep, AS(tcp_ack_delayed), number);
		break;
	case EVENT_tcp_nagle_hold:
		memory(ep)->nagle_holds = AS(tcp_nagle_hold)->phase == PHASE_begins;
		if (memory(ep)->nagle_holds)
			remember(ep, FACT_nagle, e, number);
		break;
	case EVENT_tcp_send_block:
		on_send_block(ep, AS(tcp_send_block), number);
		break;
	case EVENT_unix_block:
		take_path(&ep->remote_path, &AS(unix_block)->path);
		if (AS(unix_block)->phase != PHASE_ends)
			remember(ep, FACT_block, e, number);
		break;
	case EVENT_tcp_recv_block:
		if (AS(tcp_recv_block)->phase != PHASE_ends)
			remember(ep, FACT_read_block, e, number);
		break;
	case EVENT_sock_error:
		memory(ep)->stored_error = error_plain(AS(sock_error)->error);
		remember(ep, FACT_error, e, number);
		break;
	case EVENT_sock_error_read:
		on_error_read(ep, AS(sock_error_read));
		break;
	case EVENT_icmp_received:
		memory(ep)->icmp_from = AS(icmp_received)->from;
		remember(ep, FACT_icmp, e, number);
		break;
	case EVENT_signal:
		remember(ep, FACT_signal, e, number);
		break;
	case EVENT_udp_disconnect:
		if (AS(udp_disconnect)->error)
			break;
		ep->connected = false;
		ep->local = address_local(e); /* what the kernel had chosen is given back */
		memset(&ep->remote, 0, sizeof(ep->remote));
		break;
	case EVENT_gap:
		remember(ep, FACT_gap, e, number);
		break;
	default:
		on_call(ep, e, number);
	}
}

bool endpoint_quotes_packet(const struct event *e)
{
	return (e->id == EVENT_udp_drop || e->id == EVENT_icmp_sent || e->id == EVENT_icmp_received) &&
	       e->protocol != IPPROTO_TCP;
}

/* Whether its remote address is only that of one message: an unconnected socket has no other end. */
static bool names_one_peer(const struct endpoint *ep, const struct event *e)
{
	return (e->id == EVENT_udp_send || e->id == EVENT_udp_recv) && !ep->connected;
}

/*
 * A listener from before the trace shows itself by what only a listener gets. The event names the addresses of the connection to
 * be: its socket is another.
 */
static void find_listener(struct endpoint *ep, const struct event *e)
{
	enum { FLAG_SYN = 0x02, FLAG_ACK = 0x10 };
	const struct event_tcp_segment *s = (const struct event_tcp_segment *)e;

	if (ep->role != ROLE_unknown || ep->state || !e->pid)
		return;
	if (e->id != EVENT_tcp_listen_drop && (e->id != EVENT_tcp_segment || s->direction != DIRECTION_received ||
					       (s->flags & (FLAG_SYN | FLAG_ACK)) != FLAG_SYN))
		return;
	ep->kind = ENDPOINT_listener;
	ep->role = ROLE_listener;
	take_address(&ep->local, address_local(e));
}

/* Whether a process gives up its share of the socket, which others hold: from then on it is no owner. */
static bool lets_go(const struct endpoint *ep, const struct event *e)
{
	return ep->pid && e->id == EVENT_sock_close && !((const struct event_sock_close *)e)->last;
}

void endpoint_event(struct endpoint *ep, const struct event *e, uint32_t number)
{
	bool anew;

	ep->last_ns = e->time_ns;
	if (e->netns)
		ep->netns = e->netns;
	if (e->family)
		ep->family = e->family;
	if (e->protocol)
		ep->protocol = e->protocol;
	if (!lets_go(ep, e))
		take_owner(ep, e);
	find_listener(ep, e);
	anew = endpoint_begins_anew(ep, e);
	if (ep->kind != ENDPOINT_listener) { /* whose events may name the addresses of a child or of a dropped SYN */
		if (!endpoint_quotes_packet(e) || !ep->local.port)
			take_address(&ep->local, address_local(e));
		if (!endpoint_quotes_packet(e) && !names_one_peer(ep, e))
			take_address(&ep->remote, address_remote(e));
	}
	if (anew)
		forget_connection(ep);
	on_kernel(ep, e, number);
}
