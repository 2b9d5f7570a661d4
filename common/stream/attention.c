#include "common/stream/attention.h"

#include "common/stream/header.h"
#include "common/stream/pack.h"
#include "common/stream/row_fields.h"

json_t *attention_header(const json_t *from, const struct vocab *vocab, json_t *model, int argc,
                         char **argv)
{
	json_t *header = header_new_of_model(STREAM_ATTENTION, from, vocab, model, argc, argv);

	row_fields_add_bin(header, "probs", vocab);
	return header;
}

int attention_write(struct stream_writer *writer, const struct attention_record *attention,
                    const struct span_kinds *kinds, struct err *err)
{
	const struct text_rows rows = {attention->record, attention->vocab, attention->query,
	                               attention->count};
	msgpack_packer *packer = stream_record(writer);

	msgpack_pack_map(packer, (size_t)(5 + row_fields_of_text(&rows)));
	row_fields_pack_id(packer, attention->record, attention->sample);
	pack_key(packer, "layer");
	msgpack_pack_uint32(packer, (uint32_t)attention->layer);
	pack_key(packer, "head");
	msgpack_pack_uint32(packer, (uint32_t)attention->head);
	row_fields_pack_text(packer, &rows, kinds);
	pack_key(packer, "probs");
	msgpack_pack_array(packer, (size_t)attention->count);
	for (int i = 0; i < attention->count; i++)
		row_fields_pack_floats(packer, attention->row[i], (size_t)attention->query[i] + 1);
	return stream_commit(writer, err);
}
