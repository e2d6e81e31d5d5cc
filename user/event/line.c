/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/line.h"

#include <errno.h>
#include <netinet/in.h>

#include "base/language.h"
#include "base/text.h"

enum { NS_DIGITS = 9 };

/* A head member that has a place or a form of its own in the line, and is not just KEY=VALUE at its end. */
static bool has_own_place(const struct field *f)
{
	switch (f->offset) {
	case offsetof(struct event, time_ns):
	case offsetof(struct event, socket):
	case offsetof(struct event, id):
	case offsetof(struct event, size):
	case offsetof(struct event, pid):
	case offsetof(struct event, local_port):
	case offsetof(struct event, remote_port):
	case offsetof(struct event, local):
	case offsetof(struct event, remote):
	case offsetof(struct event, comm):
		return true;
	default:
		return false;
	}
}

static __u8 usual_protocol(enum event_id id)
{
	const char *name = schema_get(id)->name;

	return !strncmp(name, "tcp_", 4) ? IPPROTO_TCP : !strncmp(name, "udp_", 4) ? IPPROTO_UDP : 0;
}

/* What the head holds when the line does not say otherwise; id, pid and both addresses are known already. */
static void set_usual(struct event *e)
{
	e->fd = -1;
	e->tid = e->pid;
	e->protocol = usual_protocol(e->id);
	e->attribution = e->pid ? ATTRIBUTION_exact : ATTRIBUTION_unknown;
}

static bool is_inet(const struct event *e)
{
	return e->family == AF_INET || e->family == AF_INET6;
}

static bool is_zero_ip(const struct event_ip *ip)
{
	static const struct event_ip zero;

	return !memcmp(ip, &zero, sizeof(zero));
}

/* ---- writing ---- */

static void write_time(struct text *to, uint64_t time_ns)
{
	uint32_t rest = time_ns % 1000000000u;
	char digits[NS_DIGITS + 1] = ".";

	for (int i = NS_DIGITS; i; i--) {
		digits[i] = '0' + rest % 10;
		rest /= 10;
	}
	text_u64(to, time_ns / 1000000000u);
	text_append(to, digits, sizeof(digits));
}

static void write_key(struct text *to, const char *key)
{
	text_char(to, ' ');
	text_put(to, key);
	text_char(to, '=');
}

static void write_field(struct text *to, const char *key, const struct field *f, const struct event *e)
{
	write_key(to, key);
	kind_write(to, f, e);
}

static void write_end(struct text *to, const char *key, const struct event *e, const struct event_ip *ip, __u16 port)
{
	struct event_address a = { .family = e->family, .port = port, .ip = *ip };

	write_key(to, key);
	kind_write_address(to, &a);
}

/* The local end tells the family, so it is written for every inet socket; the remote end only when there is one. */
static void write_ends(struct text *to, const struct event *e)
{
	if (is_inet(e) || e->local_port || !is_zero_ip(&e->local))
		write_end(to, "local", e, &e->local, e->local_port);
	if (e->remote_port || !is_zero_ip(&e->remote))
		write_end(to, "remote", e, &e->remote, e->remote_port);
}

static void write_own_fields(struct text *to, const struct schema *schema, const struct event *e)
{
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *f = &schema->fields[i];

		if (f->offset + f->size <= e->size && !(kind_row(f->kind)->quiet && field_is_zero(f, e)))
			write_field(to, f->name, f, e);
	}
}

static void write_head_fields(struct text *to, const struct event *e)
{
	struct event usual = *e, whole = *e;
	const struct field *f;
	size_t count;

	/* What a record too short for a head holds of it is told as far as it was taken over. */
	usual.size = whole.size = sizeof(*e);
	usual.netns = usual.uid = usual.plane = 0;
	usual.family = is_inet(e) ? e->family : 0;
	set_usual(&usual);
	for (f = schema_head(&count); count--; f++) {
		if (!has_own_place(f) && memcmp((char *)e + f->offset, (char *)&usual + f->offset, f->size))
			write_field(to, f->name, f, &whole);
	}
}

