/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/play_screen.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/language.h"
#include "base/memory.h"
#include "base/text.h"
#include "event/name.h"
#include "explain/say.h"
#include "render/column.h"
#include "render/ladder.h"
#include "render/output.h"

enum { SIDES = 32, LEAST = 60, LEAST_ROWS = 16 };

#define SILENCE_NS 20000000ULL	 /* from then on it is shown that nothing happened */
#define TICK_NS 100000000ULL	 /* what changes by itself is drawn again so often */
#define REMIND_NS 5000000000ULL /* without a place for that, it is told again so often while nothing else is */

/* In which lane a process stands. */
struct side {
	uint32_t pid;
	enum ladder_side side;
};

/* A sentence, and how it reads without its numbers. */
struct told {
	char *sentence, *shape;
};

struct screen {
	struct renderer_options options; /* first: the renderer below is given these, and finds the screen by them */
	const struct renderer *inner;	 /* NULL: silence */
	bool lanes;
	struct ladder_shape shape;
	bool hidden; /* the event at hand */
	struct script *script; /* of the scene; NULL between scenes */
	struct ladder lane;    /* only where an end alone stands */
	struct story *story;
	void *drawing;
	bool begun;
	uint64_t begin_ns, shown_ns; /* the first event the renderer was given, and the last one shown */
	struct side sides[SIDES];
	unsigned side_count;
	struct told *told; /* in this scene */
	size_t told_count;
	struct text page, piece;
	struct board *board;
	unsigned rows;		 /* of the terminal; 0: nothing can be drawn in place */
	unsigned board_rows;	 /* drawn below the cursor now */
	uint64_t board_ns;	 /* when */
	uint64_t told_ns;	 /* the moment that is told */
	bool late;		 /* it has passed: somebody was waited for */
	bool rests;		 /* somebody reads: the tale stands still */
	uint64_t said_ns;	 /* of that time: the last line told */
	unsigned unread_ms;	 /* what it takes to read what was told since screen_unread_ms() */
	int key_fd;		 /* a key is waited for there; -1: none */
	struct termios key_mode; /* to be put back */
	int err;
};

/* ---- the board: below the tale, drawn anew in place ---- */

/*
 * The cursor rests at the beginning of the board, so that whatever is written next takes its place: nothing of the terminal's
 * state is changed that a sudden end could leave behind.
 */
static void board_hide(struct screen *s)
{
	if (s->board_rows)
		fputs("\r\033[J", s->options.out);
	s->board_rows = 0;
}

/* The same terminal shows what goes to stderr. */
static void give_way(void *context)
{
	struct screen *s = context;

	board_hide(s);
	s->board_ns = 0;
	fflush(s->options.out);
}

static bool pid_right(uint32_t pid, void *context);

/* Since the scene began: the present, or what has passed while somebody was reading. */
static void put_moment(const struct screen *s, struct text *to)
{
	double seconds = s->told_ns > s->begin_ns ? (s->told_ns - s->begin_ns) / 1e9 : 0;

	text_printf(to, s->rests ? _("the tale waits at +%.1f s") : s->late ? _("+%.1f s") : _("now +%.1f s"), seconds);
}

/* A rule with the time, and with what the one who watches is asked for; then the lines. */
static void board_draw(struct screen *s, const struct text *lines, uint64_t now)
{
	struct text words = TEXT_EMPTY, head = TEXT_EMPTY;
	const char *line = s->options.ascii ? "-" : "┄";
	bool asks = s->key_fd >= 0;
	unsigned taken;

	if (asks)
		text_put(&words, s->begun ? _("[any key] ") : _("[any key]"));
	if (s->begun)
		put_moment(s, &words);
	taken = 4 + column_count(text_string(&words));
	column_repeat(&head, line, 2);
	text_printf(&head, " %s%s%s ", s->options.color ? asks ? "\033[7m" : "\033[0;1m" : "", text_string(&words),
		    s->options.color ? "\033[0;2m" : "");
	column_repeat(&head, line, s->options.width > taken + 1 ? s->options.width - 1 - taken : 0);
	s->board_rows = 1;
	fprintf(s->options.out, "\r%s%s%s", s->options.color ? "\033[2m" : "", text_string(&head),
		s->options.color ? "\033[0m" : "");
	for (const char *at = text_string(lines); *at; at += strcspn(at, "\n") + 1) {
		fprintf(s->options.out, "\n%.*s", (int)strcspn(at, "\n"), at);
		s->board_rows++;
	}
	if (s->board_rows > 1)
		fprintf(s->options.out, "\033[%uA", s->board_rows - 1);
	fputc('\r', s->options.out);
	s->board_ns = now;
	text_finish(&words);
	text_finish(&head);
}

