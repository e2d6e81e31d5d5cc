/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/play_board.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "base/language.h"
#include "base/memory.h"
#include "base/text.h"
#include "event/name.h"
#include "explain/say.h"
#include "lesson/gauge.h"
#include "lesson/standing.h"
#include "render/bar.h"
#include "render/column.h"

enum { ALIVE = 16, LABEL = 30, FIGURE = 25, BAR_MOST = 42, LINES_MOST = 24 };

/* A program as far as it was told. */
struct edge {
	bool begun, ended;
	struct stay stay;
};

struct board {
	const struct scene *scene;
	struct script *script;
	bool ascii;
	struct standings standings;
	struct gauge *gauges;
	uint64_t now_ns;	     /* the moment it shows */
	struct edge edges[PROGRAMS]; /* of the script's programs */
};

struct board *board_create(const struct scene *scene, struct script *script, bool ascii)
{
	struct board *b = memory_create(1, sizeof(*b));

	b->scene = scene;
	b->script = script;
	b->ascii = ascii;
	b->gauges = memory_create(scene->bar_count + 1, sizeof(*b->gauges));
	for (size_t i = 0; i < scene->bar_count; i++)
		gauge_begin(&b->gauges[i], &scene->bars[i]);
	return b;
}

void board_destroy(struct board *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->scene->bar_count; i++)
		gauge_finish(&b->gauges[i]);
	standings_finish(&b->standings);
	free(b->gauges);
	free(b);
}

void board_event(struct board *b, const struct event *e)
{
	standings_event(&b->standings, e);
	for (size_t i = 0; i < b->scene->bar_count; i++)
		gauge_event(&b->gauges[i], e, script_is, b->script);
	for (size_t i = 0; e->id == EVENT_process_exit && i < b->script->program_count; i++)
		b->edges[i].ended |= b->script->programs[i].pid == (pid_t)e->pid;
}

void board_at(struct board *b, uint64_t now_ns)
{
	b->now_ns = now_ns;
}

void board_begun(struct board *b, size_t program)
{
	b->edges[program].begun = true;
}

void board_stay(struct board *b, size_t program, const struct stay *stay)
{
	b->edges[program].stay = *stay;
}

bool board_has_bars(const struct board *b)
{
	return b->scene->bar_count;
}

/* ---- words ---- */

/* As exact as a person can follow on a clock that ticks. */
static void put_clock(struct text *to, uint64_t ns)
{
	if (ns < 1000000000)
		text_printf(to, _("%u ms"), (unsigned)(ns / 1000000));
	else
		text_printf(to, _("%.1f s"), ns / 1e9);
}

static const char *call_name(long number)
{
	static const struct {
		long number;
		const char *name;
	} names[] = {
		{ SYS_read, "read" },
		{ SYS_write, "write" },
		{ SYS_ppoll, "ppoll" },
		{ SYS_pselect6, "pselect" },
		{ SYS_epoll_pwait, "epoll_pwait" },
		{ SYS_clock_nanosleep, "clock_nanosleep" },
		{ SYS_nanosleep, "nanosleep" },
		{ SYS_rt_sigsuspend, "sigsuspend" },
		{ SYS_rt_sigtimedwait, "sigtimedwait" },
		{ SYS_wait4, "wait4" },
		{ SYS_waitid, "waitid" },
		{ SYS_futex, "futex" },
#ifdef SYS_poll
		{ SYS_poll, "poll" },
		{ SYS_select, "select" },
		{ SYS_epoll_wait, "epoll_wait" },
		{ SYS_pause, "pause" },
#endif
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].number == number)
			return names[i].name;
	}
	return NULL;
}

static const struct standing *blocked(const struct board *b, pid_t pid)
{
	for (size_t i = 0; i < b->standings.count; i++) {
		if (b->standings.rows[i].pid == (uint32_t)pid && b->standings.rows[i].reason)
			return &b->standings.rows[i];
	}
	return NULL;
}

