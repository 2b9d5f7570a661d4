/* names.h - a list of given names, one on each line of a text file (lines.h says what a line is).
 *
 * A name consists of letters, hyphens, apostrophes, and any characters beyond ASCII. It has no
 * space, colon or digit, so "First Last: number" can be read in one way only. No name is in a list
 * twice, so each is drawn with probability 1/N.
 */
#ifndef MEMOSCOPE_NAMES_H
#define MEMOSCOPE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define NAMES_MAX 1000000 /* names in a list */
#define NAME_BYTES 255 /* of one name at most */

struct name {
	const char *text; /* UTF-8, not NUL-terminated */
	uint16_t size; /* bytes */
	uint16_t length; /* code points */
};

struct names {
	struct name *name; /* [count], in the order of the file */
	int count;
	char *text; /* what name[].text points into */
};

/* The names in a text of lines. Messages begin with place ("names.txt") and name the line. The
 * caller's: names_free(). NULL with err set. */
struct names *names_parse(const char *text, size_t size, const char *place, struct err *err);

/* The names of a file. */
struct names *names_load(const char *path, struct err *err);

/* The list that memoscope comes with (testdata/names.txt, compiled in). */
struct names *names_bundled(struct err *err);

void names_free(struct names *names); /* NULL is allowed */

#endif