static void board_show(struct screen *s)
{
	uint64_t now = now_ns();
	struct text lines = TEXT_EMPTY;

	if (!s->rows || !s->board || s->err || (s->board_rows && (s->rests || now - s->board_ns < TICK_NS)))
		return;
	board_at(s->board, s->told_ns);
	board_put_edges(s->board, &lines, s->options.width - 1, s->rows / 3, pid_right, s);
	if (lines.length || s->key_fd >= 0) {
		board_hide(s);
		board_draw(s, &lines, now);
		fflush(s->options.out);
	}
	text_finish(&lines);
}

void screen_board(struct screen *s, struct board *board, struct script *script)
{
	board_hide(s);
	s->board = board;
	s->script = script;
	s->said_ns = s->told_ns;
}

void screen_at(struct screen *s, uint64_t told_ns, bool late)
{
	s->told_ns = told_ns;
	s->late = late;
}

void screen_rests(struct screen *s, bool rests)
{
	s->rests = rests;
	s->board_ns = 0;
	if (rests)
		board_hide(s);
}

/* ---- words ---- */

static void paint(struct screen *s, const char *code)
{
	if (s->options.color)
		text_put(&s->page, code);
}

static void put_out(struct screen *s)
{
	struct text plain = TEXT_EMPTY;

	if (s->inner && !s->err) {
		board_hide(s);
		s->said_ns = s->told_ns;
		if (s->options.ascii) {
			/* The lines stay lines. */
			for (char *at = s->page.bytes, *end; at && *at; at = end) {
				end = strchr(at, '\n');
				end = end ? end + 1 : at + strlen(at);
				text_append(&s->piece, at, end - at - (end[-1] == '\n'));
				for (const char *c = text_string(&s->piece); *c; c++) {
					if ((unsigned char)*c < 0x80)
						text_char(&plain, *c);
				}
				if (end[-1] == '\n')
					text_char(&plain, '\n');
				text_clear(&s->piece);
			}
			s->err = output_text(s->options.out, &plain);
		} else {
			s->err = output_text(s->options.out, &s->page);
		}
		fflush(s->options.out);
	}
	text_clear(&s->page);
	text_finish(&plain);
}

static void put_folded(struct screen *s, const char *code, const char *prefix, const char *again, const char *words)
{
	unsigned taken = column_count(prefix);

	paint(s, code);
	column_fold(&s->page, words, prefix, again, s->options.width > taken + 20 ? s->options.width - taken - 1 : 0);
	paint(s, "\033[0m");
}

unsigned screen_unread_ms(struct screen *s)
{
	unsigned ms = s->unread_ms;

	s->unread_ms = 0;
	return ms;
}

void screen_rest(struct screen *s, unsigned ms)
{
	uint64_t end = now_ns() + ms * 1000000ULL;

	if (!s->inner)
		return;
	do {
		board_show(s);
		usleep(20000);
	} while (now_ns() < end);
}

void screen_title(struct screen *s, const char *title)
{
	text_char(&s->page, '\n');
	paint(s, "\033[1m");
	text_printf(&s->page, "%s ", s->options.ascii ? "==" : "━━");
	text_put(&s->page, title);
	text_char(&s->page, ' ');
	if (s->options.width > column_count(title) + 5)
		column_repeat(&s->page, s->options.ascii ? "=" : "━", s->options.width - column_count(title) - 5);
	paint(s, "\033[0m");
	text_char(&s->page, '\n');
	put_out(s);
}

void screen_lesson(struct screen *s, unsigned number, const char *title, const char *aim)
{
	text_clear(&s->piece);
	text_printf(&s->piece, _("Lesson %u: %s"), number, title);
	screen_title(s, text_string(&s->piece));
	text_clear(&s->piece);
	if (*aim)
		screen_say(s, aim);
}

static void put_silence_so_far(struct screen *s);

void screen_say(struct screen *s, const char *sentence)
{
	const char *bar = s->options.ascii ? "# " : "▌ ";

	put_silence_so_far(s);
	text_char(&s->page, '\n');
	put_folded(s, "\033[1;33m", bar, bar, sentence);
	s->unread_ms += 600 + 45 * column_count(sentence);
	if (s->board && !s->rows) {
		board_at(s->board, s->told_ns);
		board_put_lines(s->board, &s->page, s->options.width);
	}
	text_char(&s->page, '\n');
	put_out(s);
}

