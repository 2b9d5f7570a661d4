/* The reading half of corpus.h, of files that are mapped. */
#include <string.h>

#include "common/train/corpus_private.h"
#include "common/train/text_window.h"

#define DROP_EVERY 256 /* records read between two times that mapped pages are given back */

/* Are all bytes there that were checked? Beyond the end of a file, the rest of a page is zeros; the
 * pages behind it are missed by the caller's guard. */
static bool is_whole(const struct source *source)
{
	return source->kept ||
	       memcmp(source->map.bytes + source->end - TAIL_BYTES, source->tail, TAIL_BYTES) == 0;
}

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
	int result = packed_record_open(&corpus->reader, bytes + at, source->end - at, record,
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
	struct text_window window = text_window(&corpus->begin, begin, length);
	struct packed_record record = {0};

	while (text_window_next(&window))
		if (copy(corpus, window.index, window.length, window.from, window.count, token + window.at,
		         kind + window.at, &record, err) < 0)
			return -1;
	*example = (struct example){record.id, token, kind, (int)length};
	return 0;
}
