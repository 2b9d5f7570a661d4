#include "common/stream/row_fields.h"

#include <string.h>

#include "common/stream/header.h"
#include "common/stream/pack.h"
#include "common/stream/text_field.h"

void row_fields_add_bin(json_t *header, const char *field, const struct vocab *vocab)
{
	json_t *bin = json_pack("{s:s}", field, "f32");

	if (!vocab_is_characters(vocab))
		json_object_set_new(bin, "tokens", json_string(header_token_type(vocab)));
	json_object_set_new(header, "bin", bin);
}

void row_fields_pack_id(msgpack_packer *packer, const struct record *record, uint32_t sample)
{
	pack_key(packer, "id");
	msgpack_pack_uint64(packer, record->id);
	pack_key(packer, "sample");
	msgpack_pack_uint32(packer, sample);
}

int row_fields_of_text(const struct text_rows *rows)
{
	return rows->vocab ? 4 : 3;
}

void row_fields_pack_text(msgpack_packer *packer, const struct text_rows *rows,
                          const struct span_kinds *kinds)
{
	const struct record *record = rows->record;

	pack_key(packer, "text");
	text_field_pack(packer, record->text, record->size);
	if (rows->vocab) {
		pack_key(packer, "tokens");
		record_pack_tokens(packer, record, rows->vocab);
	}
	pack_key(packer, "spans");
	record_pack_spans(packer, record->spans, record->span_count, kinds);
	pack_key(packer, "rows");
	msgpack_pack_array(packer, (size_t)rows->count);
	for (int i = 0; i < rows->count; i++)
		msgpack_pack_uint32(packer, (uint32_t)rows->row[i]);
}

void row_fields_pack_floats(msgpack_packer *packer, const float *values, size_t count)
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
