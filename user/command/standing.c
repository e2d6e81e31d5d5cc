/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/standing.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/language.h"
#include "base/text.h"

int standing_begin(struct standing *s)
{
	int err = snapshot_take(s->netns, &s->before);

	s->before_ns = err ? 0 : now_ns();
	return err;
}

int standing_end(struct standing *s)
{
	int err = s->before_ns ? snapshot_take(s->netns, &s->after) : 0;

	s->after_ns = err || !s->before_ns ? 0 : now_ns();
	return err;
}

void standing_finish(struct standing *s)
{
	if (s->before_ns)
		snapshot_finish(&s->before);
	if (s->after_ns)
		snapshot_finish(&s->after);
	s->before_ns = s->after_ns = 0;
}

/* ---- one socket ---- */

/* A socket, how it was before, and what is said of it. */
struct stander {
	const struct standing *all;
	const struct snapshot_socket *now, *before;
	const struct snapshot_owner *owner; /* NULL: nobody */
	struct findings *findings;
	struct text program, who, where, ends, local, remote;
	uint64_t since_ns;
};

static bool is_tcp(const struct snapshot_socket *s)
{
	return (s->family == AF_INET || s->family == AF_INET6) && s->protocol == IPPROTO_TCP && s->type <= SOCK_STREAM;
}

static struct address local_of(const struct snapshot_socket *s)
{
	return (struct address){ s->family == AF_UNIX ? 0 : s->family, s->local_port, s->local };
}

static struct address remote_of(const struct snapshot_socket *s)
{
	return (struct address){ s->family == AF_UNIX ? 0 : s->family, s->remote_port, s->remote };
}

/* The same socket in the first look: an address in the kernel alone may have been used again. */
static const struct snapshot_socket *before_of(const struct standing *all, const struct snapshot_socket *s)
{
	const struct snapshot_socket *b = snapshot_find(&all->before, s->sk);

	if (!b || b->ino != s->ino || b->family != s->family || b->local_port != s->local_port || b->remote_port != s->remote_port)
		return NULL;
	return b;
}

/* `words` ends with a name NULL and may be NULL: further words besides program, where, local, remote. */
static void stand(struct stander *s, const char *id, uint64_t measure, const char *what, const struct word *words)
{
	struct word all[8] = {
		{ "program", text_string(&s->program) }, { "where", text_string(&s->where) },
		{ "local", text_string(&s->local) }, { "remote", text_string(&s->remote) },
	};
	struct finding_stand stands = {
		.id = id, .who = text_string(&s->who), .what = what, .ends = text_string(&s->ends), .measure = measure,
		.count = 1, .time_ns = s->all->after_ns, .words = all,
	};

	for (unsigned i = 4; words && words->name && i < 7; i++)
		all[i] = *words++;
	findings_stand(s->findings, &stands);
}

static void stand_bytes(struct stander *s, const char *id, uint64_t bytes, const char *what)
{
	struct text queued = TEXT_EMPTY, attempts = TEXT_EMPTY;
	struct word words[] = { { "queued", NULL }, { "attempts", NULL }, { NULL, NULL } };

	say_bytes(&queued, bytes);
	text_u64(&attempts, s->now->attempts);
	words[0].value = text_string(&queued);
	words[1].value = text_string(&attempts);
	stand(s, id, bytes, what, words);
	text_finish(&queued);
	text_finish(&attempts);
}

static void look_at_queues(struct stander *s)
{
	const struct snapshot_socket *now = s->now, *b = s->before;

	if (now->unsent_bytes && !now->peer_window_bytes && b && b->unsent_bytes && !b->peer_window_bytes &&
	    now->acked_bytes == b->acked_bytes)
		stand_bytes(s, "send_stuck", now->send_queue_bytes, _("not one byte was acknowledged, the peer's window is 0"));
	else if (now->timer == TIMER_retransmit && now->attempts >= 2 && now->send_queue_bytes)
		stand_bytes(s, "not_acknowledged", now->send_queue_bytes, _("the retransmission timer runs, doubled each time"));
	if (now->recv_queue_bytes && b && b->recv_queue_bytes && now->state == TCP_ESTABLISHED && s->owner &&
	    now->received_bytes - now->recv_queue_bytes == b->received_bytes - b->recv_queue_bytes)
		stand_bytes(s, "not_read", now->recv_queue_bytes, _("not one byte was read in the meantime"));
}

static void look_at_listener(struct stander *s)
{
	struct text waiting = TEXT_EMPTY, limit = TEXT_EMPTY;
	struct word words[] = { { "waiting", NULL }, { "limit", NULL }, { NULL, NULL } };

	if (s->now->recv_queue_bytes <= s->now->send_queue_bytes) /* which of a listener count connections */
		return;
	text_u64(&waiting, s->now->recv_queue_bytes);
	text_u64(&limit, s->now->send_queue_bytes);
	words[0].value = text_string(&waiting);
	words[1].value = text_string(&limit);
	stand(s, "queue_now", 0, _("the queue is longer than its limit"), words);
	text_finish(&waiting);
	text_finish(&limit);
}

