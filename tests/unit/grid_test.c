/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/grid.h"

#include <string.h>

#include "base/text.h"
#include "render/column.h"
#include "tests/test.h"

static const struct grid_column columns[] = {
	{ "NAME", false, true },
	{ "N", true, false },
	{ "WHERE", false, true },
};

static struct grid *two_rows(void)
{
	struct grid *g = grid_create(columns, 3);

	grid_row(g);
	grid_put(g, "a");
	grid_put(g, "100");
	grid_put(g, "here");
	grid_row(g);
	grid_put(g, "a much longer name");
	grid_put(g, "7");
	grid_put(g, "a place that is far away");
	return g;
}

static unsigned widest_line(const char *page)
{
	unsigned widest = 0;

	while (*page) {
		size_t length = strcspn(page, "\n");
		struct text line = TEXT_EMPTY;

		text_append(&line, page, length);
		if (column_count(text_string(&line)) > widest)
			widest = column_count(text_string(&line));
		text_finish(&line);
		page += length + (page[length] == '\n');
	}
	return widest;
}

TEST("columns are as wide as what is in them, numbers stand to the right, and no line ends in spaces")
{
	struct grid *g = two_rows();
	struct text page = TEXT_EMPTY;

	grid_write(g, &page, 0);
	CHECK(!strcmp(text_string(&page), "NAME                  N  WHERE\n"
					  "a                   100  here\n"
					  "a much longer name    7  a place that is far away\n"));
	text_finish(&page);
	grid_destroy(g);
}

TEST("a narrow screen cuts the widest columns, and every line fits")
{
	struct grid *g = two_rows();

	for (unsigned width = 32; width < 60; width++) {
		struct text page = TEXT_EMPTY;

		grid_write(g, &page, width);
		CHECK(widest_line(text_string(&page)) <= width);
		CHECK(width >= 47 || strchr(text_string(&page), '~'));
		text_finish(&page);
	}
	grid_destroy(g);
}

TEST("a column that must not shrink keeps its words whole")
{
	struct grid *g = two_rows();
	struct text page = TEXT_EMPTY;

	grid_write(g, &page, 20);
	CHECK(strstr(text_string(&page), "100"));
	text_finish(&page);
	grid_destroy(g);
}

TEST("notes stand below their row, folded and indented")
{
	struct grid *g = two_rows();
	struct text page = TEXT_EMPTY;

	grid_note(g, "a note about the second row that is so long that it needs more than one line");
	grid_note(g, "another");
	grid_write(g, &page, 50);
	CHECK(strstr(text_string(&page), "\n    a note about the second row"));
	CHECK(strstr(text_string(&page), "\n    another\n"));
	CHECK(widest_line(text_string(&page)) <= 50);
	text_finish(&page);
	grid_destroy(g);
}

TEST("a row may lack words, and a table may lack rows")
{
	struct grid *g = grid_create(columns, 3);
	struct text page = TEXT_EMPTY;

	grid_write(g, &page, 80);
	CHECK(!strcmp(text_string(&page), "NAME  N  WHERE\n"));
	text_clear(&page);
	grid_row(g);
	grid_put(g, "x");
	grid_write(g, &page, 80);
	CHECK(!strcmp(text_string(&page), "NAME  N  WHERE\nx\n"));
	text_finish(&page);
	grid_destroy(g);
}
