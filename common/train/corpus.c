#include "common/train/corpus.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "common/base/array.h"
#include "common/base/file_map.h"
#include "common/base/rising.h"
#include "common/stream/packed_record.h"
#include "common/stream/token_stream.h"

#define TAIL_BYTES 16 /* of a stream: of its end map, which has a checksum */
#define DROP_EVERY 1024 /* records read between two times that mapped pages are given back */

/* One of the training files. */
struct source {
	char *name; /* owned, for messages */
	uint64_t begin; /* of its bytes among those of all sources */
	size_t first; /* the index of its first record */
	struct file_map map;
	char tail[TAIL_BYTES]; /* the last bytes of the map that were checked */
	uint64_t end; /* of these */
	char *kept; /* owned: its packed records, if it is no file to map; else NULL */
	size_t kept_size, kept_room;
};

struct corpus {
	struct corpus_options options;
	struct corpus_facts facts;
	struct source *sources;
	int source_count;
	struct rising offset; /* of each record in the bytes of all sources */
	struct rising begin; /* of each record in the running text, then the end; for PACK_TEXT */
	struct packed_reader reader;
	unsigned read; /* records, since mapped pages were given back */
	XXH3_state_t *hash; /* of the tokens, while sources are read */
};

/* ---- opening ---- */

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

/* One more record; *offset is that of its bytes in the source. */
static int add(struct corpus *corpus, uint64_t offset, const struct record *record, struct err *err)
{
	struct corpus_facts *facts = &corpus->facts;
	struct err unfit = {0};

	if (rising_add(&corpus->offset, corpus->sources[corpus->source_count - 1].begin + offset) < 0 ||
	    rising_add(&corpus->begin, facts->token_count + record->length) < 0)
		return err_set(err, "out of memory for %zu records", facts->count + 1);
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
	return 0;
}

/* Keep the bytes of a record that cannot be mapped. */
static int keep(struct source *source, const struct stream_record *raw, struct err *err)
{
	if (array_reserve(&source->kept, &source->kept_room, source->kept_size + raw->size) < 0)
		return err_set(err, "%s: out of memory for %zu bytes", source->name,
		               source->kept_size + raw->size);
	memcpy(source->kept + source->kept_size, raw->bytes, raw->size);
	source->kept_size += raw->size;
	return 0;
}

/* Are all bytes there that were checked? Beyond the end of a file, the rest of a page is zeros; the
 * pages behind it are missed by the caller's guard. */
static bool is_whole(const struct source *source)
{
	return source->kept ||
	       memcmp(source->map.bytes + source->end - TAIL_BYTES, source->tail, TAIL_BYTES) == 0;
}

/* The bytes that were checked end at `end`. */
static int note_tail(struct source *source, uint64_t end, struct err *err)
{
	struct file_map_guard guard;

	source->end = end;
	file_map_guard(&guard);
	if (source->map.size >= end)
		memcpy(source->tail, source->map.bytes + end - TAIL_BYTES, TAIL_BYTES);
	if (file_map_unguard(&guard) && source->map.size >= end)
		return 0;
	return err_set(err, "%s: it has become shorter while it was read", source->name);
}

/* Read the records of a source to its end. */
static int read_source(struct corpus *corpus, struct source *source, struct stream_reader *reader,
                       bool mapped, struct err *err)
{
	struct record_buffer *buffer = &corpus->reader.buffer;
	struct stream_record raw;
	struct record record;
	int more;

	while ((more = stream_next(reader, &raw, err)) > 0) {
		const uint64_t end = stream_place(reader).end;
		if (record_read_tokens(reader, &raw, corpus->reader.vocab, corpus->reader.kinds, buffer,
		                       &record, err) < 0 ||
		    add(corpus, mapped ? end - raw.size : source->kept_size, &record, err) < 0 ||
		    (!mapped && keep(source, &raw, err) < 0))
			return -1;
	}
	if (more < 0 || !mapped)
		return more;
	if (file_map_descriptor(&source->map, stream_descriptor(reader), source->name, err) < 0)
		return -1;
	return note_tail(source, stream_place(reader).end, err);
}

/* Is it a file whose bytes are those of the stream from its beginning? */
static bool can_be_mapped(const char *path, const struct stream_reader *reader)
{
	struct stat status;

	return strcmp(path, "-") != 0 && fstat(stream_descriptor(reader), &status) == 0 &&
	       S_ISREG(status.st_mode);
}