void screen_wait(struct screen *s)
{
	if (s->rows || !s->inner || !s->board || !board_has_bars(s->board) || s->told_ns < s->said_ns + REMIND_NS)
		return;
	board_at(s->board, s->told_ns);
	board_put_lines(s->board, &s->page, s->options.width);
	put_out(s);
}

void screen_claim(struct screen *s, const char *claim)
{
	text_char(&s->page, '\n');
	put_folded(s, "\033[1m", "", "    ", claim);
	put_out(s);
}

void screen_result(struct screen *s, const char *line, const char *below, bool trouble)
{
	put_folded(s, trouble ? "\033[31m" : "\033[32m", "  ", "       ", line);
	if (*below)
		put_folded(s, "\033[2m", "       ", "       ", below);
	put_out(s);
}

void screen_line(struct screen *s, const char *line)
{
	text_char(&s->page, '\n');
	put_folded(s, "", "", "", line);
	put_out(s);
}

/* ---- the lanes: as the ladder draws them ---- */

static void remember_side(struct screen *s, const struct moment *m)
{
	const struct conversation *c = m->conversation;
	enum ladder_side side = LADDER_left;
	unsigned i;

	if (!c || !m->event->pid)
		return;
	if (m->self != c->end[0] && m->self != c->end[1])
		side = m->peer == c->end[0] ? LADDER_right : LADDER_left;
	else if (c->end[1])
		side = m->self == c->end[0] ? LADDER_left : LADDER_right;
	else
		side = ladder_side_alone(&s->lane, m->self, m->event);
	for (i = 0; i < s->side_count && s->sides[i].pid != m->event->pid; i++)
		;
	if (i == s->side_count && s->side_count < SIDES)
		s->side_count++;
	if (i < s->side_count)
		s->sides[i] = (struct side){ m->event->pid, side };
}

static bool stands_right(const struct event *e, void *context)
{
	struct screen *s = context;

	return s->script && script_right(s->script, e);
}

static enum ladder_side lane_of(const struct screen *s, uint32_t pid)
{
	struct event nameless = { .pid = pid };


	for (unsigned i = 0; i < s->side_count; i++) {
		if (s->sides[i].pid == pid)
			return s->sides[i].side;
	}
	return stands_right(&nameless, (void *)s) ? LADDER_right : LADDER_left;
}

static bool pid_right(uint32_t pid, void *context)
{
	return lane_of(context, pid) == LADDER_right;
}

static void put_lane_line(struct screen *s, const char *words, enum ladder_side side, const char *code, const char *time)
{
	unsigned width = s->shape.side, have = column_count(words);
	const char *lane = s->options.ascii ? "|" : "│";

	paint(s, "\033[2m");
	ladder_time(&s->page, time);
	paint(s, "\033[0m");
	if (side == LADDER_left) {
		column_repeat(&s->page, " ", width > have + 1 ? width - 1 - have : 0);
		paint(s, code);
		text_put(&s->page, words);
		paint(s, "\033[0m");
		text_char(&s->page, ' ');
	} else {
		column_repeat(&s->page, " ", width);
	}
	text_put(&s->page, lane);
	column_repeat(&s->page, " ", s->shape.gap);
	text_put(&s->page, lane);
	if (side == LADDER_right) {
		text_char(&s->page, ' ');
		paint(s, code);
		text_put(&s->page, words);
		paint(s, "\033[0m");
	}
	text_char(&s->page, '\n');
}

/* `words` in a program's lane, folded to it; `time_ns` 0: without a time. */
static void put_in_lane(struct screen *s, const char *words, uint32_t pid, const char *code, uint64_t time_ns)
{
	struct text folded = TEXT_EMPTY, time = TEXT_EMPTY;
	char *line, *end;

	if (time_ns && s->begun)
		screen_time(&time, s, time_ns);
	column_fold_even(&folded, words, "", "  ", s->shape.side - 3);
	for (line = folded.bytes; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		put_lane_line(s, line, lane_of(s, pid), code, text_string(&time));
		text_clear(&time);
	}
	text_finish(&folded);
	text_finish(&time);
}

