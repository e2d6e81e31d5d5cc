/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/kind.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/text.h"
#include "event/name.h"
#include "event/schema.h"

/* The third column of kind.def. */
enum { ZERO_SHOWN, ZERO_QUIET };

static const struct kind_row rows[KINDS] = {
#define KIND(name, form, zero, tag, meaning) [KIND_##name] = { #name, FORM_##form, ZERO_##zero, #tag, meaning },
#include "event/kind.def"
};

const struct kind_row *kind_row(enum kind kind)
{
	return &rows[kind];
}

static const void *at(const struct field *f, const struct event *e)
{
	return (const char *)e + f->offset;
}

/* ---- integers ---- */

static void write_integer(struct text *to, const struct field *f, int64_t value)
{
	if (f->is_signed)
		text_i64(to, value);
	else
		text_u64(to, value);
}

/* Digits of one base with an optional sign, and nothing else. */
static int read_digits(const char *value, size_t length, unsigned int base, uint64_t *ret)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned int digit = value[i] >= '0' && value[i] <= '9' ? value[i] - '0' :
				     value[i] >= 'a' && value[i] <= 'f' ? value[i] - 'a' + 10 : 16;

		if (digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(sum, base, &sum) || __builtin_add_overflow(sum, digit, &sum))
			return -ERANGE;
	}
	*ret = sum;
	return length ? 0 : -EINVAL;
}

static int read_integer(const struct field *f, struct event *e, const char *value, size_t length)
{
	bool negative = length && value[0] == '-';
	uint64_t magnitude;
	int err = read_digits(value + negative, length - negative, 10, &magnitude);

	if (err)
		return err;
	if (negative && (!f->is_signed || magnitude > (uint64_t)INT64_MAX + 1))
		return -ERANGE;
	if (!negative && magnitude > INT64_MAX && (f->is_signed || f->size < 8))
		return -ERANGE;
	return field_set_integer(f, e, negative ? -magnitude : magnitude);
}

/*
 * In a tale a socket may be called by a word of up to nine letters, digits and '_' that begins with a letter. The word
 * is the number: its characters as digits of base 38, in the lower 48 bits below a mark no cookie and no id of
 * socktale's own reaches (those count up from 1 and from 2^52). Still exact as a double.
 */
#define WORD_MARK (3ull << 51)
static const char word_digits[] = "_abcdefghijklmnopqrstuvwxyz0123456789";

static bool read_word(const char *value, size_t length, uint64_t *ret)
{
	uint64_t code = 0;

	if (!length || length > 9 || value[0] < 'a' || value[0] > 'z')
		return false;
	for (size_t i = 0; i < length; i++) {
		const char *digit = memchr(word_digits, value[i], sizeof(word_digits) - 1);

		if (!digit)
			return false;
		code = code * 38 + (digit - word_digits) + 1;
	}
	*ret = WORD_MARK | code;
	return true;
}

static bool write_word(struct text *to, uint64_t socket)
{
	uint64_t code = socket & ((1ull << 48) - 1), check;
	char word[9];
	size_t first = sizeof(word);

	if (socket >> 48 != WORD_MARK >> 48)
		return false;
	while (code && code % 38 && first) {
		word[--first] = word_digits[code % 38 - 1];
		code /= 38;
	}
	if (code || !read_word(word + first, sizeof(word) - first, &check))
		return false;
	text_append(to, word + first, sizeof(word) - first);
	return true;
}

/* ---- names and flags ---- */

static int read_name(const struct field *f, struct event *e, const char *value, size_t length)
{
	char name[64];
	int64_t number;

	if (length && ((value[0] >= '0' && value[0] <= '9') || value[0] == '-'))
		return read_integer(f, e, value, length);
	if (length >= sizeof(name))
		return -EINVAL;
	memcpy(name, value, length);
	name[length] = '\0';
	if (name_value(f->kind, name, &number))
		return -EINVAL;
	return field_set_integer(f, e, number);
}

static void write_flags(struct text *to, enum kind kind, uint64_t flags)
{
	const struct name_row *row;
	size_t count;

	if (!flags)
		text_char(to, '0');
	row = name_rows(kind, &count);
	for (; count-- && flags; row++) {
		if (!(flags & row->value))
			continue;
		text_put(to, row->name);
		flags &= ~row->value;
		if (flags)
			text_char(to, '|');
	}
	if (flags)
		text_printf(to, "0x%llx", (unsigned long long)flags);
}

