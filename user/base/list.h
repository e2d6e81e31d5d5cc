/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list in both directions, through a link inside the object itself.
 * Does not own the objects; an object hangs on one list per link.
 *
 *   struct list moments;                         list head: who hangs on it is said where it is declared
 *   LIST_EACH (struct moment, m, &moments, link) visits each; the list must not change meanwhile
 */
#ifndef SOCKTALE_BASE_LIST_H
#define SOCKTALE_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *previous; /* in a head: first and last */
};

#define LIST_OBJECT(at, type, member) ((type *)((char *)(at) - offsetof(type, member)))

#define LIST_EACH(type, name, head, member)                                              \
	for (type *name = LIST_OBJECT((head)->next, type, member); &name->member != (head); \
	     name = LIST_OBJECT(name->member.next, type, member))

/* Make `head` an empty list. */
static inline void list_init(struct list *head)
{
	head->next = head->previous = head;
}

/* Whether nothing hangs on `head`. */
static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

/* Put `link` in front of `before`; with the head, that is the end of the list. */
static inline void list_insert(struct list *before, struct list *link)
{
	link->next = before;
	link->previous = before->previous;
	before->previous->next = link;
	before->previous = link;
}

/* Take `link` off its list; it may be taken off again without harm. */
static inline void list_remove(struct list *link)
{
	link->next->previous = link->previous;
	link->previous->next = link->next;
	list_init(link);
}

#endif
