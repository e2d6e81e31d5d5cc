/* SPDX-License-Identifier: BSD-2-Clause */
/* The default: one line per event under a heading per conversation, and below it what it means. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/language.h"
#include "base/memory.h"
#include "event/name.h"
#include "render/output.h"
#include "render/phrase.h"
#include "render/column.h"
#include "render/table.h"

enum { TIME_COLUMNS = 12, OWNER_COLUMNS = 18 };

struct glyphs {
	const char *heading, *arrow, *bar, *corner;
};

struct view {
	struct renderer_options options;
	const struct glyphs *glyphs;
	uint64_t begin_ns;
	bool begun;
	uint32_t conversation; /* number and version of the heading that stands above; 0: none */
	uint32_t version;
	struct text page;      /* of one event */
	struct text piece;     /* scratch */
};

enum paint { PAINT_heading, PAINT_time, PAINT_owner, PAINT_trouble, PAINT_note, PAINT_faint };

static void paint(struct view *v, enum paint what)
{
	static const char *const codes[] = {
		[PAINT_heading] = "\033[1m", [PAINT_time] = "\033[2m", [PAINT_owner] = "\033[36m",
		[PAINT_trouble] = "\033[31m", [PAINT_note] = "\033[32m", [PAINT_faint] = "\033[2m",
	};

	if (v->options.color)
		text_put(&v->page, codes[what]);
}

static void unpaint(struct view *v)
{
	if (v->options.color)
		text_put(&v->page, "\033[0m");
}

/* Hand out the scratch text, in ASCII where nothing else may be printed. */
static const char *piece(struct view *v)
{
	struct text plain = TEXT_EMPTY;

	if (v->options.ascii) {
		column_ascii(&plain, text_string(&v->piece));
		text_clear(&v->piece);
		text_put(&v->piece, text_string(&plain));
		text_finish(&plain);
	}
	return text_string(&v->piece);
}

/* How sure the owner is: nothing when it is exact. */
static const char *attribution_mark(uint8_t attribution)
{
	switch (attribution) {
	case ATTRIBUTION_exact:
		return "";
	case ATTRIBUTION_inherited:
		return "~";
	case ATTRIBUTION_seeded:
		return "*";
	default:
		return "?";
	}
}

static void put_end(struct view *v, const struct endpoint *ep)
{
	if (ep->pid) {
		say_process(&v->piece, &ep->comm, ep->pid);
		text_put(&v->piece, attribution_mark(ep->attribution));
		text_char(&v->piece, ' ');
	}
	if (ep->local.port || ep->family == AF_UNIX)
		say_local(&v->piece, ep);
	else
		text_cut(&v->piece, v->piece.length - (ep->pid ? 1 : 0));
}

/*
 * ── 3  tcp  client[100] 10.0.0.1:40000 → server[200] 10.0.0.2:80
 * Printed whenever the events turn to another conversation, and when more of it has become known.
 */
static void put_heading(struct view *v, const struct moment *m)
{
	const struct conversation *c = m->conversation;
	const struct endpoint *a = c->end[0], *b = c->end[1];

	if (v->conversation == c->number && v->version == c->version)
		return;
	v->conversation = c->number;
	v->version = c->version;
	text_clear(&v->piece);
	text_printf(&v->piece, "%s %u  %s  ", v->glyphs->heading, c->number,
		    a->family == AF_UNIX ? "unix" : name_of(KIND_PROTOCOL, a->protocol));
	/* An accepting end that is seen alone is told from its peer's side. */
	if (!b && a->role == ROLE_server) {
		say_remote(&v->piece, a);
		text_printf(&v->piece, " %s ", v->glyphs->arrow);
		put_end(v, a);
	} else {
		put_end(v, a);
		if (b || a->remote.port || a->remote_path)
			text_printf(&v->piece, " %s ", v->glyphs->arrow);
		if (b)
			put_end(v, b);
		else if (a->remote.port || a->remote_path)
			say_remote(&v->piece, a);
		else if (a->role == ROLE_listener)
			text_printf(&v->piece, "  %s", _("(listens)"));
	}
	paint(v, PAINT_heading);
	if (v->options.ascii)
		column_ascii(&v->page, text_string(&v->piece));
	else
		text_put(&v->page, text_string(&v->piece));
	unpaint(v);
	text_char(&v->page, '\n');
}

