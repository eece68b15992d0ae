/*
 * The peers file: bad lines are told and skipped, and every name that stays can be looked up.
 *
 * Aims at: lib/keep/peers.c
 */
#include "base/err.h"
#include "keep/peers.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_make_folder();
	return vz_secret_init();
}

static void
told(void *arg, unsigned line, const char *what)
{
	(void)arg;
	PROMISE(line > 0 && what != NULL);
}

static void
look_up(struct vz_peers *p, const char *name, size_t len)
{
	struct vz_address a;
	const char *text, *why;

	if (vz_peers_lookup(p, name, len, &text) == 0)
		PROMISE(text != NULL);
	if (vz_address_parse(name, len, vz_peers_lookup, p, &a, &why) < 0)
		PROMISE(why != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"a", "b", "host", "relay"};
	struct vz_peers *p;
	bool known;
	int r = vz_peers_load(fuzz_file("file", data, size), told, NULL, &p);

	PROMISE(r == 0 || r == VZ_ELIMIT || r == VZ_EFORMAT);
	if (r < 0)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		look_up(p, names[i], strlen(names[i]));
		for (size_t k = 0; vz_peers_group(p, names[i], k, &known) != NULL; k++)
			PROMISE(known && k < size);
	}
	vz_peers_free(p);
	return 0;
}
