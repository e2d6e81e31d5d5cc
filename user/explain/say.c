/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/say.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/language.h"
#include "base/text.h"
#include "event/name.h"

/* ---- values ---- */

/* Three digits are what a person reads: 1.05 s, 43.6 ms, 123 us. */
static void scaled(struct text *to, uint64_t value, uint64_t unit, const char *name)
{
	double number = (double)value / unit;

	text_printf(to, "%.*f %s", number < 9.995 ? 2 : number < 99.95 ? 1 : 0, number, name);
}

void say_duration(struct text *to, uint64_t ns)
{
	if (ns >= 999500000)
		scaled(to, ns, 1000000000ull, _("s"));
	else if (ns >= 999500)
		scaled(to, ns, 1000000, _("ms"));
	else
		text_printf(to, "%llu %s", (unsigned long long)((ns + 500) / 1000), _("us"));
}

void say_bytes(struct text *to, uint64_t bytes)
{
	text_printf(to, ngettext("%llu byte", "%llu bytes", (unsigned long)bytes), (unsigned long long)bytes);
}

void say_process(struct text *to, const struct event_comm *comm, uint32_t pid)
{
	size_t length = strnlen(comm->bytes, sizeof(comm->bytes));

	if (!length && !pid) {
		text_put(to, _("an unknown process"));
		return;
	}
	if (length)
		text_escape(to, comm->bytes, length);
	else
		text_char(to, '?');
	if (pid)
		text_printf(to, "[%u]", pid);
}

static void say_path(struct text *to, const struct event_path *path)
{
	size_t length = path->length <= sizeof(path->bytes) ? path->length : sizeof(path->bytes);
	bool abstract = length && path->bytes[0] == '\0';

	if (abstract)
		text_char(to, '@');
	text_escape(to, path->bytes + abstract, length - abstract);
}

static void say_address(struct text *to, const struct address *a)
{
	char printed[ADDRESS_TEXT_MAX];

	text_put(to, address_print(a, printed));
}

static bool is_negative_errno(const struct field *f, int64_t value)
{
	return f->kind == KIND_ERRNO && value < 0;
}

/* SYN-ACK, as everybody says, rather than SYN|ACK. */
static void say_flags(struct text *to, const struct field *f, const struct event *e)
{
	size_t from = to->length;

	kind_write(to, f, e);
	for (; from < to->length; from++)
		if (to->bytes[from] == '|')
			to->bytes[from] = '-';
}

void say_field(struct text *to, const struct field *f, const struct event *e)
{
	int64_t value;

	if (f->kind == KIND_ADDRESS && !((const struct event_address *)((const char *)e + f->offset))->family) {
		text_put(to, _("an address not asked for"));
		return;
	}
	if (!field_is_integer(f)) {
		kind_write(to, f, e);
		return;
	}
	value = field_integer(f, e);
	switch (f->kind) {
	case KIND_DURATION_NS:
	case KIND_WAIT_NS:
		say_duration(to, value);
		break;
	case KIND_DURATION_US:
		say_duration(to, (uint64_t)value * 1000);
		break;
	case KIND_SECONDS:
		text_printf(to, "%lld %s", (long long)value, _("s"));
		break;
	case KIND_BYTES:
		say_bytes(to, value);
		break;
	case KIND_TCP_FLAGS:
		say_flags(to, f, e);
		break;
	default:
		if (kind_row(f->kind)->form == FORM_NAMED && name_find(f->kind, is_negative_errno(f, value) ? -value : value))
			text_put(to, name_word(f->kind, is_negative_errno(f, value) ? -value : value));
		else
			kind_write(to, f, e);
	}
}

/* ---- who and where ---- */

/* Where one process holds both ends, its name alone would not tell them apart. */
static void say_which(struct text *to, const struct moment *m, const struct endpoint *ep)
{
	if (m->self && m->peer && m->self->pid == m->peer->pid && ep->local.port)
		text_printf(to, ":%u", ep->local.port);
}

void say_owner(struct text *to, const struct moment *m)
{
	if (m->event->pid || !m->self)
		say_process(to, &m->event->comm, m->event->pid);
	else
		say_process(to, &m->self->comm, m->self->pid);
	if (m->self)
		say_which(to, m, m->self);
}

void say_local(struct text *to, const struct endpoint *ep)
{
	if (ep->local_path)
		say_path(to, ep->local_path);
	else if (ep->peer && ep->peer->remote_path)
		say_path(to, ep->peer->remote_path);
	else if (ep->family == AF_UNIX)
		text_put(to, _("(unnamed)"));
	else
		say_address(to, &ep->local);
}

void say_remote(struct text *to, const struct endpoint *ep)
{
	if (ep->remote_path)
		say_path(to, ep->remote_path);
	else if (ep->peer && ep->peer->local_path)
		say_path(to, ep->peer->local_path);
	else if (ep->family == AF_UNIX)
		text_put(to, _("(unnamed)"));
	else
		say_address(to, &ep->remote);
}

