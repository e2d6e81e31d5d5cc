/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/answer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/language.h"
#include "base/memory.h"
#include "event/name.h"
#include "render/column.h"
#include "render/output.h"
#include "render/phrase.h"
#include "render/table.h"

enum { KEPT = 32768, LABEL_COLUMNS = 12, CASES_SHOWN = 2 };

/* A copy of an event, so that it can be told when it turns out to be the cause of something. */
struct kept {
	uint32_t number; /* 0: none */
	uint16_t room;
	struct event *event;
};

struct view {
	struct renderer_options options;
	struct answer answer;
	struct findings *findings;
	struct kept *kept; /* a ring */
	struct text page, piece;
};

/* ---- the events behind the findings ---- */

static void keep(struct view *v, const struct moment *m)
{
	struct kept *k = &v->kept[m->number % KEPT];

	size_t bytes = m->event->size < sizeof(struct event) ? sizeof(struct event) : m->event->size;

	if (k->room < bytes) {
		free(k->event);
		k->event = memory_create(1, bytes);
		k->room = bytes;
	}
	memcpy(k->event, m->event, bytes);
	k->number = m->number;
}

static void say(void *context, const struct witness *w, const struct matcher *matcher, struct text *who, struct text *what)
{
	const struct view *v = context;
	const struct kept *k = &v->kept[w->number % KEPT];
	struct moment m = { .number = w->number, .matcher = matcher };

	m.self = w->socket ? matcher_find(matcher, w->socket) : NULL;
	if (m.self) {
		m.peer = m.self->peer;
		m.conversation = m.self->conversation;
	}
	if (k->number == w->number) {
		m.event = k->event;
		say_owner(who, &m);
		phrase_write(what, &m);
	} else { /* so long ago that its copy was overwritten */
		if (m.self)
			say_process(who, &m.self->comm, m.self->pid);
		text_put(what, schema_get(w->id)->name);
	}
}

static bool word(void *context, const char *name, const struct event *e, struct text *to)
{
	const struct view *v = context;

	return v->answer.word && v->answer.word(v->answer.context, name, e, to);
}

/* ---- for a person ---- */

enum paint { PAINT_none, PAINT_bold, PAINT_failure, PAINT_delay, PAINT_risk, PAINT_remedy, PAINT_faint };

static void paint(struct view *v, enum paint what)
{
	static const char *const codes[] = {
		"\033[0m", "\033[1m", "\033[1;31m", "\033[1;33m", "\033[1;36m", "\033[32m", "\033[2m"
	};

	if (v->options.color)
		text_put(&v->page, codes[what]);
}

/* Append the piece, folded behind a label, in ASCII where nothing else may be printed; and forget it. */
static void put_piece(struct view *v, const char *label, enum paint color)
{
	struct text first = TEXT_EMPTY, again = TEXT_EMPTY, plain = TEXT_EMPTY;
	unsigned width = v->options.width;

	text_put(&first, "   ");
	column_fit(&first, label, LABEL_COLUMNS - 3);
	column_repeat(&again, " ", LABEL_COLUMNS);
	if (v->options.ascii)
		column_ascii(&plain, text_string(&v->piece));
	paint(v, color);
	column_fold(&v->page, text_string(v->options.ascii ? &plain : &v->piece), text_string(&first), text_string(&again),
		    !width ? 0 : width > LABEL_COLUMNS + 20 ? width - LABEL_COLUMNS : 20);
	paint(v, PAINT_none);
	text_clear(&v->piece);
	text_finish(&first);
	text_finish(&again);
	text_finish(&plain);
}

static void put_line(struct view *v, const char *label, const char *line, enum paint color)
{
	text_put(&v->piece, line);
	put_piece(v, label, color);
}

/* The clock on the wall where there was one, else seconds since the first event. */
static void put_time(struct text *to, const struct view *v, uint64_t time_ns)
{
	int64_t wall = (int64_t)time_ns + v->answer.wall_ns;
	time_t seconds = wall / 1000000000;
	struct tm tm;

	if (!v->answer.live) {
		output_time(to, findings_count(v->findings).first_ns, time_ns);
		return;
	}
	localtime_r(&seconds, &tm);
	text_printf(to, "%02d:%02d:%02d.%06d", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall % 1000000000 / 1000));
}

static void put_measure(struct text *to, const struct finding *x, uint64_t measure)
{
	if (x->unit == KIND_DURATION_NS)
		say_duration(to, measure);
	else if (x->unit == KIND_BYTES)
		say_bytes(to, measure);
	else
		text_u64(to, measure);
}

