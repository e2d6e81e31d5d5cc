/* SPDX-License-Identifier: BSD-2-Clause */
#include <bpf/btf.h>
#include <libgen.h>
#include <unistd.h>

#include "base/text.h"
#include "event/name.h"
#include "event/schema.h"
#include "tests/test.h"

/* The BTF of abi.bpf.o, which is built beside this program. */
static struct btf *kernel_side;

static bool load(void)
{
	char self[4096] = "";
	struct text name = TEXT_EMPTY;

	if (!kernel_side && readlink("/proc/self/exe", self, sizeof(self) - 1) > 0) {
		text_printf(&name, "%s/abi.bpf.o", dirname(self));
		kernel_side = btf__parse_elf(text_string(&name), NULL);
		if (!kernel_side)
			test_note("%s cannot be read", text_string(&name));
	}
	text_finish(&name);
	return kernel_side != NULL;
}

static const struct btf_type *find_struct(const char *prefix, const char *name)
{
	struct text full = TEXT_EMPTY;
	__s32 id;

	text_printf(&full, "%s%s", prefix, name);
	id = btf__find_by_name_kind(kernel_side, text_string(&full), BTF_KIND_STRUCT);
	text_finish(&full);
	return id < 0 ? NULL : btf__type_by_id(kernel_side, id);
}

/* Typedefs such as __u32 end at the integer they stand for. */
static const struct btf_type *resolve(__u32 id)
{
	return btf__type_by_id(kernel_side, btf__resolve_type(kernel_side, id));
}

static void compare(const struct btf_type *type, __u32 index, const struct field *f)
{
	const struct btf_member *member = &btf_members(type)[index];
	const struct btf_type *member_type = resolve(member->type);

	CHECK_STRING(btf__name_by_offset(kernel_side, member->name_off), f->name);
	if (!CHECK(btf_member_bit_offset(type, index) == f->offset * 8u) ||
	    !CHECK(btf__resolve_size(kernel_side, member->type) == f->size))
		test_note("%s.%s", f->event, f->name);
	CHECK(btf_is_int(member_type) == field_is_integer(f));
	if (btf_is_int(member_type))
		CHECK(!!(btf_int_encoding(member_type) & BTF_INT_SIGNED) == f->is_signed);
}

TEST("both worlds lay the head of an event out alike")
{
	const struct btf_type *type;
	const struct field *head;
	size_t count;

	if (!CHECK(load()) || !CHECK((type = find_struct("", "event")) != NULL))
		return;
	head = schema_head(&count);
	CHECK(type->size == sizeof(struct event));
	if (!CHECK(btf_vlen(type) == count))
		return;
	for (size_t i = 0; i < count; i++)
		compare(type, i, &head[i]);
}

TEST("both worlds lay every event out alike")
{
	if (!CHECK(load()))
		return;
	for (unsigned int id = 0; id < EVENT_COUNT; id++) {
		const struct schema *schema = schema_get(id);
		const struct btf_type *type = find_struct("event_", schema->name);

		if (!CHECK(type && type->size == schema->size && btf_vlen(type) == schema->field_count + 1)) {
			test_note("%s", schema->name);
			continue;
		}
		for (size_t i = 0; i < schema->field_count; i++)
			compare(type, i + 1, &schema->fields[i]);
	}
}

/* "RETRANSMIT_syn_ack" ends in "_syn_ack". */
static bool ends_in_name(const char *enumerator, const char *name)
{
	size_t whole = strlen(enumerator), part = strlen(name);

	return whole > part && enumerator[whole - part - 1] == '_' && !strcmp(enumerator + whole - part, name);
}

TEST("every value of every enum has a row in name.def, and its name is the end of the enumerator")
{
	unsigned int enums = 0;

	if (!CHECK(load()))
		return;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		const char *tag = kind_row(kind)->tag;
		__s32 id = btf__find_by_name_kind(kernel_side, tag, BTF_KIND_ENUM);
		const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(kernel_side, id);

		if (!CHECK(type != NULL) || !strcmp(tag, "none"))
			continue;
		enums++;
		for (int i = 0; i < btf_vlen(type); i++) {
			const struct btf_enum *value = &btf_enum(type)[i];
			const char *enumerator = btf__name_by_offset(kernel_side, value->name_off);

			if (ends_in_name(enumerator, "COUNT"))
				continue;
			if (!CHECK(ends_in_name(enumerator, name_of(kind, value->val))))
				test_note("%s is called %s", enumerator, name_of(kind, value->val));
		}
	}
	CHECK(enums > 15);
	btf__free(kernel_side);
}
