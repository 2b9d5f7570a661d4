/* training_data.h - what a network is trained and validated on, and its batches.
 *
 * The training data are files of tokens, held in memory and gone through again
 * and again, or one stream, taken once as it comes. A validation set stands
 * beside them, of the same vocabulary and cut into sequences in the same way.
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

struct training_data {
	enum pack pack;
	int context; /* of the network: the most tokens of a sequence */
	bool streaming; /* trained on is the standard input, as it comes */
	struct vocab *vocab; /* owned, as all below */
	struct span_kinds kinds;
	int expected; /* kinds below this one were there before the data: they hold them, it is hoped */
	bool seen[SPAN_KINDS]; /* kinds that the training data hold, as far as they are read */
	json_t *header; /* of the first training stream */
	struct dataset train; /* empty where streaming */
	struct dataset val; /* count 0: none */
	struct data_loader *loader;
};

/* Nothing is read yet: kinds that the data are expected to hold may be added. */
void training_data_init(struct training_data *data, enum pack pack, int context);
void training_data_release(struct training_data *data); /* a zeroed one is allowed */

/* Read count files to train on, whose order seed decides, or open the standard
 * input where there are none or "-" is the only one; and read the validation set
 * (NULL: none), whose records must fit the context unless they are cut as running
 * text. -1 with err set, also where files lack a kind that was expected. */
int training_data_open(struct training_data *data, char **paths, int count,
                       const char *val_path, uint64_t seed, struct err *err);

/* The word of the first kind that was expected and that no training token read
 * so far is of; NULL: there is none. */
const char *training_data_unseen(const struct training_data *data);

/* The sequences of one step, in memory of their own. */
struct batch {
	int count, room; /* sequences: there are, there may be */
	struct example *examples; /* [room] */
	uint16_t *token; /* [room][context + 1] */
	uint8_t *kind; /* as many */
};
int batch_init(struct batch *batch, int room, int context, struct err *err);
void batch_release(struct batch *batch); /* a zeroed one is allowed */

/* Fill a batch with the next sequences. Returns its count, which is below its
 * room only where a stream ended, or -1 with err set; count says even then how
 * many had come. */
int training_data_next(struct training_data *data, struct batch *batch, struct err *err);

#endif
