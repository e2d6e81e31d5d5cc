/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/bar.h"

#include "base/text.h"
#include "render/column.h"

void bar_put(struct text *to, uint64_t value, uint64_t limit, unsigned columns, bool ascii)
{
	unsigned room = columns > 3 ? columns - 2 : 1, full = 0;

	if (limit && value >= limit)
		full = room;
	else if (limit)
		full = (double)value / limit * room;
	if (value && limit && !full)
		full = 1;
	if (value < limit && full == room && room > 1)
		full--;
	text_char(to, '[');
	column_repeat(to, ascii ? "#" : "█", full);
	column_repeat(to, ascii ? "." : "░", room - full);
	text_char(to, ']');
}

void bar_size(struct text *to, uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double size = bytes;
	int unit = 0;

	/* 999.5 would be told as 1000. */
	while (size >= (unit ? 999.5 : 1000)) {
		size /= 1000;
		unit++;
	}
	text_printf(to, "%.*f %s", !unit || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2, size, units[unit]);
}
