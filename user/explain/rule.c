/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/language.h"
#include "conversation/state.h"
#include "event/name.h"

/* Waits shorter than this are what a call takes anyway. */
#define NOTABLE_NS 1000000ull
/* And where no wait is seen as such, a busy machine may make a call last this long. */
#define WAITED_NS 20000000ull

#define AS(name) ((const struct event_##name *)o->m->event)
#define FITS(id) static bool rule_##id(struct occasion *o)

/* ---- what predicates are made of ---- */

/* Point at an event the sentence rests on; nothing when it was not seen. */
static void because(struct occasion *o, const struct witness *w)
{
	struct note *n = o->note;

	if (!w || !w->number || w->number == o->m->number || n->evidence_count >= NOTE_EVIDENCE_MAX - 1)
		return;
	for (unsigned i = 0; i < n->evidence_count; i++)
		if (n->evidence[i].number == w->number)
			return;
	n->evidence[n->evidence_count++] = *w;
}

static void because_own(struct occasion *o, enum fact fact)
{
	because(o, endpoint_fact(o->m->self, fact));
}

static void because_peer(struct occasion *o, enum fact fact)
{
	because(o, endpoint_fact(o->m->peer, fact));
}

/* The text of a new word of the sentence, to be filled by the caller. */
static struct text *word(struct occasion *o, const char *name)
{
	o->words[o->word_count].name = name;
	return &o->values[o->word_count++];
}

static const struct endpoint_memory *own(const struct occasion *o)
{
	static const struct endpoint_memory nothing = { .linger_s = -1 };

	return o->m->self && o->m->self->memory ? o->m->self->memory : &nothing;
}

static const struct endpoint_memory *peers(const struct occasion *o)
{
	static const struct endpoint_memory nothing = { .linger_s = -1 };

	return o->m->peer && o->m->peer->memory ? o->m->peer->memory : &nothing;
}

static bool seen(const struct occasion *o, enum fact fact)
{
	return endpoint_fact(o->m->self, fact) != NULL;
}

static bool peer_seen(const struct occasion *o, enum fact fact)
{
	return endpoint_fact(o->m->peer, fact) != NULL;
}

/* Whether the peer's program can never read again. */
static bool peer_closed(const struct occasion *o)
{
	const struct endpoint *p = o->m->peer;

	return p && (peer_seen(o, FACT_close) || p->kind == ENDPOINT_orphan || p->kind == ENDPOINT_ended);
}

/* The chain that ends in an error of a call: the peer's close, its RST, the RST's arrival, what was said of it before. */
static void because_reset(struct occasion *o)
{
	const struct witness *close = endpoint_fact(o->m->peer, FACT_close);
	const struct witness *reset = endpoint_fact(o->m->self, FACT_reset_received);

	/* A close that made the RST may be told after it; one that came later has no part in it. */
	if (close && (!reset || close->number < reset->number || peers(o)->reset_cause != CALL_none))
		because(o, close);
	because_peer(o, FACT_reset_sent);
	because_own(o, FACT_reset_received);
	because_own(o, FACT_error);
}

/* What the peer wrote since `fact`; what it is still writing is told when that call ends. */
static void because_sent_since(struct occasion *o, enum fact fact)
{
	const struct witness *sent = endpoint_fact(o->m->peer, FACT_send), *since = endpoint_fact(o->m->self, fact);

	if (sent && since && sent->number > since->number)
		because(o, sent);
}

/*
 * Who learns of an error, and by which call: sk_err waits for a write, or for a read that finds its queue empty; after a FIN a read
 * gets 0 bytes instead (SOCK_DONE, tcp_recvmsg_locked, net/ipv4/tcp.c).
 */
static void word_told(struct occasion *o, int error, bool after_fin)
{
	const struct endpoint *self = o->m->self;
	const char *sentence = N_("{owner} is told by {errno}: by the call it waits in, else by its next write, or by its next read once nothing is queued.");
	struct word words[2] = { { .name = "errno", .value = name_word(KIND_ERRNO, error) }, { 0 } };

	if (self && (self->closed || self->kind == ENDPOINT_orphan || endpoint_over(self)))
		sentence = N_("No process holds the socket any more: nobody is told.");
	else if (self && self->kind == ENDPOINT_child)
		sentence = N_("No process holds the connection yet: accept() hands it out all the same, and the calls that follow tell.");
	else if (after_fin)
		sentence = N_("The next write of {owner} gets {errno}; a read still gets what is queued, then 0 bytes.");
	say_sentence(word(o, "told"), _(sentence), o->m, words);
}

static void word_left(struct occasion *o, uint64_t ends_ns)
{
	uint64_t now = o->m->event->time_ns;

	say_duration(word(o, "left"), ends_ns > now ? ends_ns - now : 0);
}

static bool reset_reason_is(const struct occasion *o, const char *name)
{
	int64_t value;

	return name_value(KIND_RESET_REASON, name, &value) == 0 && value == AS(tcp_reset_sent)->reason;
}

/* ---- life ---- */

FITS(create_failed)
{
	return AS(sock_create)->error != 0;
}

/* Who holds the address asked for, so that bind() failed. */
static const struct endpoint *holder(const struct occasion *o)
{
	const struct event_address *asked = &AS(sock_bind)->asked;
	struct address a = { .family = asked->family, .port = asked->port, .ip = asked->ip };

	return matcher_holder(o->m->matcher, &a, o->m->event->netns, o->m->event->socket);
}

static bool bind_in_use(const struct occasion *o)
{
	return error_plain(AS(sock_bind)->error) == EADDRINUSE;
}

FITS(bind_time_wait)
{
	const struct endpoint *h = bind_in_use(o) ? holder(o) : NULL;

	if (!h || h->kind != ENDPOINT_time_wait)
		return false;
	say_process(word(o, "holder"), &h->comm, h->pid);
	word_left(o, h->time_wait_ends_ns);
	because(o, &h->time_wait);
	return true;
}

FITS(bind_held)
{
	const struct endpoint *h = bind_in_use(o) ? holder(o) : NULL;

	if (!h)
		return false;
	say_process(word(o, "holder"), &h->comm, h->pid);
	return true;
}

FITS(bind_path_exists)
{
	return bind_in_use(o) && AS(sock_bind)->head.family == AF_UNIX;
}

FITS(bind_in_use)
{
	return bind_in_use(o) && AS(sock_bind)->head.family != AF_UNIX;
}

FITS(bind_not_permitted)
{
	return error_plain(AS(sock_bind)->error) == EACCES && AS(sock_bind)->head.family != AF_UNIX;
}

FITS(bind_not_local)
{
	return error_plain(AS(sock_bind)->error) == EADDRNOTAVAIL;
}

FITS(bind_path_forbidden)
{
	return error_plain(AS(sock_bind)->error) == EACCES && AS(sock_bind)->head.family == AF_UNIX;
}

FITS(bind_path_missing)
{
	return error_plain(AS(sock_bind)->error) == ENOENT && AS(sock_bind)->head.family == AF_UNIX;
}

FITS(bind_failed)
{
	return AS(sock_bind)->error != 0;
}

FITS(bind_autobind)
{
	return AS(sock_bind)->chosen;
}

FITS(bind_ephemeral)
{
	return AS(sock_bind)->asked.family && AS(sock_bind)->head.family != AF_UNIX && AS(sock_bind)->asked.port == 0;
}

FITS(listen_failed)
{
	return AS(sock_listen)->error != 0;
}

FITS(listen_cut)
{
	return (int64_t)AS(sock_listen)->asked_backlog > (int64_t)AS(sock_listen)->backlog;
}

FITS(listen_room)
{
	return AS(sock_listen)->head.family != AF_UNIX;
}

static bool option_is(const struct occasion *o, int level, int name)
{
	return AS(sock_option)->option == ((unsigned)level << 16 | (unsigned)name);
}

