/*
 * JSON lines: whatever the values are, what comes out is one object on one line that reads back to
 * the same values; and one that does not fit leaves nothing behind.
 *
 * Aims at: lib/base/json.c lib/base/escape.c lib/base/utf8.c cmd/vz-listen/item_json.c
 *
 * The first 2 bytes of an input bound the output, the next cut the rest into two values.
 */
#include <sodium.h>
#include "base/err.h"
#include "base/json.h"
#include "cmd/vz-listen/item_json.h"
#include "tests/fuzz/json_read.h"

#define VALUE_MAX 4096

static uint8_t room[6 * VALUE_MAX];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return vz_secret_init();
}

struct values {
	const uint8_t *a, *b;
	size_t a_len, b_len;
	char *text; /* a, as far as a C string goes */
	uint64_t number;
	bool is_signed;
};

static int
write_object(struct vz_buf *out, const struct values *v)
{
	struct vz_json j;

	vz_json_begin(&j, out);
	vz_json_bytes(&j, "a", v->a, v->a_len);
	vz_json_str(&j, "none", NULL);
	vz_json_str(&j, "text", v->text);
	vz_json_u64(&j, "number", v->number);
	vz_json_bool(&j, "yes", v->a_len > v->b_len);
	vz_json_bytes(&j, "b", v->b, v->b_len);
	return vz_json_end(&j);
}

static struct json_read
reader(const struct vz_buf *out, size_t from)
{
	const char *p = (const char *)vz_buf_ptr(out);

	PROMISE(memchr(p + from, '\n', out->len - from) == p + out->len - 1);
	return (struct json_read){p + from, p + out->len};
}

static void
read_object(const struct vz_buf *out, size_t from, const struct values *v)
{
	struct json_read j = reader(out, from);

	json_take(&j, "{\"a\":");
	json_same(&j, room, v->a, v->a_len);
	json_take(&j, ",\"none\":null,\"text\":");
	json_same(&j, room, v->text, strlen(v->text));
	json_take(&j, ",\"number\":");
	json_number(&j, v->number);
	json_take(&j, v->a_len > v->b_len ? ",\"yes\":true" : ",\"yes\":false");
	json_take(&j, ",\"b\":");
	json_same(&j, room, v->b, v->b_len);
	json_take(&j, "}\n");
	PROMISE(j.p == j.end);
}

static void
read_item(const struct vz_buf *out, size_t from, const struct values *v)
{
	struct json_read j = reader(out, from);
	static uint8_t body[6 * VALUE_MAX];
	size_t n, len;

	json_take(&j, "{\"peer\":\"vz1\",");
	if (*v->text) {
		json_take(&j, "\"peer_name\":");
		json_same(&j, room, v->text, strlen(v->text));
		json_take(&j, ",");
	}
	json_take(&j, "\"name\":");
	json_same(&j, room, v->a, v->a_len);
	json_take(&j, ",\"id\":");
	json_same(&j, room, v->text, strlen(v->text));
	json_take(&j, ",\"size\":");
	json_number(&j, v->b_len);
	if (v->is_signed)
		json_take(&j, ",\"signed\":true");
	if (vz_utf8_ok(v->b, v->b_len)) {
		json_take(&j, ",\"base64\":false,\"body\":");
		json_same(&j, room, v->b, v->b_len);
	} else {
		json_take(&j, ",\"base64\":true,\"body\":");
		n = json_string(&j, room);
		PROMISE(sodium_base642bin(body, sizeof(body), (const char *)room, n, NULL, &len,
			    NULL, sodium_base64_VARIANT_ORIGINAL) == 0);
		PROMISE(len == v->b_len && memcmp(body, v->b, len) == 0);
	}
	json_take(&j, "}\n");
	PROMISE(j.p == j.end);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_rd in = vz_rd_of(data, size);
	size_t max = vz_rd_u16(&in), cut = vz_rd_u16(&in);
	struct values v = {.number = (uint64_t)max * max * max * max};
	struct item_json item;
	struct vz_buf out;
	size_t from = 0;
	int r;

	if (in.bad || in.len > VALUE_MAX)
		return 0;
	v.a = in.p;
	v.a_len = in.len > 0 ? cut % (in.len + 1) : 0;
	v.b = v.a + v.a_len;
	v.b_len = in.len - v.a_len;
	v.is_signed = cut % 5 == 4;
	v.text = fuzz_string(v.a, v.a_len);
	item = (struct item_json){.peer = "vz1",
	    .peer_name = v.text,
	    .id = v.text,
	    .name = v.a,
	    .name_len = v.a_len,
	    .body = v.b,
	    .len = v.b_len,
	    .is_signed = v.is_signed};
	vz_buf_init(&out, max);
	if ((r = write_object(&out, &v)) == 0) {
		read_object(&out, 0, &v);
		from = out.len;
	}
	PROMISE((r == 0 || r == VZ_ELIMIT) && out.len == from && out.len <= max);
	if ((r = item_json_put(&out, &item)) == 0)
		read_item(&out, from, &v);
	PROMISE(r == 0 || (r == VZ_ELIMIT && out.len == from));
	free(v.text);
	vz_buf_free(&out);
	return 0;
}