static void put_figures(struct view *v, const struct finding *x)
{
	struct text a = TEXT_EMPTY, b = TEXT_EMPTY;

	text_printf(&v->piece, ngettext("%llu time", "%llu times", (unsigned long)x->count), (unsigned long long)x->count);
	if (x->sockets > 1)
		text_printf(&v->piece, _(", on %llu sockets"), (unsigned long long)x->sockets);
	if (x->measured && x->worst) {
		put_measure(&a, x, x->total);
		put_measure(&b, x, x->worst);
		text_put(&v->piece, "; ");
		if (x->count > 1)
			text_printf(&v->piece, _("%s in all, the worst %s"), text_string(&a), text_string(&b));
		else
			text_put(&v->piece, text_string(&a));
	}
	if (x->count > 1 && x->last_ns != x->first_ns) {
		text_clear(&a);
		text_clear(&b);
		put_time(&a, v, x->first_ns);
		put_time(&b, v, x->last_ns);
		text_put(&v->piece, "; ");
		text_printf(&v->piece, _("%s to %s"), text_string(&a), text_string(&b));
	}
	text_finish(&a);
	text_finish(&b);
	if (x->going_on == x->count)
		text_put(&v->piece, _("; not over at the end"));
	else if (x->going_on)
		text_printf(&v->piece, _("; %llu of them not over at the end"), (unsigned long long)x->going_on);
}

static void put_case(struct view *v, const struct finding *x, unsigned number)
{
	const struct finding_case *c = &x->cases[number];
	const char *label = _("seen");

	if (*c->ends) {
		text_put(&v->piece, c->ends);
		if (x->case_count > 1 && x->measured) {
			text_put(&v->piece, ": ");
			put_measure(&v->piece, x, c->measure);
		}
		put_piece(v, label, PAINT_faint);
		label = "";
	}
	for (unsigned i = 0; i < c->evidence_count; i++) {
		const struct finding_evidence *e = &c->evidence[i];

		put_time(&v->piece, v, e->witness.time_ns);
		text_printf(&v->piece, " %s%s%s", e->who, *e->who ? ": " : "", e->what);
		put_piece(v, label, PAINT_faint);
		label = "";
	}
}

static void put_finding(struct view *v, const struct finding *x, size_t number)
{
	static const enum paint colors[] = { PAINT_failure, PAINT_delay, PAINT_risk };
	struct text heading = TEXT_EMPTY;

	text_printf(&heading, "%zu. %s: %s", number, _(severity_name(x->row->severity)), x->title);
	paint(v, colors[x->row->severity]);
	column_fold(&v->page, text_string(&heading), "", "   ", v->options.width > 23 ? v->options.width - 3 : v->options.width);
	paint(v, PAINT_none);
	text_finish(&heading);
	put_line(v, _("where"), x->about, PAINT_bold);
	put_figures(v, x);
	put_piece(v, _("how much"), PAINT_none);
	text_put(&v->piece, x->cause);
	if (x->reference && strcmp(x->reference, "-"))
		text_printf(&v->piece, " [%s]", x->reference);
	put_piece(v, _("cause"), PAINT_none);
	put_line(v, _("remedy"), x->remedy, PAINT_remedy);
	for (unsigned i = 0; i < x->case_count && i < CASES_SHOWN; i++)
		put_case(v, x, i);
	text_char(&v->page, '\n');
}

static uint64_t watched_ns(const struct view *v)
{
	struct findings_count c = findings_count(v->findings);

	return v->answer.watched_ns ? v->answer.watched_ns : c.last_ns - c.first_ns;
}

static unsigned long long lost(const struct view *v)
{
	return v->answer.lost > findings_count(v->findings).lost ? v->answer.lost : findings_count(v->findings).lost;
}

static void put_kind(struct text *to, const char *words, unsigned long long count)
{
	if (!count)
		return;
	if (to->length)
		text_put(to, ", ");
	text_printf(to, words, count);
}

