/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `socktale play` shows: the tale as lanes or text, the programs' own lines in their place, and what the lesson says.
 * Does not know what a lesson must prove.
 */
#ifndef SOCKTALE_COMMAND_PLAY_SCREEN_H
#define SOCKTALE_COMMAND_PLAY_SCREEN_H

#include "command/play_board.h"
#include "render/story.h"

struct screen;

/* `format`: "lanes", "text", or "none" for silence. `wide`: the words are Chinese. */
struct screen *screen_create(FILE *out, const char *format, bool wide);
void screen_destroy(struct screen *s);

void screen_lesson(struct screen *s, unsigned number, const char *title, const char *aim);

/* A scene begins: time starts anew. */
void screen_scene(struct screen *s, const char *title);

/* Show this board, of that script, from now on: below the tale on a terminal, else with what is said. NULL: none. */
void screen_board(struct screen *s, struct board *board, struct script *script);

/* The moment of all that is told from now on; `late`: it has passed, because somebody was waited for. */
void screen_at(struct screen *s, uint64_t told_ns, bool late);

/* Somebody reads from now on, or no longer: what is drawn in place stands still. */
void screen_rests(struct screen *s, bool rests);

/* Show an event. Returns 0 or a negative errno; -EPIPE: nobody reads any more. */
int screen_event(struct screen *s, const struct event *e);
int screen_flush(struct screen *s);

/* A wait goes on: where nothing can be shown in place, tell every few seconds how the bars stand. */
void screen_wait(struct screen *s);

void screen_say(struct screen *s, const char *sentence);
void screen_act(struct screen *s, const struct step *step, const struct program *program);

/* The closing: a title, a claim, what was seen of it, a plain line. */
void screen_title(struct screen *s, const char *title);
void screen_claim(struct screen *s, const char *claim);
void screen_result(struct screen *s, const char *line, const char *below, bool trouble);
void screen_line(struct screen *s, const char *line);

/* Ask the one who watches for a key, and whether it has come: at once where there is no terminal. */
void screen_ask(struct screen *s);
bool screen_answered(struct screen *s);

/* How long it takes to read what was told since this was last asked. */
unsigned screen_unread_ms(struct screen *s);

/* Give time to read. */
void screen_rest(struct screen *s, unsigned ms);

/* Whether only ASCII may be shown. */
bool screen_is_ascii(const struct screen *s);

/* Append the time since the scene's first event. */
void screen_time(struct text *to, const struct screen *s, uint64_t time_ns);

#endif
