/* foreign_file.h - files of other programs that hold a model, or should, and that memoscope does
 * not read: what they are, and what to do. */
#ifndef MEMOSCOPE_FOREIGN_FILE_H
#define MEMOSCOPE_FOREIGN_FILE_H

#include <stddef.h>

#include "common/base/err.h"

/* What bytes at the beginning of a file say that it is, as "a GGUF file of llama.cpp: …"; NULL: it
 * is not known. */
const char *foreign_file_kind(const void *bytes, size_t size);

/* The same of the file at path. -1 with err set if it is known; else 0. */
int foreign_file_check(const char *path, struct err *err);

/* Look for such a file in a directory that has no model.safetensors, by the names. -1 with err set
 * if there is one; else 0. */
int foreign_file_check_directory(const char *directory, struct err *err);

#endif