/* What a program printed, one line of it after the other. */
static void put_output(struct screen *s, const struct event *e)
{
	const struct event_app_output *o = (const struct event_app_output *)e;
	const char *at = o->text.bytes, *end = at + (o->text.length < sizeof(o->text.bytes) ? o->text.length : sizeof(o->text.bytes));

	while (at < end) {
		const char *line = memchr(at, '\n', end - at), *next = line ? line + 1 : end;
		size_t length = (line ? line : end) - at;
		struct text words = TEXT_EMPTY;

		while (length && at[length - 1] == ' ')
			length--;
		text_put(&words, s->options.ascii ? "\"" : "“");
		text_escape(&words, at, length);
		text_put(&words, s->options.ascii ? "\"" : "”");
		if (length)
			put_in_lane(s, text_string(&words), e->pid, "\033[36m", e->time_ns);
		text_finish(&words);
		at = next;
	}
	put_out(s);
}

/* ---- the tale ---- */

/* How long the call took that this event is the end of, and its name; 0: it is no such end. */
static uint64_t call_ended(const struct event *e, const char **ret_name)
{
	const struct field *duration = schema_field(e->id, "duration_ns"), *call = schema_field(e->id, "call");
	static const struct {
		enum event_id id;
		const char *name;
	} names[] = {
		{ EVENT_tcp_connect, "connect" }, { EVENT_tcp_accept, "accept" },     { EVENT_unix_connect, "connect" },
		{ EVENT_unix_accept, "accept" },  { EVENT_sock_close, "close" },
	};

	if (!duration)
		return 0;
	*ret_name = call ? name_of(KIND_CALL, field_integer(call, e)) : NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].id == e->id)
			*ret_name = names[i].name;
	}
	return *ret_name ? field_integer(duration, e) : 0;
}

/* Who spent the silence waiting, and for whom, as far as its end tells: beside the lane of each. */
static void say_waiting(const struct moment *m, uint64_t gap, struct text *own, struct text *others)
{
	const struct event_tcp_ack_delayed *ack = (const void *)m->event;
	const struct event_tcp_nagle_hold *hold = (const void *)m->event;
	const char *call;

	if (m->event->id == EVENT_tcp_ack_delayed && ack->phase == PHASE_ends && ack->held_ns > gap / 2) {
		text_put(own, _("held the ACK back"));
		if (m->peer && m->peer->memory && m->peer->memory->nagle_holds)
			text_put(others, _("waited for that ACK"));
	} else if (m->event->id == EVENT_tcp_nagle_hold && hold->phase == PHASE_ends && hold->held_ns > gap / 2) {
		text_put(own, hold->reason == HOLD_nagle ? _("waited for an ACK") : _("held by a cork"));
	} else if (call_ended(m->event, &call) > gap / 2) {
		text_printf(own, _("in %s()"), call);
	}
}

/* Time in which nothing happened that is shown: a lesson may be about just that. `beside`: each lane's part in it, or NULL. */
static void put_gap(struct screen *s, uint64_t gap, const struct text *beside)
{
	const char *left = beside ? text_string(&beside[LADDER_left]) : "", *right = beside ? text_string(&beside[LADDER_right]) : "";
	const char *lane = s->options.ascii ? "|" : "│";
	unsigned room = s->shape.side - 1;
	struct text words = TEXT_EMPTY;

	text_put(&words, s->options.ascii ? "... " : "⋮ ");
	say_duration(&words, gap);
	paint(s, "\033[2m");
	column_repeat(&s->page, " ", LADDER_TIME);
	if (column_count(left) < room)
		column_repeat(&s->page, " ", room - column_count(left));
	text_printf(&s->page, "%s ", left);
	text_put(&s->page, lane);
	column_center(&s->page, text_string(&words), s->shape.gap, " ");
	text_printf(&s->page, "%s%s%s", lane, *right ? " " : "", right);
	paint(s, "\033[0m");
	text_char(&s->page, '\n');
	text_finish(&words);
}

static void put_silence(struct screen *s, const struct moment *m)
{
	uint64_t time_ns = m->event->time_ns, gap = time_ns > s->shown_ns && s->shown_ns ? time_ns - s->shown_ns : 0;
	struct text beside[2] = { TEXT_EMPTY, TEXT_EMPTY };
	enum ladder_side side = lane_of(s, m->event->pid);

	if (time_ns > s->shown_ns)
		s->shown_ns = time_ns;
	if (!s->lanes || gap < SILENCE_NS)
		return;
	say_waiting(m, gap, &beside[side], &beside[!side]);
	put_gap(s, gap, beside);
	put_out(s);
	text_finish(&beside[0]);
	text_finish(&beside[1]);
}

