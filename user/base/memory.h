/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is always there: when the kernel gives no more, the program says so and ends with EXIT_CODE_failed.
 * Does not know what the memory is for; it is freed with free().
 */
#ifndef SOCKTALE_BASE_MEMORY_H
#define SOCKTALE_BASE_MEMORY_H

#include <stddef.h>

/* `count` objects of `size` bytes, all zero. Never NULL. */
void *memory_create(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* Change a block to `count` objects of `size` bytes, as realloc() does; what is new is not cleared. Never NULL. */
void *memory_resize(void *block, size_t count, size_t size) __attribute__((returns_nonnull, warn_unused_result));

/* A copy of a string. Never NULL. */
char *memory_string(const char *string) __attribute__((malloc, returns_nonnull));

#endif
