#include "common/model/gpt_attribution.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/model/gpt_hook.h"
#include "common/model/gpt_inspect.h"

/* The host's copies of the parameters that count. Biases are NULL if the network has none. */
struct weights {
	const float *head; /* [v,c] */
	const float *gain, *bias; /* [c] of the last layer norm */
	const float **attn_bias, **mlp_bias; /* [layers] of [c], owned */
};

/* What is kept of the rows that are watched: a matrix [count,c] for each. */
enum { EMBED, POS_EMBED, LAST, MIDDLE, LAYERS }; /* MIDDLE: of the block that is computed */
enum { Z, MLP, KEPT_OF_LAYER }; /* of layer l: from LAYERS + KEPT_OF_LAYER * l on */

struct gpt_attribution {
	struct gpt *gpt;
	struct gpt_config config;
	struct attribution_shape shape;
	struct weights weights;
	float *pass; /* [rows,c] a place of all rows */
	int32_t *row; /* [count] */
	int count; /* rows that are watched */
	float *kept; /* the matrices */
	double *direction; /* [count,c] d */
	float *rounded; /* [count,c] the same as float32 */
	float *back; /* [count,c] d W_Oᵀ of a layer */
	size_t row_room, kept_room, direction_room, rounded_room, back_room;
};

/* ---- what there is ---- */

static bool find_weights(const struct gpt_config *config, const float *params,
                         struct weights *weights)
{
	const int count = gpt_tensor_count(config);
	struct gpt_tensor *tensors = calloc((size_t)count, sizeof *tensors);
	int attn = 0, mlp = 0;

	weights->attn_bias = calloc((size_t)config->layers, sizeof *weights->attn_bias);
	weights->mlp_bias = calloc((size_t)config->layers, sizeof *weights->mlp_bias);
	if (!tensors || !weights->attn_bias || !weights->mlp_bias) {
		free(tensors);
		return false;
	}
	gpt_tensors(config, tensors);
	weights->head = params;
	for (int i = 0; i < count; i++) {
		const char *name = tensors[i].name;
		const float *at = params + tensors[i].offset;
		if (strstr(name, ".attn.c_proj.bias"))
			weights->attn_bias[attn++] = at;
		else if (strstr(name, ".mlp.c_proj.bias"))
			weights->mlp_bias[mlp++] = at;
		else if (strcmp(name, "transformer.ln_f.weight") == 0)
			weights->gain = at;
		else if (strcmp(name, "transformer.ln_f.bias") == 0)
			weights->bias = at;
		else if (strcmp(name, "lm_head.weight") == 0)
			weights->head = at;
	}
	assert(weights->gain && attn == mlp && attn == (config->bias ? config->layers : 0));
	free(tensors);
	return true;
}

/* A matrix of those kept. */
static float *kept(const struct gpt_attribution *attribution, int matrix)
{
	return attribution->kept +
	       (size_t)matrix * (size_t)attribution->count * (size_t)attribution->config.width;
}

/* Keep the watched rows of a place. */
static void keep(struct gpt_attribution *attribution, enum gpt_place place, int layer, int matrix)
{
	const size_t c = (size_t)attribution->config.width;
	float *to = kept(attribution, matrix);

	gpt_hook_read(attribution->gpt, place, layer, attribution->pass);
	for (int i = 0; i < attribution->count; i++)
		memcpy(to + (size_t)i * c, attribution->pass + (size_t)attribution->row[i] * c,
		       c * sizeof *to);
}

/* What the feed-forward part added is what the residual stream has changed by. To compute it again
 * would be a third of a pass. */
static void keep_change(struct gpt_attribution *attribution, int layer)
{
	const size_t count = (size_t)attribution->count * (size_t)attribution->config.width;
	const float *before = kept(attribution, MIDDLE), *after = kept(attribution, LAST);
	float *to = kept(attribution, LAYERS + KEPT_OF_LAYER * layer + MLP);

	for (size_t i = 0; i < count; i++)
		to[i] = after[i] - before[i];
}

