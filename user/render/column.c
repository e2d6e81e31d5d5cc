/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/column.h"

#include <ctype.h>
#include <string.h>
#include <wchar.h>

#include "base/text.h"

struct character {
	size_t bytes;
	unsigned columns;
};

/* The C library only knows widths in a UTF-8 locale; elsewhere the blocks that are wide by Unicode's East Asian Width will do. */
static unsigned width_of(unsigned long code)
{
	int width = wcwidth((wchar_t)code);

	if (width >= 0)
		return width;
	return (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
	       (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
	       (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
	       (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1faff) ||
	       (code >= 0x20000 && code <= 0x3fffd) ? 2 : 1;
}

/* The first character of a string that is not empty. A byte that begins no UTF-8 sequence stands alone. */
static struct character first(const char *string)
{
	const unsigned char *s = (const unsigned char *)string;
	unsigned long code;
	size_t bytes;

	if (*s < 0x80)
		return (struct character){ 1, 1 };
	bytes = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc0 ? 2 : 1;
	code = bytes == 1 ? *s : *s & (0x7f >> bytes);
	for (size_t i = 1; i < bytes; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return (struct character){ 1, 1 };
		code = code << 6 | (s[i] & 0x3f);
	}
	return (struct character){ bytes, width_of(code) };
}

static unsigned columns_of(const char *string, size_t bytes)
{
	const char *end = string + bytes;
	unsigned columns = 0;

	while (string < end) {
		struct character c = first(string);

		columns += c.columns;
		string += c.bytes;
	}
	return columns;
}

unsigned column_count(const char *string)
{
	return columns_of(string, strlen(string));
}

void column_repeat(struct text *to, const char *character, unsigned times)
{
	while (times--)
		text_put(to, character);
}

/* Append at most `columns` of the string; returns how many were taken. */
static unsigned cut(struct text *to, const char *string, unsigned columns)
{
	unsigned taken = 0;

	while (*string) {
		struct character c = first(string);

		if (taken + c.columns > columns)
			break;
		text_append(to, string, c.bytes);
		taken += c.columns;
		string += c.bytes;
	}
	return taken;
}

void column_fit(struct text *to, const char *string, unsigned columns)
{
	unsigned have = column_count(string);

	if (have > columns && columns) {
		have = cut(to, string, columns - 1) + 1;
		text_char(to, '~');
	} else {
		text_put(to, columns ? string : "");
	}
	column_repeat(to, " ", columns > have ? columns - have : 0);
}

void column_fit_process(struct text *to, const char *string, unsigned columns, const char *mark)
{
	const char *pid = strrchr(string, '[');
	unsigned tail = pid ? column_count(pid) + column_count(mark) : 0;

	if (column_count(string) <= columns || !pid || tail >= columns) {
		column_fit(to, string, columns);
		return;
	}
	tail += cut(to, string, columns - tail);
	text_put(to, mark);
	text_put(to, pid);
	column_repeat(to, " ", columns - tail);
}

void column_center(struct text *to, const char *string, unsigned columns, const char *fill)
{
	unsigned have = column_count(string);
	unsigned left;

	if (have > columns) {
		column_fit(to, string, columns);
		return;
	}
	left = (columns - have) / 2;
	column_repeat(to, fill, left);
	text_put(to, string);
	column_repeat(to, fill, columns - have - left);
}

/* An opening bracket or quote stays with what follows: never at the end of a line. */
static bool opens(const char *string)
{
	static const char *const opening[] = { "（", "《", "「", "“" };

	for (size_t i = 0; i < sizeof(opening) / sizeof(*opening); i++)
		if (strncmp(string, opening[i], strlen(opening[i])) == 0)
			return true;
	return false;
}

/* Behind these a word too long for a line is broken rather than anywhere: setsockopt(, /var/run/. */
static bool joins(char c)
{
	return strchr("(/,=|", c) != NULL;
}

/* Bytes of the unit behind the space behind a number, where no line may break: 663 us, 0 字节; 0: it is another space. */
static size_t unit_length(const char *space, const char *begin)
{
	static const char *const units[] = { "us", "ms", "s", "kB", "MB", "%", "字节", "微秒", "毫秒", "秒" };

	if (space == begin || !isdigit((unsigned char)space[-1]))
		return 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		size_t length = strlen(units[i]);

		if (strncmp(space + 1, units[i], length) == 0 && !isalpha((unsigned char)space[1 + length]))
			return length;
	}
	return 0;
}

/* Bytes up to where the line may break: behind a word of at most `most` columns, or behind a wide character. */
static size_t word_length(const char *string, unsigned most, unsigned *ret_columns)
{
	size_t length = 0, joint = 0;
	unsigned columns = 0, joint_columns = 0;
	bool opened = false;

	while (string[length] && (string[length] != ' ' || unit_length(string + length, string))) {
		struct character c = first(string + length);

		if (string[length] == ' ') {
			/* The unit as a whole, or not at all. */
			size_t unit = unit_length(string + length, string);
			unsigned more = columns_of(string + length, 1 + unit);

			if (most && columns + more > most)
				break;
			length += 1 + unit;
			columns += more;
			opened = false;
			if ((unsigned char)string[length - 1] >= 0x80)
				break;
			continue;
		}
		/* What follows a wide character may begin a line, unless it is punctuation of its own script. */
		if (length && c.columns == 2 && !opened)
			break;
		if (length && most && columns + c.columns > most) {
			*ret_columns = joint ? joint_columns : columns;
			return joint ? joint : length;
		}
		length += c.bytes;
		columns += c.columns;
		if (joins(string[length - 1])) {
			joint = length;
			joint_columns = columns;
		}
		if (!opened && opens(string + length - c.bytes)) {
			opened = true;
			continue;
		}
		if (c.columns == 2)
			break;
		opened = false;
	}
	/* Wide punctuation stays with what it follows: never at the beginning of a line. */
	while (string[length]) {
		static const char *const closing[] = { "。", "，", "、", "；", "：", "！", "？", "）", "》", "”", "」" };
		size_t bytes = 0;

		for (size_t i = 0; i < sizeof(closing) / sizeof(*closing); i++)
			if (strncmp(string + length, closing[i], strlen(closing[i])) == 0)
				bytes = strlen(closing[i]);
		if (!bytes)
			break;
		columns += first(string + length).columns;
		length += bytes;
	}
	*ret_columns = columns;
	return length;
}

void column_fold(struct text *to, const char *string, const char *prefix, const char *again, unsigned columns)
{
	unsigned used = 0;

	text_put(to, prefix);
	while (*string) {
		size_t spaces = strspn(string, " ");
		unsigned word_columns;
		size_t length = word_length(string + spaces, columns, &word_columns);

		if (columns && used && used + spaces + word_columns > columns) {
			text_char(to, '\n');
			text_put(to, again);
			used = 0;
		} else {
			text_append(to, string, spaces);
			used += spaces;
		}
		text_append(to, string + spaces, length);
		used += word_columns;
		string += spaces + length;
	}
	text_char(to, '\n');
}

static unsigned lines_of(const char *string, unsigned columns)
{
	struct text folded = TEXT_EMPTY;
	unsigned lines = 0;

	column_fold(&folded, string, "", "", columns);
	for (const char *at = text_string(&folded); *at; at++)
		lines += *at == '\n';
	text_finish(&folded);
	return lines;
}

static unsigned longest_word(const char *string, unsigned most)
{
	unsigned longest = 0, columns;

	while (*string) {
		string += strspn(string, " ");
		string += word_length(string, most, &columns);
		longest = columns > longest ? columns : longest;
	}
	return longest;
}

void column_fold_even(struct text *to, const char *string, const char *prefix, const char *again, unsigned columns)
{
	unsigned lines = columns ? lines_of(string, columns) : 1, least = columns ? longest_word(string, columns) : 0;

	while (lines > 1 && columns > least && lines_of(string, columns - 1) == lines)
		columns--;
	column_fold(to, string, prefix, again, columns);
}

void column_ascii(struct text *to, const char *string)
{
	for (; *string; string++) {
		unsigned char byte = *string;

		if (byte < 0x80)
			text_char(to, byte);
		else
			text_printf(to, "\\x%02x", byte);
	}
}
