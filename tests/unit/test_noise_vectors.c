/*
 * The public Noise vectors: every handshake message written and read, the handshake hash, every
 * transport message sealed and opened; and Rekey(). jq turns the files into lines. The patterns
 * that vz does not use are described here.
 *
 * The files are looked for in $VZ_VECTORS, else ../shared/vectors beside the tree. Ends with
 * "N passed, N failed" or "skipped: why".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/noise.h"
#include "tests/unit/step.h"

#define E   VZ_NOISE_E
#define S   VZ_NOISE_S
#define EE  VZ_NOISE_EE
#define ES  VZ_NOISE_ES
#define SE  VZ_NOISE_SE
#define SS  VZ_NOISE_SS
#define MAX 4096

#define EXPECT_HANDSHAKES 978 /* half of them need AES in hardware */
#define EXPECT_REKEYS     6

/* Noise 7.4, 7.5 and the deferred patterns of 18.1 that have vectors. */
static const struct vz_noise_pattern base_patterns[] = {
    {"N", {0}, {S}, 1, {{E, ES}}},
    {"K", {S}, {S}, 1, {{E, ES, SS}}},
    {"X", {0}, {S}, 1, {{E, ES, S, SS}}},
    {"NN", {0}, {0}, 2, {{E}, {E, EE}}},
    {"NK", {0}, {S}, 2, {{E, ES}, {E, EE}}},
    {"NX", {0}, {0}, 2, {{E}, {E, EE, S, ES}}},
    {"KN", {S}, {0}, 2, {{E}, {E, EE, SE}}},
    {"KK", {S}, {S}, 2, {{E, ES, SS}, {E, EE, SE}}},
    {"KX", {S}, {0}, 2, {{E}, {E, EE, SE, S, ES}}},
    {"XN", {0}, {0}, 3, {{E}, {E, EE}, {S, SE}}},
    {"XK", {0}, {S}, 3, {{E, ES}, {E, EE}, {S, SE}}},
    {"XX", {0}, {0}, 3, {{E}, {E, EE, S, ES}, {S, SE}}},
    {"IN", {0}, {0}, 2, {{E, S}, {E, EE, SE}}},
    {"IK", {0}, {S}, 2, {{E, ES, S, SS}, {E, EE, SE}}},
    {"IX", {0}, {0}, 2, {{E, S}, {E, EE, SE, S, ES}}},
    {"XK1", {0}, {S}, 3, {{E}, {E, EE, ES}, {S, SE}}},
    {"IK1", {0}, {S}, 2, {{E, S}, {E, EE, SE, ES}}},
};

/* The fields of a line, in jq's order. */
enum field {
	NAME,
	I_PROLOGUE,
	R_PROLOGUE,
	I_PSKS,
	R_PSKS,
	I_STATIC,
	R_STATIC,
	I_EPHEMERAL,
	R_EPHEMERAL,
	I_REMOTE,
	R_REMOTE,
	HASH,
	MESSAGES,
	FIELDS,
};

static const char jq_handshakes[] =
    ".vectors[] | [.protocol_name, .init_prologue, .resp_prologue,"
    " (.init_psks // [] | join(\",\")), (.resp_psks // [] | join(\",\")),"
    " .init_static, .resp_static, .init_ephemeral, .resp_ephemeral,"
    " .init_remote_static, .resp_remote_static, .handshake_hash,"
    " ([.messages[] | \"\\(.payload):\\(.ciphertext):\\(.from // \"\")\"] | join(\" \"))]"
    " | map(. // \"\") | @tsv";
static const char jq_rekeys[] =
    ".vectors[] | [.cipher, .k, .n_start, .msg1_plaintext, .msg1_ciphertext_n5,"
    " .k_after_rekey, .msg2_plaintext, .msg2_ciphertext_n6, .k_after_second_rekey] | @tsv";

static unsigned passed, failed, skipped, passed_by;

struct bytes {
	uint8_t p[MAX];
	size_t len;
};

static bool
from_hex(struct bytes *b, const char *hex)
{
	const char *end;

	return sodium_hex2bin(b->p, sizeof b->p, hex, strlen(hex), NULL, &b->len, &end) == 0 &&
	    *end == '\0';
}

static bool
same(const struct bytes *b, const uint8_t *p, size_t len)
{
	return b->len == len && memcmp(b->p, p, len) == 0;
}

