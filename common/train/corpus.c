#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/array.h"
#include "common/stream/token_stream.h"
#include "common/train/corpus_private.h"

/* Blocks are small, so that as many as possible are in memory at once, but large enough that a disk
 * reads them at its speed. */
#define BLOCKS_AT_ONCE 1024
#define BLOCK_LEAST (16 << 10)
#define BLOCK_MOST (256 << 10)

/* What the spans say of a record's tokens. */
static void note_kinds(struct corpus *corpus, const struct record *record)
{
	struct corpus_facts *facts = &corpus->facts;
	const bool first = corpus->options.pack == PACK_RECORDS || facts->token_count == 0;
	uint32_t other = record->length; /* tokens that no span covers */
	bool bare = record->length <= (uint32_t)corpus->options.context / 3; /* prose: 80 of 256 */

	for (uint32_t i = 0; i < record->span_count; i++) {
		const struct span *span = &record->spans[i];
		facts->seen[span->kind] = true;
		facts->predicted[span->kind] |= !first || span->end > 1;
		bare &= span->kind == SPAN_OTHER;
		other -= span->end - span->begin;
	}
	const bool first_other = first && (record->span_count == 0 || record->spans[0].begin > 0);
	facts->seen[SPAN_OTHER] |= other > 0;
	facts->predicted[SPAN_OTHER] |= other > first_other;
	facts->bare += bare;
}

/* Keep where a record is: its size bytes begin at offset in the source. */
static int add_place(struct corpus *corpus, const struct source *source, uint64_t offset,
                     size_t size, uint32_t length, struct err *err)
{
	const struct corpus_facts *facts = &corpus->facts;

	if (corpus->in_blocks) {
		XXH3_64bits_update(corpus->lengths, &length, sizeof length);
		return corpus_add_to_block(corpus, source->begin + offset, size, length,
		                           facts->count == source->first, err);
	}
	if (rising_add(&corpus->offset, source->begin + offset) < 0 ||
	    rising_add(&corpus->begin, facts->token_count + length) < 0)
		return err_set(err, "out of memory for %zu records; gpt-train --memory takes less",
		               facts->count + 1);
	return 0;
}

/* One more record, without its place. */
static void add_facts(struct corpus *corpus, const struct record *record)
{
	struct corpus_facts *facts = &corpus->facts;
	struct err unfit = {0};

	note_kinds(corpus, record);
	if (facts->unfit.index == facts->count) {
		if (example_check_length(record->length, corpus->options.context, &unfit) == 0) {
			facts->unfit.index++;
		} else {
			facts->unfit.id = record->id;
			facts->unfit.length = record->length;
		}
	}
	if (record->length > facts->longest)
		facts->longest = record->length;
	XXH3_64bits_update(corpus->hash, record->tokens, record->length * sizeof *record->tokens);
	facts->token_count += record->length;
	facts->count++;
}

/* Keep the bytes of a record that cannot be mapped. */
static int keep(const struct corpus *corpus, struct source *source, const struct stream_record *raw,
                struct err *err)
{
	const uint64_t memory = corpus->options.memory;

	if (memory > 0 && source->kept_size + raw->size > memory)
		return err_set(err, "%s: it is no file, so it is kept in memory, and it has more than %ju "
		               "bytes; write it to a file", source->name, (uintmax_t)memory);
	if (array_reserve(&source->kept, &source->kept_room, source->kept_size + raw->size) < 0)
		return err_set(err, "%s: out of memory for %zu bytes", source->name,
		               source->kept_size + raw->size);
	memcpy(source->kept + source->kept_size, raw->bytes, raw->size);
	source->kept_size += raw->size;
	return 0;
}

/* Keep the last bytes that were checked: if the file becomes shorter, they are gone. */
static int note_tail(struct source *source, struct err *err)
{
	struct file_map_guard guard;

	file_map_guard(&guard);
	if (source->map.size >= source->end)
		memcpy(source->tail, source->map.bytes + source->end - TAIL_BYTES, TAIL_BYTES);
	if (file_map_unguard(&guard) && source->map.size >= source->end)
		return 0;
	return err_set(err, "%s: it has become shorter while it was read", source->name);
}

