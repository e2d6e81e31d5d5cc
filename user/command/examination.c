/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/examination.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/language.h"
#include "base/memory.h"

#define QUIET_MS 120 /* the kernel side's last words: timers and late closes after the patient's end */

const struct expectation expectations[EXPECTATIONS] = {
#define EXPECT(event, side, field, value, sentence) { EVENT_##event, side, field, value, sentence },
#include "command/expectation.def"
};

bool examination_tells(struct examination *x, enum event_id id)
{
	return probe_doors(x->probe)->sources[id].plane != PLANE_none;
}

/* Who really owns the socket an event is about: told by its ports, which the patient knows. -1: cannot be told. */
static int true_side(const struct patient *p, const struct event *e)
{
	const uint16_t theirs[] = { p->listener_port, p->listener6_port, p->narrow_port, p->crowded_port };

	if (e->local_port == p->closed_port)
		return -1; /* nobody's */
	if (e->protocol == IPPROTO_UDP)
		return !e->local_port ? -1 : e->local_port == p->datagram_port ? SERVER : CLIENT;
	for (size_t i = 0; e->protocol == IPPROTO_TCP && i < sizeof(theirs) / sizeof(*theirs); i++) {
		if (theirs[i] && e->local_port == theirs[i])
			return SERVER;
		if (theirs[i] && e->remote_port == theirs[i])
			return CLIENT;
	}
	return -1;
}

static void owner_check(struct examination *x, const struct event *e)
{
	int side = true_side(&x->scene, e);
	uint32_t owner = side == SERVER ? x->scene.server : x->scene.client;

	if (side < 0 || e->id == EVENT_lost || e->id == EVENT_icmp_sent) /* the kernel itself answers */
		return;
	if (!e->pid) {
		x->no_owner++;
		if (!x->unknown[0])
			snprintf(x->unknown, sizeof(x->unknown), side == SERVER ? _("%s of the server's socket") : _("%s of the client's socket"),
				 schema_get(e->id)->name);
	} else if (e->pid != owner) {
		x->wrong_owner++;
		if (!x->wrong[0])
			snprintf(x->wrong, sizeof(x->wrong), 
				 side == SERVER ? _("%s of the server's socket names process %u instead of %u")
						: _("%s of the client's socket names process %u instead of %u"),
				 schema_get(e->id)->name, e->pid, owner);
	}
}

static bool fits(const struct examination *x, const struct expectation *w, const struct event *e)
{
	uint32_t owner = w->side == SERVER ? x->scene.server : x->scene.client;
	const struct field *f = w->field ? schema_field(w->event, w->field) : NULL;

	if (e->id != w->event || (w->side != NOBODY && e->pid != owner))
		return false;
	return !w->field || (f && field_integer(f, e) == w->value);
}

static int on_event(const struct event *e, void *context)
{
	struct examination *x = context;

	if (e->id >= EVENT_COUNT)
		return 0;
	x->all++;
	x->seen[e->id]++;
	owner_check(x, e);
	for (int i = 0; i < EXPECTATIONS; i++)
		x->met[i] += fits(x, &expectations[i], e);
	return 0;
}

static void on_program(const char *name, unsigned long long runs, unsigned long long ns, unsigned instructions, void *context)
{
	struct examination *x = context;
	struct program *p = &x->programs[x->program_count];

	if (x->program_count == PROGRAMS || !strcmp(name, "seed__iter"))
		return;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->runs = runs;
	x->program_count++;
}

static double now_s(void) { return now_ns() / 1e9; }

/* Events are kept until the patient's end: only then is it known which port was whose. */
struct keeper {
	union event_any *events;
	size_t count, room;
};

static int keep(const struct event *e, void *context)
{
	struct keeper *k = context;

	if (k->count == k->room) {
		k->room = k->room ? 2 * k->room : 256;
		k->events = memory_resize(k->events, k->room, sizeof(*k->events));
	}
	event_take(&k->events[k->count++], e, e->size);
	return 0;
}

static int probe_start(struct examination *x, pid_t tree, struct probe **ret)
{
	struct probe_options o = { .plane = x->plane };

	for (int id = 0; id < EVENT_COUNT; id++)
		o.wanted[id] = id != EVENT_tcp_io;
	o.config.command_pid = tree;
	o.config.filter_tree = 1;
	return probe_open(&o, ret);
}

/* Open the probe with the patient in view, let it live, and look at what was told. */
int examination_make(struct examination *x)
{
	struct keeper kept = { 0 };
	struct patient *p = NULL;
	int gate = -1, statistics, err;

	err = patient_create(&p, &gate);
	if (err)
		return err;
	statistics = kernel_count_runs();
	err = probe_start(x, p->client, &x->probe);
	if (err || !x->test)
		goto out;
	x->counted = statistics >= 0;
	x->seconds = now_s();
	err = patient_live(p, gate);
	x->seconds = now_s() - x->seconds;
	if (err)
		goto out;
	pause_ms(QUIET_MS);
	probe_each_program(x->probe, on_program, x);
	probe_detach(x->probe);
	err = probe_drain(x->probe, keep, &kept);
	if (err)
		goto out;
	x->scene = *p;
	x->tested = true;
	x->counts = probe_count(x->probe, EVENT_COUNT);
	for (size_t i = 0; i < kept.count; i++)
		on_event(&kept.events[i].head, x);
out:
	free(kept.events);
	if (statistics >= 0)
		close(statistics);
	close(gate);
	patient_destroy(p);
	return err;
}

/* ---- judgement ---- */

enum verdict examination_verdict(struct examination *x, int i)
{
	const struct expectation *w = &expectations[i];

	if (!examination_tells(x, w->event))
		return VERDICT_not_told;
	return x->met[i] ? VERDICT_seen : VERDICT_missing;
}

long long examination_runs(const struct examination *x, const char *program)
{
	for (size_t i = 0; i < x->program_count; i++)
		if (!strcmp(x->programs[i].name, program))
			return x->programs[i].runs;
	return -1;
}

/* Whether the same things are seen on tracepoints alone: tried, not guessed. */
static void second_opinion(struct examination *x)
{
	struct examination *again;
	unsigned functions = 0, cured = 0;

	for (int i = 0; i < EXPECTATIONS; i++)
		functions += examination_verdict(x, i) == VERDICT_missing &&
			     probe_doors(x->probe)->sources[expectations[i].event].plane == PLANE_functions;
	if (!functions || x->plane)
		return;
	again = memory_create(1, sizeof(*again));
	again->plane = PLANE_tracepoints;
	again->test = true;
	if (!examination_make(again)) {
		for (int i = 0; i < EXPECTATIONS; i++)
			if (examination_verdict(x, i) == VERDICT_missing && examination_verdict(again, i) == VERDICT_seen) {
				text_printf(&x->remedy, "%s%s", cured ? ", " : "", schema_get(expectations[i].event)->name);
				cured++;
			}
	}
	examination_finish(again);
	free(again);
}

void examination_judge(struct examination *x)
{
	for (int i = 0; i < EXPECTATIONS; i++)
		x->failed += examination_verdict(x, i) == VERDICT_missing;
	if (x->wrong_owner || x->no_owner)
		x->failed++;
	if (x->counts.lost[LOSS_ring_full] || x->counts.lost[LOSS_map_full])
		x->failed++;
	second_opinion(x);
}

void examination_finish(struct examination *x)
{
	probe_close(x->probe);
	x->probe = NULL;
	text_finish(&x->remedy);
}