static size_t source_size(const struct source *source)
{
	return source->kept ? source->kept_size : source->map.size;
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
		source->begin = source[-1].begin + source_size(&source[-1]);
	int result = source->name ? 0 : err_set(err, "out of memory");
	if (result == 0)
		result = read_source(corpus, source, reader, can_be_mapped(path, reader), err);
	stream_close(reader);
	return result;
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
	XXH3_freeState(corpus->hash);
	corpus->hash = NULL;
}

static void end_opening(struct corpus *corpus)
{
	end_digest(corpus);
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
	if (packed_reader_init(&corpus->reader, vocab, kinds, err) == 0 && corpus->sources &&
	    corpus->hash && rising_add(&corpus->begin, 0) == 0) {
		XXH3_64bits_reset(corpus->hash);
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
	XXH3_freeState(corpus->hash);
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
	size_t size = rising_memory(&corpus->offset) + rising_memory(&corpus->begin);

	for (int i = 0; i < corpus->source_count; i++)
		size += corpus->sources[i].kept_room;
	return size;
}

/* ---- reading again ---- */

/* The source of record number index: the last one that begins with it or before. */
static struct source *source_of(const struct corpus *corpus, size_t index)
{
	int low = 0, end = corpus->source_count;

	while (end - low > 1) {
		const int middle = low + (end - low) / 2;
		if (corpus->sources[middle].first <= index)
			low = middle;
		else
			end = middle;
	}
	return &corpus->sources[low];
}

/* Pages that were read count as memory of the process until they are given back; the system's
 * cache keeps them. */
static void give_back(struct corpus *corpus)
{
	if (++corpus->read < DROP_EVERY)
		return;
	for (int i = 0; i < corpus->source_count; i++)
		file_map_drop(&corpus->sources[i].map, 0, corpus->sources[i].map.size);
	corpus->read = 0;
}

/* Open record number index, which must have `length` tokens, and copy count of them from number
 * from on. length 0: copy all, if they fit an example. */
static int copy(struct corpus *corpus, size_t index, uint32_t length, uint32_t from, uint32_t count,
                uint16_t *token, uint8_t *kind, struct packed_record *record, struct err *err)
{
	const struct source *source = source_of(corpus, index);
	const uint64_t at = rising_at(&corpus->offset, index) - source->begin;
	const char *bytes = source->kept ? source->kept : source->map.bytes;
	struct file_map_guard guard;
	struct err why = {0};

	give_back(corpus);
	file_map_guard(&guard);
	int result = packed_record_open(&corpus->reader, bytes + at, source_size(source) - at, record,
	                                &why);
	if (result == 0 && (length ? record->length != length :
	                    example_check_length(record->length, corpus->options.context, &why) < 0))
		result = err_set(&why, "%u tokens, expected %u", record->length, length);
	if (result == 0)
		result = packed_record_copy(&corpus->reader, record, from,
		                            length ? count : record->length, token, kind, &why);
	const bool whole = is_whole(source);
	if (!file_map_unguard(&guard) || !whole)
		return err_set(err, "%s: byte %ju, record %zu: it cannot be read any more: the file has "
		               "become shorter, or its disk fails", source->name, (uintmax_t)at,
		               index - source->first);
	if (result < 0)
		return err_set(err, "%s: byte %ju, record %zu: the file has changed since it was checked: "
		               "%s", source->name, (uintmax_t)at, index - source->first, why.text);
	return 0;
}

int corpus_record(struct corpus *corpus, size_t index, uint16_t *token, uint8_t *kind,
                  struct example *example, struct err *err)
{
	struct packed_record record;

	if (copy(corpus, index, 0, 0, 0, token, kind, &record, err) < 0)
		return -1;
	*example = (struct example){record.id, token, kind, (int)record.length};
	return 0;
}

int corpus_window(struct corpus *corpus, uint64_t begin, uint16_t *token, uint8_t *kind,
                  struct example *example, struct err *err)
{
	const uint32_t length = (uint32_t)corpus->options.context + 1;
	size_t index = rising_find(&corpus->begin, begin);
	struct packed_record record = {0};
	uint32_t have = 0;

	for (; have < length; index++) {
		const uint64_t first = rising_at(&corpus->begin, index);
		const uint32_t all = (uint32_t)(rising_at(&corpus->begin, index + 1) - first);
		const uint32_t from = have ? 0 : (uint32_t)(begin - first);
		const uint32_t count = all - from < length - have ? all - from : length - have;
		if (all == 0)
			continue;
		if (copy(corpus, index, all, from, count, token + have, kind + have, &record, err) < 0)
			return -1;
		have += count;
	}
	*example = (struct example){record.id, token, kind, (int)length};
	return 0;
}
