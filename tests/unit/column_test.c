/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/column.h"

#include <locale.h>

#include "base/text.h"
#include "tests/test.h"

static struct text t = TEXT_EMPTY;

static const char *fit(const char *string, unsigned columns)
{
	text_clear(&t);
	column_fit(&t, string, columns);
	return text_string(&t);
}

static const char *fold(const char *string, unsigned columns)
{
	text_clear(&t);
	column_fold(&t, string, "> ", "  ", columns);
	return text_string(&t);
}

static const char *fit_process(const char *string, unsigned columns)
{
	text_clear(&t);
	column_fit_process(&t, string, columns, "…");
	return text_string(&t);
}

TEST("a process that is too long is cut in its name, not in its pid")
{
	CHECK_STRING(fit_process("twowritesserver[86501]", 18), "twowritess…[86501]");
	CHECK_STRING(fit_process("twowritesserver[86501]~", 18), "twowrites…[86501]~");
	CHECK_STRING(fit_process("tcp[8650]", 12), "tcp[8650]   ");
	CHECK_STRING(fit_process("[2001:db8::1]:9527", 8), "[2001:d~");
}

TEST("wide characters take two columns, in any locale")
{
	setlocale(LC_ALL, "C");
	CHECK(column_count("abc") == 3);
	CHECK(column_count("三次握手") == 8);
	CHECK(column_count("é") == 1);
	CHECK(column_count("\xff") == 1);
	setlocale(LC_ALL, "C.UTF-8");
	CHECK(column_count("三次握手") == 8);
	CHECK(column_count("") == 0);
}

TEST("a string is filled or cut to its columns, and never splits a character")
{
	CHECK_STRING(fit("abc", 5), "abc  ");
	CHECK_STRING(fit("abc", 3), "abc");
	CHECK_STRING(fit("abcd", 3), "ab~");
	CHECK_STRING(fit("三次握手", 4), "三~ ");
	CHECK_STRING(fit("abc", 0), "");
}

TEST("a line is folded at spaces")
{
	CHECK_STRING(fold("one two three", 7), "> one two\n  three\n");
	CHECK_STRING(fold("one two three", 0), "> one two three\n");
	CHECK_STRING(fold("", 10), "> \n");
}

TEST("a word longer than a line is broken")
{
	CHECK_STRING(fold("abcdefghij", 4), "> abcd\n  efgh\n  ij\n");
}

TEST("it is broken behind a bracket, comma or slash, if there is one")
{
	CHECK_STRING(fold("setsockopt(TCP_KEEPINTVL, 1)", 24), "> setsockopt(\n  TCP_KEEPINTVL, 1)\n");
	CHECK_STRING(fold("connect(/var/run/nscd/socket) = ENOENT", 24), "> connect(/var/run/nscd/\n  socket) = ENOENT\n");
}

TEST("a number stays with its unit")
{
	CHECK_STRING(fold("after 663 us it went on", 9), "> after\n  663 us it\n  went on\n");
	CHECK_STRING(fold("套接字关闭（0 字节未读）", 14), "> 套接字关闭\n  （0 字节未读）\n");
	CHECK_STRING(fold("of 3 useful", 4), "> of 3\n  usef\n  ul\n");
	CHECK_STRING(fold("12345678 us", 8), "> 12345678\n  us\n");
}

TEST("a language without spaces is folded between characters, and closing punctuation stays behind")
{
	CHECK_STRING(fold("三次握手", 4), "> 三次\n  握手\n");
	CHECK_STRING(fold("三次握，手", 6), "> 三次\n  握，手\n");
}

TEST("an opening bracket goes to the next line with what it opens")
{
	CHECK_STRING(fold("三次（握手）", 6), "> 三次\n  （握\n  手）\n");
	CHECK_STRING(fold("请求（0/6 等待）", 8), "> 请求\n  （0/6 等\n  待）\n");
	CHECK_STRING(fold("他说“好”。", 6), "> 他说\n  “好”。\n");
}

TEST("what is not ASCII can be shown in ASCII")
{
	text_clear(&t);
	column_ascii(&t, "h\xc3\xa9");
	CHECK_STRING(text_string(&t), "h\\xc3\\xa9");
	text_finish(&t);
}

static const char *evenly(const char *string, unsigned columns)
{
	static struct text page;

	text_clear(&page);
	column_fold_even(&page, string, "", "", columns);
	return text_string(&page);
}

TEST("an even fold takes no more lines, and keeps a figure with its unit")
{
	CHECK_STRING(evenly("sendto(4) = 4 after 36 us", 24), "sendto(4) = 4\nafter 36 us\n");
	CHECK_STRING(evenly("connect(127.0.0.1:9527) = 0 after 326 us", 24), "connect(127.0.0.1:9527)\n= 0 after 326 us\n");
	CHECK_STRING(evenly("fits in one line", 24), "fits in one line\n");
	CHECK_STRING(evenly("never folded", 0), "never folded\n");
	CHECK_STRING(evenly("", 24), "\n");
}

TEST("an even fold breaks no word that fits")
{
	CHECK_STRING(evenly("a incomprehensibilities b", 21), "a\nincomprehensibilities\nb\n");
	CHECK_STRING(evenly("a abcdefghij b", 10), "a\nabcdefghij\nb\n");
}
