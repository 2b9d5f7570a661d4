/* Any bytes as a checkpoint of PyTorch: an error is one line, what was read is a network.
 *
 * Few changes of an archive keep its checksums, so those of data.pkl and its storages are set right
 * first: the entry's bytes stand where the archive says. */
#include "common/model/checkpoint.h"
#include "tests/fuzz/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t number(const uint8_t *at, int bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < bytes; i++)
		value |= (uint32_t)at[i] << 8 * i;
	return value;
}

/* CRC-32 of ISO 3309, bit by bit. */
static uint32_t crc32(const uint8_t *data, size_t size)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* Each header of the central directory (PK\1\2) gets the checksum of its entry's bytes; the header
 * before the entry (PK\3\4) has none, for it stands behind the bytes (bit 3). */
static void set_checksums(uint8_t *data, size_t size)
{
	for (size_t at = 0; at + 46 < size; at++) {
		if (memcmp(data + at, "PK\1\2", 4) != 0)
			continue;
		const size_t bytes = number(data + at + 20, 4), local = number(data + at + 42, 4);
		if (local + 30 > size)
			continue;
		const size_t names = number(data + local + 26, 2) + number(data + local + 28, 2);
		const size_t begin = local + 30 + names;
		if (begin > size || bytes > size - begin)
			continue;
		const uint32_t sum = crc32(data + begin, bytes);
		memcpy(data + at + 16, &sum, sizeof sum);
		if ((data[local + 6] & 8) == 0)
			memcpy(data + local + 14, &sum, sizeof sum);
		else if (begin + bytes + 8 <= size)
			memcpy(data + begin + bytes + 4, &sum, sizeof sum);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	struct err err = {0};
	struct model model;
	bool nanogpt;
	int fd = -1;

	memcpy(copy, data, size);
	set_checksums(copy, size);
	const char *path = hold(&fd, (const char *)copy, size);
	if (checkpoint_load(path, &model, &nanogpt, &err) < 0) {
		check_error(&err);
	} else {
		float sum = 0;
		for (size_t i = 0; i < gpt_parameter_count(&model.config); i++)
			sum += model.params[i];
		EXPECT(model.about && sum == sum);
		model_release(&model);
	}
	close(fd);
	free(copy);
	return 0;
}
