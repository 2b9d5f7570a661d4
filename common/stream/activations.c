#include "common/stream/activations.h"

#include <string.h>

#include "common/stream/header.h"
#include "common/stream/pack.h"

json_t *activations_header(const json_t *from, const struct vocab *vocab, json_t *model, int argc,
                           char **argv)
{
	json_t *header = header_new_of_model(STREAM_ACTIVATIONS, from, vocab, model, argc, argv);

	row_fields_add_bin(header, "values", vocab);
	return header;
}

static void pack_name(msgpack_packer *packer, const char *key, const char *name)
{
	pack_key(packer, key);
	pack_string(packer, name, strlen(name));
}

static void pack_index(msgpack_packer *packer, const char *key, int index)
{
	if (index < 0)
		return;
	pack_key(packer, key);
	msgpack_pack_uint32(packer, (uint32_t)index);
}

int activations_write(struct stream_writer *writer, const struct activations_record *activations,
                      const struct span_kinds *kinds, struct err *err)
{
	const struct text_rows *rows = &activations->rows;
	const int fields = 5 + (activations->layer >= 0) + (activations->head >= 0);
	msgpack_packer *packer = stream_record(writer);

	msgpack_pack_map(packer, (size_t)(fields + row_fields_of_text(rows)));
	row_fields_pack_id(packer, rows->record, activations->sample);
	pack_name(packer, "at", activations->at);
	pack_name(packer, "hook", activations->hook);
	pack_index(packer, "layer", activations->layer);
	pack_index(packer, "head", activations->head);
	row_fields_pack_text(packer, rows, kinds);
	pack_key(packer, "values");
	msgpack_pack_array(packer, (size_t)rows->count);
	for (int i = 0; i < rows->count; i++)
		row_fields_pack_floats(packer, activations->values +
		                       (size_t)rows->row[i] * activations->stride, activations->width);
	return stream_commit(writer, err);
}
