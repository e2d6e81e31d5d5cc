/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/phrase.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/language.h"
#include "base/text.h"
#include "conversation/state.h"
#include "event/name.h"

struct phrase {
	enum event_id event;
	const char *field; /* NULL: fits always */
	bool any;          /* one of the bits of `value` is enough; 0: any value of the field but 0 */
	int64_t value;
	const char *sentence;
};

static const struct phrase phrases[] = {
#define PHRASE(event, field, value, sentence) { EVENT_##event, #field, false, value, sentence },
#define FLAGGED(event, bit, sentence) { EVENT_##event, "flags", true, bit, sentence },
#define FAILED(event, sentence) { EVENT_##event, "error", true, 0, sentence },
#define PLAIN(event, sentence) { EVENT_##event, NULL, false, 0, sentence },
#include "render/phrase.def"
};

static bool fits(const struct phrase *p, const struct event *e)
{
	const struct field *f;
	int64_t value;

	if (!p->field)
		return true;
	f = schema_field(e->id, p->field);
	value = f ? field_integer(f, e) : 0;
	if (p->any)
		return p->value ? (value & p->value) != 0 : value != 0;
	return value == p->value;
}

/* What bind() was asked for: an address, or a name of a unix socket. */
static void bind_name(struct text *to, const struct event *e)
{
	const char *name = e->family == AF_UNIX ? "path" : "asked";
	const struct field *f = schema_field(e->id, name);

	if (f && !field_is_zero(f, e))
		say_field(to, f, e);
	else
		text_put(to, _("no name"));
}

/* An open file that is passed on: what it is, and its name where it has one. */
static void file_put(struct text *to, const struct event *e)
{
	const struct event_unix_descriptor *d = (const struct event_unix_descriptor *)e;

	text_put(to, _(name_meaning(KIND_FILE_KIND, d->kind)));
	if (!d->name.length)
		return;
	text_char(to, ' ');
	say_field(to, schema_field(e->id, "name"), e);
}

static void by_fields(struct text *to, const struct event *e)
{
	const struct schema *s = schema_get(e->id);

	text_put(to, s->name);
	for (size_t i = 0; i < s->field_count; i++) {
		text_printf(to, " %s=", s->fields[i].name);
		say_field(to, &s->fields[i], e);
	}
}

/* The last close of a socket without a queue of bytes that somebody must acknowledge, and with nothing unread. */
static bool closes_plainly(const struct event *e)
{
	const struct event_sock_close *c = (const struct event_sock_close *)e;

	return e->id == EVENT_sock_close && c->last && e->protocol != IPPROTO_TCP && !c->unread_bytes && !c->unsent_bytes &&
	       (c->cause == CALL_exit || c->cause == CALL_close);
}

/* The kernel sets the state it has: close() after shutdown(). */
static bool stays(const struct event *e)
{
	const struct event_tcp_state *s = (const struct event_tcp_state *)e;

	return e->id == EVENT_tcp_state && s->oldstate == s->newstate;
}

#define OPTION(level, name) ((unsigned)(level) << 16 | (unsigned)(name))