/* How many of each kind, or that there is nothing: the first thing a hurried reader wants to know. */
static void put_verdict(struct view *v, const struct finding *const *found, size_t count)
{
	struct text kinds = TEXT_EMPTY, duration = TEXT_EMPTY;
	unsigned long long count_of[SEVERITIES] = { 0 };

	for (size_t i = 0; i < count; i++)
		count_of[found[i]->row->severity]++;
	put_kind(&kinds, ngettext("%llu failure", "%llu failures", count_of[SEVERITY_failure]), count_of[SEVERITY_failure]);
	put_kind(&kinds, ngettext("%llu delay", "%llu delays", count_of[SEVERITY_delay]), count_of[SEVERITY_delay]);
	put_kind(&kinds, ngettext("%llu risk", "%llu risks", count_of[SEVERITY_risk]), count_of[SEVERITY_risk]);
	say_duration(&duration, watched_ns(v));
	text_printf(&v->piece, _("%s in %s, watching %s"), count ? text_string(&kinds) : _("Nothing wrong was seen"),
		    text_string(&duration), v->answer.what ? v->answer.what : _("everything"));
	text_finish(&kinds);
	text_finish(&duration);
	if (lost(v))
		text_printf(&v->piece, ngettext("; but %llu event was lost", "; but %llu events were lost", lost(v)), lost(v));
	text_char(&v->piece, '.');
	paint(v, PAINT_bold);
	column_fold(&v->page, text_string(&v->piece), "", "", v->options.width);
	paint(v, PAINT_none);
	text_clear(&v->piece);
}

static void put_watched(struct view *v)
{
	struct findings_count c = findings_count(v->findings);
	struct text events = TEXT_EMPTY, sockets = TEXT_EMPTY;

	text_printf(&events, ngettext("%llu event", "%llu events", (unsigned long)c.events), (unsigned long long)c.events);
	text_printf(&sockets, ngettext("%llu socket", "%llu sockets", (unsigned long)c.sockets), (unsigned long long)c.sockets);
	text_printf(&v->piece, _("%s of %s"), text_string(&events), text_string(&sockets));
	text_finish(&events);
	text_finish(&sockets);
	if (lost(v))
		text_printf(&v->piece, _("; %llu events were LOST: findings may be missing, and figures are too small"), lost(v));
	else
		text_put(&v->piece, _("; none was lost"));
	if (c.skipped)
		text_printf(&v->piece, _("; %llu hooks skipped while another ran"), (unsigned long long)c.skipped);
	if (c.untold)
		text_printf(&v->piece, _("; %llu signs had no room, because there were too many different findings"),
			    (unsigned long long)c.untold);
	put_piece(v, _("watched"), lost(v) ? PAINT_failure : PAINT_none);
	if (!c.events)
		put_line(v, "", _("No event came: nobody used such a socket meanwhile, or the filter names none."), PAINT_none);
	for (size_t i = 0; i < v->answer.unseen_count; i++)
		put_line(v, i ? "" : _("not seen"), text_string(&v->answer.unseen[i]), PAINT_none);
}

/* ---- for a program ---- */

static void json_word(struct text *to, const char *key, const char *value)
{
	text_printf(to, "\"%s\":", key);
	if (value)
		text_json(to, value, strlen(value));
	else
		text_put(to, "null");
}

static void json_evidence(struct text *to, const struct view *v, const struct finding_evidence *e)
{
	text_printf(to, "{\"time_ns\":%llu,", (unsigned long long)e->witness.time_ns);
	if (v->answer.live)
		text_printf(to, "\"wall_ns\":%lld,", (long long)((int64_t)e->witness.time_ns + v->answer.wall_ns));
	json_word(to, "event", e->witness.number ? schema_get(e->witness.id)->name : NULL);
	text_printf(to, ",\"moment\":%u,\"socket\":%llu,", e->witness.number, (unsigned long long)e->witness.socket);
	json_word(to, "who", e->who);
	text_char(to, ',');
	json_word(to, "what", e->what);
	text_char(to, '}');
}

static void json_case(struct text *to, const struct view *v, const struct finding *x, const struct finding_case *c)
{
	text_char(to, '{');
	json_word(to, "ends", c->ends);
	text_printf(to, ",\"measure\":");
	if (x->measured)
		text_u64(to, c->measure);
	else
		text_put(to, "null");
	text_put(to, ",\"evidence\":[");
	for (unsigned i = 0; i < c->evidence_count; i++) {
		if (i)
			text_char(to, ',');
		json_evidence(to, v, &c->evidence[i]);
	}
	text_put(to, "]}");
}

