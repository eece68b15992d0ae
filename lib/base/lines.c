#include "base/lines.h"

#include <string.h>
#include "base/err.h"
#include "base/fsutil.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The raw line at l->at, and steps over it. */
static bool
take(struct vz_lines *l, const char **line, size_t *len)
{
	const char *start = (const char *)vz_buf_ptr(&l->text) + l->at;
	size_t rest = l->text.len - l->at;
	const char *nl = memchr(start, '\n', rest);

	if (rest == 0)
		return false;
	*line = start;
	*len = nl ? (size_t)(nl - start) : rest;
	l->at += nl ? *len + 1 : *len;
	l->number++;
	return true;
}

static int
judge(struct vz_lines *l)
{
	const char *line;
	size_t len;

	while (take(l, &line, &len)) {
		if (len > VZ_LINE_MAX)
			return VZ_ELIMIT;
		if (memchr(line, '\0', len))
			return VZ_EFORMAT;
	}
	l->at = 0;
	l->number = 0;
	return 0;
}

int
vz_lines_load(struct vz_lines *l, const char *path)
{
	int err;

	l->at = 0;
	l->number = 0;
	vz_buf_init(&l->text, VZ_LINES_FILE_MAX);
	err = vz_fs_read(path, VZ_FS_TRUSTED, &l->text);
	return err ? err : judge(l);
}

bool
vz_lines_next(struct vz_lines *l, const char **line, size_t *len)
{
	while (take(l, line, len)) {
		while (*len > 0 && is_blank((*line)[*len - 1]))
			(*len)--;
		while (*len > 0 && is_blank(**line))
			(*line)++, (*len)--;
		if (*len > 0 && **line != '#')
			return true;
	}
	return false;
}

void
vz_lines_free(struct vz_lines *l)
{
	vz_buf_free(&l->text);
}

size_t
vz_word(const char **s, size_t *len, const char **word)
{
	size_t n = 0;

	while (*len > 0 && is_blank(**s))
		(*s)++, (*len)--;
	while (n < *len && !is_blank((*s)[n]))
		n++;
	*word = *s;
	*s += n;
	*len -= n;
	return n;
}