/* The value of an option that is no number, as far as it is known: `value` holds its first four bytes. */
static bool option_value(struct text *to, const struct event_sock_option *e)
{
	char printed[INET_ADDRSTRLEN];

	switch (e->option) {
	case OPTION(SOL_SOCKET, SO_RCVTIMEO):
	case OPTION(SOL_SOCKET, SO_SNDTIMEO):
		if (!e->value && !e->value2)
			return false;
		say_duration(to, (uint64_t)e->value * 1000000000 + (uint64_t)e->value2 * 1000);
		return true;
	case OPTION(IPPROTO_IP, IP_ADD_MEMBERSHIP):
	case OPTION(IPPROTO_IP, IP_DROP_MEMBERSHIP):
	case OPTION(IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP):
	case OPTION(IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP):
	case OPTION(IPPROTO_IP, IP_MULTICAST_IF):
		text_put(to, inet_ntop(AF_INET, &e->value, printed, sizeof(printed)) ? printed : "...");
		return true;
	case OPTION(SOL_SOCKET, SO_BINDTODEVICE):
	case OPTION(SOL_SOCKET, SO_ATTACH_FILTER):
	case OPTION(IPPROTO_TCP, TCP_CONGESTION):
	case OPTION(IPPROTO_TCP, TCP_ULP):
	case OPTION(IPPROTO_TCP, TCP_MD5SIG):
	case OPTION(IPPROTO_TCP, TCP_FASTOPEN_KEY):
	case OPTION(IPPROTO_IPV6, IPV6_JOIN_GROUP):
	case OPTION(IPPROTO_IPV6, IPV6_LEAVE_GROUP):
		text_put(to, "...");
		return true;
	default:
		return false;
	}
}

/* What ends: an entry that waits for a FIN may end before it is a TIME-WAIT. */
static const char *entry_name(const struct endpoint *ep)
{
	return name_word(KIND_TCP_STATE, ep && ep->state == TCP_FIN_WAIT2 ? TCP_FIN_WAIT2 : TCP_TIME_WAIT);
}

void phrase_write(struct text *to, const struct moment *m)
{
	struct text name = TEXT_EMPTY;
	struct word words[2] = { { 0 }, { 0 } };

	/* An entry that waits in FIN-WAIT-2 is a TIME-WAIT to the kernel's function. */
	if (m->event->id == EVENT_tcp_reset_sent && m->self && m->self->kind == ENDPOINT_time_wait)
		words[0] = (struct word){ .name = "state", .value = name_word(KIND_TCP_STATE, m->self->state) };
	if (stays(m->event)) {
		say_sentence(to, _("stays in {newstate}"), m, NULL);
		return;
	}
	if (closes_plainly(m->event)) {
		text_put(to, ((const struct event_sock_close *)m->event)->cause == CALL_exit ? _("exit: the socket is closed") : "close()");
		return;
	}
	if (m->event->id == EVENT_sock_bind) {
		bind_name(&name, m->event);
		words[0] = (struct word){ .name = "name", .value = text_string(&name) };
	}
	if (m->event->id == EVENT_unix_descriptor) {
		file_put(&name, m->event);
		words[0] = (struct word){ .name = "what", .value = text_string(&name) };
	}
	if (m->event->id == EVENT_sock_option && option_value(&name, (const struct event_sock_option *)m->event))
		words[0] = (struct word){ .name = "value", .value = text_string(&name) };
	if (m->event->id == EVENT_tcp_time_wait_end)
		words[0] = (struct word){ .name = "entry", .value = entry_name(m->self) };
	if (m->event->id == EVENT_tcp_connect && !((const struct event_tcp_connect *)m->event)->asked.family)
		words[0] = (struct word){ .name = "asked", .value = "AF_UNSPEC" };
	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++) {
		if (phrases[i].event == m->event->id && fits(&phrases[i], m->event)) {
			say_sentence(to, _(phrases[i].sentence), m, words);
			text_finish(&name);
			return;
		}
	}
	text_finish(&name);
	by_fields(to, m->event);
}

bool phrase_is_trouble(const struct event *e)
{
	const struct field *f;
	int64_t error;

	switch (e->id) {
	case EVENT_tcp_reset_sent:
	case EVENT_tcp_reset_received:
	case EVENT_tcp_retransmit:
	case EVENT_tcp_listen_drop:
	case EVENT_udp_drop:
	case EVENT_signal:
	case EVENT_lost:
	case EVENT_gap:
	case EVENT_shed:
		return true;
	default:
		f = schema_field(e->id, "error");
		error = f ? llabs(field_integer(f, e)) : 0;
		return error && error != EINPROGRESS && error != EAGAIN;
	}
}