/* in sendto() 2.1 s: the peer advertises no room */
static void put_call(struct board *b, struct text *to, size_t i, uint64_t now)
{
	const struct edge *edge = &b->edges[i];
	const struct stay *stay = &edge->stay;
	const struct standing *waits = NULL;
	const char *name = stay->on_socket ? name_of(KIND_CALL, stay->number) : call_name(stay->number);
	struct text time = TEXT_EMPTY;

	if (edge->ended || (!stay->on_socket && stay->number == CALL_GONE)) {
		text_put(to, _("ended"));
		return;
	}
	if (!name || !stay->since_ns) {
		text_put(to, !stay->since_ns || stay->number == CALL_RUNS ? _("runs") : _("in no call on a socket"));
		return;
	}
	put_clock(&time, now > stay->since_ns ? now - stay->since_ns : 0);
	text_printf(to, _("in %s() %s"), name, text_string(&time));
	if (stay->on_socket && stay->number >= CALL_write && stay->number <= CALL_splice)
		waits = blocked(b, b->script->programs[i].pid);
	if (waits)
		text_printf(to, _(": %s"), _(name_meaning(KIND_BLOCK, waits->reason - 1)));
	text_finish(&time);
}

static bool owns(struct board *b, const struct program *p, const struct standing *row)
{
	struct event e = { .pid = row->pid, .comm = row->comm };

	return script_program(b->script, &e) == p;
}

static bool alike(const struct standing *a, const struct standing *b)
{
	return a->state == b->state && a->orphan == b->orphan && a->entry == b->entry;
}

/* ESTABLISHED 2.1 s; TIME-WAIT, 57.2 s left; 3x SYN-SENT */
static void put_state(struct text *to, const struct standing *row, unsigned count, uint64_t now)
{
	const char *word = name_word(KIND_TCP_STATE, row->state);
	struct text time = TEXT_EMPTY;

	if (count > 1)
		text_printf(to, "%ux ", count);
	if (row->entry) {
		put_clock(&time, row->ends_ns > now ? row->ends_ns - now : 0);
		text_printf(to, _("%s, %s left"), word, text_string(&time));
	} else {
		put_clock(&time, now > row->since_ns ? now - row->since_ns : 0);
		text_printf(to, row->orphan ? _("orphan in %s %s") : "%s %s", word, text_string(&time));
	}
	text_finish(&time);
}

/* A listener is only worth a word where there is no connection. */
static bool only_listens(struct board *b, const struct program *p)
{
	for (size_t i = 0; i < b->standings.count; i++) {
		if (b->standings.rows[i].state != TCP_LISTEN && owns(b, p, &b->standings.rows[i]))
			return false;
	}
	return true;
}

/* The states of a program's sockets, the newest first, equal ones counted. Returns whether there is one. */
static bool put_states(struct board *b, struct text *to, const struct program *p, uint64_t now)
{
	const struct standings *s = &b->standings;
	bool any = false, listens = only_listens(b, p);

	for (size_t i = s->count; i-- > 0;) {
		const struct standing *row = &s->rows[i];
		unsigned count = 0, newer = 0;

		if ((row->state == TCP_LISTEN && !listens) || !owns(b, p, row))
			continue;
		for (size_t k = 0; k < s->count; k++) {
			if (owns(b, p, &s->rows[k]) && alike(&s->rows[k], row)) {
				count++;
				newer += k > i;
			}
		}
		if (newer)
			continue;
		if (any)
			text_put(to, ", ");
		put_state(to, row, count, now);
		any = true;
	}
	return any;
}

/* ---- bars ---- */

static const struct program *program_of(const struct board *b, const char *name)
{
	for (size_t i = b->script->program_count; i-- > 0;) {
		if (!strcmp(b->script->programs[i].name, name))
			return &b->script->programs[i];
	}
	return NULL;
}

