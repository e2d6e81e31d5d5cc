/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands at the edges of a lesson's lanes: the call each program is in and since when, the states of its sockets with the time
 * spent, and the bars its scene asks for. Shows the moment that is told. Does not know the tale between the lanes, nor where it is drawn.
 */
#ifndef SOCKTALE_COMMAND_PLAY_BOARD_H
#define SOCKTALE_COMMAND_PLAY_BOARD_H

#include "command/play_watch.h"

struct text;
struct board;

/* A board of one scene. What is given must outlive it; ended by board_destroy(), which accepts NULL. */
struct board *board_create(const struct scene *scene, struct script *script, bool ascii);
void board_destroy(struct board *b);

/* Take in what is told of the scene: an event, that one of the script's programs begins, what it does now. */
void board_event(struct board *b, const struct event *e);
void board_begun(struct board *b, size_t program);
void board_stay(struct board *b, size_t program, const struct stay *stay);

/* The moment to show from now on: the tale's, which is not the reader's where the tale waits for a reader. */
void board_at(struct board *b, uint64_t now_ns);

/* Whether the process stands at the right edge. */
typedef bool board_right(uint32_t pid, void *context);

/* Append the board as at most `most` lines of two halves with the bars below, `width` columns wide. Nothing to show appends nothing. */
void board_put_edges(struct board *b, struct text *to, unsigned width, unsigned most, board_right *right, void *context);

/* Append the same as lines one below the other. */
void board_put_lines(struct board *b, struct text *to, unsigned width);

/* Whether the scene asks for bars. */
bool board_has_bars(const struct board *b);

/* For each TIME_WAIT asked for that still runs: append a sentence that says how much of its time is passed over. */
void board_put_skipped(struct board *b, struct text *to);

#endif
