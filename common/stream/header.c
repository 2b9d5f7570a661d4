#include "common/stream/header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/options.h"
#include "common/base/utf8.h"
#include "common/stream/json.h"
#include "common/stream/pack.h"
#include "common/stream/record.h"
#include "common/stream/vocab_json.h"

/* ---- making ---- */

/* An argument as a JSON string. Bytes that are not UTF-8 become U+FFFD. */
static json_t *argument(const char *text)
{
	json_t *string = json_string(text);
	size_t size = strlen(text), length = 0;
	char *clean;

	if (string || !(clean = malloc(3 * size + 1)))
		return string;
	while (size > 0) {
		uint32_t code;
		size_t step = utf8_decode(text, size, &code);
		length += utf8_encode(step ? code : 0xFFFD, clean + length);
		text += step ? step : 1;
		size -= step ? step : 1;
	}
	clean[length] = '\0';
	string = json_string(clean);
	free(clean);
	return string;
}

json_t *header_new(const char *kind, const json_t *from, int argc, char **argv)
{
	json_t *header = json_object(), *args = json_array(), *link = json_object();
	const json_t *before = from ? json_object_get(from, "chain") : NULL;
	json_t *chain = before ? json_deep_copy(before) : json_array();

	for (int i = 1; i < argc; i++)
		json_array_append_new(args, argument(argv[i]));
	json_object_set_new(link, "program", json_string(program_invocation_short_name));
	json_object_set_new(link, "version", json_string(MEMOSCOPE_VERSION));
	json_object_set_new(link, "args", args);
	json_array_append_new(chain, link);

	json_object_set_new(header, "memoscope", json_integer(STREAM_FORMAT));
	json_object_set_new(header, "stream", json_string(kind));
	json_object_set_new(header, "chain", chain);
	return header;
}

json_t *header_new_of_model(const char *kind, const json_t *from, const struct vocab *vocab,
                            json_t *model, int argc, char **argv)
{
	json_t *header = header_new(kind, from, argc, argv);

	json_object_set_new(header, "vocab", vocab_json(vocab));
	json_object_set_new(header, "model", model);
	return header;
}