/* Noise 9.4: psk0 begins the first message, psk<n> ends the n-th. */
static bool
apply_psk(struct vz_noise_pattern *p, unsigned at)
{
	uint8_t *tokens = p->message[at == 0 ? 0 : at - 1];
	size_t n = strnlen((char *)tokens, VZ_NOISE_TOKENS_MAX);

	if (at > p->messages || n + 1 >= VZ_NOISE_TOKENS_MAX)
		return false;
	if (at == 0) {
		memmove(tokens + 1, tokens, n);
		n = 0;
	}
	tokens[n] = VZ_NOISE_PSK;
	return true;
}

/* "XXpsk0+psk3" -> a descriptor; `name` stays the caller's. */
static bool
find_pattern(struct vz_noise_pattern *p, const char *name)
{
	size_t n = strcspn(name, "p");
	const char *modifier;

	for (size_t i = 0; i < sizeof base_patterns / sizeof *base_patterns; i++) {
		if (strlen(base_patterns[i].name) != n ||
		    memcmp(base_patterns[i].name, name, n) != 0)
			continue;
		*p = base_patterns[i];
		p->name = name;
		for (modifier = name + n; *modifier != '\0'; modifier += strspn(modifier, "+")) {
			if (strncmp(modifier, "psk", 3) != 0)
				return false;
			modifier += 3;
			if (!apply_psk(p, (unsigned)(*modifier++ - '0')))
				return false;
		}
		return true;
	}
	return false;
}

/* "Noise_XX_25519_AESGCM_SHA256": cuts the name up in place. */
static bool
parse_name(char *name, struct vz_noise_pattern *p, struct vz_noise_config *config)
{
	char *word[5];

	for (int i = 0; i < 5; i++)
		if ((word[i] = strsep(&name, "_")) == NULL)
			return false;
	config->cipher = strcmp(word[3], "AESGCM") == 0 ? VZ_AEAD_AES256GCM : VZ_AEAD_CHACHAPOLY;
	config->hash = strcmp(word[4], "BLAKE2b") == 0 ? VZ_HASH_BLAKE2B
	    : strcmp(word[4], "SHA256") == 0           ? VZ_HASH_SHA256
						       : VZ_HASH_SHA512;
	config->pattern = p;
	return find_pattern(p, word[1]);
}

/* What one side is configured with, kept until its handshake is made. */
struct side {
	struct bytes prologue, psks[VZ_NOISE_PSKS_MAX], key[3];
	struct vz_noise *noise;
	struct vz_aead *aead[2]; /* from the initiator, from the responder */
};

static bool
make_side(struct side *side, struct vz_noise_config config, char **f, bool initiator)
{
	char *psks = f[initiator ? I_PSKS : R_PSKS], *psk;
	const uint8_t **keys[] = {
	    &config.static_secret, &config.ephemeral_secret, &config.remote_static};
	const enum field names[2][3] = {
	    {R_STATIC, R_EPHEMERAL, R_REMOTE}, {I_STATIC, I_EPHEMERAL, I_REMOTE}};

	config.initiator = initiator;
	if (!from_hex(&side->prologue, f[initiator ? I_PROLOGUE : R_PROLOGUE]))
		return false;
	config.prologue = side->prologue.p;
	config.prologue_len = side->prologue.len;
	for (size_t i = 0; *psks != '\0' && (psk = strsep(&psks, ",")) != NULL; i++) {
		if (i == VZ_NOISE_PSKS_MAX || !from_hex(&side->psks[i], psk))
			return false;
		config.psk[i] = side->psks[i].p;
		if (psks == NULL)
			break;
	}
	for (size_t i = 0; i < 3; i++) {
		if (!from_hex(&side->key[i], f[names[initiator][i]]))
			return false;
		if (side->key[i].len == 32)
			*keys[i] = side->key[i].p;
	}
	return vz_noise_new(&side->noise, &config) == 0;
}

/* One handshake message: written by one side as the vector has it, read by the other. */
static bool
pass_handshake(struct vz_noise *from, struct vz_noise *to, const struct bytes *payload,
    const struct bytes *ciphertext)
{
	uint8_t out[MAX], in[MAX];
	size_t overhead = vz_noise_overhead(from), n;

	if (vz_noise_overhead(to) != overhead || ciphertext->len != payload->len + overhead)
		return false;
	if (vz_noise_write(from, payload->p, payload->len, out, ciphertext->len, &n) != 0 ||
	    !same(ciphertext, out, n))
		return false;
	return vz_noise_read(to, ciphertext->p, ciphertext->len, in, payload->len, &n) == 0 &&
	    same(payload, in, n);
}

