/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/door.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/language.h"

/* Better doors first. */
static const char *const kinds[][2] = {
	{ "fentry", "kprobe" },
	{ "fexit", "kretprobe" },
	{ "tp_btf", "raw_tp" },
};

struct row {
	enum event_id id;
	const char *label, *hook;
};

static const struct row rows[] = {
#define SOURCE(event, label, hook) { EVENT_##event, #label, hook },
#include "probe/source.def"
};

static const char *const base[] = {
#define BASE(hook) hook,
#include "probe/source.def"
};

static const char *const optional[] = {
#define OPTIONAL(hook) hook,
#include "probe/source.def"
};

static const struct cost {
	enum event_id id;
	const char *spared_by, *text;
} costs[] = {
#define COST(event, spared_by, text) { EVENT_##event, spared_by, text },
#include "probe/source.def"
};

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static enum plane label_plane(const char *label)
{
	return !strcmp(label, "functions") || !strcmp(label, "fallback") ? PLANE_functions : PLANE_tracepoints;
}

struct hook *doors_hook(struct doors *d, const char *name)
{
	for (size_t i = 0; i < d->hook_count; i++)
		if (!strcmp(d->hooks[i].name, name))
			return &d->hooks[i];
	return NULL;
}

void doors_add(struct doors *d, const char *program, const char *section)
{
	const char *end = strstr(program, "__"), *target = strchr(section, '/'), *next;
	char name[64];
	struct hook *h;

	/* Kernel functions may begin with, or hold, two underscores; the door is behind the last pair. */
	while (end && (next = strstr(end + 2, "__")))
		end = next;
	if (!end || !target)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)(end - program), program);
	h = doors_hook(d, name);
	if (!h) {
		if (d->hook_count == DOOR_HOOKS)
			return;
		h = &d->hooks[d->hook_count++];
		snprintf(h->name, sizeof(h->name), "%s", name);
		snprintf(h->target, sizeof(h->target), "%s", target + 1);
	}
	for (size_t k = 0; k < COUNT_OF(kinds); k++)
		for (int i = 0; i < 2; i++)
			if (!strcmp(kinds[k][i], end + 2)) {
				h->doors[i].program = program;
				h->doors[i].kind = kinds[k][i];
			}
}

static void door_fail(struct door *door, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(door->reason, sizeof(door->reason), _(format), arguments);
	va_end(arguments);
	door->failed = true;
}

/* What can be known about a door without trying it. */
static void door_examine(struct doors *d, struct hook *h, struct door *door)
{
	const struct kernel *k = d->kernel;

	door->examined = true;
	if (!strcmp(door->kind, "fentry") || !strcmp(door->kind, "fexit")) {
		if (!k->fentry)
			door_fail(door, "this kernel refuses %s (%s)", door->kind, strerror(-k->fentry_error));
		else if (kernel_parameters(k, h->target) < 0)
			door_fail(door, "this kernel has no function %s", h->target);
		else if (kernel_parameters(k, h->target) > 6 && !k->wide)
			door_fail(door, "%s has more than 6 parameters, too many for %s before Linux 6.6", h->target, door->kind);
	} else if (!strcmp(door->kind, "kprobe") || !strcmp(door->kind, "kretprobe")) {
		if (!k->kprobe)
			door_fail(door, "this kernel has no kprobes (%s)", strerror(-k->kprobe_error));
		else if (!kernel_has_symbol(h->target))
			door_fail(door, "this kernel has no function %s", h->target);
	} else if (!strcmp(door->kind, "tp_btf")) {
		if (!k->tp_btf)
			door_fail(door, "this kernel refuses typed tracepoints (%s)", strerror(-k->tp_btf_error));
	} else if (!k->raw_tp) {
		door_fail(door, "this kernel refuses raw tracepoints (%s)", strerror(-k->raw_tp_error));
	}
	if (!door->failed && !strcmp(h->name, "descriptors_abandoned") && !k->loop)
		door_fail(door, "this kernel has no bpf_loop (Linux 5.17)");
	if (!door->failed && !strcmp(h->name, "descriptors_counted") && k->loop)
		door_fail(door, "this kernel has bpf_loop, and descriptors_abandoned");
	if (!door->failed && (!strcmp(door->kind, "tp_btf") || !strcmp(door->kind, "raw_tp"))) {
		if (kernel_tracepoint_parameters(k, h->target) < 0)
			door_fail(door, "this kernel has no tracepoint %s", h->target);
		else if (!strcmp(h->target, "tcp_send_reset") && kernel_tracepoint_parameters(k, h->target) < 3)
			door_fail(door, "tcp_send_reset gives no reason before Linux 6.10");
		else if (!strcmp(h->target, "kfree_skb") && kernel_tracepoint_parameters(k, h->target) < 3)
			door_fail(door, "kfree_skb gives no reason before Linux 5.17");
	}
}

