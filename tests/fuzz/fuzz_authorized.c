/*
 * Authorised and revoked files: whatever stands in them, a key that they do not name gets in
 * nowhere, and a revoked key never.
 *
 * Aims at: lib/guard/acl.c lib/guard/acl_line.c lib/guard/acl_options.c
 */
#include <netinet/in.h>
#include "base/err.h"
#include "base/text.h"
#include "guard/acl.h"
#include "guard/acl_line.h"
#include "tests/fuzz/fuzz.h"

static struct vz_key stranger;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct vz_identity *id;

	(void)argc;
	(void)argv;
	PROMISE(vz_secret_init() == 0);
	id = fuzz_identity(99);
	stranger = id->bundle.identity;
	vz_identity_free(id);
	fuzz_make_folder();
	return 0;
}

static void
count(void *arg, unsigned line, const char *what)
{
	PROMISE(line > 0 && what != NULL);
	++*(unsigned *)arg;
}

/* Whatever a line demands can be asked about. */
static void
ask_all(const struct vz_grant *g)
{
	const struct sockaddr_in in = {.sin_family = AF_INET};
	char *const *argv = vz_grant_command(g);
	struct vz_bucket b;

	(void)vz_grant_from_ok(g, (const struct sockaddr *)&in);
	(void)vz_grant_name_ok(g, "name", 4);
	(void)vz_grant_expired(g, 1);
	PROMISE(vz_grant_max_size(g) > 0 && vz_grant_max_conns(g) > 0);
	PROMISE(!vz_grant_messages(g, &b) || vz_bucket_take(&b, 1, 0) == 0);
	PROMISE(!vz_grant_bytes(g, &b) || vz_bucket_take(&b, 1, 0) == 0);
	PROMISE(!argv || argv[0][0] == '/');
}

/* The same line at a relay. */
static void
at_relay(const uint8_t *data, size_t size, bool key)
{
	struct vz_acl_line l = {.s = (const char *)data, .len = size, .at_relay = true};

	PROMISE((vz_acl_line_parse(&l) == VZ_ACL_FOUND_KEY) == key);
	PROMISE((l.grant.rights & (VZ_RIGHT_SEND | VZ_RIGHT_ASK)) == 0);
	vz_grant_release(&l.grant);
}

static void
one_line(const uint8_t *data, size_t size, struct vz_acl *a)
{
	struct vz_acl_line l = {.s = (const char *)data, .len = size};
	struct vz_grant grant;

	if (vz_acl_line_parse(&l) != VZ_ACL_FOUND_KEY) {
		at_relay(data, size, false);
		return;
	}
	at_relay(data, size, true);
	PROMISE((l.grant.rights & ~(VZ_RIGHT_SEND | VZ_RIGHT_ASK)) == 0);
	PROMISE(memchr(l.grant.name, 0, sizeof(l.grant.name)) != NULL);
	PROMISE(!vz_key_equal(&l.key, &stranger));
	/* One with rights at a relay only has none here. */
	if (vz_acl_check(a, &l.key, &grant) == 0)
		PROMISE(grant.rights != 0 && l.grant.rights != 0);
	ask_all(&l.grant);
	vz_grant_release(&l.grant);
	vz_grant_release(&grant);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_acl *a = vz_acl_new();
	const char *path = fuzz_file("file", data, size);
	unsigned reported = 0, line = 0;
	struct vz_grant grant;
	int r;

	PROMISE(a != NULL);
	r = vz_acl_load(a, path, count, &reported);
	PROMISE(r == 0 || r == VZ_ELIMIT || r == VZ_EFORMAT);
	PROMISE(r == 0 || !vz_acl_grants_anybody(a));
	PROMISE(vz_acl_check(a, &stranger, &grant) == VZ_EDENIED);
	if (memchr(data, '\n', size) == NULL)
		one_line(data, size, a);
	r = vz_acl_load_revoked(a, path, &line);
	PROMISE(r == 0 || r == VZ_ELIMIT || r == VZ_EFORMAT);
	/* The same file on both lists: what both name is revoked. */
	PROMISE(r != 0 || reported > 0 || !vz_acl_grants_anybody(a));
	vz_acl_free(a);
	return 0;
}