FITS(option_failed)
{
	return AS(sock_option)->error != 0;
}

FITS(option_linger_zero)
{
	return option_is(o, SOL_SOCKET, SO_LINGER) && AS(sock_option)->value && AS(sock_option)->value2 == 0;
}

FITS(option_linger)
{
	return option_is(o, SOL_SOCKET, SO_LINGER) && AS(sock_option)->value;
}

FITS(option_buffer)
{
	return (option_is(o, SOL_SOCKET, SO_SNDBUF) || option_is(o, SOL_SOCKET, SO_RCVBUF)) &&
	       AS(sock_option)->effective >= 0 && AS(sock_option)->effective != AS(sock_option)->value;
}

FITS(option_nodelay)
{
	return option_is(o, IPPROTO_TCP, TCP_NODELAY) && AS(sock_option)->value;
}

FITS(shutdown_failed)
{
	return AS(sock_shutdown)->error != 0;
}

FITS(shutdown_unix)
{
	return !AS(sock_shutdown)->error && AS(sock_shutdown)->head.family == AF_UNIX;
}

FITS(half_close)
{
	return !AS(sock_shutdown)->error && AS(sock_shutdown)->how == SHUT_WR;
}

FITS(shutdown_read)
{
	return !AS(sock_shutdown)->error && AS(sock_shutdown)->how == SHUT_RD;
}

FITS(shutdown_both)
{
	return !AS(sock_shutdown)->error && AS(sock_shutdown)->how == SHUT_RDWR &&
	       AS(sock_shutdown)->state != TCP_LISTEN;
}

FITS(close_shared)
{
	const struct event_sock_close *e = AS(sock_close);

	if (e->last || e->references < 2)
		return false;
	text_u64(word(o, "others"), e->references - 1);
	return true;
}

static bool tcp_closes(const struct occasion *o)
{
	return AS(sock_close)->last && o->m->self && o->m->self->protocol == IPPROTO_TCP &&
	       o->m->self->role != ROLE_listener;
}

FITS(close_unread)
{
	return tcp_closes(o) && AS(sock_close)->unread_bytes && AS(sock_close)->state != TCP_CLOSE &&
	       !seen(o, FACT_reset_sent) && !seen(o, FACT_reset_received);
}

/* tcp_need_reset(), net/ipv4/tcp.c */
static bool needs_reset(__u8 state)
{
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
	       state == TCP_SYN_RECV;
}

FITS(close_aborts)
{
	because_own(o, FACT_linger);
	return tcp_closes(o) && AS(sock_close)->linger_s == 0 && needs_reset(AS(sock_close)->state) &&
	       !AS(sock_close)->unsent_bytes;
}

FITS(close_aborts_unsent)
{
	because_own(o, FACT_linger);
	return tcp_closes(o) && AS(sock_close)->linger_s == 0 && needs_reset(AS(sock_close)->state) &&
	       AS(sock_close)->unsent_bytes;
}

FITS(close_lingered)
{
	if (AS(sock_close)->linger_s <= 0 || AS(sock_close)->duration_ns < NOTABLE_NS)
		return false;
	because_own(o, FACT_linger);
	return true;
}

FITS(close_orphan)
{
	return tcp_closes(o) && AS(sock_close)->unsent_bytes && AS(sock_close)->state != TCP_CLOSE && !seen(o, FACT_reset_sent) &&
	       !seen(o, FACT_reset_received) && o->m->self->state != TCP_CLOSE;
}

FITS(close_exit)
{
	return AS(sock_close)->last && AS(sock_close)->cause == CALL_exit && o->m->self &&
	       o->m->self->protocol == IPPROTO_TCP;
}

FITS(error_dissolved)
{
	return AS(sock_error)->error != 0 && own(o)->dissolved && !o->m->self->closed;
}

/* A blocking connect() that has not returned yet. */
FITS(error_connects)
{
	const struct witness *begun = endpoint_fact(o->m->self, FACT_syn), *returned = endpoint_fact(o->m->self, FACT_connect);

	because_own(o, FACT_syn);
	return AS(sock_error)->error != 0 && !seen(o, FACT_reset_received) && own(o)->attempts && begun &&
	       (!returned || returned->number < begun->number) && !o->m->self->closed;
}

FITS(error_kept)
{
	/* Where nobody holds the socket there is no next call. */
	return AS(sock_error)->error != 0 && !seen(o, FACT_reset_received) &&
	       (!o->m->self || (!o->m->self->closed && o->m->self->kind != ENDPOINT_child && o->m->self->kind != ENDPOINT_ended));
}

/* ---- opening a connection ---- */

static bool connect_error(const struct occasion *o, int error)
{
	return error_plain(AS(tcp_connect)->error) == error;
}

FITS(connect_reset)
{
	if (!connect_error(o, ECONNREFUSED) || !seen(o, FACT_reset_received))
		return false;
	because_own(o, FACT_syn);
	because_own(o, FACT_reset_received);
	return true;
}

static void word_router(struct occasion *o)
{
	const struct event_address *a = &own(o)->icmp_from;
	char printed[INET6_ADDRSTRLEN];

	text_put(word(o, "router"), inet_ntop(a->family, a->ip.bytes, printed, sizeof(printed)) ? printed : "?");
	because_own(o, FACT_syn);
	because_own(o, FACT_icmp);
}

FITS(connect_refused_icmp)
{
	if (!connect_error(o, ECONNREFUSED) || !seen(o, FACT_icmp))
		return false;
	word_router(o);
	return true;
}

FITS(connect_refused)
{
	because_own(o, FACT_syn);
	return connect_error(o, ECONNREFUSED);
}

FITS(connect_timeout)
{
	uint32_t repeats = own(o)->syn_repeats;

	if (!connect_error(o, ETIMEDOUT))
		return false;
	text_printf(word(o, "repeats"), ngettext("%u repetition", "%u repetitions", repeats), repeats);
	because_own(o, FACT_syn);
	because_own(o, FACT_retransmit);
	return true;
}

/*
 * Whether this machine refused by itself: no SYN was prepared, and the socket got no port; with one it bound before, it must at least
 * have been fast.
 */
static bool refused_here(const struct occasion *o, int error)
{
	return connect_error(o, error) && !own(o)->call_attempted &&
	       (!AS(tcp_connect)->head.local_port || AS(tcp_connect)->duration_ns < NOTABLE_NS);
}

FITS(connect_no_route)
{
	return refused_here(o, ENETUNREACH);
}

FITS(connect_route_refuses)
{
	return refused_here(o, EHOSTUNREACH);
}

FITS(connect_prohibited)
{
	return refused_here(o, EACCES);
}

/* fe80::/10: __ip6_datagram_connect and tcp_v6_connect want to know the interface. */
FITS(connect_no_scope)
{
	const struct event_address *asked = &AS(tcp_connect)->asked;

	return refused_here(o, EINVAL) && asked->family == AF_INET6 && asked->ip.bytes[0] == 0xfe &&
	       (asked->ip.bytes[1] & 0xc0) == 0x80;
}

static bool unreachable(const struct occasion *o)
{
	return connect_error(o, EHOSTUNREACH) || connect_error(o, ENETUNREACH);
}

FITS(connect_icmp)
{
	if (!unreachable(o) || !seen(o, FACT_icmp))
		return false;
	word_router(o);
	because_own(o, FACT_error);
	return true;
}

FITS(connect_unreachable)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_error);
	return unreachable(o);
}

FITS(connect_no_port)
{
	return connect_error(o, EADDRNOTAVAIL);
}

FITS(connect_dissolved)
{
	const struct witness *reset = endpoint_fact(o->m->self, FACT_reset_sent);

	if (AS(tcp_connect)->asked.family || AS(tcp_connect)->error)
		return false;
	if (reset && reset->time_ns + AS(tcp_connect)->duration_ns >= o->m->event->time_ns)
		because(o, reset);
	return true;
}

