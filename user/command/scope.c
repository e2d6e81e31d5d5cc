/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/scope.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/language.h"
#include "explain/say.h"

static bool number(const char *word, unsigned long most, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(word, &end, 10);
	return *word >= '0' && *word <= '9' && !*end && !errno && *ret && *ret <= most;
}

/* Where the first address ends: at a space, an arrow, or a dash outside brackets. */
static size_t first_length(const char *argument)
{
	return strcspn(argument, " \t,->");
}

bool scope_parse(struct scope *s, const char *argument, struct config *filters)
{
	size_t length = first_length(argument);
	char first[ADDRESS_TEXT_MAX];
	unsigned long n;

	if (number(argument, 0x7fffffff, &n)) {
		s->pid = n;
		return true;
	}
	if (*argument == ':' && number(argument + 1, 65535, &n)) {
		filters->filter_port = n;
		filters->filter_port_set = 1;
		return true;
	}
	if (!length || length >= sizeof(first))
		return false;
	memcpy(first, argument, length);
	first[length] = '\0';
	argument += length;
	argument += strspn(argument, " \t,->");
	if (!address_parse(first, &s->ends[0]) || !s->ends[0].port)
		return false;
	if (*argument && (!address_parse(argument, &s->ends[1]) || !s->ends[1].port))
		return false;
	/* Each socket of the connection has both ports; the one chosen by the kernel, as a rule the higher, names fewer sockets. */
	filters->filter_port = s->ends[1].port > s->ends[0].port ? s->ends[1].port : s->ends[0].port;
	filters->filter_port_set = 1;
	return true;
}

static void put_filter(struct text *to, const char *name, const char *value)
{
	text_printf(to, "%s%s %s", to->length ? ", " : "", name, value);
}

static void put_set(struct text *to, const char *name, unsigned bits, const char *const words[3])
{
	struct text list = TEXT_EMPTY;

	for (int i = 0; i < 3; i++)
		if (bits & 1U << i)
			text_printf(&list, "%s%s", list.length ? "," : "", words[i]);
	put_filter(to, name, text_string(&list));
	text_finish(&list);
}

void scope_describe(struct scope *s)
{
	static const char *const families[3] = { "inet", "inet6", "unix" }, *const protocols[3] = { "tcp", "udp", "unix" };
	const struct config *c = s->config;
	char printed[ADDRESS_TEXT_MAX], line[96];
	struct text *to = &s->what;

	if (s->pid) {
		snprintf(line, sizeof(line), "%u", s->pid);
		put_filter(to, s->past ? _("process") : _("process (with its children)"), line);
	}
	if (s->ends[0].port) {
		put_filter(to, _("address"), address_print(&s->ends[0], printed));
		if (s->ends[1].port)
			text_printf(to, " - %s", address_print(&s->ends[1], printed));
	} else if (c->filter_port_set) {
		snprintf(line, sizeof(line), "%u", c->filter_port);
		put_filter(to, _("port"), line);
	}
	if (c->filter_pid_set) {
		snprintf(line, sizeof(line), "%u", c->filter_pid);
		put_filter(to, _("process"), line);
	}
	if (c->filter_comm_set) {
		struct text name = TEXT_EMPTY;

		say_process(&name, &c->filter_comm, 0);
		put_filter(to, _("programs called"), text_string(&name));
		text_finish(&name);
	}
	if (c->filter_address_set) {
		struct address a = { .family = c->filter_address_family, .ip = c->filter_address };

		snprintf(line, sizeof(line), "%s/%u", address_print(&a, printed), c->filter_address_bits);
		put_filter(to, _("address"), line);
	}
	if (c->filter_netns_set) {
		snprintf(line, sizeof(line), "%u", c->filter_netns);
		put_filter(to, _("network namespace"), line);
	}
	if (c->filter_cgroup_set)
		put_filter(to, _("one cgroup"), "");
	if (c->filter_family_set)
		put_set(to, _("family"), c->filter_families, families);
	if (c->filter_protocol_set)
		put_set(to, _("protocol"), c->filter_protocols, protocols);
	if (!to->length)
		text_put(to, _("everything"));
}

