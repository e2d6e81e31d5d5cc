/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/bar.h"

#include "base/text.h"
#include "render/column.h"
#include "tests/test.h"

static const char *drawn(uint64_t value, uint64_t limit, unsigned columns, bool ascii)
{
	static struct text line;

	text_clear(&line);
	bar_put(&line, value, limit, columns, ascii);
	return text_string(&line);
}

static const char *sized(uint64_t bytes)
{
	static struct text line;

	text_clear(&line);
	bar_size(&line, bytes);
	return text_string(&line);
}

TEST("a bar is as full as what it shows")
{
	CHECK_STRING(drawn(0, 10, 12, true), "[..........]");
	CHECK_STRING(drawn(5, 10, 12, true), "[#####.....]");
	CHECK_STRING(drawn(10, 10, 12, true), "[##########]");
}

TEST("a little is not nothing, and almost is not full")
{
	CHECK_STRING(drawn(1, 1000000, 12, true), "[#.........]");
	CHECK_STRING(drawn(999999, 1000000, 12, true), "[#########.]");
}

TEST("more than full is full, and nothing known is empty")
{
	CHECK_STRING(drawn(11, 10, 12, true), "[##########]");
	CHECK_STRING(drawn(7, 0, 12, true), "[..........]");
	CHECK_STRING(drawn(UINT64_MAX, UINT64_MAX, 12, true), "[##########]");
}

TEST("a bar takes the columns it is given, in both alphabets")
{
	for (unsigned columns = 3; columns < 40; columns++) {
		CHECK(column_count(drawn(columns, 40, columns, true)) == columns);
		CHECK(column_count(drawn(columns, 40, columns, false)) == columns);
	}
	CHECK_STRING(drawn(1, 2, 6, false), "[██░░]");
}

TEST("sizes have three figures and never a thousand")
{
	CHECK_STRING(sized(0), "0 B");
	CHECK_STRING(sized(999), "999 B");
	CHECK_STRING(sized(1000), "1.00 kB");
	CHECK_STRING(sized(65483), "65.5 kB");
	CHECK_STRING(sized(102400), "102 kB");
	CHECK_STRING(sized(999600), "1.00 MB");
	CHECK_STRING(sized(1048576), "1.05 MB");
	CHECK_STRING(sized(UINT64_MAX), "18.4 EB");
}
