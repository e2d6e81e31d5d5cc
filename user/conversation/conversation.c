/* SPDX-License-Identifier: BSD-2-Clause */
#include "conversation/conversation.h"

#include <stdlib.h>

#include "base/memory.h"

struct conversation *conversation_create(struct endpoint *ep, uint32_t number)
{
	struct conversation *c = memory_create(1, sizeof(*c));

	c->number = number;
	c->first_ns = ep->first_ns;
	c->end[0] = ep;
	ep->conversation = c;
	return c;
}

void conversation_destroy(struct conversation *c)
{
	free(c);
}

void conversation_join(struct conversation *c, struct endpoint *a, struct endpoint *b)
{
	c->end[0] = a;
	c->end[1] = b;
	c->version++;
	if (b->first_ns < c->first_ns)
		c->first_ns = b->first_ns;
	if (a->first_ns < c->first_ns)
		c->first_ns = a->first_ns;
	a->peer = b;
	b->peer = a;
	a->conversation = c;
	b->conversation = c;
}

static struct endpoint *with_role(const struct conversation *c, enum endpoint_role role)
{
	for (int i = 0; i < 2; i++)
		if (c->end[i] && c->end[i]->role == role)
			return c->end[i];
	return NULL;
}

struct endpoint *conversation_client(const struct conversation *c)
{
	return with_role(c, ROLE_client);
}

struct endpoint *conversation_server(const struct conversation *c)
{
	return with_role(c, ROLE_server);
}

bool conversation_ended(const struct conversation *c)
{
	return c->end[0]->kind == ENDPOINT_ended && (!c->end[1] || c->end[1]->kind == ENDPOINT_ended);
}

bool conversation_cold(const struct conversation *c)
{
	return endpoint_cold(c->end[0]) && (!c->end[1] || endpoint_cold(c->end[1]));
}