static int read_flag(enum kind kind, const char *value, size_t length, int64_t *ret)
{
	char name[64];
	uint64_t bits;
	int err;

	if (length > 2 && value[0] == '0' && value[1] == 'x') {
		err = read_digits(value + 2, length - 2, 16, &bits);
		*ret = err ? 0 : (int64_t)bits;
		return err;
	}
	if (length == 1 && value[0] == '0') {
		*ret = 0;
		return 0;
	}
	if (length >= sizeof(name))
		return -EINVAL;
	memcpy(name, value, length);
	name[length] = '\0';
	return name_value(kind, name, ret) ? -EINVAL : 0;
}

static int read_flags(const struct field *f, struct event *e, const char *value, size_t length)
{
	int64_t flags = 0;

	for (;;) {
		const char *bar = memchr(value, '|', length);
		size_t taken = bar ? (size_t)(bar - value) : length;
		int64_t flag;
		int err = read_flag(f->kind, value, taken, &flag);

		if (err)
			return err;
		flags |= flag;
		if (!bar)
			return field_set_integer(f, e, flags);
		value += taken + 1;
		length -= taken + 1;
	}
}

static void json_flags(struct text *to, enum kind kind, uint64_t flags)
{
	const struct name_row *row;
	size_t count;
	bool first = true;

	text_char(to, '[');
	row = name_rows(kind, &count);
	for (; count-- && flags; row++) {
		if (!(flags & row->value))
			continue;
		text_put(to, first ? "\"" : ",\"");
		text_put(to, row->name);
		text_char(to, '"');
		flags &= ~row->value;
		first = false;
	}
	if (flags)
		text_printf(to, "%s\"0x%llx\"", first ? "" : ",", (unsigned long long)flags);
	text_char(to, ']');
}

/* ---- addresses ---- */

static void write_ip6(struct text *to, const struct event_ip *ip)
{
	char digits[INET6_ADDRSTRLEN];

	text_put(to, inet_ntop(AF_INET6, ip->bytes, digits, sizeof(digits)));
}

static void write_ip4(struct text *to, const struct event_ip *ip)
{
	for (int i = 0; i < 4; i++) {
		if (i)
			text_char(to, '.');
		text_u64(to, ip->bytes[i]);
	}
}

static bool is_proper_ip4(const struct event_address *a)
{
	static const __u8 zero[12];

	return a->family == AF_INET && !a->scope_id && !memcmp(a->ip.bytes + 4, zero, sizeof(zero));
}

void kind_write_address(struct text *to, const struct event_address *a)
{
	if (is_proper_ip4(a)) {
		write_ip4(to, &a->ip);
	} else {
		if (a->family != AF_INET6) {
			text_char(to, '#');
			text_u64(to, a->family);
		}
		text_char(to, '[');
		write_ip6(to, &a->ip);
		if (a->scope_id) {
			text_char(to, '%');
			text_u64(to, a->scope_id);
		}
		text_char(to, ']');
	}
	text_char(to, ':');
	text_u64(to, a->port);
}

static int read_below(const char *value, size_t length, uint64_t limit, uint64_t *ret)
{
	return read_digits(value, length, 10, ret) || *ret >= limit ? -EINVAL : 0;
}

static int read_ip(int family, const char *value, size_t length, struct event_ip *ret)
{
	char digits[INET6_ADDRSTRLEN];

	if (length >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, value, length);
	digits[length] = '\0';
	return inet_pton(family, digits, ret->bytes) == 1 ? 0 : -EINVAL;
}

/* [IP] or [IP%SCOPE], the brackets included. */
static int read_bracket(const char *value, size_t length, struct event_address *a)
{
	const char *percent = memchr(value, '%', length);
	size_t ip_length;
	uint64_t scope = 0;

	if (length < 2 || value[0] != '[' || value[length - 1] != ']')
		return -EINVAL;
	ip_length = (percent ? (size_t)(percent - value) : length - 1) - 1;
	if (percent && read_below(percent + 1, length - ip_length - 3, 1ull << 32, &scope))
		return -EINVAL;
	a->scope_id = scope;
	return read_ip(AF_INET6, value + 1, ip_length, &a->ip);
}

int kind_read_address(struct event_address *ret, const char *value, size_t length)
{
	struct event_address a = { .family = AF_INET6 };
	const char *colon = memrchr(value, ':', length), *bracket = memchr(value, '[', length);
	uint64_t port, family;
	int err;

	if (!colon || read_below(colon + 1, length - (colon + 1 - value), 1 << 16, &port))
		return -EINVAL;
	a.port = port;
	if (!bracket) {
		a.family = AF_INET;
		err = read_ip(AF_INET, value, colon - value, &a.ip);
	} else {
		if (bracket > colon)
			return -EINVAL;
		if (bracket != value) {
			if (value[0] != '#' || read_below(value + 1, bracket - value - 1, 1 << 16, &family))
				return -EINVAL;
			a.family = family;
		}
		err = read_bracket(bracket, colon - bracket, &a);
	}
	if (!err)
		*ret = a;
	return err;
}