/* What is said or done now comes behind the silence before it. */
static void put_silence_so_far(struct screen *s)
{
	uint64_t now = s->told_ns;

	if (s->lanes && s->board && s->shown_ns && now >= s->shown_ns + SILENCE_NS) {
		put_gap(s, now - s->shown_ns, NULL);
		s->shown_ns = now;
	}
}

/* The renderer counts from the first event it is given; so does everything here. */
static void begin(struct screen *s, uint64_t time_ns)
{
	if (s->begun)
		return;
	s->begun = true;
	s->begin_ns = time_ns;
}

static void *filter_begin(const struct renderer_options *options)
{
	struct screen *s = (struct screen *)options;

	s->drawing = s->inner ? s->inner->begin(options) : NULL;
	return s;
}

/* A sentence without what tells one time it is said from the next: its numbers, and whether they count ms or s. */
static char *sentence_shape(const char *sentence)
{
	const char *const units[] = { _("us"), _("ms"), _("s") };
	struct text shape = TEXT_EMPTY;

	while (*sentence) {
		size_t digits = strspn(sentence, "0123456789");

		if (!digits) {
			text_char(&shape, *sentence++);
			continue;
		}
		sentence += digits;
		if (*sentence == '.' && strspn(sentence + 1, "0123456789"))
			sentence += 1 + strspn(sentence + 1, "0123456789");
		text_char(&shape, '#');
		for (size_t i = 0; *sentence == ' ' && i < sizeof(units) / sizeof(*units); i++) {
			size_t length = strlen(units[i]);

			if (!strncmp(sentence + 1, units[i], length) && !isalpha((unsigned char)sentence[1 + length]))
				sentence += 1 + length;
		}
	}
	return text_steal(&shape);
}

/* Whether it was told in this scene, word for word, or twice with other numbers. */
static bool told_before(struct screen *s, const char *sentence)
{
	char *shape = sentence_shape(sentence);
	unsigned alike = 0;
	bool same = false;

	for (size_t i = 0; i < s->told_count && !same; i++) {
		same = !strcmp(s->told[i].sentence, sentence);
		alike += !strcmp(s->told[i].shape, shape);
	}
	if (same || alike > 1) {
		free(shape);
		return true;
	}
	s->told = memory_resize(s->told, s->told_count + 1, sizeof(*s->told));
	s->told[s->told_count++] = (struct told){ memory_string(sentence), shape };
	return false;
}

static int filter_event(void *state, const struct moment *m, const struct note_list *notes)
{
	struct screen *s = state;
	struct note_list fresh = { .notes = memory_create(notes->count + 1, sizeof(*fresh.notes)) };
	int err = 0;

	remember_side(s, m);
	if (!s->inner)
		begin(s, m->event->time_ns);
	if (s->inner && !s->hidden) {
		for (size_t i = 0; i < notes->count; i++) {
			if (!told_before(s, notes->notes[i].sentence))
				fresh.notes[fresh.count++] = notes->notes[i];
		}
		put_silence(s, m);
		if (s->lanes && m->event->id == EVENT_app_output) {
			put_output(s, m->event);
		} else {
			begin(s, m->event->time_ns);
			board_hide(s);
			s->said_ns = s->told_ns;
			err = s->inner->event(s->drawing, m, &fresh);
		}
		s->unread_ms += 60 + 500 * fresh.count;
	}
	free(fresh.notes);
	return err;
}

static int filter_flush(void *state)
{
	struct screen *s = state;

	return s->inner && s->inner->flush ? s->inner->flush(s->drawing) : 0;
}

static int filter_end(void *state)
{
	struct screen *s = state;

	return s->inner ? s->inner->end(s->drawing) : 0;
}

static const struct renderer filter = {
	.name = "lesson",
	.begin = filter_begin,
	.event = filter_event,
	.flush = filter_flush,
	.end = filter_end,
};

static void end_scene(struct screen *s)
{
	board_hide(s);
	story_finish(s->story);
	s->story = NULL;
	s->begun = false;
	s->shown_ns = 0;
	s->side_count = 0;
	for (size_t i = 0; i < s->told_count; i++) {
		free(s->told[i].sentence);
		free(s->told[i].shape);
	}
	s->told_count = 0;
}

void screen_scene(struct screen *s, const char *title)
{
	end_scene(s);
	screen_title(s, title);
	s->story = story_create(&filter, &s->options);
}

int screen_event(struct screen *s, const struct event *e)
{
	int err;

	s->hidden = !script_shows(s->script, e);
	err = story_event(s->story, e);
	return err ? err : s->err;
}

