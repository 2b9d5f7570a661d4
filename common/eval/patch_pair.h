/* patch_pair.h - a text and its partner, ready to be patched.
 *
 * Rows are tokens, from 0. The answer is tokens of the text, each predicted by the row before it.
 * Rows behind the last of these cannot matter, and are left out.
 */
#ifndef MEMOSCOPE_PATCH_PAIR_H
#define MEMOSCOPE_PATCH_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt_config.h"
#include "common/stream/alignment.h"
#include "common/stream/record_pairs.h"

/* A token of the answer: the row that predicts it, and the same of the partner. */
struct patch_answer {
	int32_t row, partner_row;
	int32_t token, partner_token;
};

/* What a patch does. NAN: there is no such number. */
struct patch_effect {
	double right; /* change of Σ log p of the text's tokens, in nats, where the answers differ; if
	               * they do not, of all the answer's */
	double partner; /* the same of the partner's tokens; NAN if nothing differs */
	double effect; /* see patching.h; NAN if nothing differs, or if both texts have the same LD */
	bool is_right; /* each token of the text's answer is the likeliest */
	bool is_partner; /* each of the partner's is, where they differ; false if nothing does */
};

/* Memory: owned. */
struct patch_pair {
	uint64_t id;
	int32_t *token, *partner_token; /* [rows], [partner_rows] */
	int rows, partner_rows; /* 1 to the context */
	int32_t *row, *from; /* [patched] rows that may be patched, rising; those of the partner */
	int patched;
	int32_t *group; /* [groups + 1] row[group[g]] to row[group[g + 1] - 1] are patched at once */
	struct row_place *place; /* [groups] of the first row of each */
	int groups;
	struct patch_answer *answer; /* [answers] rows rise */
	int answers;
	bool differs; /* do the answers? */
	struct patch_effect *effects; /* of the last patching_run(); NULL before */
};

/* What is patched at once. */
enum patch_each {
	PATCH_ROW,
	PATCH_SPAN, /* the rows of a span, or those between two spans */
	PATCH_ALL,
};

struct patch_selection {
	const char *answer; /* the kind of its spans */
	const char *rows; /* only rows of tokens in spans of this kind may be patched; NULL: all */
	enum patch_each each;
};

/* Read the next text and its partner: 1; 0 at the end; -1 with err set, which names both, if they
 * do not fit together or the network. Release the pair in any case. */
int patch_pair_read(struct record_pairs *pairs, const struct patch_selection *selection,
                    const struct gpt_config *config, struct patch_pair *pair, struct err *err);
void patch_pair_release(struct patch_pair *pair); /* a zeroed one is allowed */

#endif
