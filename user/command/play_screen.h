/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `socktale play` shows: the tale as lanes or text, the programs' own lines in their place, and what the lesson says.
 * Does not know what a lesson must prove.
 */
#ifndef SOCKTALE_COMMAND_PLAY_SCREEN_H
#define SOCKTALE_COMMAND_PLAY_SCREEN_H

#include "lesson/script.h"
#include "render/story.h"

struct screen;

/* `format`: "lanes", "text", or "none" for silence. `slow`: rest after each row. `wide`: the words are Chinese. */
struct screen *screen_create(FILE *out, const char *format, bool slow, bool wide);
void screen_destroy(struct screen *s);

void screen_lesson(struct screen *s, unsigned number, const char *title, const char *aim);

/* A scene begins: time starts anew. */
void screen_scene(struct screen *s, const char *title);

/* Show an event. Returns 0 or a negative errno; -EPIPE: nobody reads any more. */
int screen_event(struct screen *s, const struct event *e, struct script *script);
int screen_flush(struct screen *s);

void screen_say(struct screen *s, const char *sentence);
void screen_act(struct screen *s, const struct step *step, const struct program *program);

/* The closing: a title, a claim, what was seen of it, a plain line. */
void screen_title(struct screen *s, const char *title);
void screen_claim(struct screen *s, const char *claim);
void screen_result(struct screen *s, const char *line, const char *below, bool trouble);
void screen_line(struct screen *s, const char *line);

/* Wait for a key of the one who watches; at once where there is no terminal. */
void screen_key(struct screen *s);

/* Append the time since the scene's first event. */
void screen_time(struct text *to, const struct screen *s, uint64_t time_ns);

#endif