FITS(connect_answered)
{
	if (!connect_error(o, EINPROGRESS) || !o->m->self || !seen(o, FACT_established))
		return false;
	because_own(o, FACT_established);
	return true;
}

FITS(connect_ended)
{
	if (!connect_error(o, EINPROGRESS) || !o->m->self || o->m->self->state != TCP_CLOSE)
		return false;
	because_own(o, FACT_reset_received);
	because_own(o, FACT_error);
	return true;
}

/* A socket that may not wait does not, however busy the machine: one that waited would wait still, but for SO_SNDTIMEO. */
FITS(connect_timed)
{
	uint64_t limit = own(o)->send_timeout_ns ? own(o)->send_timeout_ns : 500000000;

	because_own(o, FACT_send_timeout);
	return connect_error(o, EINPROGRESS) && AS(tcp_connect)->duration_ns >= limit;
}

FITS(connect_goes_on)
{
	return connect_error(o, EINPROGRESS);
}

FITS(connect_failed)
{
	return AS(tcp_connect)->error != 0;
}

FITS(connect_before_accept)
{
	const struct endpoint *p = o->m->peer;

	if (!p || p->kind != ENDPOINT_child)
		return false;
	say_process(word(o, "listener_name"), &p->comm, p->pid);
	because_own(o, FACT_established);
	because_peer(o, FACT_established);
	return true;
}

FITS(connect_collected)
{
	const struct witness *stands = endpoint_fact(o->m->self, FACT_established);

	because_own(o, FACT_established);
	return stands && stands->time_ns + AS(tcp_connect)->duration_ns < o->m->event->time_ns;
}

FITS(connect_done)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_established);
	return true;
}

FITS(syn_recv)
{
	because_peer(o, FACT_syn);
	because_peer(o, FACT_retransmit);
	return true;
}

FITS(accept_failed)
{
	return AS(tcp_accept)->error != 0 && error_plain(AS(tcp_accept)->error) != EAGAIN;
}

FITS(accept_reset)
{
	because_own(o, FACT_established);
	because_own(o, FACT_reset_received);
	return !AS(tcp_accept)->error && seen(o, FACT_reset_received);
}

FITS(accept_waited)
{
	because_own(o, FACT_established);
	return !AS(tcp_accept)->error && AS(tcp_accept)->queued_ns >= NOTABLE_NS;
}

FITS(accept_prompt)
{
	because_own(o, FACT_established);
	return !AS(tcp_accept)->error;
}

FITS(drop_accept_queue)
{
	return AS(tcp_listen_drop)->reason == LISTEN_DROP_accept_queue;
}

FITS(drop_syn_queue)
{
	return AS(tcp_listen_drop)->reason == LISTEN_DROP_syn_queue;
}

FITS(drop_listen)
{
	return AS(tcp_listen_drop)->reason == LISTEN_DROP_unknown;
}

/* ---- states ---- */

static bool moves(const struct occasion *o, int from, int to)
{
	return AS(tcp_state)->oldstate == from && AS(tcp_state)->newstate == to;
}

static bool open_fails(const struct occasion *o, int error)
{
	return moves(o, TCP_SYN_SENT, TCP_CLOSE) && error_plain(AS(tcp_state)->error) == error;
}

FITS(state_refused)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_reset_received);
	return open_fails(o, ECONNREFUSED) && seen(o, FACT_reset_received);
}

FITS(state_refused_icmp)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_icmp);
	return open_fails(o, ECONNREFUSED) && seen(o, FACT_icmp);
}

FITS(state_timeout)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_retransmit);
	return open_fails(o, ETIMEDOUT) && AS(tcp_state)->in_state_ns;
}

FITS(state_unreachable)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_icmp);
	return open_fails(o, EHOSTUNREACH) || open_fails(o, ENETUNREACH);
}

FITS(state_queued)
{
	because_own(o, FACT_syn_recv);
	return (moves(o, TCP_SYN_RECV, TCP_ESTABLISHED) || moves(o, TCP_NEW_SYN_RECV, TCP_ESTABLISHED)) && o->m->self &&
	       o->m->self->kind == ENDPOINT_child;
}

FITS(state_dissolved_reset)
{
	return own(o)->dissolved && AS(tcp_state)->newstate == TCP_CLOSE && needs_reset(AS(tcp_state)->oldstate);
}

FITS(state_dissolved)
{
	return own(o)->dissolved && AS(tcp_state)->newstate == TCP_CLOSE && AS(tcp_state)->oldstate != TCP_LISTEN;
}

FITS(state_reset)
{
	if (AS(tcp_state)->newstate != TCP_CLOSE || AS(tcp_state)->oldstate == TCP_LISTEN || !seen(o, FACT_reset_received))
		return false;
	because_peer(o, FACT_reset_sent);
	because_own(o, FACT_reset_received);
	return true;
}

/* tcp_rcv_state_process(), net/ipv4/tcp_input.c: the two states in which only the peer may still send. */
FITS(state_shut_reset)
{
	because_own(o, FACT_shutdown);
	because_sent_since(o, FACT_shutdown);
	return (moves(o, TCP_FIN_WAIT1, TCP_CLOSE) || moves(o, TCP_FIN_WAIT2, TCP_CLOSE)) &&
	       error_plain(AS(tcp_state)->error) == ECONNRESET && (own(o)->shutdown_done & 1) && !seen(o, FACT_close);
}

static bool gives_up(const struct occasion *o)
{
	return AS(tcp_state)->newstate == TCP_CLOSE && error_plain(AS(tcp_state)->error) == ETIMEDOUT &&
	       AS(tcp_state)->oldstate != TCP_SYN_SENT;
}

static void word_told_move(struct occasion *o)
{
	word_told(o, error_plain(AS(tcp_state)->error), AS(tcp_state)->oldstate == TCP_CLOSE_WAIT);
}

FITS(state_keepalive_dead)
{
	if (!gives_up(o) || !seen(o, FACT_probe))
		return false;
	because_own(o, FACT_probe);
	word_told_move(o);
	return true;
}

FITS(state_lost)
{
	because_own(o, FACT_retransmit);
	word_told_move(o);
	return gives_up(o);
}

static bool entry_keeps(const struct occasion *o, int substate)
{
	return AS(tcp_state)->newstate == TCP_CLOSE && o->m->self && o->m->self->kind == ENDPOINT_time_wait &&
	       o->m->self->state == substate;
}

FITS(state_time_wait)
{
	if (!entry_keeps(o, TCP_TIME_WAIT))
		return false;
	word_left(o, o->m->self->time_wait_ends_ns);
	because(o, &o->m->self->time_wait);
	return true;
}

FITS(state_fin_wait2_kept)
{
	if (!entry_keeps(o, TCP_FIN_WAIT2))
		return false;
	word_left(o, o->m->self->time_wait_ends_ns);
	because(o, &o->m->self->time_wait);
	return true;
}

struct move {
	int from, to, call;
	const char *reference;
	const char *sentence;
};

enum { TCP_any = -1 };

static const struct move moves_table[] = {
#define MOVE(from, to, call, reference, sentence) { TCP_##from, TCP_##to, call, reference, sentence },
#include "explain/tcp_move.def"
};

FITS(state_no_syn)
{
	const struct event_tcp_state *e = AS(tcp_state);

	return e->oldstate == TCP_SYN_SENT && e->newstate == TCP_CLOSE && e->cause == CALL_connect && !e->error;
}

FITS(state_move)
{
	const struct event_tcp_state *e = AS(tcp_state);
	bool in_call = e->cause != CALL_none;

	if (e->oldstate == e->newstate)
		return false;
	for (size_t i = 0; i < sizeof(moves_table) / sizeof(*moves_table); i++) {
		const struct move *move = &moves_table[i];

		if ((move->from != TCP_any && move->from != e->oldstate) || move->to != e->newstate ||
		    (move->call >= 0 && move->call != in_call))
			continue;
		o->sentence = move->sentence;
		o->note->reference = move->reference;
		break;
	}
	return true;
}