/* ---- strings ---- */

static bool may_stand_bare(const char *bytes, size_t length)
{
	return length && !(length == 1 && bytes[0] == '-') && !memchr(bytes, ' ', length) && !memchr(bytes, '"', length);
}

void kind_write_string(struct text *to, const char *bytes, size_t length)
{
	if (!length)
		text_char(to, '-');
	else if (may_stand_bare(bytes, length))
		text_escape(to, bytes, length);
	else
		text_quote(to, bytes, length);
}

long kind_read_string(char *ret, size_t room, const char *value, size_t length)
{
	struct text plain = TEXT_EMPTY;
	long result = -EINVAL;

	if (length == 1 && value[0] == '-')
		return 0;
	if (length && value[0] == '"') {
		if (length < 2 || value[length - 1] != '"')
			return -EINVAL;
		value++;
		length -= 2;
	}
	if (text_unescape(&plain, value, length))
		goto out;
	result = -ERANGE;
	if (plain.length > room)
		goto out;
	if (plain.length)
		memcpy(ret, plain.bytes, plain.length);
	result = plain.length;
out:
	text_finish(&plain);
	return result;
}

static size_t comm_length(const struct event_comm *comm)
{
	return strnlen(comm->bytes, sizeof(comm->bytes));
}

static size_t path_length(const struct event_path *path)
{
	return path->length < sizeof(path->bytes) ? path->length : sizeof(path->bytes);
}

static size_t text_length(const struct event_text *text)
{
	return text->length < sizeof(text->bytes) ? text->length : sizeof(text->bytes);
}

/* A path as the reader knows it: '@' for the NUL of an abstract name. A real '@' in front is written as \x40. */
static void write_path(struct text *to, const struct event_path *path)
{
	struct event_path shown = *path;
	struct text word = TEXT_EMPTY;
	size_t before;

	if (!path_length(path) || (path->bytes[0] && path->bytes[0] != '@')) {
		kind_write_string(to, path->bytes, path_length(path));
		return;
	}
	shown.bytes[0] = '@';
	kind_write_string(&word, shown.bytes, path_length(path));
	before = word.bytes[0] == '"';
	text_append(to, word.bytes, before);
	text_put(to, path->bytes[0] ? "\\x40" : "@");
	text_put(to, word.bytes + before + 1);
	text_finish(&word);
}

static int read_path(struct event_path *path, const char *value, size_t length)
{
	struct event_path got = { 0 };
	bool abstract = length && value[value[0] == '"' && length > 1] == '@';
	long size = kind_read_string(got.bytes, sizeof(got.bytes), value, length);

	if (size < 0)
		return size;
	if (abstract)
		got.bytes[0] = '\0';
	got.length = size;
	*path = got;
	return 0;
}

static int read_comm(struct event_comm *comm, const char *value, size_t length)
{
	struct event_comm got = { 0 };
	long size = kind_read_string(got.bytes, sizeof(got.bytes), value, length);

	if (size < 0)
		return size;
	if (memchr(got.bytes, '\0', size))
		return -EINVAL;
	*comm = got;
	return 0;
}

static int read_text(struct event_text *text, const char *value, size_t length)
{
	struct event_text got = { 0 };
	long size = kind_read_string(got.bytes, sizeof(got.bytes), value, length);

	if (size < 0)
		return size;
	got.length = size;
	*text = got;
	return 0;
}

/* ---- by form ---- */

void kind_write(struct text *to, const struct field *f, const struct event *e)
{
	int64_t value = field_integer(f, e);
	const struct name_row *row;

	switch (rows[f->kind].form) {
	case FORM_SOCKET:
		if (!write_word(to, value))
			write_integer(to, f, value);
		break;
	case FORM_NAMED:
	case FORM_BOOL:
		row = name_find(f->kind, value);
		if (row)
			text_put(to, row->name);
		else
			write_integer(to, f, value);
		break;
	case FORM_INTEGER:
		write_integer(to, f, value);
		break;
	case FORM_FLAGS:
		write_flags(to, f->kind, value);
		break;
	case FORM_IP:
		write_ip6(to, at(f, e));
		break;
	case FORM_ADDRESS:
		kind_write_address(to, at(f, e));
		break;
	case FORM_COMM:
		kind_write_string(to, at(f, e), comm_length(at(f, e)));
		break;
	case FORM_PATH:
		write_path(to, at(f, e));
		break;
	case FORM_TEXT:
		kind_write_string(to, ((const struct event_text *)at(f, e))->bytes, text_length(at(f, e)));
		break;
	}
}