static bool
pass_transport(struct vz_aead *from, struct vz_aead *to, uint64_t n, const struct bytes *payload,
    const struct bytes *ciphertext)
{
	uint8_t out[MAX + VZ_AEAD_TAG];

	if (vz_aead_seal(from, n, NULL, 0, NULL, 0, payload->p, payload->len, out) != 0 ||
	    !same(ciphertext, out, payload->len + VZ_AEAD_TAG))
		return false;
	return vz_aead_open(to, n, NULL, 0, ciphertext->p, ciphertext->len, out) == 0 &&
	    same(payload, out, payload->len);
}

/* Both sides agree on h, on the vector's h where it has one, and on Split()'s keys. */
static bool
finish(struct side side[2], enum vz_aead_alg cipher, enum vz_hash hash, const char *hex)
{
	const uint8_t *h = vz_noise_hash(side[0].noise);
	struct bytes want;

	if (!vz_noise_finished(side[0].noise) || !vz_noise_finished(side[1].noise) ||
	    memcmp(h, vz_noise_hash(side[1].noise), vz_hash_len(hash)) != 0 ||
	    !from_hex(&want, hex) || (want.len != 0 && !same(&want, h, vz_hash_len(hash))))
		return false;
	for (int i = 0; i < 2; i++) {
		uint8_t k[2][32];

		if (vz_noise_split(side[i].noise, k[0], k[1]) != 0 ||
		    vz_aead_new(&side[i].aead[0], cipher, k[0]) != 0 ||
		    vz_aead_new(&side[i].aead[1], cipher, k[1]) != 0)
			return false;
	}
	return true;
}

static bool
run_messages(
    struct side side[2], const struct vz_noise_config *config, char *messages, const char *hash)
{
	uint64_t n[2] = {0, 0};
	struct bytes payload, ciphertext;
	char *text;

	for (unsigned m = 0; (text = strsep(&messages, " ")) != NULL; m++) {
		const char *p = strsep(&text, ":"), *c = strsep(&text, ":");
		/* Index of the writer: 1 is the initiator. Without a word they take turns. */
		int from = config->pattern->messages == 1 || m % 2 == 0;

		if (c == NULL || text == NULL || !from_hex(&payload, p) ||
		    !from_hex(&ciphertext, c))
			return false;
		if (*text != '\0')
			from = strcmp(text, "init") == 0;
		if (m < config->pattern->messages) {
			if (!pass_handshake(
				side[from].noise, side[!from].noise, &payload, &ciphertext))
				return false;
			if (m + 1 == config->pattern->messages &&
			    !finish(side, config->cipher, config->hash, hash))
				return false;
		} else if (!pass_transport(side[from].aead[!from], side[!from].aead[!from],
			       n[from]++, &payload, &ciphertext)) {
			return false;
		}
	}
	return vz_noise_finished(side[0].noise) && n[0] + n[1] > 0;
}

static bool
run_handshake(char *line)
{
	struct vz_noise_config config = {0};
	struct vz_noise_pattern pattern;
	struct side side[2] = {0};
	char *f[FIELDS];
	bool ok;

	for (int i = 0; i < FIELDS; i++)
		if ((f[i] = strsep(&line, "\t")) == NULL)
			return false;
	if (!parse_name(f[NAME], &pattern, &config))
		return false;
	if (config.cipher == VZ_AEAD_AES256GCM && !vz_aead_has_aes()) {
		skipped++;
		return true;
	}
	ok = make_side(&side[1], config, f, true) && make_side(&side[0], config, f, false) &&
	    run_messages(side, &config, f[MESSAGES], f[HASH]);
	for (int i = 0; i < 2; i++) {
		vz_noise_free(side[i].noise);
		vz_aead_free(side[i].aead[0]);
		vz_aead_free(side[i].aead[1]);
	}
	return ok;
}

/* True when a seals as a fresh key k does: the key itself does not come out. */
static bool
has_key(struct vz_aead *a, enum vz_aead_alg alg, const struct bytes *k)
{
	uint8_t one[VZ_AEAD_TAG], two[VZ_AEAD_TAG];

	vz_aead_seal(a, 9, NULL, 0, NULL, 0, NULL, 0, one);
	vz_aead_once_seal(alg, k->p, 9, NULL, 0, NULL, 0, two);
	return k->len == VZ_AEAD_KEY && memcmp(one, two, sizeof one) == 0;
}

