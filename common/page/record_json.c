#include "common/page/record_json.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/page/page_text.h"

/* A token is named by its number in the vocabulary or, if each is a character, by that. */
#define NAMES (UTF8_BYTE + 256)

struct record_json {
	uint32_t *piece; /* [NAMES] 1 + the index in the list of pieces; 0: not in this text */
	/* The lists of one text. */
	json_t *pieces, *tokens, *at;
};

struct record_json *record_json_new(struct err *err)
{
	struct record_json *memory = calloc(1, sizeof *memory);

	if (memory)
		memory->piece = calloc(NAMES, sizeof *memory->piece);
	if (memory && memory->piece)
		return memory;
	record_json_free(memory);
	err_set(err, "out of memory");
	return NULL;
}

void record_json_free(struct record_json *memory)
{
	if (memory)
		free(memory->piece);
	free(memory);
}

/* Add a token. -1 if memory is out. */
static int add_token(struct record_json *memory, uint32_t name, struct piece piece)
{
	if (memory->piece[name] == 0) {
		json_t *shown = page_text_json(ESCAPE_WORD, piece.bytes, piece.size);
		if (json_array_append_new(memory->pieces, shown) < 0)
			return -1;
		memory->piece[name] = (uint32_t)json_array_size(memory->pieces);
	}
	return json_array_append_new(memory->tokens, json_integer(memory->piece[name] - 1));
}

/* Each character is a token. */
static int add_characters(struct record_json *memory, const struct record *record)
{
	size_t taken;

	for (size_t at = 0; at < record->size; at += taken) {
		uint32_t code;
		taken = text_decode(record->text + at, record->size - at, &code);
		if (add_token(memory, code, (struct piece){record->text + at, taken}) < 0)
			return -1;
	}
	return 0;
}

/* Tokens are pieces; so it is said which character each begins in. */
static int add_pieces(struct record_json *memory, const struct record *record,
                      const struct vocab *vocab)
{
	size_t begin = 0, end = 0; /* bytes: of the token; behind the characters that were counted */
	long characters = 0;

	memory->at = json_array();
	for (uint32_t i = 0; i < record->length; i++) {
		const struct piece piece = vocab_piece(vocab, record->tokens[i]);
		uint32_t code;
		while (end <= begin && end < record->size) {
			end += text_decode(record->text + end, record->size - end, &code);
			characters++;
		}
		if (json_array_append_new(memory->at, json_integer(characters - (end > begin))) < 0 ||
		    add_token(memory, record->tokens[i], piece) < 0)
			return -1;
		begin += piece.size;
	}
	return 0;
}

static json_t *spans_json(const struct record *record, const struct span_kinds *kinds)
{
	json_t *spans = json_array();

	for (uint32_t i = 0; i < record->span_count; i++) {
		const struct span *span = &record->spans[i];
		if (json_array_append_new(spans, json_pack("[I, I, s, i]", (json_int_t)span->begin,
		                                           (json_int_t)span->end,
		                                           kinds->word[span->kind], span->entry)) < 0) {
			json_decref(spans);
			return NULL;
		}
	}
	return spans;
}

json_t *record_json(struct record_json *memory, const struct attention_record *attention,
                    const struct span_kinds *kinds)
{
	const struct record *record = attention->record;
	int status;

	memset(memory->piece, 0, NAMES * sizeof *memory->piece);
	memory->pieces = json_array();
	memory->tokens = json_array();
	memory->at = NULL;
	if (attention->vocab)
		status = add_pieces(memory, record, attention->vocab);
	else
		status = add_characters(memory, record);
	json_t *result = json_pack("{s:o, s:o, s:o, s:o}", "pieces", memory->pieces, "tokens",
	                           memory->tokens, "at", memory->at ? memory->at : json_null(),
	                           "spans", spans_json(record, kinds));
	if (status == 0)
		return result;
	json_decref(result);
	return NULL;
}
