/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/predicate.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

/* ---- sockets ---- */

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

FITS(error_read)
{
	because_reset(o); /* and what was stored */
	return AS(sock_error_read)->error != 0;
}

FITS(error_read_waits)
{
	return AS(sock_error_read)->state == TCP_SYN_SENT;
}

/* Once: some programs ask before each write. */
FITS(error_read_stands)
{
	because_own(o, FACT_connect);
	because_own(o, FACT_established);
	return AS(sock_error_read)->state == TCP_ESTABLISHED && own(o)->call_attempted;
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