/* ---- sending and receiving ---- */

static bool zero_window(const struct occasion *o, enum direction direction)
{
	enum { SYN_OR_RST = 0x02 | 0x04 };

	return AS(tcp_segment)->direction == direction && AS(tcp_segment)->window == 0 &&
	       !(AS(tcp_segment)->flags & SYN_OR_RST);
}

FITS(zero_window_sent)
{
	return zero_window(o, DIRECTION_sent);
}

FITS(zero_window_received)
{
	/* Where the peer is seen as well, this was said when it sent the segment. */
	const struct endpoint_memory *from = o->m->peer ? o->m->peer->memory : NULL;

	return zero_window(o, DIRECTION_received) &&
	       !(from && from->closed_window && from->closed_window_seq == AS(tcp_segment)->seq);
}

static bool send_error(const struct occasion *o, int error)
{
	return error_plain(AS(tcp_send)->error) == error;
}

FITS(send_pipe_shut)
{
	because_own(o, FACT_shutdown);
	return send_error(o, EPIPE) && seen(o, FACT_shutdown) && !seen(o, FACT_reset_received);
}

FITS(send_pipe_chain)
{
	if (!send_error(o, EPIPE) || !seen(o, FACT_reset_received))
		return false;
	because_reset(o);
	because_own(o, FACT_signal);
	return true;
}

FITS(send_pipe)
{
	because_own(o, FACT_signal);
	return send_error(o, EPIPE);
}

FITS(send_reset)
{
	because_reset(o);
	return send_error(o, ECONNRESET) && seen(o, FACT_reset_received);
}

FITS(send_reset_own)
{
	because_own(o, FACT_shutdown);
	because_own(o, FACT_reset_sent);
	return send_error(o, ECONNRESET) && seen(o, FACT_reset_sent);
}

FITS(send_reset_unseen)
{
	because_own(o, FACT_error);
	return send_error(o, ECONNRESET);
}

FITS(send_timed_out)
{
	because_own(o, FACT_error);
	return send_error(o, ETIMEDOUT);
}

FITS(send_no_room)
{
	because_own(o, FACT_block);
	return send_error(o, EAGAIN) && seen(o, FACT_block) &&
	       endpoint_fact(o->m->self, FACT_block)->time_ns + AS(tcp_send)->duration_ns >= o->m->event->time_ns;
}

FITS(send_full)
{
	return send_error(o, EAGAIN);
}

FITS(send_failed)
{
	return AS(tcp_send)->error != 0;
}

FITS(send_partial)
{
	because_own(o, FACT_block);
	return AS(tcp_send)->done_bytes < AS(tcp_send)->asked_bytes;
}

FITS(send_answered)
{
	if (!AS(tcp_send)->done_bytes || !peer_closed(o) || !seen(o, FACT_reset_received))
		return false;
	because_reset(o);
	word_told(o, own(o)->reset_state == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET, own(o)->reset_state == TCP_CLOSE_WAIT);
	return true;
}

FITS(send_to_closed)
{
	if (!AS(tcp_send)->done_bytes || !peer_closed(o))
		return false;
	because_peer(o, FACT_close);
	because_own(o, FACT_fin_received);
	return true;
}

FITS(send_waited)
{
	const struct witness *block = endpoint_fact(o->m->self, FACT_block);

	/* The event is told when the call ends: the wait must have begun within it. */
	if (AS(tcp_send)->duration_ns < NOTABLE_NS || !block ||
	    block->time_ns + AS(tcp_send)->duration_ns < o->m->event->time_ns)
		return false;
	because(o, block);
	return true;
}

FITS(send_queued)
{
	return AS(tcp_send)->unsent_bytes != 0;
}

static bool blocks(const struct occasion *o, enum block reason)
{
	return AS(tcp_send_block)->phase != PHASE_ends && AS(tcp_send_block)->reason == reason;
}

FITS(block_window_slow)
{
	enum { LATELY_NS = 1000000000 };
	const struct witness *read = endpoint_fact(o->m->peer, FACT_recv);

	if (!blocks(o, BLOCK_peer_window) || !read || read->time_ns + LATELY_NS < o->m->event->time_ns)
		return false;
	because(o, read);
	return true;
}

FITS(block_window)
{
	return blocks(o, BLOCK_peer_window);
}

FITS(block_cwnd)
{
	return blocks(o, BLOCK_congestion_window);
}

FITS(block_memory)
{
	return blocks(o, BLOCK_memory);
}

FITS(block_buffer)
{
	return AS(tcp_send_block)->phase != PHASE_ends;
}

FITS(block_given_up)
{
	because_own(o, FACT_block);
	because_own(o, FACT_reset_received);
	return AS(tcp_send_block)->error != 0;
}

/* The call has returned already, with less than it was asked for: what ended the wait was a timeout or a signal. */
FITS(block_ran_out)
{
	const struct witness *sent = endpoint_fact(o->m->self, FACT_send), *begun = endpoint_fact(o->m->self, FACT_block);

	because_own(o, FACT_block);
	because_own(o, FACT_send);
	return own(o)->sent_short && sent && begun && sent->time_ns >= begun->time_ns;
}

FITS(block_released)
{
	because_own(o, FACT_block);
	because_peer(o, FACT_recv);
	return true;
}

static bool recv_error(const struct occasion *o, int error)
{
	return error_plain(AS(tcp_recv)->error) == error;
}

static bool recv_nothing(const struct occasion *o)
{
	return !AS(tcp_recv)->error && AS(tcp_recv)->done_bytes == 0 && AS(tcp_recv)->asked_bytes != 0;
}

FITS(recv_reset)
{
	because_reset(o);
	return recv_error(o, ECONNRESET) && seen(o, FACT_reset_received);
}

FITS(recv_reset_own)
{
	because_own(o, FACT_shutdown);
	because_own(o, FACT_reset_sent);
	return recv_error(o, ECONNRESET) && seen(o, FACT_reset_sent);
}

FITS(recv_reset_unseen)
{
	because_own(o, FACT_error);
	return recv_error(o, ECONNRESET);
}

FITS(recv_timed_out)
{
	because_own(o, FACT_error);
	return recv_error(o, ETIMEDOUT);
}

FITS(recv_eof_own)
{
	return recv_nothing(o) && (own(o)->shutdown_done & 1) && !seen(o, FACT_fin_received);
}

FITS(recv_eof_reset)
{
	if (!recv_nothing(o) || seen(o, FACT_fin_received) || !seen(o, FACT_reset_received))
		return false;
	because_reset(o);
	because_own(o, FACT_call_error);
	return true;
}

FITS(recv_eof)
{
	if (!recv_nothing(o))
		return false;
	because_peer(o, FACT_shutdown);
	because_peer(o, FACT_close);
	because_own(o, FACT_fin_received);
	if (o->m->self)
		because(o, &o->m->self->time_wait);
	return true;
}

/* ---- repetitions, probes, delays ---- */

static bool repeats(const struct occasion *o, enum retransmit kind)
{
	return AS(tcp_retransmit)->kind == kind;
}

FITS(retransmit_syn)
{
	because_own(o, FACT_syn);
	return repeats(o, RETRANSMIT_syn);
}

FITS(retransmit_syn_ack)
{
	because_own(o, FACT_syn_recv);
	return repeats(o, RETRANSMIT_syn_ack);
}

FITS(retransmit_fast)
{
	return repeats(o, RETRANSMIT_fast);
}

FITS(retransmit_tlp)
{
	return repeats(o, RETRANSMIT_tlp);
}

