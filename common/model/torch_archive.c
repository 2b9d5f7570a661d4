#include "common/model/torch_archive.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zip.h>

#include "common/base/file_map.h"
#include "common/model/foreign_file.h"

#define PICKLE "data.pkl" /* the entry that every archive has */
#define PART ((size_t)8 << 20) /* bytes of the file that are read at a time */

struct torch_archive {
	char *path;
	struct file_map map;
	zip_t *zip;
	char *prefix; /* "NAME/", of all entries */
};

static int open_zip(struct torch_archive *archive, struct err *err)
{
	static const char magic[] = "PK\3\4";
	const char *path = archive->path, *kind;
	zip_error_t error;
	zip_source_t *source;

	if (archive->map.size < 8)
		return err_set(err, "%s: %zu bytes: too short for a checkpoint", path, archive->map.size);
	if (memcmp(archive->map.bytes, magic, sizeof magic - 1) != 0) {
		kind = foreign_file_kind(archive->map.bytes, archive->map.size);
		if (kind)
			return err_set(err, "%s: %s", path, kind);
		return err_set(err, "%s: %s, expected a zip archive, as torch.save() writes", path,
		               *archive->map.bytes == '\x80' ? "a pickle alone" : "no checkpoint");
	}
	zip_error_init(&error);
	source = zip_source_buffer_create(archive->map.bytes, archive->map.size, 0, &error);
	if (source)
		archive->zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
	if (source && !archive->zip)
		zip_source_free(source);
	if (!archive->zip)
		err_set(err, "%s: no whole zip archive: %s", path, zip_error_strerror(&error));
	zip_error_fini(&error);
	return archive->zip ? 0 : -1;
}