/* The hook of a pass. */
static void look(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	struct gpt_attribution *attribution = context;

	(void)gpt;
	if (attribution->count == 0)
		return;
	switch (place) {
	case GPT_EMBED: keep(attribution, place, layer, EMBED); break;
	case GPT_POS_EMBED: keep(attribution, place, layer, POS_EMBED); break;
	case GPT_Z: keep(attribution, place, layer, LAYERS + KEPT_OF_LAYER * layer + Z); break;
	case GPT_RESID_MID: keep(attribution, place, layer, MIDDLE); break;
	case GPT_RESID_POST:
		keep(attribution, place, layer, LAST);
		keep_change(attribution, layer);
		break;
	default: break;
	}
}

/* ---- making one ---- */

struct gpt_attribution *gpt_attribution_new(struct gpt *gpt, const struct gpt_config *config,
                                            const float *params, int rows, struct err *err)
{
	struct gpt_attribution *attribution = calloc(1, sizeof *attribution);

	if (attribution) {
		attribution->gpt = gpt;
		attribution->config = *config;
		attribution->shape = (struct attribution_shape){
			config->layers, config->heads, config->bias};
		attribution->pass = malloc((size_t)rows * (size_t)config->width *
		                           sizeof *attribution->pass);
	}
	if (!attribution || !attribution->pass ||
	    !find_weights(config, params, &attribution->weights)) {
		gpt_attribution_free(attribution);
		err_set(err, "out of memory");
		return NULL;
	}
	gpt_set_hook(gpt, &(struct gpt_hook){
		.places = GPT_PLACE_BIT(GPT_EMBED) | GPT_PLACE_BIT(GPT_POS_EMBED) | GPT_PLACE_BIT(GPT_Z) |
		          GPT_PLACE_BIT(GPT_RESID_MID) | GPT_PLACE_BIT(GPT_RESID_POST),
		.call = look,
		.context = attribution,
	});
	return attribution;
}

void gpt_attribution_free(struct gpt_attribution *attribution)
{
	if (!attribution)
		return;
	free(attribution->weights.attn_bias);
	free(attribution->weights.mlp_bias);
	free(attribution->pass);
	free(attribution->row);
	free(attribution->kept);
	free(attribution->direction);
	free(attribution->rounded);
	free(attribution->back);
	free(attribution);
}

const struct attribution_shape *gpt_attribution_shape(const struct gpt_attribution *attribution)
{
	return &attribution->shape;
}

int gpt_attribution_watch(struct gpt_attribution *attribution, const int32_t *row, int count,
                          struct err *err)
{
	const size_t floats = (size_t)count * (size_t)attribution->config.width;
	const size_t matrices = LAYERS + KEPT_OF_LAYER * (size_t)attribution->config.layers;

	attribution->count = 0;
	if (array_reserve(&attribution->row, &attribution->row_room, (size_t)count) < 0 ||
	    array_reserve(&attribution->kept, &attribution->kept_room, matrices * floats) < 0 ||
	    array_reserve(&attribution->direction, &attribution->direction_room, floats) < 0 ||
	    array_reserve(&attribution->rounded, &attribution->rounded_room, floats) < 0 ||
	    array_reserve(&attribution->back, &attribution->back_room, floats) < 0)
		return err_set(err, "out of memory for the activations of %d tokens", count);
	if (count > 0)
		memcpy(attribution->row, row, (size_t)count * sizeof *row);
	attribution->count = count;
	return 0;
}

/* ---- what each part adds ---- */

/* 1 / √(variance + epsilon) of a row of the residual stream, as the last layer norm has it. */
static double reciprocal_deviation(const struct gpt_config *config, const float *x)
{
	const int c = config->width;
	double mean = 0, variance = 0;

	for (int j = 0; j < c; j++)
		mean += (double)x[j] / c;
	for (int j = 0; j < c; j++)
		variance += (x[j] - mean) * (x[j] - mean) / c;
	return 1 / sqrt(variance + gpt_epsilon(config));
}