int screen_flush(struct screen *s)
{
	int err = s->story ? story_flush(s->story) : 0;

	board_show(s);
	return err ? err : s->err;
}

bool screen_is_ascii(const struct screen *s)
{
	return s->options.ascii;
}

void screen_time(struct text *to, const struct screen *s, uint64_t time_ns)
{
	output_time(to, s->begun ? s->begin_ns : time_ns, time_ns);
}

void screen_act(struct screen *s, const struct step *step, const struct program *program)
{
	struct text words = TEXT_EMPTY;
	bool as;

	switch (step->kind) {
	case STEP_run:
		as = !strncmp(step->words[2], "as=", 3);
		text_printf(&words, as ? _("%s: starts as user %s") : _("%s: starts"), step->words[1],
			    as ? step->words[2] + 3 : "");
		for (unsigned i = 2 + as; i < step->word_count; i++)
			text_printf(&words, " %s", step->words[i]);
		break;
	case STEP_type:
		text_printf(&words, _("typed into %s: %s"), step->words[0], *step->text ? step->text : _("an empty line"));
		break;
	case STEP_eof:
		text_printf(&words, _("typed into %s: Ctrl-D"), step->words[0]);
		break;
	case STEP_signal:
		text_printf(&words, _("sent to %s: SIG%s"), step->words[0], step->words[1]);
		break;
	case STEP_sysctl:
		text_printf(&words, "%s# sysctl %s='%s'", step->words[0], step->words[1], step->text);
		break;
	case STEP_shell:
		if (!step->quiet)
			text_printf(&words, "%s# %s", step->words[0], step->text);
		break;
	default:
		break;
	}
	if (words.length) {
		put_silence_so_far(s);
		if (s->shown_ns)
			s->shown_ns = s->told_ns;
		put_folded(s, "\033[35m", s->options.ascii ? "> " : "▷ ", "  ", text_string(&words));
		put_out(s);
	}
	text_finish(&words);
}

void screen_ask(struct screen *s)
{
	struct termios raw;

	if (!s->inner || s->key_fd >= 0)
		return;
	s->key_fd = open("/dev/tty", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (s->key_fd >= 0 && tcgetattr(s->key_fd, &s->key_mode)) {
		close(s->key_fd);
		s->key_fd = -1;
	}
	if (s->key_fd < 0)
		return;
	raw = s->key_mode;
	raw.c_lflag &= ~(ICANON | ECHO);
	tcsetattr(s->key_fd, TCSAFLUSH, &raw);
	if (s->rows && s->board) {
		screen_rests(s, true);
		board_show(s);
	} else {
		fprintf(s->options.out, "%s", _("[any key]"));
		fflush(s->options.out);
	}
}

static void key_end(struct screen *s)
{
	if (s->key_fd < 0)
		return;
	tcsetattr(s->key_fd, TCSANOW, &s->key_mode);
	close(s->key_fd);
	s->key_fd = -1;
	screen_rests(s, false);
	if (!s->rows || !s->board)
		fprintf(s->options.out, isatty(fileno(s->options.out)) ? "\r\033[K" : "\n");
}

bool screen_answered(struct screen *s)
{
	char key;

	if (s->key_fd < 0)
		return true;
	if (read(s->key_fd, &key, 1) < 0 && (errno == EAGAIN || errno == EINTR)) {
		board_show(s);
		return false;
	}
	key_end(s);
	return true;
}

static unsigned rows_of(FILE *out)
{
	struct winsize size;

	if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) || size.ws_row < LEAST_ROWS || size.ws_col < LEAST)
		return 0;
	return size.ws_row;
}

struct screen *screen_create(FILE *out, const char *format, bool wide)
{
	struct screen *s = memory_create(1, sizeof(*s));

	s->options = renderer_options_for(out);
	if (wide)
		s->options.ascii = false;
	error_before(give_way, s);
	s->options.right = s->lane.right = stands_right;
	s->options.context = s->lane.context = s;
	s->lanes = !strcmp(format, "lanes");
	s->shape = ladder_shape(s->options.width);
	s->key_fd = -1;
	if (s->lanes)
		s->rows = rows_of(out);
	if (strcmp(format, "none") != 0)
		s->inner = renderer_find(s->lanes ? "ladder" : "text");
	return s;
}

void screen_destroy(struct screen *s)
{
	if (!s)
		return;
	error_before(NULL, NULL);
	key_end(s);
	end_scene(s);
	free(s->told);
	text_finish(&s->page);
	text_finish(&s->piece);
	free(s);
}