/* ---- processes ---- */

static uint32_t parent_of(uint32_t pid)
{
	char path[64], line[512];
	unsigned parent = 0;
	const char *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	/* The name in parentheses may hold anything, parentheses too. */
	end = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (end)
		sscanf(end + 1, " %*c %u", &parent);
	fclose(f);
	return parent;
}

static bool is_kin(struct scope *s, uint32_t pid)
{
	static char yes, no;
	uint32_t at = pid;
	const char *known;

	if (!pid || s->past)
		return pid && pid == s->pid;
	known = map_get(&s->kin, pid);
	if (!known) {
		for (int depth = 0; at > 1 && at != s->pid && depth < 64; depth++)
			at = parent_of(at);
		known = at == s->pid ? &yes : &no;
		map_put(&s->kin, pid, (void *)known);
	}
	return known == &yes;
}

/* ---- ends ---- */

static bool same_prefix(const struct address *a, const struct config *c)
{
	struct address mine = address_plain(*a);
	unsigned whole = c->filter_address_bits / 8, rest = c->filter_address_bits % 8;

	if (mine.family != c->filter_address_family || memcmp(mine.ip.bytes, c->filter_address.bytes, whole))
		return false;
	return !rest || !((mine.ip.bytes[whole] ^ c->filter_address.bytes[whole]) >> (8 - rest));
}

static bool is_end(const struct address *asked, const struct address *a)
{
	struct address mine = address_plain(*asked), theirs = address_plain(*a);

	return address_equal(&mine, &theirs);
}

static bool has_ends(const struct scope *s, const struct scope_end *e)
{
	if (!s->ends[0].port)
		return true;
	if (!s->ends[1].port)
		return is_end(&s->ends[0], &e->local) || is_end(&s->ends[0], &e->remote);
	return (is_end(&s->ends[0], &e->local) && is_end(&s->ends[1], &e->remote)) ||
	       (is_end(&s->ends[1], &e->local) && is_end(&s->ends[0], &e->remote));
}

bool scope_has(struct scope *s, const struct scope_end *e)
{
	const struct config *c = s->config;

	if (s->pid && !is_kin(s, e->pid))
		return false;
	if (!has_ends(s, e))
		return false;
	if (c->filter_pid_set && e->pid != c->filter_pid)
		return false;
	if (c->filter_comm_set && memcmp(e->comm->bytes, c->filter_comm.bytes, sizeof(e->comm->bytes)))
		return false;
	if (c->filter_port_set && e->local.port != c->filter_port && e->remote.port != c->filter_port)
		return false;
	if (c->filter_address_set && !same_prefix(&e->local, c) && !same_prefix(&e->remote, c))
		return false;
	if (c->filter_netns_set && e->netns != c->filter_netns)
		return false;
	if (c->filter_family_set && !(c->filter_families & (e->family == AF_INET ? 1 : e->family == AF_INET6 ? 2 : 4)))
		return false;
	return !c->filter_protocol_set ||
	       (c->filter_protocols & (e->family == AF_UNIX ? 4 : e->protocol == IPPROTO_TCP ? 1 : 2)) != 0;
}

static struct scope_end end_of(const struct endpoint *ep)
{
	return (struct scope_end){
		.pid = ep->pid, .netns = ep->netns, .comm = &ep->comm, .family = ep->family, .protocol = ep->protocol,
		.local = ep->local, .remote = ep->remote,
	};
}

bool scope_selects(struct scope *s, const struct moment *m)
{
	struct scope_end end = {
		.pid = m->event->pid, .netns = m->event->netns, .comm = &m->event->comm, .family = m->event->family,
		.protocol = m->event->protocol, .local = address_local(m->event), .remote = address_remote(m->event),
	};

	if (m->event->id == EVENT_lost || scope_has(s, &end))
		return true;
	if (m->self) {
		end = end_of(m->self);
		if (scope_has(s, &end))
			return true;
	}
	if (m->peer) {
		end = end_of(m->peer);
		return scope_has(s, &end);
	}
	return false;
}

void scope_finish(struct scope *s)
{
	map_finish(&s->kin);
	text_finish(&s->what);
}