/* d[c] of a row, x[c], for two tokens. */
static void find_direction(const struct gpt_attribution *attribution, const float *x, int a, int b,
                           double *d)
{
	const struct weights *weights = &attribution->weights;
	const int c = attribution->config.width;
	const float *w_a = weights->head + (size_t)a * (size_t)c;
	const float *w_b = weights->head + (size_t)b * (size_t)c;
	const double rstd = reciprocal_deviation(&attribution->config, x);
	double mean = 0;

	for (int j = 0; j < c; j++) {
		d[j] = (double)weights->gain[j] * ((double)w_a[j] - w_b[j]);
		mean += d[j] / c;
	}
	for (int j = 0; j < c; j++)
		d[j] = rstd * (d[j] - mean);
}

static double dot(const float *x, const double *d, int count)
{
	double sum = 0;

	for (int j = 0; j < count; j++)
		sum += x[j] * d[j];
	return sum;
}

static double dot_floats(const float *x, const float *y, int count)
{
	double sum = 0;

	for (int j = 0; j < count; j++)
		sum += (double)x[j] * y[j];
	return sum;
}

/* What the bias of the last norm adds. */
static double norm_bias(const struct gpt_attribution *attribution, int a, int b)
{
	const struct weights *weights = &attribution->weights;
	const int c = attribution->config.width;

	return dot_floats(weights->bias, weights->head + (size_t)a * (size_t)c, c) -
	       dot_floats(weights->bias, weights->head + (size_t)b * (size_t)c, c);
}

/* The values of a layer, for row i of count from first on. Its part of back is there. */
static void find_layer(const struct gpt_attribution *attribution, int layer, int first, int i,
                       double *values)
{
	const struct weights *weights = &attribution->weights;
	const int c = attribution->config.width, heads = attribution->config.heads, d = c / heads;
	const int matrix = LAYERS + KEPT_OF_LAYER * layer;
	const float *z = kept(attribution, matrix + Z) + (size_t)(first + i) * (size_t)c;
	const float *mlp = kept(attribution, matrix + MLP) + (size_t)(first + i) * (size_t)c;
	const float *back = attribution->back + (size_t)i * (size_t)c;
	const double *direction = attribution->direction + (size_t)i * (size_t)c;

	for (int h = 0; h < heads; h++)
		*values++ = dot_floats(z + h * d, back + h * d, d);
	if (!attribution->shape.biases) {
		*values = dot(mlp, direction, c);
		return;
	}
	values[0] = dot(weights->attn_bias[layer], direction, c);
	/* The bias was added with it, unless both are ablated. */
	values[2] = gpt_mlp_ablated(attribution->gpt, layer, attribution->row[first + i]) ? 0 :
	            dot(weights->mlp_bias[layer], direction, c);
	values[1] = dot(mlp, direction, c) - values[2];
}

/* The directions of the rows, and what is in no layer. */
static void find_directions(struct gpt_attribution *attribution, int first, int count,
                            const int32_t *a, const int32_t *b, double *values)
{
	const size_t c = (size_t)attribution->config.width;
	const size_t parts = attribution_count(&attribution->shape);

	for (int i = 0; i < count; i++) {
		double *d = attribution->direction + (size_t)i * c, *value = values + (size_t)i * parts;
		const size_t at = (size_t)(first + i) * c;
		find_direction(attribution, kept(attribution, LAST) + at, a[i], b[i], d);
		value[0] = dot(kept(attribution, EMBED) + at, d, (int)c);
		value[1] = dot(kept(attribution, POS_EMBED) + at, d, (int)c);
		if (attribution->shape.biases)
			value[parts - 1] = norm_bias(attribution, a[i], b[i]);
	}
	for (size_t j = 0; j < (size_t)count * c; j++)
		attribution->rounded[j] = (float)attribution->direction[j];
}

void gpt_attribution_find(struct gpt_attribution *attribution, int first, int count,
                          const int32_t *a, const int32_t *b, double *values)
{
	const struct attribution_shape *shape = &attribution->shape;
	const size_t parts = attribution_count(shape);

	assert(first >= 0 && count >= 0 && count <= attribution->count - first);
	if (count == 0)
		return;
	find_directions(attribution, first, count, a, b, values);
	for (int l = 0; l < shape->layers; l++) {
		gpt_project_back(attribution->gpt, l, count, attribution->rounded, attribution->back);
		for (int i = 0; i < count; i++)
			find_layer(attribution, l, first, i,
			           values + (size_t)i * parts + attribution_layer(shape, l));
	}
}
