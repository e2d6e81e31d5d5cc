/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/name.h"

#include <bpf/btf.h>
#include <errno.h>

#include "base/text.h"
#include "tests/test.h"

TEST("constants have a name, the word of the reader, and a meaning")
{
	CHECK_STRING(name_of(KIND_TCP_STATE, 2), "TCP_SYN_SENT");
	CHECK_STRING(name_word(KIND_TCP_STATE, 2), "SYN-SENT");
	CHECK_STRING(name_word(KIND_TCP_STATE, 7), "CLOSED");
	CHECK_STRING(name_of(KIND_ERRNO, ECONNREFUSED), "ECONNREFUSED");
	CHECK_STRING(name_meaning(KIND_ERRNO, ECONNREFUSED), "Connection refused");
	CHECK_STRING(name_of(KIND_ERRNO, 512), "ERESTARTSYS");
	CHECK_STRING(name_of(KIND_OPTION, 1 << 16 | 2), "SO_REUSEADDR");
	CHECK_STRING(name_of(KIND_OPTION, 6 << 16 | 1), "TCP_NODELAY");
	CHECK_STRING(name_of(KIND_OPTION, 41 << 16 | 26), "IPV6_V6ONLY");
	CHECK_STRING(name_of(KIND_SIGNAL, 13), "SIGPIPE");
	CHECK_STRING(name_of(KIND_RESET_REASON, 11), "TCP_ABORT_ON_CLOSE");
	CHECK_STRING(name_of(KIND_EVENT_ID, 0), "sock_create");
	CHECK_STRING(name_of(KIND_TCP_STATE, 99), "?");
	CHECK(!name_find(KIND_ERRNO, 0) && !name_find(KIND_ERRNO, -1) && !name_find(KIND_BYTES, 0));
	CHECK(!name_find(KIND_OPTION, INT64_MIN) && !name_find(KIND_OPTION, INT64_MAX));
}

TEST("rows of a kind stand in rising order, each with a name of its own, found by both")
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
		enum form form = kind_row(kind)->form;
		size_t count;
		const struct name_row *row = name_rows(kind, &count);

		CHECK((count > 0) == (form == FORM_NAMED || form == FORM_FLAGS || form == FORM_BOOL));
		for (size_t i = 0; i < count; i++) {
			int64_t value = -1;

			CHECK(!i || row[i].value > row[i - 1].value);
			CHECK(row[i].name[0] && row[i].word[0] && row[i].meaning[0]);
			CHECK(form != FORM_FLAGS || __builtin_popcountll(row[i].value) == 1);
			CHECK(name_find(kind, row[i].value) == &row[i]);
			if (!CHECK(!name_value(kind, row[i].name, &value) && value == row[i].value))
				test_note("%s %s", kind_row(kind)->name, row[i].name);
		}
	}
}

/* The names the running kernel gives, where it tells its types. */
static void compare_with_kernel(const char *tag, const char *prefix, enum kind kind, int64_t end)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	__s32 id = kernel ? btf__find_by_name_kind(kernel, tag, BTF_KIND_ENUM) : -1;
	const struct btf_type *type;

	if (id < 0) {
		test_skip_reason = "this kernel does not tell the type";
		goto out;
	}
	type = btf__type_by_id(kernel, id);
	for (int i = 0; i < btf_vlen(type); i++) {
		const struct btf_enum *row = &btf_enum(type)[i];
		const char *name = btf__name_by_offset(kernel, row->name_off);
		size_t skip = strlen(prefix);

		if (row->val < end && !strncmp(name, prefix, skip))
			CHECK_STRING(name_of(kind, row->val), name + skip);
	}
out:
	btf__free(kernel);
}

TEST("reset reasons are those of the running kernel")
{
	compare_with_kernel("sk_rst_reason", "SK_RST_REASON_", KIND_RESET_REASON, 24);
}
