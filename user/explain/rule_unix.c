/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/predicate.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/language.h"

/* Where no wait is seen as such, a busy machine may make a call last this long. */
#define WAITED_NS 20000000ull

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
	else if (AS(unix_block)->peer_pid && AS(unix_block)->peer_pid != o->m->event->pid)
		text_printf(to, _("process %u"), AS(unix_block)->peer_pid);
	else /* what nobody has accepted yet bears the number of who called listen() (sk_peer_pid) */
		text_put(to, _("whoever holds the other end"));
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