FITS(retransmit_fin)
{
	const struct event_tcp_retransmit *e = AS(tcp_retransmit);

	/* A FIN takes one number and nothing else is left to repeat. */
	return repeats(o, RETRANSMIT_rto) && e->length <= 1 &&
	       (e->state == TCP_FIN_WAIT1 || e->state == TCP_LAST_ACK || e->state == TCP_CLOSING);
}

FITS(retransmit_rto)
{
	return repeats(o, RETRANSMIT_rto);
}

FITS(retransmit)
{
	(void)o;
	return true;
}

FITS(probe_keepalive_idle)
{
	return AS(tcp_probe)->kind == PROBE_keepalive && AS(tcp_probe)->idle_ns;
}

FITS(probe_keepalive)
{
	return AS(tcp_probe)->kind == PROBE_keepalive;
}

FITS(probe_zero_window)
{
	return AS(tcp_probe)->kind == PROBE_zero_window;
}

FITS(ack_held)
{
	return AS(tcp_ack_delayed)->phase == PHASE_begins;
}

FITS(ack_late_nagle)
{
	because_own(o, FACT_ack_delayed);
	because_peer(o, FACT_nagle);
	return AS(tcp_ack_delayed)->phase != PHASE_begins && AS(tcp_ack_delayed)->held_ns >= NOTABLE_NS &&
	       peers(o)->nagle_holds;
}

FITS(ack_late)
{
	because_own(o, FACT_ack_delayed);
	return AS(tcp_ack_delayed)->phase != PHASE_begins && AS(tcp_ack_delayed)->held_ns >= NOTABLE_NS;
}

FITS(nagle_hold)
{
	return AS(tcp_nagle_hold)->phase == PHASE_begins && AS(tcp_nagle_hold)->reason == HOLD_nagle;
}

FITS(cork_hold)
{
	return AS(tcp_nagle_hold)->phase == PHASE_begins;
}

FITS(nagle_delayed_ack)
{
	const struct witness *held = endpoint_fact(o->m->self, FACT_nagle);
	const struct witness *delayed = endpoint_fact(o->m->peer, FACT_ack_delayed);

	if (AS(tcp_nagle_hold)->reason != HOLD_nagle || AS(tcp_nagle_hold)->held_ns < NOTABLE_NS || !held || !delayed ||
	    delayed->time_ns + 2 * AS(tcp_nagle_hold)->held_ns < o->m->event->time_ns)
		return false;
	because(o, held);
	because(o, delayed);
	return true;
}

FITS(nagle_release)
{
	because_own(o, FACT_nagle);
	return true;
}

/* ---- resets ---- */

static bool reset_in_close(const struct occasion *o)
{
	__u8 cause = AS(tcp_reset_sent)->cause;

	return cause == CALL_close || cause == CALL_exit || cause == CALL_close_range || cause == CALL_dup ||
	       cause == CALL_exec;
}

FITS(reset_linger)
{
	because_own(o, FACT_linger);
	because_own(o, FACT_close);
	return reset_reason_is(o, "TCP_ABORT_ON_LINGER") ||
	       (own(o)->linger_s == 0 && seen(o, FACT_linger) && reset_in_close(o));
}

FITS(reset_unread)
{
	because_own(o, FACT_close);
	because_peer(o, FACT_send);
	return AS(tcp_reset_sent)->unread_bytes &&
	       (reset_in_close(o) || reset_reason_is(o, "TCP_ABORT_ON_CLOSE"));
}

FITS(reset_not_accepted)
{
	because_own(o, FACT_established);
	return reset_in_close(o) && o->m->self && o->m->self->role == ROLE_server && !seen(o, FACT_accept) &&
	       (seen(o, FACT_syn_recv) || o->m->self->listener);
}

FITS(reset_keepalive)
{
	because_own(o, FACT_probe);
	return reset_reason_is(o, "TCP_KEEPALIVE_TIMEOUT");
}

FITS(reset_dissolved)
{
	return AS(tcp_reset_sent)->cause == CALL_connect && own(o)->dissolved;
}

FITS(reset_after_close)
{
	const struct endpoint *self = o->m->self;

	if (!self || reset_in_close(o) || !(endpoint_over(self) || self->kind == ENDPOINT_orphan || seen(o, FACT_close)))
		return false;
	because_own(o, FACT_close);
	because_sent_since(o, FACT_close);
	return true;
}

FITS(reset_after_shutdown)
{
	if (!o->m->self || reset_in_close(o) || !(own(o)->shutdown_done & 1))
		return false;
	because_own(o, FACT_shutdown);
	because_sent_since(o, FACT_shutdown);
	return true;
}

FITS(reset_no_socket)
{
	const struct event_tcp_reset_sent *e = AS(tcp_reset_sent);

	because_peer(o, FACT_syn);
	return reset_reason_is(o, "NO_SOCKET") || (!e->head.socket && !e->reason);
}

FITS(reset_sent)
{
	(void)o;
	return true;
}

/* tcp_reset() chooses by state (net/ipv4/tcp_input.c): SYN-SENT, CLOSE-WAIT, anything else. */
static void word_told_reset(struct occasion *o)
{
	bool after_fin = AS(tcp_reset_received)->state == TCP_CLOSE_WAIT;

	word_told(o, after_fin ? EPIPE : ECONNRESET, after_fin);
}

FITS(refused)
{
	because_own(o, FACT_syn);
	return AS(tcp_reset_received)->state == TCP_SYN_SENT;
}

FITS(reset_by_linger)
{
	if (peers(o)->linger_s != 0 || !peer_seen(o, FACT_linger) ||
	    !(peer_seen(o, FACT_reset_sent) || peer_seen(o, FACT_close)))
		return false;
	because_peer(o, FACT_linger);
	because_peer(o, FACT_close);
	because_peer(o, FACT_reset_sent);
	word_told_reset(o);
	return true;
}

FITS(reset_by_unread)
{
	/* On the tracepoint plane the RST is told after its arrival, but close() before. */
	uint32_t unread = peer_seen(o, FACT_reset_sent) ? peers(o)->unread_at_reset : peers(o)->unread_at_close;

	if (!unread)
		return false;
	say_bytes(word(o, "unread"), unread);
	because_own(o, FACT_send);
	because_peer(o, FACT_close);
	because_peer(o, FACT_reset_sent);
	word_told_reset(o);
	return true;
}

FITS(reset_by_closed)
{
	if (!peer_closed(o))
		return false;
	because_peer(o, FACT_close);
	because_own(o, FACT_send);
	because_peer(o, FACT_reset_sent);
	word_told_reset(o);
	return true;
}

FITS(reset_received)
{
	because_peer(o, FACT_reset_sent);
	word_told_reset(o);
	return true;
}

FITS(reset_lost_bytes)
{
	because_own(o, FACT_send);
	return AS(tcp_reset_received)->unsent_bytes && AS(tcp_reset_received)->state != TCP_SYN_SENT;
}

/* ---- after the end ---- */

FITS(fin_wait2_orphan)
{
	because_own(o, FACT_close);
	return AS(tcp_time_wait)->substate == TCP_FIN_WAIT2;
}

FITS(time_wait_of_fin_wait2)
{
	because_own(o, FACT_close);
	because_peer(o, FACT_close);
	return AS(tcp_time_wait)->restarted && o->m->self && o->m->self->old_state == TCP_FIN_WAIT2;
}

FITS(time_wait_restarted)
{
	const struct witness *again = endpoint_fact(o->m->peer, FACT_fin_repeated);

	if (!AS(tcp_time_wait)->restarted || !again || again->number < o->m->self->waited_before)
		return false;
	because(o, again);
	return true;
}

FITS(time_wait_touched)
{
	return AS(tcp_time_wait)->restarted;
}

FITS(time_wait_both)
{
	return o->m->self && o->m->self->old_state == TCP_CLOSING;
}