/* NAME is that of the one entry NAME/data.pkl. */
static int find_prefix(struct torch_archive *archive, struct err *err)
{
	const zip_int64_t count = zip_get_num_entries(archive->zip, 0);

	for (zip_int64_t i = 0; i < count; i++) {
		const char *name = zip_get_name(archive->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
		const char *slash = name ? strchr(name, '/') : NULL;
		if (!slash || strcmp(slash + 1, PICKLE) != 0)
			continue;
		if (archive->prefix)
			return err_set(err, "%s: there are two " PICKLE, archive->path);
		archive->prefix = strndup(name, (size_t)(slash + 1 - name));
		if (!archive->prefix)
			return err_set(err, "%s: out of memory", archive->path);
	}
	if (!archive->prefix)
		return err_set(err, "%s: a zip archive without " PICKLE ", expected what torch.save() "
		               "writes", archive->path);
	return 0;
}

/* The number of the entry NAME/name; -1: there is none. */
static zip_int64_t locate(const struct torch_archive *archive, const char *name)
{
	char *path;

	if (asprintf(&path, "%s%s", archive->prefix, name) < 0)
		return -1;
	const zip_int64_t number = zip_name_locate(archive->zip, path, ZIP_FL_ENC_RAW);
	free(path);
	return number;
}

/* A program, beside the parameters that it computes with. */
static int check_script(const struct torch_archive *archive, struct err *err)
{
	if (locate(archive, "constants.pkl") < 0)
		return 0;
	return err_set(err, "%s: a program of torch.jit.save(), expected parameters: save the "
	               "model's state_dict() by torch.save()", archive->path);
}

/* PyTorch before 2.1 does not say it. */
static int check_byte_order(struct torch_archive *archive, struct err *err)
{
	static const char little[] = "little";
	char text[sizeof little - 1];
	struct torch_entry entry;

	if (locate(archive, "byteorder") < 0)
		return 0;
	if (torch_archive_find(archive, "byteorder", &entry, err) < 0)
		return -1;
	if (entry.size == sizeof text) {
		if (torch_archive_read(archive, &entry, text, err) < 0)
			return -1;
		if (memcmp(text, little, sizeof text) == 0)
			return 0;
	}
	return err_set(err, "%s: its byte order is not little", archive->path);
}

struct torch_archive *torch_archive_open(const char *path, struct err *err)
{
	struct torch_archive *archive = calloc(1, sizeof *archive);

	if (!archive || !(archive->path = strdup(path))) {
		free(archive);
		err_set(err, "out of memory");
		return NULL;
	}
	if (file_map_open(&archive->map, path, err) < 0 || open_zip(archive, err) < 0 ||
	    find_prefix(archive, err) < 0 || check_script(archive, err) < 0 ||
	    check_byte_order(archive, err) < 0) {
		torch_archive_close(archive);
		return NULL;
	}
	return archive;
}

void torch_archive_close(struct torch_archive *archive)
{
	if (!archive)
		return;
	if (archive->zip)
		zip_discard(archive->zip);
	file_map_close(&archive->map);
	free(archive->prefix);
	free(archive->path);
	free(archive);
}

const char *torch_archive_path(const struct torch_archive *archive)
{
	return archive->path;
}

size_t torch_archive_size(const struct torch_archive *archive)
{
	return archive->map.size;
}

uint64_t torch_archive_digest(const struct torch_archive *archive)
{
	const struct file_map *map = &archive->map;
	XXH3_state_t *state = XXH3_createState();

	if (!state) /* out of memory: the other way takes pages of the file only */
		return XXH3_64bits(map->bytes, map->size);
	XXH3_64bits_reset(state);
	for (size_t at = 0, size; at < map->size; at += size) {
		size = map->size - at < PART ? map->size - at : PART;
		XXH3_64bits_update(state, map->bytes + at, size);
		file_map_drop(map, at, size);
	}
	const uint64_t digest = XXH3_64bits_digest(state);
	XXH3_freeState(state);
	return digest;
}

int torch_archive_find(const struct torch_archive *archive, const char *name,
                       struct torch_entry *entry, struct err *err)
{
	const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD;
	const zip_int64_t number = locate(archive, name);
	zip_stat_t status;

	if (number < 0)
		return err_set(err, "%s: entry %s is missing", archive->path, name);
	if (zip_stat_index(archive->zip, (zip_uint64_t)number, 0, &status) < 0 ||
	    (status.valid & needed) != needed)
		return err_set(err, "%s: entry %s: %s", archive->path, name, zip_strerror(archive->zip));
	if (status.comp_method != ZIP_CM_STORE || status.encryption_method != ZIP_EM_NONE)
		return err_set(err, "%s: entry %s is compressed or encrypted, expected one that is stored",
		               archive->path, name);
	if (status.size > archive->map.size)
		return err_set(err, "%s: entry %s of %llu bytes in a file of %zu", archive->path, name,
		               (unsigned long long)status.size, archive->map.size);
	*entry = (struct torch_entry){(uint64_t)number, (size_t)status.size};
	return 0;
}

int torch_archive_read(struct torch_archive *archive, const struct torch_entry *entry, void *to,
                       struct err *err)
{
	const char *name = zip_get_name(archive->zip, entry->number, ZIP_FL_ENC_RAW);
	zip_file_t *stream = zip_fopen_index(archive->zip, entry->number, 0);
	zip_int64_t more = 1;
	size_t have = 0;
	char beyond;

	if (!stream)
		return err_set(err, "%s: entry %s: %s", archive->path, name ? name : "",
		               zip_strerror(archive->zip));
	while (more > 0 && have < entry->size) {
		const size_t left = entry->size - have;
		more = zip_fread(stream, (char *)to + have, left < PART ? left : PART);
		have += more > 0 ? (size_t)more : 0;
		if (left > PART)
			file_map_drop(&archive->map, 0, archive->map.size);
	}
	if (more >= 0 && have == entry->size)
		more = zip_fread(stream, &beyond, 1); /* the end: there the checksum is compared */
	const bool good = more == 0 && have == entry->size;
	if (!good)
		err_set(err, "%s: entry %s: %s", archive->path, name ? name : "",
		        more < 0 ? zip_file_strerror(stream) : "it has another size than it says");
	zip_fclose(stream);
	return good ? 0 : -1;
}