void say_peer(struct text *to, const struct moment *m)
{
	const struct field *given;

	if (m->peer && m->peer->pid) {
		say_process(to, &m->peer->comm, m->peer->pid);
		say_which(to, m, m->peer);
		return;
	}
	given = schema_field(m->event->id, "peer_pid");
	if (given && !field_is_zero(given, m->event)) {
		text_printf(to, _("process %u"), (unsigned)field_integer(given, m->event));
		return;
	}
	text_put(to, _("the peer"));
	given = schema_field(m->event->id, "peer");
	if (given && given->kind == KIND_ADDRESS && !field_is_zero(given, m->event)) {
		text_char(to, ' ');
		say_field(to, given, m->event);
	} else if (m->self && (m->self->remote.port || m->self->remote_path)) {
		text_char(to, ' ');
		say_remote(to, m->self);
	}
}

static void say_listener(struct text *to, const struct moment *m)
{
	const struct endpoint *listener = m->self ? matcher_find(m->matcher, m->self->listener) : NULL;

	if (m->self && m->self->kind == ENDPOINT_listener)
		listener = m->self;
	if (listener && listener->pid)
		say_process(to, &listener->comm, listener->pid);
	else
		say_owner(to, m);
}

/* A queue limited to N holds N + 1: the kernel compares with ">" (sk_acceptq_is_full, include/net/sock.h). */
static void say_room(struct text *to, const struct moment *m)
{
	const struct field *f = schema_field(m->event->id, "backlog");

	text_u64(to, f ? (uint64_t)field_integer(f, m->event) + 1 : 0);
}

/* ---- sentences ---- */

static bool is(const char *name, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(name, word, length) == 0;
}

static bool say_given(struct text *to, const char *name, size_t length, const struct word *words)
{
	for (; words && words->name; words++) {
		if (is(name, length, words->name)) {
			text_put(to, words->value);
			return true;
		}
	}
	return false;
}

/* The address of a packet without ports, like an echo's, is its host's alone. */
static void say_packet_end(struct text *to, const struct address *a)
{
	char printed[INET6_ADDRSTRLEN];

	if (a->family && !a->port && inet_ntop(a->family, a->ip.bytes, printed, sizeof(printed)))
		text_put(to, printed);
	else
		say_address(to, a);
}

/*
 * A listener's events may name a peer that is not its own, an event may have no socket, and one about a packet names that
 * packet's ends: then the event says it.
 */
static void say_end(struct text *to, const struct moment *m, bool remote)
{
	struct address a = remote ? address_remote(m->event) : address_local(m->event);

	if (endpoint_quotes_packet(m->event))
		say_packet_end(to, &a);
	else if (!m->self || (m->self->role == ROLE_listener && a.port))
		say_address(to, &a);
	else if (remote)
		say_remote(to, m->self);
	else
		say_local(to, m->self);
}

static bool say_known(struct text *to, const char *name, size_t length, const struct moment *m)
{
	if (is(name, length, "owner"))
		say_owner(to, m);
	else if (is(name, length, "peer"))
		say_peer(to, m);
	else if (is(name, length, "listener"))
		say_listener(to, m);
	else if (is(name, length, "room"))
		say_room(to, m);
	else if (is(name, length, "local"))
		say_end(to, m, false);
	else if (is(name, length, "remote"))
		say_end(to, m, true);
	else
		return false;
	return true;
}

static bool say_named_field(struct text *to, const char *name, size_t length, const struct moment *m)
{
	char copy[64];
	char *how;
	const struct field *f;

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, name, length);
	copy[length] = '\0';
	how = strchr(copy, ':');
	if (how)
		*how++ = '\0';
	f = schema_field(m->event->id, copy);
	if (!f)
		return false;
	if (how && strcmp(how, "meaning") == 0 && field_is_integer(f))
		text_put(to, _(name_meaning(f->kind, field_integer(f, m->event))));
	else if (how && strcmp(how, "number") == 0 && field_is_integer(f))
		text_printf(to, "%lld", (long long)field_integer(f, m->event));
	else
		say_field(to, f, m->event);
	return true;
}

void say_sentence(struct text *to, const char *sentence, const struct moment *m, const struct word *words)
{
	for (const char *s = sentence; *s;) {
		size_t plain = strcspn(s, "{");
		size_t length;

		text_append(to, s, plain);
		s += plain;
		if (!*s)
			break;
		length = strcspn(s + 1, "{}");
		if (s[1 + length] == '}' && (say_given(to, s + 1, length, words) || say_known(to, s + 1, length, m) ||
					     say_named_field(to, s + 1, length, m))) {
			s += length + 2;
		} else {
			text_char(to, '{');
			s++;
		}
	}
}