FITS(time_wait_late)
{
	because_own(o, FACT_shutdown);
	because_own(o, FACT_close);
	because_peer(o, FACT_close);
	return o->m->self && o->m->self->wait_came_late;
}

FITS(time_wait_begins)
{
	because_own(o, FACT_shutdown);
	because_own(o, FACT_close);
	because_peer(o, FACT_close);
	return true;
}

static bool time_wait_ends(struct occasion *o, enum time_wait_end ending)
{
	if (AS(tcp_time_wait_end)->ending != ending)
		return false;
	if (o->m->self)
		because(o, &o->m->self->time_wait);
	return true;
}

FITS(fin_wait2_expired)
{
	return o->m->self && o->m->self->state == TCP_FIN_WAIT2 && time_wait_ends(o, TIME_WAIT_END_expired);
}

FITS(time_wait_expired)
{
	return time_wait_ends(o, TIME_WAIT_END_expired);
}

FITS(time_wait_recycled)
{
	return time_wait_ends(o, TIME_WAIT_END_recycled);
}

/* Whether a RST came for the entry, or was drawn from it, before it ended: the event that told so. */
static bool time_wait_met(struct occasion *o, enum event_id told)
{
	if (!o->m->self || !o->m->self->wait_met.number || o->m->self->wait_met.id != told)
		return false;
	because(o, &o->m->self->wait_met);
	return time_wait_ends(o, TIME_WAIT_END_killed);
}

FITS(time_wait_reset)
{
	return time_wait_met(o, EVENT_tcp_segment);
}

FITS(time_wait_bytes)
{
	return time_wait_met(o, EVENT_tcp_reset_sent);
}

FITS(time_wait_killed)
{
	return time_wait_ends(o, TIME_WAIT_END_killed);
}

FITS(time_wait_never)
{
	return time_wait_ends(o, TIME_WAIT_END_never);
}

/* ---- processes ---- */

static bool sigpipe(struct occasion *o, enum signal_fate fate)
{
	struct death *d = &o->explain->deaths[o->explain->next_death % DEATHS];

	if (AS(signal)->number != SIGPIPE || AS(signal)->fate != fate)
		return false;
	because_reset(o);
	because_own(o, FACT_call_error);
	because_own(o, FACT_shutdown);
	if (fate == SIGNAL_FATE_fatal) {
		*d = (struct death){ .pid = o->m->event->pid, .signal = SIGPIPE };
		d->witness = witness_of(o->m->event, o->m->number);
		o->explain->next_death++;
	}
	return true;
}

FITS(sigpipe_ignored)
{
	return sigpipe(o, SIGNAL_FATE_ignored);
}

FITS(sigpipe_caught)
{
	return sigpipe(o, SIGNAL_FATE_caught);
}

FITS(sigpipe_fatal)
{
	return sigpipe(o, SIGNAL_FATE_fatal);
}

FITS(sigpipe_blocked)
{
	return sigpipe(o, SIGNAL_FATE_blocked);
}

FITS(sigpipe)
{
	return sigpipe(o, SIGNAL_FATE_unknown);
}

FITS(died_of_sigpipe)
{
	const struct explain *x = o->explain;

	if (AS(process_exit)->signal != SIGPIPE)
		return false;
	for (unsigned i = 0; i < DEATHS; i++)
		if (x->deaths[i].pid && x->deaths[i].pid == o->m->event->pid)
			because(o, &x->deaths[i].witness);
	return o->note->evidence_count > 0;
}

FITS(died_of_signal)
{
	return AS(process_exit)->signal != 0;
}

/* ---- UDP and ICMP ---- */

/* `sendto` has been refused before its datagram was offered to the network: see sock_error(), net/core/sock.c. */
FITS(udp_refused_now)
{
	because_own(o, FACT_send);
	because_own(o, FACT_error);
	return error_plain(AS(udp_send)->error) == ECONNREFUSED && seen(o, FACT_error);
}

FITS(udp_refused)
{
	because_own(o, FACT_error);
	return error_plain(AS(udp_send)->error) == ECONNREFUSED;
}

/* What would fit into an IP packet of IPv4, and so does of IPv6. */
/* From an IPv6 socket to an IPv4 address (RFC 4291, 2.5.5.2). */
static bool to_mapped(const struct event_udp_send *e)
{
	return e->to.port && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)&e->to.ip);
}

FITS(udp_too_big_mtu)
{
	return error_plain(AS(udp_send)->error) == EMSGSIZE && AS(udp_send)->asked_bytes <= 65507 && !AS(udp_send)->gso_bytes;
}

FITS(udp_collected)
{
	because_own(o, FACT_send);
	because_own(o, FACT_error);
	return AS(udp_send)->error && own(o)->collected;
}

FITS(udp_cork_lost)
{
	because_own(o, FACT_send);
	return AS(udp_send)->error && AS(udp_send)->kept_bytes && !AS(udp_send)->corked;
}

/* An IPv6 socket that sends to an IPv4 address (RFC 4291, 2.5.5.2) is bound by IPv4's limit. */
FITS(udp_too_big_v6)
{
	const struct event_udp_send *e = AS(udp_send);

	return error_plain(e->error) == EMSGSIZE && e->head.family == AF_INET6 && e->asked_bytes > 65527 && !to_mapped(e);
}

FITS(udp_no_peer)
{
	return error_plain(AS(udp_send)->error) == EDESTADDRREQ;
}

FITS(udp_too_big)
{
	const struct event_udp_send *e = AS(udp_send);

	return error_plain(e->error) == EMSGSIZE && e->asked_bytes > 65507 && (e->head.family == AF_INET || to_mapped(e));
}

FITS(udp_send_failed)
{
	return AS(udp_send)->error != 0;
}

FITS(udp_corked)
{
	return AS(udp_send)->corked;
}

FITS(udp_uncorked)
{
	because_own(o, FACT_send);
	return !AS(udp_send)->error && AS(udp_send)->kept_bytes;
}

FITS(udp_segmented)
{
	uint64_t size = AS(udp_send)->gso_bytes, done = AS(udp_send)->done_bytes;

	if (!size || done <= size)
		return false;
	text_u64(word(o, "datagrams"), (done + size - 1) / size);
	return true;
}

FITS(udp_fragmented)
{
	return AS(udp_send)->fragments > 1;
}

FITS(udp_other_peer)
{
	const struct event_udp_send *e = AS(udp_send);

	return e->to.port && e->head.remote_port && (e->to.port != e->head.remote_port ||
	       (e->to.family == e->head.family && memcmp(&e->to.ip, &e->head.remote, sizeof(e->to.ip)) != 0));
}

FITS(udp_error_report)
{
	because_own(o, FACT_send);
	return !AS(udp_recv)->error && AS(udp_recv)->flags & MSG_ERRQUEUE;
}

FITS(udp_peeked)
{
	return !AS(udp_recv)->error && AS(udp_recv)->flags & MSG_PEEK;
}

FITS(udp_recv_truncated)
{
	return AS(udp_recv)->truncated;
}

FITS(udp_recv_empty)
{
	return !AS(udp_recv)->error && !AS(udp_recv)->done_bytes && AS(udp_recv)->asked_bytes;
}

FITS(udp_recv_refused)
{
	because_own(o, FACT_error);
	return error_plain(AS(udp_recv)->error) == ECONNREFUSED || (AS(udp_recv)->error && own(o)->collected);
}

/* What any busy reader needs is not worth a word. */
FITS(udp_recv_waited)
{
	return !AS(udp_recv)->error && AS(udp_recv)->waited_ns >= 10000000;
}

FITS(udp_connect_source)
{
	because_own(o, FACT_connect);
	return error_plain(AS(udp_connect)->error) == EINVAL && AS(udp_connect)->peer_before.port;
}

FITS(udp_connect_failed)
{
	return AS(udp_connect)->error != 0;
}