void line_write(struct text *to, const struct event *e)
{
	const struct schema *schema = schema_get(e->id);
	struct event whole = *e;

	whole.size = sizeof(whole);
	write_time(to, e->time_ns);
	text_char(to, ' ');
	kind_write(to, schema_field(e->id, "comm"), &whole);
	text_char(to, '/');
	text_u64(to, e->pid);
	text_char(to, ' ');
	text_put(to, schema->name);
	if (e->id >= EVENT_COUNT) {
		write_key(to, "id");
		text_u64(to, e->id);
	}
	if (e->size != schema->size) {
		write_key(to, "size");
		text_u64(to, e->size);
	}
	if (e->socket)
		write_field(to, "sock", schema_field(e->id, "socket"), &whole);
	write_ends(to, e);
	write_own_fields(to, schema, e);
	write_head_fields(to, e);
}

/* ---- reading ---- */

struct reader {
	const char *line;
	size_t length, at;
	struct event *event;
	bool family_said;  /* by family= */
	bool family_shown; /* by the form of an address */
	struct line_problem problem;
};

static int wrong(struct reader *r, const char *what)
{
	r->problem = (struct line_problem){ what, r->at };
	return -EINVAL;
}

static void skip_spaces(struct reader *r)
{
	while (r->at < r->length && (r->line[r->at] == ' ' || r->line[r->at] == '\t'))
		r->at++;
}

/* The end of a value that begins at `at`: behind its closing quote, or at the next space. */
static size_t value_end(const struct reader *r, size_t at)
{
	bool quoted = at < r->length && r->line[at] == '"';

	for (at += quoted; at < r->length; at++) {
		if (quoted && r->line[at] == '\\')
			at++;
		else if (quoted ? r->line[at] == '"' : r->line[at] == ' ' || r->line[at] == '\t')
			return at + quoted;
	}
	return r->length;
}

static int read_u64(const char *digits, size_t length, uint64_t limit, uint64_t *ret)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < length; i++) {
		if (digits[i] < '0' || digits[i] > '9' || __builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, digits[i] - '0', &sum))
			return -EINVAL;
	}
	*ret = sum;
	return length && sum <= limit ? 0 : -EINVAL;
}

static int read_time(struct reader *r)
{
	size_t end = value_end(r, r->at);
	const char *dot = memchr(r->line + r->at, '.', end - r->at);
	size_t second_digits = (dot ? (size_t)(dot - r->line) : end) - r->at;
	size_t rest_digits = dot ? end - r->at - second_digits - 1 : 0;
	uint64_t seconds, rest = 0;

	if (read_u64(r->line + r->at, second_digits, UINT64_MAX / 1000000000u, &seconds) || rest_digits > NS_DIGITS ||
	    (dot && read_u64(dot + 1, rest_digits, 999999999, &rest)))
		return wrong(r, "a time is SECONDS.FRACTION, with at most nine digits behind the point");
	while (rest_digits++ < NS_DIGITS)
		rest *= 10;
	if (__builtin_add_overflow(seconds * 1000000000u, rest, &r->event->time_ns))
		return wrong(r, "the time is too large");
	r->at = end;
	return 0;
}

static int read_owner(struct reader *r)
{
	size_t comm_end = value_end(r, r->at), end = value_end(r, comm_end);
	const char *slash = comm_end < r->length && r->line[r->at] == '"' ?
				    &r->line[comm_end] : memrchr(r->line + r->at, '/', comm_end - r->at);
	uint64_t pid;

	if (!slash || *slash != '/' ||
	    read_u64(slash + 1, r->line + end - (slash + 1), UINT32_MAX, &pid))
		return wrong(r, "an owner is NAME/PID");
	if (kind_read(schema_field(0, "comm"), r->event, r->line + r->at, slash - (r->line + r->at)))
		return wrong(r, "a name has at most 16 bytes, none of them NUL");
	r->event->pid = pid;
	r->at = end;
	return 0;
}

