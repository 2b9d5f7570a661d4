/* torch_archive.h - the zip archive of torch.save(), since PyTorch 1.6: entries NAME/data.pkl,
 * NAME/data/0 and so on.
 *
 * Entries are not compressed. NAME/byteorder says in which order their bytes are: only "little" is
 * read. The archive has a checksum (CRC-32) of each entry; what is read is compared with it.
 */
#ifndef MEMOSCOPE_TORCH_ARCHIVE_H
#define MEMOSCOPE_TORCH_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct torch_archive; /* an open archive, mapped into memory */

/* Open the file at path. NULL with err set. */
struct torch_archive *torch_archive_open(const char *path, struct err *err);
void torch_archive_close(struct torch_archive *archive); /* NULL is allowed */

const char *torch_archive_path(const struct torch_archive *archive); /* for messages */
size_t torch_archive_size(const struct torch_archive *archive); /* bytes of the file */

/* XXH3 of all bytes of the file. */
uint64_t torch_archive_digest(const struct torch_archive *archive);

struct torch_entry {
	uint64_t number;
	size_t size; /* bytes, no more than the file's */
};

/* Find the entry NAME/name. -1 with err set if there is none. */
int torch_archive_find(const struct torch_archive *archive, const char *name,
                       struct torch_entry *entry, struct err *err);

/* Read all of an entry into to, which has room for entry->size bytes. Little of the file is in
 * memory at a time. -1 with err set if its checksum is another one. */
int torch_archive_read(struct torch_archive *archive, const struct torch_entry *entry, void *to,
                       struct err *err);

#endif
