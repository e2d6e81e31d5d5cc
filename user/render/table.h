/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The renderers there are, one per file; for renderer.c alone.
 * Does not say what they do: each row's meaning does.
 */
#ifndef SOCKTALE_RENDER_TABLE_H
#define SOCKTALE_RENDER_TABLE_H

#include "render/renderer.h"

extern const struct renderer renderer_text;
extern const struct renderer renderer_ladder;
extern const struct renderer renderer_json;
extern const struct renderer renderer_log;
extern const struct renderer renderer_why;

#endif