static void put_label(const struct board *b, struct text *to, const struct bar *bar)
{
	static const char *const labels[GAUGE_KINDS] = {
		[GAUGE_send] = N_("send buffer of %s"),	       [GAUGE_receive] = N_("receive buffer of %s"),
		[GAUGE_underway] = N_("written by %s, not read"), [GAUGE_accept] = N_("accept queue of %s"),
		[GAUGE_requests] = N_("SYN queue of %s"),
		[GAUGE_ports] = N_("ports of %s"),	       [GAUGE_time_wait] = N_("TIME-WAIT of %s"),
	};
	const struct program *p = program_of(b, bar->who);
	struct text name = TEXT_EMPTY;

	if (p)
		text_escape(&name, p->comm.bytes, strnlen(p->comm.bytes, sizeof(p->comm.bytes)));
	else
		text_put(&name, bar->who);
	text_printf(to, _(labels[bar->kind]), text_string(&name)); /* NOLINT: the formats are above */
	text_finish(&name);
}

static void put_figure(struct text *to, const struct gauge *g, uint64_t value, uint64_t limit)
{
	struct text have = TEXT_EMPTY, full = TEXT_EMPTY;

	switch (g->bar->kind) {
	case GAUGE_accept:
	case GAUGE_requests:
		text_printf(to, _("%llu of %llu"), (unsigned long long)value, (unsigned long long)limit);
		break;
	case GAUGE_ports:
		text_printf(to, _("%llu of %llu, %llu in TIME-WAIT"), (unsigned long long)value, (unsigned long long)limit,
			    (unsigned long long)g->waiting);
		break;
	case GAUGE_time_wait:
		put_clock(&have, value);
		put_clock(&full, limit);
		text_printf(to, _("%s of %s left"), text_string(&have), text_string(&full));
		break;
	default:
		bar_size(&have, value);
		bar_size(&full, limit);
		text_printf(to, g->bar->kind == GAUGE_send ? _("%s (limit %s)") : _("%s (most %s)"), text_string(&have),
			    text_string(&full));
		break;
	}
	text_finish(&have);
	text_finish(&full);
}

/* send buffer of tcpclient      [##########....] 731 kB of 1.05 MB */
static bool put_gauge(const struct board *b, struct text *to, const struct gauge *g, unsigned width, uint64_t now)
{
	uint64_t value = g->bar->kind == GAUGE_time_wait ? gauge_left(g, now) : g->value;
	unsigned room = width > LABEL + FIGURE + 12 ? width - LABEL - FIGURE - 2 : 10;
	struct text label = TEXT_EMPTY, figure = TEXT_EMPTY;

	if (!g->known)
		return false;
	put_label(b, &label, g->bar);
	put_figure(&figure, g, value, g->limit);
	column_fit(to, text_string(&label), LABEL);
	text_char(to, ' ');
	bar_put(to, value, g->limit, room < BAR_MOST ? room : BAR_MOST, b->ascii);
	text_printf(to, " %s", text_string(&figure));
	text_finish(&label);
	text_finish(&figure);
	return true;
}

/* ---- the two ways to show it ---- */

static void put_name(struct text *to, const struct program *p)
{
	say_process(to, &p->comm, p->pid);
}

/* Programs worth a place: those that live, those of which the kernel still keeps something, and the last to end. */
static size_t choose(struct board *b, size_t *ret, size_t most, uint64_t now)
{
	struct text words = TEXT_EMPTY;
	size_t count = 0;

	for (size_t i = b->script->program_count; i-- > 0 && count < most;) {
		const struct edge *edge = &b->edges[i];

		text_clear(&words);
		if (edge->begun && (!edge->ended || put_states(b, &words, &b->script->programs[i], now)))
			ret[count++] = i;
	}
	text_finish(&words);
	return count;
}

/* Lines of one half, cut out of what is folded. */
struct half {
	struct text folded;
	char *lines[LINES_MOST];
	unsigned count;
};

/* The program and its states, and below it its call; both may need a second line. */
static void half_fill(struct board *b, struct half *h, size_t i, unsigned width, uint64_t now)
{
	const struct program *p = &b->script->programs[i];
	struct text words = TEXT_EMPTY;

	put_name(&words, p);
	text_char(&words, ' ');
	put_states(b, &words, p, now);
	column_fold(&h->folded, text_string(&words), "", "  ", width - 2);
	text_clear(&words);
	put_call(b, &words, i, now);
	column_fold(&h->folded, text_string(&words), "  ", "  ", width - 2);
	text_finish(&words);
}

