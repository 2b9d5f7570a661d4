#include "common/stream/attention.h"

#include <string.h>

#include "common/stream/header.h"
#include "common/stream/pack.h"
#include "common/stream/text_field.h"

json_t *attention_header(const json_t *from, const struct vocab *vocab, json_t *model, int argc,
                         char **argv)
{
	json_t *header = header_new_of_model(STREAM_ATTENTION, from, vocab, model, argc, argv);

	json_object_set_new(header, "bin", json_pack("{s:s}", "probs", "f32"));
	if (!vocab_is_characters(vocab)) {
		json_t *bin = json_object_get(header, "bin");
		json_object_set_new(bin, "tokens", json_string(header_token_type(vocab)));
	}
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
	for (int i = 0; i < attention->count; i++)
		pack_floats(packer, attention->row[i], (size_t)attention->query[i] + 1);
}

int attention_write(struct stream_writer *writer, const struct attention_record *attention,
                    const struct span_kinds *kinds, struct err *err)
{
	const struct record *record = attention->record;
	msgpack_packer *packer = stream_record(writer);

	msgpack_pack_map(packer, attention->vocab ? 9 : 8);
	pack_key(packer, "id");
	msgpack_pack_uint64(packer, record->id);
	pack_key(packer, "sample");
	msgpack_pack_uint32(packer, attention->sample);
	pack_key(packer, "layer");
	msgpack_pack_uint32(packer, (uint32_t)attention->layer);
	pack_key(packer, "head");
	msgpack_pack_uint32(packer, (uint32_t)attention->head);
	pack_key(packer, "text");
	text_field_pack(packer, record->text, record->size);
	if (attention->vocab) {
		pack_key(packer, "tokens");
		record_pack_tokens(packer, record, attention->vocab);
	}
	pack_key(packer, "spans");
	record_pack_spans(packer, record->spans, record->span_count, kinds);
	pack_rows(packer, attention);
	return stream_commit(writer, err);
}
