/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests as sentences, told in TAP (Test Anything Protocol):
 *
 *   TEST("a mirror seen first still finds its peer")
 *   {
 *           CHECK(matcher_add(m, &e) == c);
 *   }
 *
 * Each tests/unit/NAME_test.c is one program: this header brings main(), which runs the tests in the order of the file
 * and ends with 1 if a check failed. A failed check says file, line and expression, and the test goes on.
 * Knows nothing of the program under test.
 */
#ifndef SOCKTALE_TEST_H
#define SOCKTALE_TEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct test {
	const char *sentence;
	void (*run)(void);
	struct test *next;
};

static struct test *test_first, **test_last = &test_first;
static const char *test_skip_reason; /* set by SKIP() */
static unsigned int test_failed_checks, test_checks;

/* Constructors of one file run in its order (gcc and clang, as .init_array is filled). */
#define TEST(sentence) TEST_NAMED(sentence, __COUNTER__)
#define TEST_NAMED(sentence, number) TEST_STAMP(sentence, number)
#define TEST_STAMP(words, number)                                        \
	static void test_run_##number(void);                             \
	__attribute__((constructor)) static void test_add_##number(void) \
	{                                                                \
		static struct test test = { words, test_run_##number, NULL }; \
		*test_last = &test;                                      \
		test_last = &test.next;                                  \
	}                                                                \
	static void test_run_##number(void)

#define CHECK(expression) test_check((expression), __FILE__, __LINE__, #expression)

/* Both strings, or a failure that shows both. */
#define CHECK_STRING(got, expected) test_check_string((got), (expected), __FILE__, __LINE__, #got)

/* End this test as skipped, with a reason; only where something of the machine is missing. */
#define SKIP(reason)                         \
	do {                                 \
		test_skip_reason = (reason); \
		return;                      \
	} while (0)

__attribute__((unused)) static bool test_check(bool good, const char *file, int line, const char *expression)
{
	test_checks++;
	if (!good) {
		test_failed_checks++;
		printf("# %s:%d: not so: %s\n", file, line, expression);
	}
	return good;
}

__attribute__((unused)) static bool test_check_string(const char *got, const char *expected, const char *file, int line,
						      const char *expression)
{
	bool good = test_check(!strcmp(got, expected), file, line, expression);

	if (!good)
		printf("#   got:      %s\n#   expected: %s\n", got, expected);
	return good;
}

/* Say more about a failure. */
__attribute__((unused, format(printf, 1, 2))) static void test_note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("#   ", stdout);
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
}

int main(void)
{
	unsigned int number = 0, failed = 0, skipped = 0;

	for (struct test *test = test_first; test; test = test->next)
		number++;
	printf("1..%u\n", number);
	number = 0;
	for (struct test *test = test_first; test; test = test->next) {
		unsigned int before = test_failed_checks;

		test_skip_reason = NULL;
		test->run();
		failed += test_failed_checks != before;
		skipped += test_skip_reason != NULL;
		printf("%s %u - %s%s%s\n", test_failed_checks == before ? "ok" : "not ok", ++number, test->sentence,
		       test_skip_reason ? " # SKIP " : "", test_skip_reason ? test_skip_reason : "");
		fflush(stdout);
	}
	printf("# %u of %u tests passed, %u skipped, %u checks\n", number - failed - skipped, number, skipped, test_checks);
	return failed ? 1 : 0;
}

#endif
