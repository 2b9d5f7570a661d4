#include "common/stream/text_field.h"

#include "common/base/utf8.h"
#include "common/stream/pack.h"

void text_field_pack(msgpack_packer *packer, const char *text, size_t size)
{
	if (utf8_length(text, size) >= 0) {
		pack_string(packer, text, size);
		return;
	}
	msgpack_pack_bin(packer, size);
	msgpack_pack_bin_body(packer, text, size);
}

bool text_field_read(const msgpack_object *object, struct piece *text)
{
	if (!object)
		return false;
	if (object->type == MSGPACK_OBJECT_BIN) {
		*text = (struct piece){object->via.bin.ptr, object->via.bin.size};
		return true;
	}
	if (object->type != MSGPACK_OBJECT_STR)
		return false;
	*text = (struct piece){object->via.str.ptr, object->via.str.size};
	return utf8_length(text->bytes, text->size) >= 0;
}