static void json_finding(struct text *to, const struct view *v, const struct finding *x)
{
	static const char *const severities[] = { "failure", "delay", "risk" };

	text_char(to, '{');
	json_word(to, "finding", x->row->id);
	text_char(to, ',');
	json_word(to, "severity", severities[x->row->severity]);
	text_char(to, ',');
	json_word(to, "title", x->title);
	text_char(to, ',');
	json_word(to, "where", x->about);
	text_printf(to, ",\"count\":%llu,\"sockets\":%llu,\"going_on\":%llu,", (unsigned long long)x->count,
		    (unsigned long long)x->sockets, (unsigned long long)x->going_on);
	json_word(to, "unit", !x->measured ? NULL : x->unit == KIND_DURATION_NS ? "ns" : x->unit == KIND_BYTES ? "bytes" : "count");
	if (x->measured)
		text_printf(to, ",\"total\":%llu,\"worst\":%llu,", (unsigned long long)x->total, (unsigned long long)x->worst);
	else
		text_put(to, ",\"total\":null,\"worst\":null,");
	text_printf(to, "\"first_ns\":%llu,\"last_ns\":%llu,", (unsigned long long)x->first_ns, (unsigned long long)x->last_ns);
	json_word(to, "cause", x->cause);
	text_char(to, ',');
	json_word(to, "rule", x->rule);
	text_char(to, ',');
	json_word(to, "reference", x->reference);
	text_char(to, ',');
	json_word(to, "remedy", x->remedy);
	text_put(to, ",\"cases\":[");
	for (unsigned i = 0; i < x->case_count; i++) {
		if (i)
			text_char(to, ',');
		json_case(to, v, x, &x->cases[i]);
	}
	text_put(to, "]}");
}

static void put_json(struct view *v, const struct finding *const *found, size_t count)
{
	struct findings_count c = findings_count(v->findings);
	struct text *to = &v->page;

	text_put(to, "{\"findings\":[");
	for (size_t i = 0; i < count; i++) {
		if (i)
			text_char(to, ',');
		json_finding(to, v, found[i]);
	}
	text_put(to, "],\"watched\":{");
	json_word(to, "what", v->answer.what);
	text_printf(to, ",\"live\":%s,\"duration_ns\":%llu,\"events\":%llu,\"sockets\":%llu,\"lost\":%llu,\"skipped\":%llu,\"untold\":%llu}",
		    v->answer.live ? "true" : "false", (unsigned long long)watched_ns(v), (unsigned long long)c.events,
		    (unsigned long long)c.sockets, lost(v), (unsigned long long)c.skipped, (unsigned long long)c.untold);
	text_put(to, ",\"not_seen\":[");
	for (size_t i = 0; i < v->answer.unseen_count; i++) {
		if (i)
			text_char(to, ',');
		text_json(to, text_string(&v->answer.unseen[i]), v->answer.unseen[i].length);
	}
	text_put(to, "]}\n");
}

/* ---- the renderer ---- */

static void *view_begin(const struct renderer_options *options)
{
	struct view *v = memory_create(1, sizeof(*v));
	struct finding_host host = { .context = v, .say = say, .word = word };

	v->options = *options;
	v->findings = findings_create(&host);
	v->kept = memory_create(KEPT, sizeof(*v->kept));
	return v;
}

static int view_event(void *state, const struct moment *m, const struct note_list *notes)
{
	struct view *v = state;
	const struct answer *a = v->options.answer;

	keep(v, m);
	if (!a || !a->selects || a->selects(a->context, m))
		findings_moment(v->findings, m, notes);
	return 0;
}

static int view_end(void *state)
{
	struct view *v = state;
	const struct finding *const *found;
	size_t count;
	int err;

	if (v->options.answer)
		v->answer = *v->options.answer;
	findings_close(v->findings, v->answer.end_ns);
	if (v->answer.stands && !v->answer.silent)
		v->answer.stands(v->answer.context, v->findings);
	found = findings_judge(v->findings, &count);
	if (v->answer.silent) {
		text_clear(&v->page);
	} else if (v->answer.json) {
		put_json(v, found, count);
	} else {
		put_verdict(v, found, count);
		text_char(&v->page, '\n');
		for (size_t i = 0; i < count; i++)
			put_finding(v, found[i], i + 1);
		put_watched(v);
	}
	err = output_text(v->options.out, &v->page);
	if (!err)
		err = output_flush(v->options.out);
	findings_destroy(v->findings);
	for (size_t i = 0; i < KEPT; i++)
		free(v->kept[i].event);
	free(v->kept);
	text_finish(&v->page);
	text_finish(&v->piece);
	free(v);
	return err;
}

const struct renderer renderer_why = {
	.name = "why",
	.meaning = "only at the end: what was wrong, most serious first, with cause and remedy",
	.begin = view_begin,
	.event = view_event,
	.end = view_end,
};
