/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the JSON renderer writes, said as a JSON schema.
 * Does not write events: the renderer does, found by its name (renderer.h).
 */
#ifndef SOCKTALE_RENDER_JSON_H
#define SOCKTALE_RENDER_JSON_H

struct text;

/* Append the JSON schema that every line of --format json obeys: the event's keys (event/json.h) and those the story adds. */
void rendered_schema(struct text *to);

#endif
