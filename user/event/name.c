/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/name.h"

#include <errno.h>
#include <linux/types.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/banned.h"
#include "bpf/event.h"

/* All rows of name.def, and beside them the kind of each. Rows of a kind stand together. */
static const struct name_row rows[] = {
#define NAME(kind, value, name, word, meaning) { value, name, (word) ? (word) : (name), meaning },
#include "event/name.def"
};

static const enum kind kinds[] = {
#define NAME(kind, value, name, word, meaning) KIND_##kind,
#include "event/name.def"
};

static const struct name_row events[] = {
#define EVENT(name, group, source, meaning) { EVENT_##name, #name, #name, meaning },
#include "bpf/event.def"
};

/* Errors have names in the C library; the numbers are those of the machine. 133 (EHWPOISON) is the last of Linux. */
enum { ERRNO_LAST = 133 };
static struct name_row errors[ERRNO_LAST + 32];

static struct table {
	const struct name_row *rows;
	size_t count;
} tables[KINDS];

static void add_errors(struct table *own)
{
	size_t count = 0;

	for (int i = 1; i <= ERRNO_LAST; i++) {
		const char *name = strerrorname_np(i);

		if (name)
			errors[count++] = (struct name_row){ i, name, name, strerrordesc_np(i) };
	}
	for (size_t i = 0; i < own->count && count < sizeof(errors) / sizeof(*errors); i++)
		errors[count++] = own->rows[i];
	*own = (struct table){ errors, count };
}

__attribute__((constructor)) static void fill_tables(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct table *table = &tables[kinds[i]];

		if (!table->rows)
			table->rows = &rows[i];
		table->count++;
	}
	tables[KIND_EVENT_ID] = (struct table){ events, EVENT_COUNT };
	add_errors(&tables[KIND_ERRNO]);
}

const struct name_row *name_rows(enum kind kind, size_t *ret_count)
{
	*ret_count = tables[kind].count;
	return tables[kind].rows;
}

const struct name_row *name_find(enum kind kind, int64_t value)
{
	const struct table *table = &tables[kind];
	size_t low = 0, high = table->count;

	/* Most kinds count from 0 without a gap: the row is where the value says. */
	if ((uint64_t)value < high && table->rows[value].value == value)
		return &table->rows[value];
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (table->rows[middle].value == value)
			return &table->rows[middle];
		if (table->rows[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int name_value(enum kind kind, const char *name, int64_t *ret)
{
	for (size_t i = 0; i < tables[kind].count; i++) {
		if (strcmp(tables[kind].rows[i].name, name))
			continue;
		*ret = tables[kind].rows[i].value;
		return 0;
	}
	return -ENOENT;
}

const char *name_of(enum kind kind, int64_t value)
{
	const struct name_row *row = name_find(kind, value);

	return row ? row->name : "?";
}

const char *name_word(enum kind kind, int64_t value)
{
	const struct name_row *row = name_find(kind, value);

	return row ? row->word : "?";
}

const char *name_meaning(enum kind kind, int64_t value)
{
	const struct name_row *row = name_find(kind, value);

	return row ? row->meaning : "?";
}