/* Which end of the conversation the line is about. */
static const char *lane(const struct moment *m)
{
	const struct conversation *c = m->conversation;

	if (!c || (!c->end[1] && m->self == c->end[0]))
		return " ";
	if (m->self == c->end[0])
		return ">";
	return (m->self && m->self == c->end[1]) || m->peer == c->end[0] ? "<" : ">";
}

static void put_event(struct view *v, const struct moment *m)
{
	text_clear(&v->piece);
	output_time(&v->piece, v->begin_ns, m->event->time_ns);
	paint(v, PAINT_time);
	column_fit(&v->page, text_string(&v->piece), TIME_COLUMNS);
	unpaint(v);
	text_printf(&v->page, "%s ", lane(m));
	text_clear(&v->piece);
	if (m->event->pid || m->event->socket) {
		if (m->event->pid || !m->self)
			say_process(&v->piece, &m->event->comm, m->event->pid);
		else
			say_process(&v->piece, &m->self->comm, m->self->pid);
		if (m->event->pid)
			text_put(&v->piece, attribution_mark(m->event->attribution));
	}
	paint(v, PAINT_owner);
	column_fit_process(&v->page, piece(v), OWNER_COLUMNS, v->options.ascii ? ".." : "…");
	unpaint(v);
	text_char(&v->page, ' ');
	text_clear(&v->piece);
	phrase_write(&v->piece, m);
	if (phrase_is_trouble(m->event))
		paint(v, PAINT_trouble);
	text_put(&v->page, piece(v));
	if (phrase_is_trouble(m->event))
		unpaint(v);
	text_char(&v->page, '\n');
}

static void put_note(struct view *v, const struct note *n)
{
	enum { INDENT = TIME_COLUMNS + 2 };
	struct text prefix = TEXT_EMPTY;
	const char *again;
	unsigned width = v->options.width > INDENT + 22 ? v->options.width - INDENT - 2 : 20;

	column_repeat(&prefix, " ", INDENT);
	text_printf(&prefix, "%s ", v->glyphs->bar);
	text_clear(&v->piece);
	text_put(&v->piece, n->sentence);
	paint(v, PAINT_note);
	column_fold(&v->page, piece(v), text_string(&prefix), text_string(&prefix),
		    v->options.width ? width : 0);
	unpaint(v);
	if (strcmp(n->reference, "-") == 0 && n->evidence_count < 2) {
		text_finish(&prefix);
		return;
	}
	text_clear(&v->piece);
	text_printf(&v->piece, "%s %s", v->glyphs->corner, n->reference);
	if (n->evidence_count > 1) {
		text_printf(&v->piece, "; %s", _("because of"));
		for (unsigned i = 0; i + 1 < n->evidence_count; i++) {
			text_char(&v->piece, ' ');
			output_time(&v->piece, v->begin_ns, n->evidence[i].time_ns);
		}
	}
	text_cut(&prefix, INDENT);
	text_put(&prefix, "   ");
	again = text_string(&prefix);
	paint(v, PAINT_faint);
	column_repeat(&v->page, " ", INDENT);
	column_fold(&v->page, text_string(&v->piece), "", again, v->options.width ? width : 0);
	unpaint(v);
	text_finish(&prefix);
}

static void *view_begin(const struct renderer_options *options)
{
	static const struct glyphs ascii = { "==", "->", "|", "`-" }, utf8 = { "──", "→", "│", "└" };
	struct view *v = memory_create(1, sizeof(*v));

	v->options = *options;
	v->glyphs = options->ascii ? &ascii : &utf8;
	return v;
}

static int view_event(void *state, const struct moment *m, const struct note_list *notes)
{
	struct view *v = state;

	if (!v->begun) {
		v->begin_ns = m->event->time_ns;
		v->begun = true;
	}
	if (m->conversation)
		put_heading(v, m);
	put_event(v, m);
	for (size_t i = 0; i < notes->count; i++)
		put_note(v, &notes->notes[i]);
	return output_text(v->options.out, &v->page);
}

static int view_flush(void *state)
{
	return output_flush(((struct view *)state)->options.out);
}

static int view_end(void *state)
{
	struct view *v = state;
	int err = output_flush(v->options.out);

	text_finish(&v->page);
	text_finish(&v->piece);
	free(v);
	return err;
}

const struct renderer renderer_text = {
	.name = "text",
	.meaning = "one line per event by conversation, with explanations (the default)",
	.begin = view_begin,
	.event = view_event,
	.flush = view_flush,
	.end = view_end,
};