const char *header_string(const json_t *header, const char *field)
{
	const json_t *value = json_object_get(header, field);
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

/* ---- how many records there are ---- */

void header_set_total(json_t *header, int64_t total)
{
	json_object_set_new(header, "total", json_integer(total));
}

int64_t header_total(const json_t *header)
{
	const json_t *total = json_object_get(header, "total");

	return total ? json_integer_value(total) : -1;
}

static int check_total(const json_t *total, struct err *err)
{
	if (!total || (json_is_integer(total) && json_integer_value(total) >= 0))
		return 0;
	return err_set(err, "\"total\" is not a number of records");
}

/* ---- the vocabulary ---- */

const char *header_token_type(const struct vocab *vocab)
{
	return vocab_size(vocab) <= RECORD_BYTE_VOCAB ? "u8" : "u16";
}

void header_set_vocab(json_t *header, const struct vocab *vocab)
{
	json_t *bin = json_object_get(header, "bin");

	if (!json_is_object(bin)) {
		bin = json_object();
		json_object_set_new(header, "bin", bin);
	}
	json_object_set_new(header, "vocab", vocab_json(vocab));
	if (vocab_bpe(vocab))
		json_object_set_new(header, "bpe", bpe_rules_json(vocab_bpe(vocab)));
	json_object_set_new(bin, "tokens", json_string(header_token_type(vocab)));
}

/* The "bin" of a token stream must agree with its "vocab": some readers go by the one and
 * some by the other, and they must read the same tokens. */
static int check_bin(const json_t *header, const struct vocab *vocab, struct err *err)
{
	const char *kind = header_string(header, "stream");
	const char *type = header_string(json_object_get(header, "bin"), "tokens");

	if (!kind || strcmp(kind, STREAM_TOKENS) != 0 ||
	    (type && strcmp(type, header_token_type(vocab)) == 0))
		return 0;
	return err_set(err, "\"bin\": tokens are %s%.40s%s, expected \"%s\" where the \"vocab\" has %d "
	               "tokens", type ? "\"" : "", type ? type : "of no type",
	               type ? "\"" : "", header_token_type(vocab), vocab_size(vocab));
}

struct vocab *header_vocab(const json_t *header, struct err *err)
{
	struct vocab *vocab = vocab_of_json(json_object_get(header, "vocab"),
	                                    json_object_get(header, "bpe"), err);

	if (vocab && check_bin(header, vocab, err) < 0) {
		vocab_free(vocab);
		return NULL;
	}
	return vocab;
}

/* ---- checks ---- */

static bool is_one_of(const char *kind, const char *const *kinds)
{
	for (size_t i = 0; kinds[i]; i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

/* What to do if a stream of one kind was expected and another came. */
static const char *cure(const char *kind, const char *const *kinds)
{
	static const char *const for_models[] = {STREAM_TEXT, STREAM_TOKENS, STREAM_GENERATIONS, NULL};

	if (!kinds[0] || kinds[1])
		return "";
	if (strcmp(kinds[0], STREAM_ATTENTION) == 0 && is_one_of(kind, for_models))
		return "; attn-dump makes it of a model and such a stream";
	if (strcmp(kinds[0], STREAM_GENERATIONS) == 0 && is_one_of(kind, for_models))
		return "; gpt-sample or gpt-score makes them of a model and such a stream";
	if (strcmp(kinds[0], STREAM_TOKENS) == 0 && strcmp(kind, STREAM_TEXT) == 0)
		return "; tokenize makes them";
	if (strcmp(kinds[0], STREAM_TEXT) == 0 && strcmp(kind, STREAM_TOKENS) == 0)
		return "; tokenize -d makes it";
	return "";
}

static int wrong_kind(const char *kind, const char *const *kinds, struct err *err)
{
	char list[160] = "";

	for (size_t i = 0; kinds[i]; i++) {
		size_t used = strlen(list);
		snprintf(list + used, sizeof list - used, "%s'%s'", i ? " or " : "", kinds[i]);
	}
	return err_set(err, "a stream of kind '%.40s', expected %s%s", kind, list, cure(kind, kinds));
}

static int check_chain(const json_t *chain, struct err *err)
{
	if (!json_is_array(chain))
		return err_set(err, "no \"chain\", an array of programs");
	for (size_t i = 0; i < json_array_size(chain); i++) {
		const json_t *link = json_array_get(chain, i);
		if (!header_string(link, "program") || !header_string(link, "version") ||
		    !json_is_array(json_object_get(link, "args")))
			return err_set(err, "link %zu of the chain has no program, version and args", i);
	}
	return 0;
}

int header_check(const json_t *header, const char *const *kinds, struct err *err)
{
	const json_t *format = json_object_get(header, "memoscope");
	const char *kind = header_string(header, "stream");

	if (!json_is_integer(format) || json_integer_value(format) != STREAM_FORMAT)
		return err_set(err, "\"memoscope\" is not %d, the only format this version reads",
		               STREAM_FORMAT);
	if (!kind)
		return err_set(err, "no \"stream\", the kind as a string");
	if (check_chain(json_object_get(header, "chain"), err) < 0 ||
	    check_total(json_object_get(header, "total"), err) < 0)
		return -1;
	if (kinds && !is_one_of(kind, kinds))
		return wrong_kind(kind, kinds, err);
	return 0;
}

/* The first field of a that b lacks or has another value for, except the chain. NULL: none. */
static const char *different_field(const json_t *a, const json_t *b)
{
	for (void *at = json_object_iter((json_t *)a); at;
	     at = json_object_iter_next((json_t *)a, at)) {
		const char *key = json_object_iter_key(at);
		if (strcmp(key, "chain") != 0 &&
		    !json_equal(json_object_iter_value(at), json_object_get(b, key)))
			return key;
	}
	return NULL;
}

/* Two vocabularies: say where they differ. -1 with err set. */
static int different_vocab(const json_t *header, const json_t *first, struct err *err)
{
	struct err why = {0};
	struct vocab *have = header_vocab(header, &why), *want = header_vocab(first, &why);
	char difference[VOCAB_DIFFERENCE];

	if (!have || !want)
		err_set(err, "%s", why.text);
	else
		err_set(err, "the vocabulary is not that of the first segment: %s; tokenize --vocab makes "
		        "tokens with the vocabulary of another stream",
		        vocab_difference(have, want, "that", difference));
	vocab_free(have);
	vocab_free(want);
	return -1;
}

int header_check_same(const json_t *header, const json_t *first, struct err *err)
{
	const char *kind = header_string(header, "stream");
	const char *first_kind = header_string(first, "stream");
	const char *field;

	if (strcmp(kind, first_kind) != 0)
		return err_set(err, "a segment of kind '%.40s' in a stream of kind '%.40s'", kind,
		               first_kind);
	field = header_string(header, "vocab");
	if (field && header_string(first, "vocab") && strcmp(field, header_string(first, "vocab")) != 0)
		return different_vocab(header, first, err);
	field = different_field(first, header);
	if (!field)
		field = different_field(header, first);
	if (field)
		return err_set(err, "\"%.60s\" differs from that of the first segment", field);
	return 0;
}

/* ---- packing ---- */

void header_pack(const json_t *header, msgpack_packer *packer)
{
	static const char *const first[] = {"memoscope", "stream", "chain"};

	msgpack_pack_map(packer, json_object_size(header));
	for (size_t i = 0; i < 3; i++) {
		pack_key(packer, first[i]);
		json_to_msgpack(json_object_get(header, first[i]), packer);
	}
	for (void *at = json_object_iter((json_t *)header); at;
	     at = json_object_iter_next((json_t *)header, at)) {
		const char *key = json_object_iter_key(at);
		if (strcmp(key, first[0]) == 0 || strcmp(key, first[1]) == 0 ||
		    strcmp(key, first[2]) == 0)
			continue;
		pack_key(packer, key);
		json_to_msgpack(json_object_iter_value(at), packer);
	}
}