static int read_event_name(struct reader *r)
{
	size_t end = value_end(r, r->at);
	char name[64];

	if (end - r->at >= sizeof(name))
		return wrong(r, "there is no event of that name");
	memcpy(name, r->line + r->at, end - r->at);
	name[end - r->at] = '\0';
	r->event->id = schema_find(name);
	if (r->event->id == EVENT_COUNT && strcmp(name, "unknown"))
		return wrong(r, "there is no event of that name");
	r->event->size = schema_get(r->event->id)->size;
	r->at = end;
	return 0;
}

static int read_end(struct reader *r, const char *value, size_t length, struct event_ip *ip, __u16 *port)
{
	struct event_address a;

	if (kind_read_address(&a, value, length) || a.scope_id || a.family > UINT8_MAX)
		return wrong(r, "an address is IP:PORT or [IP]:PORT");
	if ((r->family_said || r->family_shown) && r->event->family != a.family)
		return wrong(r, "both ends are of one family");
	*ip = a.ip;
	*port = a.port;
	r->event->family = a.family;
	r->family_shown = true;
	return 0;
}

/* The keys that are not the name of a field. Returns whether it was one, and what became of it in `ret_err`. */
static bool read_special(struct reader *r, const char *key, const char *value, size_t length, int *ret_err)
{
	struct event *e = r->event;
	uint64_t number = 0;

	*ret_err = 0;
	if (!strcmp(key, "local")) {
		*ret_err = read_end(r, value, length, &e->local, &e->local_port);
	} else if (!strcmp(key, "remote")) {
		*ret_err = read_end(r, value, length, &e->remote, &e->remote_port);
	} else if (!strcmp(key, "id") || !strcmp(key, "size")) {
		if (read_u64(value, length, UINT16_MAX, &number))
			*ret_err = wrong(r, "a number up to 65535 is needed");
		else if (key[0] == 's')
			e->size = number;
		else if (number >= EVENT_COUNT && e->id >= EVENT_COUNT)
			e->id = number;
		else
			*ret_err = wrong(r, "a known event is called by its name");
	} else {
		return false;
	}
	return true;
}

static int read_pair(struct reader *r)
{
	const char *start = r->line + r->at, *equals = memchr(start, '=', r->length - r->at);
	size_t key_length = equals ? (size_t)(equals - start) : 0;
	const struct field *f;
	char key[64];
	size_t end;
	int err;

	if (!key_length || key_length >= sizeof(key) || memchr(start, ' ', key_length))
		return wrong(r, "KEY=VALUE is needed");
	memcpy(key, start, key_length);
	key[key_length] = '\0';
	end = value_end(r, r->at + key_length + 1);
	if (end < r->length && r->line[end] != ' ' && r->line[end] != '\t')
		return wrong(r, "a space is needed behind a quoted value");
	if (!read_special(r, key, equals + 1, r->line + end - (equals + 1), &err)) {
		f = schema_field(r->event->id, strcmp(key, "sock") ? key : "socket");
		if (!f || (!strcmp(f->event, "head") && has_own_place(f) && strcmp(key, "sock")))
			return wrong(r, "this event has no such field");
		err = kind_read(f, r->event, equals + 1, r->line + end - (equals + 1));
		if (err)
			return wrong(r, err == -ERANGE ? N_("the value does not fit the field") : N_("not a value of this field"));
		if (!strcmp(key, "family"))
			r->family_said = true;
	}
	r->at = end;
	return err;
}

static int read_line(struct reader *r)
{
	int err;

	skip_spaces(r);
	err = read_time(r);
	skip_spaces(r);
	err = err ? err : read_owner(r);
	skip_spaces(r);
	err = err ? err : read_event_name(r);
	if (err)
		return err;
	set_usual(r->event);
	for (skip_spaces(r); r->at < r->length && !err; skip_spaces(r))
		err = read_pair(r);
	return err;
}

int line_read(union event_any *ret, const char *line, size_t length, struct line_problem *ret_problem)
{
	union event_any got;
	struct reader r = { .line = line, .length = length, .event = &got.head };
	int err;

	memset(&got, 0, sizeof(got));
	err = read_line(&r);
	if (!err)
		*ret = got;
	else if (ret_problem)
		*ret_problem = r.problem;
	return err;
}
