/* attribution.h - what each part of a network adds to the difference of two logits, as the steps of
 * generations have it (stream(5) is the authority).
 *
 *   "against"        str (bin if it is not UTF-8): the piece whose logit is the second one
 *   "difference"     float: the first logit, that of the step's token, minus the second one
 *   "embed"          float: what the embedding of the token before adds to the difference
 *   "pos_embed"      float: that of its position
 *   "heads"          [[float, ...], ...] each head, by layer
 *   "attn_bias"      [float, ...] the bias of each layer's projection of its heads
 *   "mlp"            [float, ...] each layer's feed-forward part, without its bias
 *   "mlp_bias"       [float, ...] the bias of each layer's second feed-forward projection
 *   "ln_final_bias"  float: the bias of the last layer norm
 *
 * A network without biases has none of the three. All but the first two add up to the difference.
 */
#ifndef MEMOSCOPE_ATTRIBUTION_H
#define MEMOSCOPE_ATTRIBUTION_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"
#include "common/stream/vocab.h"

/* How many parts a network has. Their order is that of the forward pass: embed, pos_embed; of each
 * layer its heads, attn_bias, mlp, mlp_bias; ln_final_bias. */
struct attribution_shape {
	int layers, heads;
	bool biases; /* the three are there */
};

struct attribution {
	struct piece against;
	double difference;
	struct attribution_shape shape;
	size_t first; /* its values, attribution_count() of them, in an array of all steps */
};

/* An array of values that grows; values.at is the owner's to free(). */
struct attribution_values {
	double *at;
	size_t count, room;
};

size_t attribution_count(const struct attribution_shape *shape);

/* Which value is that of a layer's first head. The other heads, attn_bias, mlp and mlp_bias
 * follow. */
size_t attribution_layer(const struct attribution_shape *shape, int layer);

/* The name of a part, as "embed", "head:1.3", "mlp_bias:1", into name. */
#define ATTRIBUTION_NAME_MAX 48
void attribution_name(const struct attribution_shape *shape, size_t part,
                      char name[ATTRIBUTION_NAME_MAX]);

/* Pack the map of a step. values: its own. */
void attribution_pack(msgpack_packer *packer, const struct attribution *attribution,
                      const double *values);

/* Check and take over such a map; its values are added to *values. -1 with err set: what is wrong
 * with it. */
int attribution_read(const msgpack_object *map, struct attribution *attribution,
                     struct attribution_values *values, struct err *err);

#endif
