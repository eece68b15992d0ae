/*
 * Long records by Intel's multi-buffer library, where the processor has AES and the carry-less
 * multiplication on 512-bit vectors (VAES, VPCLMULQDQ): AES-256-GCM three times as fast as by
 * libcrypto 3.0, which knows neither.
 */
#include "crypto/aead_engine.h"

#if !defined(VZ_AEAD_SODIUM_ONLY) && !defined(VZ_AEAD_NO_IPSEC_MB) && defined(__has_include)
#if __has_include(<intel-ipsec-mb.h>)
#define WITH_IPSEC_MB 1
#endif
#endif

#ifdef WITH_IPSEC_MB

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <intel-ipsec-mb.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"

#define SONAME "libIPSec_MB.so.1"
#define NEEDED \
	(IMB_FEATURE_AVX512_SKX | IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ | IMB_FEATURE_SAFE_DATA)
#define TESTED (IMB_FEATURE_SELF_TEST | IMB_FEATURE_SELF_TEST_PASS)

/* A key's own, at the first address in `room` that is aligned as it has to be. */
struct keyed {
	uint8_t room[sizeof(struct gcm_key_data) + _Alignof(struct gcm_key_data)];
	struct gcm_key_data *key;
	struct gcm_context_data record;
};

/* The library and its table of functions; never closed. */
static IMB_MGR *manager;

static bool
find(void *so, const char *name, void *function, size_t size)
{
	void *p = dlsym(so, name);

	memcpy(function, &p, size); /* ISO C has no cast from object to function */
	return p != NULL;
}

/* One object of the program: when it holds the address at `arg`, what of it cannot be written goes
 * out of memory until it is used again. */
static int
let_go(struct dl_phdr_info *info, size_t size, void *arg)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = *(uintptr_t *)arg;
	bool holds = false;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD)
			holds |= at - (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr) <
			    info->dlpi_phdr[i].p_memsz;
	for (unsigned i = 0; holds && i < info->dlpi_phnum; i++) {
		uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		uintptr_t to = (from + info->dlpi_phdr[i].p_memsz) & ~(page - 1);

		from = (from + page - 1) & ~(page - 1);
		if (info->dlpi_phdr[i].p_type == PT_LOAD && !(info->dlpi_phdr[i].p_flags & PF_W) &&
		    to > from)
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return holds;
}

/* Its self-test has looked at three megabytes of code, of which we run a page or two. */
static void
let_tests_go(const IMB_MGR *m)
{
	uintptr_t at;

	memcpy(&at, &m->gcm256_enc_update, sizeof at);
	(void)dl_iterate_phdr(let_go, &at);
}

/* The table's layout belongs to one version: with another one, another header. */
static IMB_MGR *
open_manager(void *so)
{
	unsigned (*version)(void);
	IMB_MGR *(*alloc)(uint64_t);
	void (*init)(IMB_MGR *, IMB_ARCH *), (*discard)(IMB_MGR *);
	int (*error)(IMB_MGR *);
	IMB_MGR *m;

	if (!find(so, "imb_get_version", &version, sizeof version) ||
	    !find(so, "alloc_mb_mgr", &alloc, sizeof alloc) ||
	    !find(so, "free_mb_mgr", &discard, sizeof discard) ||
	    !find(so, "init_mb_mgr_auto", &init, sizeof init) ||
	    !find(so, "imb_get_errno", &error, sizeof error) || version() != IMB_VERSION_NUM ||
	    (m = alloc(0)) == NULL)
		return NULL;
	if ((m->features & NEEDED) == NEEDED) {
		init(m, NULL);
		if (error(m) == 0 && (m->features & TESTED) == TESTED) {
			let_tests_go(m);
			return m;
		}
	}
	discard(m);
	return NULL;
}

static bool
open_library(void)
{
	static bool tried;
	void *so;

	if (tried)
		return manager != NULL;
	tried = true;
	so = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		return false;
	manager = open_manager(so);
	if (manager == NULL)
		dlclose(so);
	return manager != NULL;
}

static void *
key_new(enum vz_aead_alg alg, const uint8_t key[static VZ_AEAD_KEY])
{
	const size_t align = _Alignof(struct gcm_key_data);
	struct keyed *k = vz_secret_small(sizeof *k);

	(void)alg;
	if (k == NULL)
		return NULL;
	k->key = (struct gcm_key_data *)(((uintptr_t)k->room + align - 1) / align * align);
	IMB_AES256_GCM_PRE(manager, key, k->key);
	return k;
}

static void
key_forget(void *keyed)
{
	vz_secret_small_free(keyed, sizeof(struct keyed));
}

static int
seal(void *keyed, const uint8_t nonce[static 12], const void *ad, size_t ad_len, const void *head,
    size_t head_len, const void *body, size_t body_len, uint8_t *out)
{
	struct keyed *k = keyed;

	IMB_AES256_GCM_INIT(manager, k->key, &k->record, nonce, ad, ad_len);
	if (head_len != 0)
		IMB_AES256_GCM_ENC_UPDATE(manager, k->key, &k->record, out, head, head_len);
	if (body_len != 0)
		IMB_AES256_GCM_ENC_UPDATE(
		    manager, k->key, &k->record, out + head_len, body, body_len);
	IMB_AES256_GCM_ENC_FINALIZE(
	    manager, k->key, &k->record, out + head_len + body_len, VZ_AEAD_TAG);
	return 0;
}

/* The plaintext is written before the tag is known, hence the wiping. */
static int
open_(void *keyed, const uint8_t nonce[static 12], const void *ad, size_t ad_len, const uint8_t *in,
    size_t len, uint8_t *out)
{
	uint8_t claimed[VZ_AEAD_TAG], tag[VZ_AEAD_TAG];
	struct keyed *k = keyed;

	memcpy(claimed, in + len, sizeof claimed);
	IMB_AES256_GCM_DEC(
	    manager, k->key, &k->record, out, in, len, nonce, ad, ad_len, tag, sizeof tag);
	if (sodium_memcmp(tag, claimed, sizeof tag) == 0)
		return 0;
	vz_wipe(out, len);
	vz_wipe(tag, sizeof tag);
	return VZ_EAUTH;
}

static const struct vz_aead_engine engine = {
    .name = "libipsec-mb", .key = key_new, .forget = key_forget, .seal = seal, .open = open_};

const struct vz_aead_engine *
vz_aead_ipsec_mb(enum vz_aead_alg alg)
{
	return alg == VZ_AEAD_AES256GCM && open_library() ? &engine : NULL;
}

#else

const struct vz_aead_engine *
vz_aead_ipsec_mb(enum vz_aead_alg alg)
{
	(void)alg;
	return NULL;
}

#endif