/* Read the records of a source to its end. file: it is one, whose bytes are those of the stream. */
static int read_records(struct corpus *corpus, struct source *source, struct stream_reader *reader,
                        bool file, struct err *err)
{
	struct record_buffer *buffer = &corpus->reader.buffer;
	struct stream_record raw;
	struct record record;
	int more;

	while ((more = stream_next(reader, &raw, err)) > 0) {
		const uint64_t offset = file ? stream_place(reader).end - raw.size : source->kept_size;
		if (record_read_tokens(reader, &raw, corpus->reader.vocab, corpus->reader.kinds, buffer,
		                       &record, err) < 0 ||
		    add_place(corpus, source, offset, raw.size, record.length, err) < 0 ||
		    (!file && keep(corpus, source, &raw, err) < 0))
			return -1;
		add_facts(corpus, &record);
	}
	source->end = file ? stream_place(reader).end : source->kept_size;
	return more;
}

/* The source was read: how are its records found again? */
static int hold(struct corpus *corpus, struct source *source, int fd, bool file, struct err *err)
{
	struct stat status;

	if (!file && corpus->in_blocks)
		return err_set(err, "%s: it is no file, so its records cannot be read again in blocks; "
		               "write it to a file", source->name);
	if (!file)
		return 0;
	if (!corpus->in_blocks) {
		struct err why = {0};
		if (file_map_descriptor(&source->map, fd, source->name, &why) < 0)
			return err_set(err, "%s; gpt-train --memory reads files in blocks", why.text);
		return note_tail(source, err);
	}
	if (fstat(fd, &status) < 0)
		return err_set(err, "%s: %s", source->name, strerror(errno));
	corpus_end_blocks(corpus, source);
	source->device = status.st_dev;
	source->inode = status.st_ino;
	return 0;
}