static bool
run_rekey(char *line)
{
	struct bytes k[3], plain[2], sealed[2];
	enum vz_aead_alg alg;
	struct vz_aead *a;
	char *f[9];
	uint64_t n;
	bool ok;

	for (int i = 0; i < 9; i++)
		if ((f[i] = strsep(&line, "\t")) == NULL)
			return false;
	alg = strcmp(f[0], "AESGCM") == 0 ? VZ_AEAD_AES256GCM : VZ_AEAD_CHACHAPOLY;
	if (alg == VZ_AEAD_AES256GCM && !vz_aead_has_aes()) {
		skipped++;
		return true;
	}
	if (!from_hex(&k[0], f[1]) || !from_hex(&plain[0], f[3]) || !from_hex(&sealed[0], f[4]) ||
	    !from_hex(&k[1], f[5]) || !from_hex(&plain[1], f[6]) || !from_hex(&sealed[1], f[7]) ||
	    !from_hex(&k[2], f[8]) || vz_aead_new(&a, alg, k[0].p) != 0)
		return false;
	n = strtoull(f[2], NULL, 10);
	ok = pass_transport(a, a, n, &plain[0], &sealed[0]) && vz_aead_rekey(a) == 0 &&
	    has_key(a, alg, &k[1]) && pass_transport(a, a, n + 1, &plain[1], &sealed[1]) &&
	    vz_aead_rekey(a) == 0 && has_key(a, alg, &k[2]);
	vz_aead_free(a);
	return ok;
}

/* Runs every line that jq makes of a file; false when there is no such file. */
static bool
run_file(const char *dir, const char *name, const char *program, bool (*run)(char *))
{
	char path[1024], command[2048], *line = NULL;
	size_t cap = 0;
	unsigned at = 0;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (access(path, R_OK) != 0)
		return false;
	/* The program holds no single quotes; the path goes by the environment. */
	setenv("VECTOR_FILE", path, 1);
	snprintf(command, sizeof command, "jq -r '%s' \"$VECTOR_FILE\"", program);
	f = popen(command, "r");
	while (f != NULL && (n = getline(&line, &cap, f)) > 0) {
		line[n - 1] = '\0';
		/* Those beside each other differ least: not so large a step as elsewhere. */
		if (at++ % ((test_step(1) + 7) / 8) != 0) {
			passed_by++;
		} else if (run(line)) {
			passed++;
		} else {
			failed++;
			printf("%s: entry %u does not pass\n", name, at);
		}
	}
	free(line);
	if (f == NULL || pclose(f) != 0) {
		printf("%s: cannot be read with jq\n", name);
		failed++;
	}
	return true;
}

static const char *
find_vectors(void)
{
	const char *dir = getenv("VZ_VECTORS");

	if (dir == NULL)
		dir = "../shared/vectors";
	return access(dir, X_OK) == 0 ? dir : NULL;
}

int
main(void)
{
	const char *dir = find_vectors();
	unsigned ran;

	if (dir == NULL || system("command -v jq >/dev/null") != 0) {
		puts(dir == NULL ? "skipped: no vectors (VZ_VECTORS names their folder)"
				 : "skipped: no jq");
		return 77; /* as test runners have it */
	}
	if (vz_secret_init() != 0)
		return 1;
	run_file(dir, "noise-cacophony.json", jq_handshakes, run_handshake);
	run_file(dir, "noise-snow.json", jq_handshakes, run_handshake);
	run_file(dir, "noise-flynn.json", jq_handshakes, run_handshake);
	ran = passed + failed + passed_by;
	run_file(dir, "noise-rekey.json", jq_rekeys, run_rekey);
	printf("%u handshakes and %u rekeys, %u of them left out for want of AES\n", ran,
	    passed + failed + passed_by - ran, skipped);
	if (ran < EXPECT_HANDSHAKES || passed + failed + passed_by - ran < EXPECT_REKEYS) {
		printf("there should be %d and %d\n", EXPECT_HANDSHAKES, EXPECT_REKEYS);
		failed++;
	}
	printf("%u passed, %u failed\n", passed - skipped, failed);
	return failed == 0 ? 0 : 1;
}
