/* corpus_private.h - what the files of corpus.h share. */
#ifndef MEMOSCOPE_CORPUS_PRIVATE_H
#define MEMOSCOPE_CORPUS_PRIVATE_H

#include <sys/types.h>
#include <xxhash.h>

#include "common/base/file_map.h"
#include "common/base/rising.h"
#include "common/stream/packed_record.h"
#include "common/train/corpus.h"

#define TAIL_BYTES 16 /* of a stream: of its end map, which has a checksum */

/* One of the training files. */
struct source {
	char *name; /* owned: its path, or what messages call it */
	uint64_t begin; /* of its bytes among those of all sources */
	uint64_t end; /* how many of its bytes were checked */
	size_t first; /* the index of its first record */
	struct file_map map; /* if its records are mapped */
	char tail[TAIL_BYTES]; /* the last bytes of the map that were checked */
	char *kept; /* owned: its packed records, if it is no file to map; else NULL */
	size_t kept_size, kept_room;
	dev_t device; /* of a file that is read in blocks: which it was */
	ino_t inode;
};

struct corpus {
	struct corpus_options options;
	struct corpus_facts facts;
	struct source *sources;
	int source_count;
	struct packed_reader reader;

	/* Records that are mapped. */
	struct rising offset; /* of each record in the bytes of all sources */
	struct rising begin; /* of each record in the running text, then the end; for PACK_TEXT */
	unsigned read; /* records, since mapped pages were given back */

	/* Records that are read in blocks. */
	bool in_blocks;
	uint32_t block_bytes; /* a block has no more, unless it is one record */
	struct corpus_block *blocks; /* owned */
	size_t block_count, block_room;

	/* While sources are read. */
	XXH3_state_t *hash; /* of the tokens */
	XXH3_state_t *lengths; /* of the records' lengths, if in blocks */
};


/* One more record for the blocks: its size bytes begin at offset among the bytes of all sources.
 * new: it is the first of its source. -1 with err set. */
int corpus_add_to_block(struct corpus *corpus, uint64_t offset, uint64_t size, uint32_t length,
                        bool new, struct err *err);

/* A source has ended. What is too little for a window of running text joins the block before. */
void corpus_end_blocks(struct corpus *corpus, const struct source *source);

#endif
