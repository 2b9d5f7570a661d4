#include "common/model/attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/gpt_inspect.h"

struct attention {
	struct gpt_config config;
	const struct kernels *kernels;
	struct device *dev;
	float *params;
	struct gpt *gpt;
	int32_t *token, *position; /* [context] */
	float *matrix; /* [context, context] */
	float *outputs; /* [context, width] of one layer */
	float *logits; /* [context, vocab] of one head; NULL: not asked for yet */
	int32_t begin[2];
	struct gpt_batch batch; /* the record run last: one sequence, batch.count rows */
};

/* The network in device memory, its parameters first. */
static int place_network(struct attention *attention, const struct model *model,
                         struct err *err)
{
	const struct gpt_config *config = &model->config;
	const struct kernels *k = attention->kernels;

	attention->dev = k->open(DTYPE_F32, err);
	if (!attention->dev)
		return -1;
	attention->params = gpt_upload_parameters(config, k, attention->dev, model->params, err);
	if (!attention->params)
		return -1;
	attention->gpt = gpt_new(config, k, attention->dev, attention->params, config->context,
	                         GPT_KEEP_ATTENTION, err);
	return attention->gpt ? 0 : -1;
}

struct attention *attention_new(const struct model *model, const struct kernels *kernels,
                                struct err *err)
{
	struct attention *attention = calloc(1, sizeof *attention);
	const size_t context = (size_t)model->config.context;

	if (!attention) {
		err_set(err, "out of memory");
		return NULL;
	}
	attention->config = model->config;
	attention->kernels = kernels;
	attention->token = malloc(context * sizeof *attention->token);
	attention->position = malloc(context * sizeof *attention->position);
	attention->matrix = malloc(context * context * sizeof *attention->matrix);
	attention->outputs = malloc(context * (size_t)model->config.width *
	                            sizeof *attention->outputs);
	if (attention->token && attention->position && attention->matrix && attention->outputs &&
	    place_network(attention, model, err) == 0)
		return attention;
	err_set(err, "out of memory for a matrix of %zu rows", context);
	attention_free(attention);
	return NULL;
}

void attention_free(struct attention *attention)
{
	if (!attention)
		return;
	gpt_free(attention->gpt);
	if (attention->dev) {
		attention->kernels->free(attention->dev, attention->params);
		attention->kernels->close(attention->dev);
	}
	free(attention->token);
	free(attention->position);
	free(attention->matrix);
	free(attention->outputs);
	free(attention->logits);
	free(attention);
}

int attention_run(struct attention *attention, const struct record *record, struct err *err)
{
	const int context = attention->config.context;
	int rows = (int)record->length;

	if (gpt_check_text(&attention->config, record->length, err) < 0)
		return -1;
	if (rows > context)
		rows = context;
	for (int i = 0; i < rows; i++) {
		attention->token[i] = record->tokens[i];
		attention->position[i] = i;
	}
	attention->begin[1] = rows;
	attention->batch = (struct gpt_batch){
		.count = rows,
		.sequences = {.count = 1, .begin = attention->begin, .longest = rows},
		.token = attention->token,
		.position = attention->position,
	};
	if (rows > 0)
		gpt_forward(attention->gpt, &attention->batch, NULL);
	return rows;
}

const float *attention_matrix(struct attention *attention, int layer, int head,
                              struct err *err)
{
	const size_t rows = (size_t)attention->batch.count;

	if (rows > 0)
		gpt_attention_probs(attention->gpt, layer, 0, head, attention->matrix);
	for (size_t i = 0; i < rows * rows; i++)
		if (!isfinite(attention->matrix[i])) {
			err_set(err, "layer %d, head %d: the model's attention is not finite", layer,
			        head);
			return NULL;
		}
	return attention->matrix;
}

const float *attention_outputs(struct attention *attention, int layer)
{
	if (attention->batch.count > 0)
		gpt_head_outputs(attention->gpt, layer, attention->outputs);
	return attention->outputs;
}

const float *attention_head_logits(struct attention *attention, int layer, int head,
                                   struct err *err)
{
	const struct gpt_config *config = &attention->config;

	if (!attention->logits)
		attention->logits = malloc((size_t)config->context * (size_t)config->vocab *
		                           sizeof *attention->logits);
	if (!attention->logits)
		err_set(err, "out of memory for the logits of a head");
	else if (attention->batch.count > 0)
		gpt_head_logits(attention->gpt, layer, head, attention->logits);
	return attention->logits;
}

/* ---- the stream ---- */

json_t *attention_header(const json_t *from, const struct vocab *vocab, json_t *model, int argc,
                         char **argv)
{
	json_t *header = header_new_of_model(STREAM_ATTENTION, from, vocab, model, argc, argv);

	json_object_set_new(header, "bin", json_pack("{s:s}", "probs", "f32"));
	return header;
}

static void pack_floats(msgpack_packer *packer, const float *values, size_t count)
{
	unsigned char bytes[4096];

	msgpack_pack_bin(packer, count * 4);
	for (size_t at = 0; at < count;) {
		size_t size = 0;
		for (; at < count && size < sizeof bytes; at++, size += 4) {
			uint32_t bits;
			memcpy(&bits, &values[at], sizeof bits);
			for (int i = 0; i < 4; i++)
				bytes[size + (size_t)i] = (unsigned char)(bits >> 8 * i);
		}
		msgpack_pack_bin_body(packer, bytes, size);
	}
}

static void pack_rows(msgpack_packer *packer, const struct attention_record *attention)
{
	pack_key(packer, "rows");
	msgpack_pack_array(packer, (size_t)attention->count);
	for (int i = 0; i < attention->count; i++)
		msgpack_pack_uint32(packer, (uint32_t)attention->query[i]);
	pack_key(packer, "probs");
	msgpack_pack_array(packer, (size_t)attention->count);
	for (int i = 0; i < attention->count; i++) {
		const size_t query = (size_t)attention->query[i];
		pack_floats(packer, attention->matrix + query * (size_t)attention->rows, query + 1);
	}
}

int attention_write(struct stream_writer *writer, const struct attention_record *attention,
                    const struct span_kinds *kinds, struct err *err)
{
	const struct record *record = attention->record;
	msgpack_packer *packer = stream_record(writer);

	msgpack_pack_map(packer, 8);
	pack_key(packer, "id");
	msgpack_pack_uint64(packer, record->id);
	pack_key(packer, "sample");
	msgpack_pack_uint32(packer, attention->sample);
	pack_key(packer, "layer");
	msgpack_pack_uint32(packer, (uint32_t)attention->layer);
	pack_key(packer, "head");
	msgpack_pack_uint32(packer, (uint32_t)attention->head);
	pack_key(packer, "text");
	pack_string(packer, record->text, record->size);
	pack_key(packer, "spans");
	record_pack_spans(packer, record->spans, record->span_count, kinds);
	pack_rows(packer, attention);
	return stream_commit(writer, err);
}
