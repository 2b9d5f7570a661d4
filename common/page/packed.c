#include "common/page/packed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* the largest window, and gzip's header and end (zlib.h) */
#define LEVEL 9

/* RFC 4648. out has room for 4 characters for each 3 bytes, or part of 3. */
static size_t base64(const unsigned char *bytes, size_t size, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *to = out;

	for (size_t at = 0; at < size; at += 3) {
		const size_t left = size - at;
		const unsigned three = (unsigned)bytes[at] << 16 |
		                       (left > 1 ? (unsigned)bytes[at + 1] << 8 : 0) |
		                       (left > 2 ? (unsigned)bytes[at + 2] : 0);
		*to++ = digits[three >> 18];
		*to++ = digits[three >> 12 & 63];
		*to++ = left > 1 ? digits[three >> 6 & 63] : '=';
		*to++ = left > 2 ? digits[three & 63] : '=';
	}
	return (size_t)(to - out);
}

/* Compress into new memory, the caller's. NULL if memory is out. */
static unsigned char *gzip(const void *bytes, size_t size, size_t *packed)
{
	z_stream stream = {0};
	unsigned char *out;
	uLong room;
	int status = Z_MEM_ERROR;

	if (size > UINT32_MAX ||
	    deflateInit2(&stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	room = deflateBound(&stream, (uLong)size);
	out = malloc(room);
	if (out && room <= UINT32_MAX) {
		stream.next_in = (Bytef *)(uintptr_t)bytes; /* zlib reads it only */
		stream.avail_in = (uInt)size;
		stream.next_out = out;
		stream.avail_out = (uInt)room;
		status = deflate(&stream, Z_FINISH);
	}
	*packed = stream.total_out;
	deflateEnd(&stream);
	if (status == Z_STREAM_END)
		return out;
	free(out);
	return NULL;
}

int packed_append(struct text_buffer *out, const void *bytes, size_t size, struct err *err)
{
	size_t packed;
	unsigned char *compressed = gzip(bytes, size, &packed);

	if (!compressed || !text_buffer_reserve(out, (packed + 2) / 3 * 4)) {
		free(compressed);
		return err_set(err, "out of memory");
	}
	out->size += base64(compressed, packed, out->text + out->size);
	free(compressed);
	return 0;
}

int packed_append_json(struct text_buffer *out, json_t *value, struct err *err)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY |
	                                JSON_REAL_PRECISION(4)) : NULL;
	int result;

	json_decref(value);
	if (!text)
		return err_set(err, "out of memory");
	result = packed_append(out, text, strlen(text), err);
	free(text);
	return result;
}
