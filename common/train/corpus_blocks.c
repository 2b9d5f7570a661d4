/* The half of corpus.h that reads in blocks. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/array.h"
#include "common/base/file.h"
#include "common/train/corpus_private.h"

/* Is a block too small to hold a window of running text? */
static bool too_small(const struct corpus *corpus, const struct corpus_block *block)
{
	return corpus->options.pack == PACK_TEXT && block->tokens <= (uint32_t)corpus->options.context;
}

int corpus_add_to_block(struct corpus *corpus, uint64_t offset, uint64_t size, uint32_t length,
                        bool new, struct err *err)
{
	struct corpus_block *block = corpus->blocks ? &corpus->blocks[corpus->block_count - 1] : NULL;

	if (!block || new ||
	    (offset + size - block->offset > corpus->block_bytes && !too_small(corpus, block))) {
		if (array_reserve(&corpus->blocks, &corpus->block_room, corpus->block_count + 1) < 0)
			return err_set(err, "out of memory for %zu blocks", corpus->block_count + 1);
		block = &corpus->blocks[corpus->block_count++];
		*block = (struct corpus_block){.offset = offset};
	}
	if (offset + size - block->offset > UINT32_MAX)
		return err_set(err, "%s: more than 4 GiB without %d tokens",
		               corpus->sources[corpus->source_count - 1].name,
		               corpus->options.context + 1);
	block->bytes = (uint32_t)(offset + size - block->offset);
	block->records++;
	block->tokens += length;
	return 0;
}

void corpus_end_blocks(struct corpus *corpus, const struct source *source)
{
	if (corpus->block_count < 2)
		return;
	struct corpus_block *last = &corpus->blocks[corpus->block_count - 1], *before = last - 1;
	if (before->offset < source->begin || !too_small(corpus, last) ||
	    last->offset + last->bytes - before->offset > UINT32_MAX)
		return;
	before->bytes = (uint32_t)(last->offset + last->bytes - before->offset);
	before->records += last->records;
	before->tokens += last->tokens;
	corpus->block_count--;
}

const struct corpus_block *corpus_blocks(const struct corpus *corpus, size_t *count)
{
	*count = corpus->block_count;
	return corpus->in_blocks ? corpus->blocks : NULL;
}

struct packed_reader *corpus_reader(struct corpus *corpus)
{
	return &corpus->reader;
}

/* The source of the bytes of a block. */
static const struct source *source_of(const struct corpus *corpus, size_t index)
{
	int low = 0, end = corpus->source_count;

	while (end - low > 1) {
		const int middle = low + (end - low) / 2;
		if (corpus->sources[middle].begin <= corpus->blocks[index].offset)
			low = middle;
		else
			end = middle;
	}
	return &corpus->sources[low];
}

/* Open the file of a source, if it is still the same. */
static int open_again(const struct source *source, struct err *err)
{
	const int fd = file_open(source->name, O_RDONLY | O_NONBLOCK);
	struct stat status;

	if (fd < 0)
		return err_set(err, "%s: cannot open it again: %s", source->name, strerror(errno));
	if (fstat(fd, &status) == 0 && status.st_dev == source->device &&
	    status.st_ino == source->inode)
		return fd;
	file_close(fd);
	return err_set(err, "%s: another file has taken its place", source->name);
}

int corpus_read_block(const struct corpus *corpus, size_t index, char *bytes, struct err *err)
{
	const struct source *source = source_of(corpus, index);
	const struct corpus_block *block = &corpus->blocks[index];
	const off_t at = (off_t)(block->offset - source->begin);
	const int fd = open_again(source, err);
	size_t have = 0;
	ssize_t got = 1;

	if (fd < 0)
		return -1;
	while (have < block->bytes && got > 0) {
		got = TEMP_FAILURE_RETRY(pread(fd, bytes + have, block->bytes - have, at + (off_t)have));
		if (got > 0)
			have += (size_t)got;
	}
	if (got < 0)
		err_set(err, "%s: byte %ju: cannot read: %s", source->name, (uintmax_t)at + have,
		        strerror(errno));
	else if (have < block->bytes)
		err_set(err, "%s: byte %ju: the file has become shorter", source->name,
		        (uintmax_t)at + have);
	file_close(fd);
	return have == block->bytes ? 0 : -1;
}

int corpus_bad_block(const struct corpus *corpus, size_t index, size_t byte, const struct err *why,
                     struct err *err)
{
	const struct source *source = source_of(corpus, index);

	return err_set(err, "%s: byte %ju: the file has changed since it was checked: %s", source->name,
	               (uintmax_t)(corpus->blocks[index].offset - source->begin + byte), why->text);
}