int kind_read(const struct field *f, struct event *e, const char *value, size_t length)
{
	void *to = (char *)e + f->offset;
	uint64_t word;

	switch (rows[f->kind].form) {
	case FORM_SOCKET:
		if (read_word(value, length, &word))
			return field_set_integer(f, e, word);
		return read_integer(f, e, value, length);
	case FORM_INTEGER:
		return read_integer(f, e, value, length);
	case FORM_NAMED:
	case FORM_BOOL:
		return read_name(f, e, value, length);
	case FORM_FLAGS:
		return read_flags(f, e, value, length);
	case FORM_IP:
		return read_ip(AF_INET6, value, length, to);
	case FORM_ADDRESS:
		return kind_read_address(to, value, length);
	case FORM_COMM:
		return read_comm(to, value, length);
	case FORM_PATH:
		return read_path(to, value, length);
	case FORM_TEXT:
		return read_text(to, value, length);
	}
	return -EINVAL;
}

/* ---- JSON ---- */

static void json_name(struct text *to, const struct field *f, int64_t value)
{
	const struct name_row *row = name_find(f->kind, value);

	if (!row) {
		if (f->kind == KIND_ERRNO && !value)
			text_put(to, "null");
		else
			write_integer(to, f, value);
		return;
	}
	if (rows[f->kind].form == FORM_BOOL) {
		text_put(to, value ? "true" : "false");
		return;
	}
	text_char(to, '"');
	text_put(to, row->name);
	text_char(to, '"');
}

static void json_path(struct text *to, const struct event_path *path)
{
	struct event_path shown = *path;

	if (!path_length(path)) {
		text_put(to, "null");
		return;
	}
	if (!shown.bytes[0])
		shown.bytes[0] = '@';
	text_json(to, shown.bytes, path_length(path));
}

void kind_json(struct text *to, const struct field *f, const struct event *e)
{
	switch (rows[f->kind].form) {
	case FORM_INTEGER:
	case FORM_SOCKET:
		if (rows[f->kind].quiet && !field_integer(f, e))
			text_put(to, "null");
		else
			write_integer(to, f, field_integer(f, e));
		break;
	case FORM_NAMED:
	case FORM_BOOL:
		json_name(to, f, field_integer(f, e));
		break;
	case FORM_FLAGS:
		json_flags(to, f->kind, field_integer(f, e));
		break;
	case FORM_ADDRESS:
		if (field_is_zero(f, e)) {
			text_put(to, "null");
			break;
		}
		/* fall through */
	case FORM_IP:
		text_char(to, '"');
		kind_write(to, f, e);
		text_char(to, '"');
		break;
	case FORM_COMM:
		text_json(to, at(f, e), comm_length(at(f, e)));
		break;
	case FORM_PATH:
		json_path(to, at(f, e));
		break;
	case FORM_TEXT:
		text_json(to, ((const struct event_text *)at(f, e))->bytes, text_length(at(f, e)));
		break;
	}
}

/* The names a value can have, or a number that has no name in this build. */
static void schema_of_names(struct text *to, enum kind kind)
{
	const struct name_row *row;
	size_t count;

	row = name_rows(kind, &count);
	text_put(to, kind == KIND_ERRNO ? "{\"anyOf\":[{\"type\":[\"integer\",\"null\"]},{\"enum\":[" :
					  "{\"anyOf\":[{\"type\":\"integer\"},{\"enum\":[");
	for (size_t i = 0; i < count; i++)
		text_printf(to, "%s\"%s\"", i ? "," : "", row[i].name);
	text_put(to, "]}]}");
}

void kind_json_schema(struct text *to, enum kind kind)
{
	switch (rows[kind].form) {
	case FORM_INTEGER:
	case FORM_SOCKET:
		text_put(to, rows[kind].quiet ? "{\"type\":[\"integer\",\"null\"]}" : "{\"type\":\"integer\"}");
		break;
	case FORM_NAMED:
		schema_of_names(to, kind);
		break;
	case FORM_BOOL:
		text_put(to, "{\"type\":[\"boolean\",\"integer\"]}");
		break;
	case FORM_FLAGS:
		text_put(to, "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}");
		break;
	case FORM_ADDRESS:
	case FORM_PATH:
		text_put(to, "{\"type\":[\"string\",\"null\"]}");
		break;
	case FORM_IP:
	case FORM_COMM:
	case FORM_TEXT:
		text_put(to, "{\"type\":\"string\"}");
		break;
	}
}
