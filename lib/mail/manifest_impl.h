/*
 * The two halves of the manifest's text.
 */
#ifndef VZ_MAIL_MANIFEST_IMPL_H
#define VZ_MAIL_MANIFEST_IMPL_H

#include "mail/manifest.h"

#define MANIFEST_MAGIC "# vz-message-1\n"
#define MANIFEST_BODY  "  body\n"

/*
 * Reads a text into *m, which is zeroed. Kinder than the format: what is not canonical, and what is
 * out of range, is the caller's to find by writing it again.
 */
bool vz_manifest_read(const char *text, size_t len, struct vz_manifest *m);

#endif
