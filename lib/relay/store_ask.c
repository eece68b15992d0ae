/* Requests other than deposits: what is asked, as the engine will see it. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "relay/store_impl.h"

/* A request as asked for, or an error. */
static int
ask(struct vz_store *s, struct vz_store_op *op, struct vz_store_op **out)
{
	int r = op == NULL ? VZ_ENOMEM : vz_store_may_wait(s, op->len);

	if (r != 0) {
		vz_store_op_free(op);
		return r;
	}
	vz_store_submit(s, op);
	if (out != NULL)
		*out = op;
	return 0;
}

static struct vz_store_op *
of_mailbox(enum vz_store_kind kind, const struct vz_key *who, vz_store_fn *fn, void *arg)
{
	struct vz_store_op *op = vz_store_op_new(kind, fn, arg);

	if (op != NULL)
		op->mail.recipient = *who;
	return op;
}

int
vz_store_list(struct vz_store *s, const struct vz_key *recipient, uint64_t after, uint64_t now,
    size_t max, vz_store_fn *fn, void *arg, struct vz_store_op **out)
{
	struct vz_store_op *op;

	if (max == 0 || max > VZ_STORE_LIST_MAX || after > INT64_MAX || now > INT64_MAX)
		return VZ_EINVAL;
	if ((op = of_mailbox(VZ_STORE_OP_LIST, recipient, fn, arg)) != NULL) {
		op->seq = after;
		op->mail.now = now;
		op->max = max;
	}
	return ask(s, op, out);
}

int
vz_store_read(struct vz_store *s, const struct vz_key *recipient, uint64_t seq, uint64_t offset,
    vz_store_fn *fn, void *arg, struct vz_store_op **out)
{
	struct vz_store_op *op;

	if (offset % VZ_STORE_CHUNK != 0 || offset >= VZ_STORE_MESSAGE_MAX || seq > INT64_MAX)
		return VZ_EINVAL;
	if ((op = of_mailbox(VZ_STORE_OP_READ, recipient, fn, arg)) != NULL) {
		op->seq = seq;
		op->offset = offset;
	}
	return ask(s, op, out);
}

int
vz_store_remove(struct vz_store *s, const struct vz_key *recipient, uint64_t seq, vz_store_fn *fn,
    void *arg, struct vz_store_op **out)
{
	struct vz_store_op *op;

	if (seq > INT64_MAX)
		return VZ_EINVAL;
	if ((op = of_mailbox(VZ_STORE_OP_REMOVE, recipient, fn, arg)) != NULL)
		op->seq = seq;
	return ask(s, op, out);
}

int
vz_store_sweep(struct vz_store *s, uint64_t now, size_t rows, vz_store_fn *fn, void *arg,
    struct vz_store_op **out)
{
	struct vz_store_op *op;

	if (rows == 0 || rows > VZ_STORE_SWEEP_MAX || now > INT64_MAX)
		return VZ_EINVAL;
	if ((op = vz_store_op_new(VZ_STORE_OP_SWEEP, fn, arg)) != NULL) {
		op->mail.now = now;
		op->max = rows;
	}
	return ask(s, op, out);
}

int
vz_store_put_bundle(struct vz_store *s, const struct vz_key *identity, uint64_t serial,
    const void *bytes, size_t len, vz_store_fn *fn, void *arg, struct vz_store_op **out)
{
	struct vz_store_op *op;

	if (len == 0 || len > VZ_STORE_BUNDLE_MAX || serial > INT64_MAX)
		return VZ_EINVAL;
	op = of_mailbox(VZ_STORE_OP_PUT_BUNDLE, identity, fn, arg);
	if (op != NULL && (op->bytes = malloc(len)) == NULL) {
		vz_store_op_free(op);
		op = NULL;
	}
	if (op != NULL) {
		memcpy(op->bytes, bytes, len);
		op->len = len;
		op->serial = serial;
	}
	return ask(s, op, out);
}

int
vz_store_get_bundle(struct vz_store *s, const struct vz_key *identity, vz_store_fn *fn, void *arg,
    struct vz_store_op **out)
{
	return ask(s, of_mailbox(VZ_STORE_OP_GET_BUNDLE, identity, fn, arg), out);
}

int
vz_store_get_stats(struct vz_store *s, vz_store_fn *fn, void *arg, struct vz_store_op **out)
{
	return ask(s, vz_store_op_new(VZ_STORE_OP_STATS, fn, arg), out);
}

void
vz_store_forget(struct vz_store_op *op)
{
	op->fn = NULL;
}