FITS(udp_connected_again)
{
	const struct event_udp_connect *e = AS(udp_connect);

	return e->peer_before.port && e->peer_before.port == e->asked.port && e->peer_before.family == e->asked.family &&
	       !memcmp(&e->peer_before.ip, &e->asked.ip, sizeof(e->asked.ip));
}

FITS(udp_reconnected)
{
	return AS(udp_connect)->peer_before.port != 0;
}

FITS(udp_disconnected)
{
	return !AS(udp_disconnect)->error && AS(udp_disconnect)->peer_before.port;
}

FITS(udp_connected)
{
	return !AS(udp_connect)->error;
}

FITS(udp_dropped_full)
{
	return AS(udp_drop)->reason == UDP_DROP_receive_buffer;
}

FITS(udp_dropped_no_socket)
{
	return AS(udp_drop)->reason == UDP_DROP_no_socket;
}

FITS(udp_dropped_filter)
{
	return AS(udp_drop)->reason == UDP_DROP_filter;
}

FITS(udp_dropped_checksum)
{
	return AS(udp_drop)->reason == UDP_DROP_checksum;
}

FITS(udp_dropped_memory)
{
	return AS(udp_drop)->reason == UDP_DROP_memory;
}

static bool icmp_is(const struct occasion *o, const char *type)
{
	uint16_t have = o->m->event->id == EVENT_icmp_sent ? AS(icmp_sent)->type : AS(icmp_received)->type;
	int64_t value;

	return name_value(KIND_ICMP_TYPE, type, &value) == 0 && value == have;
}

/* No socket of TCP answers like this, and no router for want of a path: somebody forbade it. */
FITS(icmp_rejected)
{
	uint8_t code = AS(icmp_sent)->code;

	return AS(icmp_sent)->about == IPPROTO_TCP &&
	       ((icmp_is(o, "unreachable") && (code == 3 || code == 9 || code == 10 || code == 13)) ||
		(icmp_is(o, "icmp6_unreachable") && (code == 1 || code == 4)));
}

FITS(icmp_port)
{
	return (icmp_is(o, "unreachable") && AS(icmp_sent)->code == 3) ||
	       (icmp_is(o, "icmp6_unreachable") && AS(icmp_sent)->code == 4);
}

FITS(icmp_fragments)
{
	return (icmp_is(o, "time_exceeded") || icmp_is(o, "icmp6_time_exceeded")) && AS(icmp_sent)->code == 1;
}

FITS(icmp_ping)
{
	return icmp_is(o, "echo") || icmp_is(o, "icmp6_echo");
}

FITS(icmp_pong)
{
	return icmp_is(o, "echo_reply") || icmp_is(o, "icmp6_echo_reply");
}

static bool about_tcp(const struct occasion *o, enum icmp_fate fate)
{
	return AS(icmp_received)->head.protocol == IPPROTO_TCP && AS(icmp_received)->fate == fate;
}

static bool opens(const struct occasion *o)
{
	return o->m->self && (o->m->self->state == TCP_SYN_SENT || o->m->self->state == TCP_SYN_RECV);
}

FITS(icmp_syn)
{
	because_own(o, FACT_syn);
	return about_tcp(o, ICMP_FATE_delivered);
}

FITS(icmp_syn_busy)
{
	because_own(o, FACT_syn);
	return about_tcp(o, ICMP_FATE_soft) && opens(o);
}

FITS(icmp_tcp_silent)
{
	return about_tcp(o, ICMP_FATE_silent);
}

FITS(icmp_tcp_asked)
{
	because_own(o, FACT_send);
	return about_tcp(o, ICMP_FATE_queued);
}

/* Whether the socket was connected when the error came, and to whom, is known from its connect() only. */
FITS(icmp_other_peer)
{
	const struct endpoint *self = o->m->self;

	because_own(o, FACT_connect);
	return AS(icmp_received)->fate == ICMP_FATE_silent && self && self->protocol == IPPROTO_UDP && self->connected &&
	       (self->remote.port != AS(icmp_received)->head.remote_port ||
		memcmp(&self->remote.ip, &AS(icmp_received)->head.remote, sizeof(self->remote.ip)) != 0);
}

FITS(icmp_mtu)
{
	because_own(o, FACT_send);
	return AS(icmp_received)->fate == ICMP_FATE_silent && error_plain(AS(icmp_received)->error) == EMSGSIZE;
}

/* Of the codes of "unreachable" those that say nothing final: icmp_err_convert, and tab_unreach in net/ipv6/icmp.c. */
FITS(icmp_transient)
{
	uint8_t code = AS(icmp_received)->code;

	because_own(o, FACT_send);
	if (AS(icmp_received)->fate != ICMP_FATE_silent)
		return false;
	if (icmp_is(o, "unreachable"))
		return code == 0 || code == 1 || code == 5 || code == 11 || code == 12;
	if (icmp_is(o, "icmp6_unreachable"))
		return code == 0 || code == 2 || code == 3;
	return icmp_is(o, "time_exceeded") || icmp_is(o, "icmp6_time_exceeded");
}

FITS(icmp_silent)
{
	because_own(o, FACT_send);
	return AS(icmp_received)->fate == ICMP_FATE_silent;
}

FITS(icmp_delivered)
{
	because_own(o, FACT_send);
	return AS(icmp_received)->fate == ICMP_FATE_delivered;
}

FITS(icmp_queued)
{
	because_own(o, FACT_send);
	return AS(icmp_received)->fate == ICMP_FATE_queued;
}

FITS(icmp_soft)
{
	return AS(icmp_received)->fate == ICMP_FATE_soft;
}

/* ---- unix ---- */

static bool unix_connect_error(const struct occasion *o, int error)
{
	return error_plain(AS(unix_connect)->error) == error;
}

FITS(unix_no_file)
{
	return unix_connect_error(o, ENOENT);
}

static bool path_is_abstract(const struct event_path *path)
{
	return path->length && !path->bytes[0];
}

FITS(unix_nobody_abstract)
{
	return unix_connect_error(o, ECONNREFUSED) && path_is_abstract(&AS(unix_connect)->path);
}

FITS(unix_nobody)
{
	return unix_connect_error(o, ECONNREFUSED);
}

FITS(unix_not_permitted)
{
	return unix_connect_error(o, EACCES);
}

/* A wait of the call that ends here was told. */
static bool blocked_for(struct occasion *o, uint64_t duration_ns)
{
	const struct witness *begun = endpoint_fact(o->m->self, FACT_block);

	because_own(o, FACT_block);
	return begun && begun->time_ns + duration_ns >= o->m->event->time_ns;
}

FITS(unix_connect_timed_out)
{
	return unix_connect_error(o, EAGAIN) && blocked_for(o, AS(unix_connect)->duration_ns);
}

FITS(unix_connect_full)
{
	return unix_connect_error(o, EAGAIN);
}

FITS(unix_connect_type)
{
	return unix_connect_error(o, EPROTOTYPE);
}

FITS(unix_connect_failed)
{
	return AS(unix_connect)->error != 0;
}

FITS(unix_connect_waited)
{
	because_own(o, FACT_block);
	return !AS(unix_connect)->error && AS(unix_connect)->duration_ns >= WAITED_NS;
}

FITS(unix_connected)
{
	return AS(unix_connect)->type != SOCK_DGRAM;
}

FITS(unix_connected_datagram)
{
	return AS(unix_connect)->type == SOCK_DGRAM;
}

FITS(unix_accepted)
{
	because_peer(o, FACT_connect);
	return !AS(unix_accept)->error;
}

static bool unix_send_error(const struct occasion *o, int error)
{
	return error_plain(AS(unix_send)->error) == error;
}

FITS(unix_reset)
{
	because_peer(o, FACT_close);
	return unix_send_error(o, ECONNRESET);
}

FITS(unix_pipe_own)
{
	because_own(o, FACT_shutdown);
	return unix_send_error(o, EPIPE) && seen(o, FACT_shutdown);
}