struct door *hook_door(struct doors *d, struct hook *h)
{
	for (int i = 0; i < 2; i++) {
		struct door *door = &h->doors[i];

		if (!door->program)
			continue;
		if (!door->examined)
			door_examine(d, h, door);
		if (!door->failed)
			return door;
	}
	return NULL;
}

bool doors_fail(struct doors *d, const char *program, const char *format, ...)
{
	va_list arguments;

	for (size_t i = 0; i < d->hook_count; i++)
		for (int j = 0; j < 2; j++) {
			struct door *door = &d->hooks[i].doors[j];

			if (!door->program || strcmp(door->program, program))
				continue;
			va_start(arguments, format);
			vsnprintf(door->reason, sizeof(door->reason), _(format), arguments);
			va_end(arguments);
			door->failed = true;
			return true;
		}
	return false;
}

/* Whether every hook of that row group can be had; if not, `reason` says which and why. */
static bool group_works(struct doors *d, enum event_id id, const char *label, char *reason)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct hook *h;

		if (rows[i].id != id || strcmp(rows[i].label, label))
			continue;
		h = doors_hook(d, rows[i].hook);
		if (h && hook_door(d, h))
			continue;
		snprintf(reason, DOOR_REASON, "%.60s: %.180s", rows[i].hook,
			 !h ? _("no such hook") : h->doors[1].program ? h->doors[1].reason : h->doors[0].reason);
		if (h && h->doors[0].failed && h->doors[0].reason[0])
			snprintf(reason, DOOR_REASON, "%.60s: %.180s", rows[i].hook, h->doors[0].reason);
		return false;
	}
	return true;
}

static bool spares(struct doors *d, const char *what)
{
	struct hook *h = doors_hook(d, what);

	return h ? hook_door(d, h) != NULL : !strcmp(what, "bpf_loop") && d->kernel->loop;
}

static void source_choose(struct doors *d, enum event_id id)
{
	struct source *s = &d->sources[id];
	const char *tried = "";
	char reason[DOOR_REASON];

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		enum plane plane = label_plane(rows[i].label);
		bool only = true;

		if (rows[i].id != id || !strcmp(rows[i].label, tried))
			continue;
		tried = rows[i].label;
		/* A forced plane rules where there is a choice; what only tracepoints can tell stays. */
		for (size_t j = 0; j < COUNT_OF(rows); j++)
			if (rows[j].id == id && label_plane(rows[j].label) == d->forced)
				only = false;
		if (d->forced && plane != d->forced && !only)
			continue;
		if (!group_works(d, id, rows[i].label, reason)) {
			if (!s->refused[0])
				snprintf(s->refused, sizeof(s->refused), "%s", reason);
			continue;
		}
		s->plane = plane;
		s->label = rows[i].label;
		for (size_t j = 0, n = 0; plane == PLANE_tracepoints && j < COUNT_OF(costs) && n < COUNT_OF(s->costs); j++)
			if (costs[j].id == id && !spares(d, costs[j].spared_by))
				s->costs[n++] = costs[j].text;
		return;
	}
}

int doors_choose(struct doors *d, const bool wanted[EVENT_COUNT])
{
	for (size_t i = 0; i < d->hook_count; i++)
		d->hooks[i].needed = false;
	for (size_t i = 0; i < COUNT_OF(base); i++) {
		struct hook *h = doors_hook(d, base[i]);

		if (!h || !hook_door(d, h))
			return -ENOTSUP;
		h->needed = true;
	}
	for (size_t i = 0; i < COUNT_OF(optional); i++) {
		struct hook *h = doors_hook(d, optional[i]);

		if (h && hook_door(d, h))
			h->needed = true;
	}
	for (int id = 0; id < EVENT_COUNT; id++)
		source_choose(d, id);
	/* States carry the owners along: their hooks are needed even when nobody wants to read of them. */
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct source *s = &d->sources[rows[i].id];

		if (!s->plane || strcmp(s->label, rows[i].label))
			continue;
		if (wanted[rows[i].id] || rows[i].id == EVENT_tcp_state)
			doors_hook(d, rows[i].hook)->needed = true;
	}
	return d->sources[EVENT_tcp_state].plane ? 0 : -ENOTSUP;
}

void doors_each_hook(struct doors *d, enum event_id id, void (*visit)(struct hook *, struct door *, void *), void *context)
{
	const struct source *s = &d->sources[id];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct hook *h;

		if (rows[i].id != id || !s->plane || strcmp(s->label, rows[i].label))
			continue;
		h = doors_hook(d, rows[i].hook);
		visit(h, hook_door(d, h), context);
	}
}
