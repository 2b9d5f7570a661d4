/* training_data.h - all data of a run: what it trains on, what it validates on, its batches.
 *
 * The training data are either files, which stay where they are and are repeated every epoch, or
 * one stream, whose records are taken once, as they come. The validation set has the same
 * vocabulary and is cut into sequences in the same way.
 */
#ifndef MEMOSCOPE_TRAINING_DATA_H
#define MEMOSCOPE_TRAINING_DATA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/span.h"
#include "common/stream/vocab.h"
#include "common/train/data_loader.h"
#include "common/train/dataset.h"

/* The records that were read, as far as they tell if they are lines of one text. */
struct record_shape {
	uint64_t records;
	uint64_t bare; /* without spans, and at most a third as long as the context */
	int longest; /* tokens */
	bool told; /* training_data_lines() was true */
};

struct training_data {
	enum pack pack;
	int context; /* of the network: the most tokens that a sequence predicts from */
	bool streaming; /* the training data are the standard input */
	uint64_t memory; /* files of more bytes are read in blocks; 0: never */
	uint64_t val_most; /* sequences to validate on, at most: others are not kept; 0: all are */
	const char *model; /* the directory of the model whose vocabulary is expected; NULL: any */
	struct vocab *vocab; /* owned, as all below */
	struct span_kinds kinds;
	int expected; /* kinds below this one were known before the data were opened */
	struct record_shape shape; /* of all records in files; of a stream, of those so far */
	bool seen[SPAN_KINDS]; /* kinds of the training tokens that were read so far */
	json_t *header; /* of the first training stream */
	struct corpus *train; /* NULL if streaming */
	struct dataset val; /* count 0: no validation set */
	struct data_loader *loader;
};

/* Nothing is read yet. Before training_data_open() the caller may add kinds to data->kinds:
 * the training data are expected to have tokens of these; it may set data->memory and
 * data->val_most; and data->model and data->vocab, which all data are then expected to have. */
void training_data_init(struct training_data *data, enum pack pack, int context);
void training_data_release(struct training_data *data); /* a zeroed one is allowed */

/* Can several processes read these, each of them all? -1 with err set if one is the standard input
 * or a pipe, which has one reader. Paths as of training_data_open(). */
int training_data_shared(char **paths, int count, const char *val_path, struct err *err);

/* Open the training data: count files, in an order that depends on seed; or the
 * standard input, if count is 0 or the only path is "-". Then read the validation set (val_path
 * NULL: none). If a sequence is a record, each must have 2 to context tokens. -1 with err set;
 * also if files have no token of an expected kind (a stream's are not known yet). */
int training_data_open(struct training_data *data, char **paths, int count,
                       const char *val_path, uint64_t seed, struct err *err);

/* Are the training data files that are read in blocks? */
bool training_data_in_blocks(const struct training_data *data);

/* Bytes of memory, without the files that are mapped. */
size_t training_data_memory(const struct training_data *data);

/* The word of the first expected kind that no training token read so far has, or NULL. */
const char *training_data_unseen(const struct training_data *data);

/* Do the records look like lines of one running text, which are better trained on as windows of it?
 * Most of them have no spans, and are far shorter than the context. True at most once: before the
 * first step for files; for a stream, when enough of it was read. */
bool training_data_lines(struct training_data *data);

/* Does the training data have a token to predict whose kind has a weight above 0, in
 * weight[SPAN_KINDS]? Without one no batch makes a step. True if they are a stream: it is not
 * known yet. */
bool training_data_weighted(const struct training_data *data, const float *weight);

/* The sequences of one step. All memory is owned. */
struct batch {
	int count; /* sequences */
	int room; /* the most sequences */
	struct example *examples; /* [room]; they point into token and kind */
	uint16_t *token; /* [room][context + 1] */
	uint8_t *kind; /* [room][context + 1] */
};
int batch_init(struct batch *batch, int room, int context, struct err *err);
size_t batch_memory(const struct batch *batch, int context); /* bytes */
void batch_release(struct batch *batch); /* a zeroed one is allowed */

/* Fill a batch with the next sequences. Returns their number, which is less than batch->room
 * only if a stream has ended; or -1 with err set. batch->count is right in either case. */
int training_data_next(struct training_data *data, struct batch *batch, struct err *err);

#endif