FITS(unix_pipe_shut)
{
	return unix_send_error(o, EPIPE) && peers(o)->shutdown_done & 1 && !peer_seen(o, FACT_close);
}

FITS(unix_pipe)
{
	because_peer(o, FACT_close);
	return unix_send_error(o, EPIPE) && peer_seen(o, FACT_close);
}

FITS(unix_pipe_unseen)
{
	return unix_send_error(o, EPIPE);
}

FITS(unix_send_gone)
{
	because_peer(o, FACT_close);
	return unix_send_error(o, ECONNREFUSED) && !AS(unix_send)->path.length;
}

FITS(unix_send_nobody_abstract)
{
	return unix_send_error(o, ECONNREFUSED) && path_is_abstract(&AS(unix_send)->path);
}

FITS(unix_send_nobody)
{
	return unix_send_error(o, ECONNREFUSED);
}

FITS(unix_send_no_file)
{
	return unix_send_error(o, ENOENT);
}

FITS(unix_send_no_name)
{
	return unix_send_error(o, ENOTCONN);
}

FITS(unix_send_timed_out)
{
	return unix_send_error(o, EAGAIN) && blocked_for(o, AS(unix_send)->duration_ns);
}

FITS(unix_send_full)
{
	return unix_send_error(o, EAGAIN);
}

FITS(unix_send_too_big)
{
	return unix_send_error(o, EMSGSIZE);
}

FITS(unix_send_failed)
{
	return AS(unix_send)->error != 0;
}

/* A file that ends takes less than sendfile() or splice() were asked for. */
FITS(unix_send_partial)
{
	const struct event_unix_send *e = AS(unix_send);

	return e->done_bytes < e->asked_bytes && e->call != CALL_sendfile && e->call != CALL_splice;
}

/* The socket waited for, if it has told something. */
static const struct endpoint *waited_for(const struct occasion *o)
{
	return o->m->self ? matcher_correspondent(o->m->matcher, o->m->self, o->m->event) : NULL;
}

/* Whom a wait is for: by name, else by number. */
static void word_whom(struct occasion *o)
{
	const struct endpoint *other = waited_for(o);
	struct text *to = word(o, "whom");

	if (other && other->pid)
		say_process(to, &other->comm, other->pid);
	else if (AS(unix_block)->peer_pid)
		text_printf(to, _("process %u"), AS(unix_block)->peer_pid);
	else
		text_put(to, _("its owner"));
}

static bool unix_waits(struct occasion *o, enum unix_wait reason)
{
	const struct event_unix_block *e = AS(unix_block);
	struct text *filled;

	if (e->phase == PHASE_ends || e->reason != reason)
		return false;
	word_whom(o);
	filled = word(o, "filled");
	if (e->queued)
		text_printf(filled, _(" (%u of %u places taken)"), e->queued, e->backlog + 1);
	return true;
}

FITS(unix_waits_backlog)
{
	return unix_waits(o, UNIX_WAIT_backlog);
}

FITS(unix_waits_queue)
{
	return unix_waits(o, UNIX_WAIT_receive_queue);
}

FITS(unix_waits_buffer)
{
	return unix_waits(o, UNIX_WAIT_send_buffer);
}

static bool unix_wait_ends(struct occasion *o, enum unix_wait_end ending)
{
	if (AS(unix_block)->phase != PHASE_ends || AS(unix_block)->ending != ending)
		return false;
	because_own(o, FACT_block);
	word_whom(o);
	return true;
}

FITS(unix_wait_timed_out)
{
	return unix_wait_ends(o, UNIX_WAIT_END_timeout);
}

FITS(unix_wait_interrupted)
{
	return unix_wait_ends(o, UNIX_WAIT_END_signal);
}

FITS(unix_wait_gone)
{
	return unix_wait_ends(o, UNIX_WAIT_END_gone);
}

/* What the socket waited for has done since the wait began. */
static void because_room(struct occasion *o, enum fact fact)
{
	const struct witness *did = endpoint_fact(waited_for(o), fact), *begun = endpoint_fact(o->m->self, FACT_block);

	if (did && begun && did->number > begun->number)
		because(o, did);
}

FITS(unix_wait_accepted)
{
	return AS(unix_block)->reason == UNIX_WAIT_backlog && unix_wait_ends(o, UNIX_WAIT_END_room);
}

FITS(unix_wait_read)
{
	if (!unix_wait_ends(o, UNIX_WAIT_END_room))
		return false;
	because_room(o, FACT_recv);
	return true;
}

FITS(unix_wait_over)
{
	because_own(o, FACT_block);
	return AS(unix_block)->phase == PHASE_ends;
}

FITS(unix_send_waited)
{
	because_own(o, FACT_block);
	return AS(unix_send)->duration_ns >= WAITED_NS;
}

FITS(unix_passed)
{
	return !AS(unix_send)->error && AS(unix_send)->descriptors;
}

FITS(unix_got_passed)
{
	return AS(unix_recv)->descriptors != 0;
}

FITS(unix_gives_other)
{
	return AS(unix_credentials)->direction == DIRECTION_sent && AS(unix_credentials)->other;
}

FITS(unix_gives_own)
{
	return AS(unix_credentials)->direction == DIRECTION_sent;
}

FITS(unix_got_other)
{
	because_peer(o, FACT_send);
	return AS(unix_credentials)->other;
}

FITS(unix_got_credentials)
{
	because_peer(o, FACT_send);
	return true;
}

FITS(unix_got_socket)
{
	because_peer(o, FACT_send);
	return AS(unix_descriptor)->direction == DIRECTION_received && AS(unix_descriptor)->kind == FILE_KIND_socket;
}

FITS(unix_control_cut)
{
	return AS(unix_recv)->control_truncated;
}

FITS(unix_recv_reset)
{
	because_peer(o, FACT_close);
	return error_plain(AS(unix_recv)->error) == ECONNRESET;
}

FITS(unix_eof_own)
{
	return AS(unix_recv)->eof == EOF_local_shutdown;
}

FITS(unix_eof_died)
{
	because_peer(o, FACT_close);
	return AS(unix_recv)->eof == EOF_peer_died;
}

FITS(unix_eof)
{
	because_peer(o, FACT_close);
	because_peer(o, FACT_shutdown);
	return AS(unix_recv)->eof == EOF_peer_closed || AS(unix_recv)->eof == EOF_peer_shutdown;
}

FITS(unix_peeked)
{
	return !AS(unix_recv)->error && AS(unix_recv)->flags & MSG_PEEK && AS(unix_recv)->done_bytes;
}

FITS(unix_recv_truncated)
{
	return AS(unix_recv)->truncated;
}

FITS(unix_empty)
{
	because_peer(o, FACT_send);
	return AS(unix_recv)->eof == EOF_empty_datagram;
}

/* ---- honesty ---- */

FITS(events_lost)
{
	return AS(lost)->cause < LOSS_held_back;
}

FITS(events_withheld)
{
	return AS(lost)->cause >= LOSS_held_back;
}

FITS(shed_more)
{
	return AS(shed)->left_out != SHED_nothing && AS(shed)->cost_percent > AS(shed)->budget_percent;
}

FITS(shed_nothing)
{
	return AS(shed)->left_out == SHED_nothing;
}

FITS(gap_beginning)
{
	return AS(gap)->what == GAP_beginning;
}

FITS(gap_skipped)
{
	return AS(gap)->what == GAP_skipped;
}

FITS(gap_descriptors)
{
	return AS(gap)->what == GAP_descriptors;
}

/* ---- the table ---- */

const struct rule *rule_table(void)
{
	static const struct rule table[] = {
#define RULE(id, event, group, reference, sentence) { #id, EVENT_##event, #group, reference, sentence, rule_##id },
#include "explain/rule.def"
		{ 0 }
	};

	return table;
}
