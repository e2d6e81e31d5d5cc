/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include <errno.h>

#include "base/memory.h"

void text_finish(struct text *t)
{
	free(t->bytes);
	*t = (struct text)TEXT_EMPTY;
}

void text_clear(struct text *t)
{
	text_cut(t, 0);
}

void text_cut(struct text *t, size_t length)
{
	if (length >= t->length)
		return;
	t->length = length;
	t->bytes[length] = '\0';
}

const char *text_string(const struct text *t)
{
	return t->bytes ? t->bytes : "";
}

char *text_steal(struct text *t)
{
	char *bytes = t->bytes ? t->bytes : memory_string("");

	*t = (struct text)TEXT_EMPTY;
	return bytes;
}

char *text_reserve(struct text *t, size_t more)
{
	size_t need = t->length + more + 1;

	if (need > t->room) {
		t->room = need > t->room * 2 ? need + 63 : t->room * 2;
		t->bytes = memory_resize(t->bytes, t->room, 1);
		t->bytes[t->length] = '\0';
	}
	return t->bytes + t->length;
}

void text_append(struct text *t, const char *bytes, size_t length)
{
	char *end = text_reserve(t, length);

	if (length)
		memcpy(end, bytes, length);
	end[length] = '\0';
	t->length += length;
}

void text_put(struct text *t, const char *string)
{
	text_append(t, string, strlen(string));
}

void text_char(struct text *t, char c)
{
	text_append(t, &c, 1);
}

void text_u64(struct text *t, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = '0' + value % 10;
		value /= 10;
	} while (value);
	text_append(t, digits + at, sizeof(digits) - at);
}

void text_i64(struct text *t, int64_t value)
{
	if (value < 0)
		text_char(t, '-');
	text_u64(t, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void text_vprintf(struct text *t, const char *format, va_list arguments)
{
	va_list again;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	if (length > 0) {
		vsnprintf(text_reserve(t, length), length + 1, format, again);
		t->length += length;
	}
	va_end(again);
}

void text_printf(struct text *t, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_vprintf(t, format, arguments);
	va_end(arguments);
}

/*
 * The length of the well-formed UTF-8 character at `s` (RFC 3629: no overlong form, no surrogate, at most U+10FFFF)
 * and the character itself, or 0.
 */
static size_t utf8(const unsigned char *s, size_t length, uint32_t *ret_character)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t size = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	uint32_t character;

	if (!size || size > length)
		return 0;
	character = size == 1 ? s[0] : s[0] & (0x7f >> size);
	for (size_t i = 1; i < size; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (s[i] & 0x3f);
	}
	if (character < least[size] || character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
		return 0;
	*ret_character = character;
	return size;
}

/* Characters a terminal obeys, or a reader cannot see: C0, DEL, C1, and Unicode's format characters (category Cf, Zl, Zp). */
static bool harmful(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x7f, 0x9f },	    { 0xad, 0xad },	{ 0x600, 0x605 },     { 0x61c, 0x61c },
		{ 0x6dd, 0x6dd },   { 0x70f, 0x70f },	{ 0x890, 0x891 },     { 0x8e2, 0x8e2 },
		{ 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0x110bd, 0x110bd }, { 0x110cd, 0x110cd },
		{ 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe007f },
	};

	if (c < 0x20)
		return true;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	}
	return false;
}

/* How many bytes at `s` are plain: printable ASCII without quote and backslash. The common case of everything below. */
static size_t plain(const char *s, size_t length)
{
	size_t i = 0;

	while (i < length && s[i] >= ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

static void put_hex(struct text *t, const char *prefix, const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text_printf(t, "%sx%02x", prefix, bytes[i]);
}

/* The letter that stands behind a backslash for this byte, or 0. */
static char short_escape(char c)
{
	return c == '\\' ? '\\' : c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : 0;
}

static void escape(struct text *t, const char *bytes, size_t length, bool quoted)
{
	for (size_t i = 0; i < length;) {
		size_t size = plain(bytes + i, length - i);
		uint32_t character = 0;
		char letter;

		if (size) {
			text_append(t, bytes + i, size);
			i += size;
			continue;
		}
		letter = bytes[i] == '"' && quoted ? '"' : short_escape(bytes[i]);
		size = utf8((const unsigned char *)bytes + i, length - i, &character);
		if (letter)
			text_append(t, (char[]){ '\\', letter }, 2);
		else if (!size || harmful(character))
			put_hex(t, "\\", (const unsigned char *)bytes + i, size ? size : 1);
		else
			text_append(t, bytes + i, size);
		i += size ? size : 1;
	}
}

void text_escape(struct text *t, const char *bytes, size_t length)
{
	escape(t, bytes, length, false);
}

void text_quote(struct text *t, const char *bytes, size_t length)
{
	text_char(t, '"');
	escape(t, bytes, length, true);
	text_char(t, '"');
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode one escape behind its backslash; returns the bytes it takes, or 0. */
static size_t unescape_one(const char *s, size_t length, char *ret_byte)
{
	static const char letters[] = "\\\"nrt", bytes[] = "\\\"\n\r\t";
	const char *found = length ? memchr(letters, s[0], sizeof(letters) - 1) : NULL;

	if (found) {
		*ret_byte = bytes[found - letters];
		return 1;
	}
	if (length < 3 || s[0] != 'x' || hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0)
		return 0;
	*ret_byte = (char)(hex_digit(s[1]) << 4 | hex_digit(s[2]));
	return 3;
}

int text_unescape(struct text *t, const char *escaped, size_t length)
{
	for (size_t i = 0; i < length;) {
		const char *backslash = memchr(escaped + i, '\\', length - i);
		size_t taken = (backslash ? (size_t)(backslash - escaped) : length) - i;
		char byte = 0;

		text_append(t, escaped + i, taken);
		i += taken;
		if (!backslash)
			break;
		taken = unescape_one(backslash + 1, length - i - 1, &byte);
		if (!taken)
			return -EINVAL;
		text_char(t, byte);
		i += 1 + taken;
	}
	return 0;
}

/* A character as UTF-16 in JSON's own escapes (RFC 8259, section 7). */
static void put_json_escape(struct text *t, uint32_t c)
{
	if (c >= 0x10000) {
		text_printf(t, "\\u%04x", 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	text_printf(t, "\\u%04x", c);
}

void text_json(struct text *t, const char *bytes, size_t length)
{
	text_char(t, '"');
	for (size_t i = 0; i < length;) {
		size_t size = plain(bytes + i, length - i);
		uint32_t character = 0;
		char letter;

		if (size) {
			text_append(t, bytes + i, size);
			i += size;
			continue;
		}
		letter = bytes[i] == '"' ? '"' : short_escape(bytes[i]);
		size = utf8((const unsigned char *)bytes + i, length - i, &character);
		if (letter)
			text_append(t, (char[]){ '\\', letter }, 2);
		else if (!size)
			put_hex(t, "\\\\", (const unsigned char *)bytes + i, 1);
		else if (harmful(character))
			put_json_escape(t, character);
		else
			text_append(t, bytes + i, size);
		i += size ? size : 1;
	}
	text_char(t, '"');
}
