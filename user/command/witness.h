/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a must-see rests on, kept in a file: all events of its condition as log lines, for the pages of docs/lessons.
 * Does not know how a lesson is played nor how it is shown.
 *
 *   # SCENE CLAIM ok|not ok|skip see|never CONDITION
 *   TIME comm/pid EVENT sock=N ...		as in a log, but TIME as the scene shows it; a line for each event, in order
 */
#ifndef SOCKTALE_COMMAND_WITNESS_H
#define SOCKTALE_COMMAND_WITNESS_H

struct evidence;
struct screen;
struct script;

/* Append it to the file that SOCKTALE_EVIDENCE names; without that, nothing. Returns 0 or a negative errno (told). */
int witness_keep(const struct evidence *e, const char *outcome, struct script *script, const struct screen *screen);

#endif
