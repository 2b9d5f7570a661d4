/* tokenize - turn records of text into records of tokens, and back. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/options.h"
#include "common/model/model_vocab.h"
#include "common/stream/charset.h"
#include "common/stream/record.h"
#include "common/stream/stream_spool.h"

static const char *vocab_path; /* NULL: the header's alphabet, or else what the input has */
static bool decode;

static const char *const text_kinds[] = {STREAM_TEXT, NULL};
static const char *const token_kinds[] = {STREAM_TOKENS, NULL};

static const struct option options[] = {
	{.name = "decode", .key = 'd', .type = OPTION_FLAG, .value = &decode,
	 .text = "turn tokens back into text"},
	{.name = "vocab", .type = OPTION_TEXT, .value = &vocab_path, .argument = "FILE",
	 .text = "a JSON file, a stream of tokens or a model directory with the vocabulary "
	         "(default: the alphabet that the input names, or else its characters)"},
	{0},
};

static const struct program program = {
	.operands = "",
	.text = "Turn a stream of text into tokens, characters or pieces of text, or back.",
	.options = options,
};

/* What a record is read into, with the vocabulary and kinds that it refers to. */
struct desk {
	const struct vocab *vocab;
	struct span_kinds kinds;
	struct record_buffer buffer;
	struct record record;
};

static int encode_record(struct stream_reader *reader, const struct stream_record *raw,
                         struct stream_writer *writer, struct desk *desk, struct err *err)
{
	struct err found = {0};

	if (record_read_text(reader, raw, &desk->kinds, &desk->buffer, &desk->record, err) < 0)
		return -1;
	if (record_encode(desk->vocab, &desk->buffer, &desk->record, &found) < 0)
		return stream_bad(reader, err, "%s; %s", found.text, vocab_path ?
		                  "without --vocab the vocabulary is that of the input" :
		                  "the vocabulary is the alphabet that the input's header names; --vocab "
		                  "takes another");
	return record_write_tokens(writer, &desk->record, desk->vocab, &desk->kinds, err);
}

static int decode_record(struct stream_reader *reader, const struct stream_record *raw,
                         struct stream_writer *writer, struct desk *desk, struct err *err)
{
	if (record_read_as_text(reader, raw, desk->vocab, &desk->kinds, &desk->buffer, &desk->record,
	                        err) < 0)
		return -1;
	return record_write_text(writer, &desk->record, &desk->kinds, err);
}

static int convert(struct stream_reader *reader, struct stream_writer *writer,
                   const struct vocab *vocab, struct err *err)
{
	struct desk desk = {.vocab = vocab};
	struct stream_record raw;
	int status;

	span_kinds_init(&desk.kinds);
	while ((status = stream_next(reader, &raw, err)) > 0) {
		status = (decode ? decode_record : encode_record)(reader, &raw, writer, &desk, err);
		if (status < 0)
			break;
	}
	record_buffer_release(&desk.buffer);
	return status;
}

/* Copy all records and return the vocabulary of their characters. */
static struct vocab *copy_all(struct stream_reader *reader, struct stream_spool *spool,
                              struct err *err)
{
	struct charset *set = calloc(1, sizeof *set);
	struct span_kinds kinds;
	struct record_buffer buffer = {0};
	struct stream_record raw;
	struct record record;
	struct vocab *vocab = NULL;
	int status = set ? 1 : err_set(err, "out of memory");

	span_kinds_init(&kinds);
	while (status > 0 && (status = stream_next(reader, &raw, err)) > 0) {
		struct err found = {0};
		if (record_read_text(reader, &raw, &kinds, &buffer, &record, err) < 0)
			status = -1;
		else if (charset_add(set, record.text, record.size, &found) < 0)
			status = stream_bad(reader, err, "%s", found.text);
		else if (stream_spool_add(spool, &raw, err) < 0)
			status = -1;
	}
	record_buffer_release(&buffer);
	if (status == 0) {
		char *text = charset_text(set);
		vocab = text ? vocab_new(text, strlen(text), err) : NULL;
		free(text);
	}
	free(set);
	return vocab;
}

/* Read the whole input for its characters. *reader then reads it again. */
static struct vocab *vocab_of_all(struct stream_reader **reader, struct err *err)
{
	struct stream_spool spool;
	struct vocab *vocab = NULL;

	if (stream_spool_open(&spool, stream_header(*reader), err) == 0)
		vocab = copy_all(*reader, &spool, err);
	stream_close(*reader);
	*reader = vocab ? stream_spool_read(&spool, text_kinds, err) : NULL;
	stream_spool_drop(&spool);
	if (*reader)
		return vocab;
	vocab_free(vocab);
	return NULL;
}

/* Does JSON begin with this byte? No stream does. */
static bool begins_json(unsigned char byte)
{
	return byte < 0x80 || byte == 0xEF /* of a byte order mark */;
}

/* The vocabulary of a token stream; what follows its header is not read. */
static struct vocab *vocab_of_stream(const char *path, struct err *err)
{
	struct stream_reader *reader = stream_open(path, token_kinds, err);
	struct vocab *vocab = reader ? stream_vocab(reader, err) : NULL;

	stream_close(reader);
	return vocab;
}

/* That of --vocab. A byte of a pipe cannot be looked at and left there, so a pipe holds JSON. */
static struct vocab *vocab_of_path(struct err *err)
{
	struct stat status = {0};
	unsigned char byte = 0;

	if (stat(vocab_path, &status) == 0 && S_ISDIR(status.st_mode))
		return model_vocab_load(vocab_path, err);
	const int fd = S_ISREG(status.st_mode) ? file_open(vocab_path, O_RDONLY) : -1;
	const bool stream = fd >= 0 && pread(fd, &byte, 1, 0) == 1 && !begins_json(byte);
	if (fd >= 0)
		file_close(fd);
	return stream ? vocab_of_stream(vocab_path, err) : vocab_load_any(vocab_path, err);
}

static struct vocab *find_vocab(struct stream_reader **reader, struct err *err)
{
	const json_t *alphabet = json_object_get(stream_header(*reader), "alphabet");

	if (decode)
		return stream_vocab(*reader, err);
	if (vocab_path)
		return vocab_of_path(err);
	if (json_is_string(alphabet))
		return vocab_new(json_string_value(alphabet), json_string_length(alphabet), err);
	return vocab_of_all(reader, err);
}

static json_t *make_header(const struct stream_reader *reader, const struct vocab *vocab,
                           int argc, char **argv)
{
	json_t *header = header_new(decode ? STREAM_TEXT : STREAM_TOKENS, stream_header(reader),
	                            argc, argv);

	if (decode && vocab_is_characters(vocab))
		json_object_set_new(header, "alphabet", json_string(vocab_text(vocab)));
	else if (!decode)
		header_set_vocab(header, vocab);
	return header;
}

int main(int argc, char **argv)
{
	struct err err = {0};

	options_parse(&program, argc, argv);
	if (decode && vocab_path)
		die_usage("--vocab: not with --decode, because tokens name their vocabulary");
	struct stream_reader *reader = stream_open("-", decode ? token_kinds : text_kinds, &err);
	struct vocab *vocab = reader ? find_vocab(&reader, &err) : NULL;
	if (!vocab)
		err_exit(&err);
	json_t *header = make_header(reader, vocab, argc, argv);
	struct stream_writer *writer = stream_create(STDOUT_FILENO, "standard output", header, &err);
	json_decref(header);
	if (!writer || convert(reader, writer, vocab, &err) < 0 || stream_end(writer, &err) < 0)
		err_exit(&err);
	stream_close(reader);
	vocab_free(vocab);
	return 0;
}
