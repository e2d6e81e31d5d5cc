/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"

#include <stdint.h>

#include "base/error.h"
#include "base/language.h"

static void die(size_t count, size_t size)
{
	fprintf(stderr, _("socktale: out of memory (%zu times %zu bytes)\n"), count, size);
	exit(EXIT_CODE_failed);
}

void *memory_create(size_t count, size_t size)
{
	void *block = calloc(count ? count : 1, size ? size : 1);

	if (!block)
		die(count, size);
	return block;
}

void *memory_resize(void *block, size_t count, size_t size)
{
	void *moved = NULL;
	size_t bytes;

	if (!__builtin_mul_overflow(count, size, &bytes))
		moved = realloc(block, bytes ? bytes : 1);
	if (!moved)
		die(count, size);
	return moved;
}

char *memory_string(const char *string)
{
	size_t size = strlen(string) + 1;

	return memcpy(memory_create(size, 1), string, size);
}