static void look_at(struct stander *s)
{
	switch (s->now->state) {
	case TCP_LISTEN:
		look_at_listener(s);
		break;
	case TCP_TIME_WAIT:
		if (s->before && s->before->state == TCP_TIME_WAIT)
			stand(s, "time_waits", 0, _("TIME-WAIT, from before the watching"), NULL);
		break;
	case TCP_SYN_SENT:
		if (s->before && s->before->state == TCP_SYN_SENT)
			stand(s, "syn_unanswered", s->since_ns, _("SYN-SENT in both looks"), NULL);
		break;
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		if (!s->owner && s->before && s->before->state == s->now->state)
			stand(s, "orphans", 0, _("held by nobody in both looks"), NULL);
		break;
	case TCP_CLOSE_WAIT:
		if (s->before && s->before->state == TCP_CLOSE_WAIT && s->owner)
			stand(s, "close_wait", s->since_ns, _("in CLOSE-WAIT all the time"), NULL);
		look_at_queues(s);
		break;
	default:
		look_at_queues(s);
	}
}

static void describe(struct stander *s)
{
	struct address local = local_of(s->now), remote = remote_of(s->now);
	char printed[ADDRESS_TEXT_MAX];
	bool serves = s->now->state == TCP_LISTEN || local.port < remote.port;

	if (s->owner) {
		say_process(&s->program, &s->owner->comm, 0);
		say_process(&s->who, &s->owner->comm, s->owner->pid);
	} else {
		text_put(&s->program, _("(the kernel)"));
		text_put(&s->who, _("(the kernel)"));
	}
	text_put(&s->local, address_print(&local, printed));
	text_put(&s->remote, address_print(&remote, printed));
	text_printf(&s->where, "%s%s", serves ? "" : "-> ", text_string(serves ? &s->local : &s->remote));
	text_put(&s->ends, text_string(&s->local));
	if (remote.port)
		text_printf(&s->ends, " -> %s", text_string(&s->remote));
}

/* The first of its holders that is in scope; *ret_in whether the socket is. */
static const struct snapshot_owner *holder(const struct standing *all, const struct snapshot_socket *now, struct scope *scope,
					   bool *ret_in)
{
	static const struct event_comm nobody;
	struct scope_end end = {
		.netns = now->netns, .family = now->family, .protocol = now->protocol, .comm = &nobody,
		.local = local_of(now), .remote = remote_of(now),
	};
	const struct snapshot_owner *owners;
	size_t count;

	owners = snapshot_owners(&all->after, now->sk, &count);
	for (size_t i = 0; i < count; i++) {
		end.pid = owners[i].pid;
		end.comm = &owners[i].comm;
		*ret_in = scope_has(scope, &end);
		if (*ret_in)
			return &owners[i];
	}
	*ret_in = !count && scope_has(scope, &end);
	return NULL;
}

void standing_tell(const struct standing *all, struct scope *scope, struct findings *f)
{
	if (!all->after_ns)
		return;
	for (size_t i = 0; i < all->after.count; i++) {
		struct stander s = { .all = all, .now = &all->after.sockets[i], .findings = f };
		bool in;

		if (!is_tcp(s.now))
			continue;
		s.owner = holder(all, s.now, scope, &in);
		if (!in)
			continue;
		s.before = before_of(all, s.now);
		s.since_ns = all->after_ns - all->before_ns;
		describe(&s);
		look_at(&s);
		text_finish(&s.program);
		text_finish(&s.who);
		text_finish(&s.where);
		text_finish(&s.ends);
		text_finish(&s.local);
		text_finish(&s.remote);
	}
}

/* ---- who holds an address ---- */

static bool holds(const struct snapshot_socket *s, const struct event_address *asked, uint32_t netns)
{
	struct address mine = address_plain(local_of(s));
	struct address theirs = address_plain((struct address){ asked->family, asked->port, asked->ip });

	if (s->family == AF_UNIX || s->netns != netns || mine.port != theirs.port || !mine.port)
		return false;
	return address_any(&mine) || address_any(&theirs) || address_equal(&mine, &theirs);
}

static bool holder_in(const struct snapshot *look, const struct event_address *asked, uint32_t netns, struct text *to)
{
	const struct snapshot_socket *best = NULL;
	const struct snapshot_owner *o = NULL;
	size_t count;

	/* A listener above all; a connection it accepted only holds the port when nobody listens. */
	for (size_t i = 0; i < look->count; i++) {
		const struct snapshot_socket *s = &look->sockets[i];

		if (holds(s, asked, netns) && (!best || s->state == TCP_LISTEN))
			best = s;
	}
	if (!best)
		return false;
	o = snapshot_owners(look, best->sk, &count);
	if (count)
		say_process(to, &o->comm, o->pid);
	else
		text_put(to, best->state == TCP_TIME_WAIT ? _("a TIME-WAIT of a connection that is over") : _("a socket of no process seen here"));
	return true;
}

bool standing_holder(const struct standing *s, const struct event_address *asked, uint32_t netns, struct text *to)
{
	return (s->after_ns && holder_in(&s->after, asked, netns, to)) || (s->before_ns && holder_in(&s->before, asked, netns, to));
}
