/* names.h - a list of given names, one a line of a text file.
 *
 * A name is made of letters, hyphens and apostrophes, and of any characters
 * beyond ASCII; it holds no space, colon or digit, so that "First Last: number"
 * can be read in one way only, and no name stands in a list twice, so that each
 * is drawn with probability 1/N.
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

/* Take the names of a text of lines. place ("names.txt") begins messages, which
 * name the line. NULL with err set; names_free() releases. */
struct names *names_parse(const char *text, size_t size, const char *place, struct err *err);

/* The names of a file. */
struct names *names_load(const char *path, struct err *err);

/* The list that memoscope comes with (testdata/names.txt, compiled in). */
struct names *names_bundled(struct err *err);

void names_free(struct names *names); /* NULL is allowed */

#endif
