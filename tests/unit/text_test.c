/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include <errno.h>

#include "tests/test.h"

static struct text out = TEXT_EMPTY;

static const char *escaped(const char *bytes, size_t length)
{
	text_clear(&out);
	text_escape(&out, bytes, length);
	return text_string(&out);
}

static const char *json(const char *bytes, size_t length)
{
	text_clear(&out);
	text_json(&out, bytes, length);
	return text_string(&out);
}

#define BYTES(literal) (literal), sizeof(literal) - 1

TEST("a text that was never written to is an empty string")
{
	struct text t = TEXT_EMPTY;
	char *stolen = text_steal(&t);

	CHECK_STRING(text_string(&t), "");
	CHECK_STRING(stolen, "");
	free(stolen);
	text_clear(&t);
	text_finish(&t);
}

TEST("a text grows, is cut, and keeps its NUL")
{
	struct text t = TEXT_EMPTY;

	for (int i = 0; i < 10000; i++)
		text_printf(&t, "%d,", i);
	CHECK(t.length == strlen(t.bytes));
	CHECK(t.length == 48890);
	text_cut(&t, 4);
	CHECK_STRING(text_string(&t), "0,1,");
	text_append(&t, NULL, 0);
	text_append(&t, "a\0b", 3);
	CHECK(t.length == 7 && !memcmp(t.bytes, "0,1,a\0b", 8));
	text_finish(&t);
	CHECK_STRING(text_string(&t), "");
}

TEST("integers are written to the ends of their range")
{
	struct text t = TEXT_EMPTY;

	text_u64(&t, 0);
	text_char(&t, ' ');
	text_u64(&t, UINT64_MAX);
	text_char(&t, ' ');
	text_i64(&t, INT64_MIN);
	text_char(&t, ' ');
	text_i64(&t, INT64_MAX);
	CHECK_STRING(text_string(&t), "0 18446744073709551615 -9223372036854775808 9223372036854775807");
	text_finish(&t);
}

TEST("what a terminal would obey is escaped")
{
	CHECK_STRING(escaped(BYTES("plain text \"quoted\"")), "plain text \"quoted\"");
	CHECK_STRING(escaped(BYTES("\x1b[31mred\x07")), "\\x1b[31mred\\x07");
	CHECK_STRING(escaped(BYTES("a\nb\rc\td\\e\0f\x7f")), "a\\nb\\rc\\td\\\\e\\x00f\\x7f");
	CHECK_STRING(escaped(BYTES("\xc2\x9b" "31m")), "\\xc2\\x9b31m");
	CHECK_STRING(escaped(BYTES("\x9b" "31m")), "\\x9b31m");
}

TEST("well-formed UTF-8 stays, everything else becomes bytes")
{
	CHECK_STRING(escaped(BYTES("网络 é 🙂")), "网络 é 🙂");
	CHECK_STRING(escaped(BYTES("\xc0\xaf")), "\\xc0\\xaf");
	CHECK_STRING(escaped(BYTES("\xe0\x80\xaf")), "\\xe0\\x80\\xaf");
	CHECK_STRING(escaped(BYTES("\xed\xa0\x80")), "\\xed\\xa0\\x80");
	CHECK_STRING(escaped(BYTES("\xf4\x90\x80\x80")), "\\xf4\\x90\\x80\\x80");
	CHECK_STRING(escaped(BYTES("\xf5\xff")), "\\xf5\\xff");
	CHECK_STRING(escaped("\xe7\xbd\x91", 2), "\\xe7\\xbd");
}

TEST("characters that turn the line around or hide in it are escaped")
{
	CHECK_STRING(escaped(BYTES("a\u202e" "b")), "a\\xe2\\x80\\xaeb");
	CHECK_STRING(escaped(BYTES("a\u2066" "b")), "a\\xe2\\x81\\xa6b");
	CHECK_STRING(escaped(BYTES("a\u200b" "b")), "a\\xe2\\x80\\x8bb");
	CHECK_STRING(escaped(BYTES("\ufeff")), "\\xef\\xbb\\xbf");
	CHECK_STRING(escaped(BYTES("\U000e0041")), "\\xf3\\xa0\\x81\\x81");
}

TEST("every byte and every pair of bytes is read back as it was, and is harmless in between")
{
	struct text there = TEXT_EMPTY, back = TEXT_EMPTY;
	bool same = true, harmless = true;

	for (int i = 0; i < 0x10000; i++) {
		char pair[2] = { (char)(i >> 8), (char)i };

		text_clear(&there);
		text_clear(&back);
		text_quote(&there, pair, 2);
		same &= !text_unescape(&back, there.bytes + 1, there.length - 2) && back.length == 2 &&
			!memcmp(back.bytes, pair, 2);
		for (size_t k = 0; k < there.length; k++)
			harmless &= (unsigned char)there.bytes[k] >= ' ' && there.bytes[k] != 0x7f;
	}
	CHECK(same);
	CHECK(harmless);
	text_finish(&there);
	text_finish(&back);
}

TEST("an escape that is none is refused")
{
	struct text t = TEXT_EMPTY;

	CHECK(text_unescape(&t, BYTES("ab\\q")) == -EINVAL);
	CHECK_STRING(text_string(&t), "ab");
	CHECK(text_unescape(&t, BYTES("\\")) == -EINVAL);
	CHECK(text_unescape(&t, BYTES("\\x1")) == -EINVAL);
	CHECK(text_unescape(&t, BYTES("\\xzz")) == -EINVAL);
	CHECK(text_unescape(&t, BYTES("\\x41\\\"")) == 0);
	CHECK_STRING(text_string(&t), "abA\"");
	text_finish(&t);
}

TEST("a JSON string is valid UTF-8 and safe for a terminal")
{
	CHECK_STRING(json(BYTES("a\"b\\c\n")), "\"a\\\"b\\\\c\\n\"");
	CHECK_STRING(json(BYTES("\x1b[0m\0")), "\"\\u001b[0m\\u0000\"");
	CHECK_STRING(json(BYTES("\xff\xfe")), "\"\\\\xff\\\\xfe\"");
	CHECK_STRING(json(BYTES("网\u202e\xc2\x85\U000e0041")), "\"网\\u202e\\u0085\\udb40\\udc41\"");
	text_finish(&out);
}