static void half_cut(struct half *h)
{
	char *at = h->folded.bytes;

	h->count = 0;
	while (at && *at && h->count < LINES_MOST) {
		h->lines[h->count++] = at;
		at = strchr(at, '\n');
		*at++ = '\0';
	}
}

void board_put_edges(struct board *b, struct text *to, unsigned width, unsigned most, board_right *right, void *context)
{
	unsigned half = (width - 3) / 2, lines = 0, bars = 0;
	struct half halves[2] = { 0 };
	struct text piece = TEXT_EMPTY;
	uint64_t now = b->now_ns;
	size_t all[ALIVE], count = choose(b, all, ALIVE, now);

	/* Chosen from the newest on; shown as they began. */
	while (count-- > 0)
		half_fill(b, &halves[right(b->script->programs[all[count]].pid, context)], all[count], half, now);
	for (size_t i = 0; i < b->scene->bar_count; i++)
		bars += b->gauges[i].known;
	for (int side = 0; side < 2; side++)
		half_cut(&halves[side]);
	for (; (lines < halves[0].count || lines < halves[1].count) && lines + bars < most; lines++) {
		column_fit(to, lines < halves[0].count ? halves[0].lines[lines] : "", half);
		text_put(to, b->ascii ? " | " : " │ ");
		column_fit(to, lines < halves[1].count ? halves[1].lines[lines] : "", half);
		text_char(to, '\n');
	}
	for (size_t i = 0; i < b->scene->bar_count; i++) {
		text_clear(&piece);
		if (!put_gauge(b, &piece, &b->gauges[i], width, now))
			continue;
		column_fit(to, text_string(&piece), width);
		text_char(to, '\n');
	}
	text_finish(&halves[0].folded);
	text_finish(&halves[1].folded);
	text_finish(&piece);
}

void board_put_lines(struct board *b, struct text *to, unsigned width)
{
	const char *mark = b->ascii ? "  * " : "  · ";
	struct text piece = TEXT_EMPTY, states = TEXT_EMPTY;
	uint64_t now = b->now_ns;
	size_t all[ALIVE], count = choose(b, all, ALIVE, now);

	while (count-- > 0) {
		const struct program *p = &b->script->programs[all[count]];

		text_clear(&piece);
		text_clear(&states);
		put_name(&piece, p);
		text_put(&piece, ": ");
		put_call(b, &piece, all[count], now);
		if (put_states(b, &states, p, now))
			text_printf(&piece, "; %s", text_string(&states));
		column_fold(to, text_string(&piece), mark, "    ", width > 30 ? width - 5 : 0);
	}
	for (size_t i = 0; i < b->scene->bar_count; i++) {
		text_clear(&piece);
		if (put_gauge(b, &piece, &b->gauges[i], width > 30 ? width - 5 : 75, now))
			text_printf(to, "%s%s\n", mark, text_string(&piece));
	}
	text_finish(&piece);
	text_finish(&states);
}

void board_put_skipped(struct board *b, struct text *to)
{
	uint64_t now = b->now_ns;

	for (size_t i = 0; i < b->scene->bar_count; i++) {
		const struct gauge *g = &b->gauges[i];
		const struct program *p = program_of(b, g->bar->who);
		struct text name = TEXT_EMPTY, time = TEXT_EMPTY;

		if (g->bar->kind != GAUGE_time_wait || !p || !gauge_left(g, now))
			continue;
		put_name(&name, p);
		put_clock(&time, gauge_left(g, now));
		if (to->length)
			text_char(to, '\n');
		text_printf(to, _("The TIME-WAIT of %s has %s to go. They are not waited for: the next scene has fresh hosts (--full waits)."),
			    text_string(&name), text_string(&time));
		text_finish(&name);
		text_finish(&time);
	}
}