/* Is it a file whose bytes are those of the stream from its beginning? */
static bool is_file(const char *path, int fd)
{
	struct stat status;

	return strcmp(path, "-") != 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/* Do the files together have more bytes than may be mapped? */
static bool too_large(char **paths, int count, uint64_t memory)
{
	uint64_t size = 0;
	struct stat status;

	for (int i = 0; i < count; i++)
		if (strcmp(paths[i], "-") != 0 && stat(paths[i], &status) == 0 && S_ISREG(status.st_mode))
			size += (uint64_t)status.st_size;
	return memory > 0 && size > memory;
}

static int open_source(struct corpus *corpus, const char *path, struct vocab **vocab,
                       json_t **header, struct err *err)
{
	struct source *source = &corpus->sources[corpus->source_count];
	struct stream_reader *reader = token_stream_open(path, vocab, corpus->options.model, err);

	if (!reader)
		return -1;
	corpus->reader.vocab = *vocab;
	if (header && *header == NULL)
		*header = json_incref((json_t *)stream_header(reader));
	*source = (struct source){.name = strdup(err_path(path)), .first = corpus->facts.count};
	if (corpus->source_count++ > 0)
		source->begin = source[-1].begin + source[-1].end;
	const bool file = is_file(path, stream_descriptor(reader));
	int result = source->name ? 0 : err_set(err, "out of memory");
	if (result == 0)
		result = read_records(corpus, source, reader, file, err);
	if (result == 0)
		result = hold(corpus, source, stream_descriptor(reader), file, err);
	stream_close(reader);
	return result;
}

/* In blocks nobody knows where each record begins. */
static void end_digest_of_blocks(struct corpus *corpus)
{
	const uint64_t both[] = {
		XXH3_64bits_digest(corpus->hash), XXH3_64bits_digest(corpus->lengths),
	};

	corpus->facts.digest = XXH3_64bits(both, sizeof both);
}

/* The digest that dataset_digest() makes of the same records: of where they begin, seeded with that
 * of the tokens. */
static void end_digest(struct corpus *corpus)
{
	uint64_t begin[512];
	size_t used = 0;

	XXH3_64bits_reset_withSeed(corpus->hash, XXH3_64bits_digest(corpus->hash));
	for (size_t i = 0; i < corpus->begin.count; i++) {
		begin[used++] = rising_at(&corpus->begin, i);
		if (used == sizeof begin / sizeof *begin || i + 1 == corpus->begin.count) {
			XXH3_64bits_update(corpus->hash, begin, used * sizeof *begin);
			used = 0;
		}
	}
	corpus->facts.digest = XXH3_64bits_digest(corpus->hash);
}

static void end_opening(struct corpus *corpus)
{
	(corpus->in_blocks ? end_digest_of_blocks : end_digest)(corpus);
	XXH3_freeState(corpus->hash);
	XXH3_freeState(corpus->lengths);
	corpus->hash = corpus->lengths = NULL;
	if (corpus->options.pack == PACK_RECORDS)
		rising_release(&corpus->begin);
	rising_trim(&corpus->begin);
	rising_trim(&corpus->offset);
}

static struct corpus *corpus_new(int count, const struct corpus_options *options,
                                 const struct vocab *vocab, struct span_kinds *kinds,
                                 struct err *err)
{
	struct corpus *corpus = calloc(1, sizeof *corpus);

	if (!corpus) {
		err_set(err, "out of memory");
		return NULL;
	}
	corpus->options = *options;
	corpus->sources = calloc((size_t)count, sizeof *corpus->sources);
	corpus->hash = XXH3_createState();
	corpus->lengths = XXH3_createState();
	if (packed_reader_init(&corpus->reader, vocab, kinds, err) == 0 && corpus->sources &&
	    corpus->hash && corpus->lengths && rising_add(&corpus->begin, 0) == 0) {
		XXH3_64bits_reset(corpus->hash);
		XXH3_64bits_reset(corpus->lengths);
		return corpus;
	}
	err_set(err, "out of memory");
	corpus_free(corpus);
	return NULL;
}

struct corpus *corpus_open(char **paths, int count, const struct corpus_options *options,
                           struct vocab **vocab, struct span_kinds *kinds, json_t **header,
                           struct err *err)
{
	struct corpus *corpus = corpus_new(count, options, *vocab, kinds, err);

	if (corpus && too_large(paths, count, options->memory)) {
		const uint64_t share = options->memory / BLOCKS_AT_ONCE;
		corpus->in_blocks = true;
		corpus->block_bytes = share < BLOCK_LEAST ? BLOCK_LEAST : share > BLOCK_MOST ? BLOCK_MOST :
		                      (uint32_t)share;
	}
	for (int i = 0; corpus && i < count; i++)
		if (open_source(corpus, paths[i], vocab, header, err) < 0) {
			corpus_free(corpus);
			return NULL;
		}
	if (corpus)
		end_opening(corpus);
	return corpus;
}

void corpus_free(struct corpus *corpus)
{
	if (!corpus)
		return;
	for (int i = 0; i < corpus->source_count; i++) {
		file_map_close(&corpus->sources[i].map);
		free(corpus->sources[i].kept);
		free(corpus->sources[i].name);
	}
	free(corpus->sources);
	rising_release(&corpus->offset);
	rising_release(&corpus->begin);
	packed_reader_release(&corpus->reader);
	free(corpus->blocks);
	XXH3_freeState(corpus->hash);
	XXH3_freeState(corpus->lengths);
	free(corpus);
}

const struct corpus_options *corpus_options(const struct corpus *corpus)
{
	return &corpus->options;
}

const struct corpus_facts *corpus_facts(const struct corpus *corpus)
{
	return &corpus->facts;
}

size_t corpus_memory(const struct corpus *corpus)
{
	size_t size = rising_memory(&corpus->offset) + rising_memory(&corpus->begin) +
	              corpus->block_room * sizeof *corpus->blocks;

	for (int i = 0; i < corpus->source_count; i++)
		size += corpus->sources[i].kept_room;
	return size;
}
