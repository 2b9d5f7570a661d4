/* Records of text and of tokens are read back as they were written, become tokens and text,
 * and are refused if anything in them is wrong. */
#include "common/stream/charset.h"
#include "common/stream/map.h"
#include "tests/stream/samples.h"

static char program[] = "test";
static char *arguments[] = {program, NULL};

/* ---- round trips ---- */

static const char book[] = "{B}\nÆsa Ó: 211-004 \n=========\nÆsa Ó: 211-004 \n{E}\n";

static void text_round_trip(void)
{
	struct err err = {0};
	struct span_kinds kinds, back;
	span_kinds_init(&kinds);
	struct span spans[] = {
		{4, 9, span_kind(&kinds, "name", 4), 0, 15.25},
		{11, 18, span_kind(&kinds, "number", 6), 0, 1e-300},
		{20, 29, span_kind(&kinds, "rule", 4), -1, 0},
		{30, 35, span_kind(&kinds, "a_very_long_word-of_31_letters_", 31), 2147483647, 1},
	};
	struct record record = {.id = UINT64_MAX, .text = book, .size = sizeof book - 1,
	                        .spans = spans, .span_count = 4, .directory = {"212-005", 7}};
	struct record blank = {.id = 0, .text = "", .size = 0};
	json_t *header = header_new(STREAM_TEXT, NULL, 1, arguments);
	int fd;
	struct stream_writer *writer = create(&fd, header, &err);

	ok(writer && record_write_text(writer, &record, &kinds, &err) == 0 &&
	   record_write_text(writer, &blank, &kinds, &err) == 0 && stream_end(writer, &err) == 0,
	   "records of text are written: %s", err.text);
	json_decref(header);

	const char *const wanted[] = {"tokens", "text", NULL};
	struct stream_reader *reader = stream_open(path_of(fd), wanted, &err);
	struct stream_record raw;
	struct record_buffer buffer = {0};
	span_kinds_init(&back);
	ok(reader != NULL, "the stream opens: %s", err.text);
	ok(stream_next(reader, &raw, &err) == 1 && raw.number == 0 &&
	   record_read_text(reader, &raw, &back, &buffer, &record, &err) == 0,
	   "a record is read: %s", err.text);
	ok(record.id == UINT64_MAX && record.size == sizeof book - 1 && record.length == 50 &&
	   memcmp(record.text, book, record.size) == 0 && record.tokens == NULL,
	   "its id and text are the same");
	bool same = record.span_count == 4;
	for (uint32_t i = 0; same && i < 4; i++)
		same = record.spans[i].begin == spans[i].begin && record.spans[i].end == spans[i].end &&
		       record.spans[i].entry == spans[i].entry &&
		       record.spans[i].nats == spans[i].nats &&
		       strcmp(back.word[record.spans[i].kind], kinds.word[spans[i].kind]) == 0;
	ok(same, "its spans are the same");
	ok(record.directory.size == 7 && memcmp(record.directory.bytes, "212-005", 7) == 0,
	   "and its directory's answer");
	ok(stream_next(reader, &raw, &err) == 1 && raw.number == 1 &&
	   record_read_text(reader, &raw, &back, &buffer, &record, &err) == 0 &&
	   record.length == 0 && record.text && record.span_count == 0 && !record.directory.bytes,
	   "a record without text or spans is read");
	ok(stream_next(reader, &raw, &err) == 0 && stream_next(reader, &raw, &err) == 0,
	   "then comes the end, and stays");
	stream_close(reader);
	record_buffer_release(&buffer);
	close(fd);
}

/* A vocabulary of count characters. */
static struct vocab *vocab_of(int count)
{
	struct charset *set = calloc(1, sizeof *set);
	struct err err = {0};

	for (uint32_t code = 0x4E00; code < 0x4E00 + (uint32_t)count; code++)
		set->bits[code / 64] |= UINT64_C(1) << code % 64;
	char *characters = charset_text(set);
	struct vocab *vocab = vocab_new(characters, strlen(characters), &err);
	free(characters);
	free(set);
	return vocab;
}

static void token_round_trip(int size)
{
	enum { LENGTH = 5001 }; /* more than is packed at once */
	struct err err = {0};
	struct vocab *vocab = vocab_of(size), *back;
	struct span_kinds kinds;
	uint16_t tokens[LENGTH];
	int fd;

	span_kinds_init(&kinds);
	for (int i = 0; i < LENGTH; i++)
		tokens[i] = (uint16_t)(i * 7919 % size);
	struct span span = {4999, 5001, span_kind(&kinds, "answer", 6), -1, 0.5};
	struct record record = {.id = 3, .tokens = tokens, .length = LENGTH, .spans = &span,
	                        .span_count = 1, .directory = {"\xff", 1}};
	json_t *header = header_new(STREAM_TOKENS, NULL, 1, arguments);
	header_set_vocab(header, vocab);
	struct stream_writer *writer = create(&fd, header, &err);
	record_write_tokens(writer, &record, vocab, &kinds, &err);
	record.length = 0;
	record.span_count = 0;
	record.directory = (struct piece){NULL, 0};
	record_write_tokens(writer, &record, vocab, &kinds, &err);
	ok(stream_end(writer, &err) == 0, "tokens of %d characters are written", size);
	json_decref(header);

	struct stream_reader *reader = stream_open(path_of(fd), NULL, &err);
	struct record_buffer buffer = {0};
	struct stream_record raw;
	back = header_vocab(stream_header(reader), &err);
	ok(back && vocab_equal(vocab, back), "the vocabulary travels: %s", err.text);
	is_string(header_string(json_object_get(stream_header(reader), "bin"), "tokens"),
	          size <= 256 ? "u8" : "u16", "the header says how wide a token is");
	ok(stream_next(reader, &raw, &err) == 1 && raw.size > (size <= 256 ? 5001 : 10002) &&
	   raw.size < (size <= 256 ? 5100 : 10101), "tokens are one byte or two");
	ok(record_read_tokens(reader, &raw, back, &kinds, &buffer, &record, &err) == 0 &&
	   record.length == LENGTH && memcmp(record.tokens, tokens, sizeof tokens) == 0 &&
	   record.span_count == 1 && record.spans[0].end == 5001 && record.text == NULL &&
	   record.directory.size == 1 && record.directory.bytes[0] == '\xff',
	   "tokens of %d characters come back: %s", size, err.text);
	ok(stream_next(reader, &raw, &err) == 1 &&
	   record_read_tokens(reader, &raw, back, &kinds, &buffer, &record, &err) == 0 &&
	   record.length == 0 && record.tokens != NULL, "so does a record of none");
	ok(stream_next(reader, &raw, &err) == 0, "and then the end: %s", err.text);
	stream_close(reader);
	record_buffer_release(&buffer);
	vocab_free(vocab);
	vocab_free(back);
	close(fd);
}

static void encode(void)
{
	struct err err = {0};
	struct vocab *vocab = vocab_new("abæ", 4, &err);
	struct record_buffer buffer = {0};
	struct record record = {.text = "bæa", .size = 4, .length = 3};

	ok(record_encode(vocab, &buffer, &record, &err) == 0 && record.length == 3 &&
	   record.tokens[0] == 1 && record.tokens[1] == 2 && record.tokens[2] == 0 &&
	   record.text != NULL, "a record of text is encoded in place");
	record.text = "abc";
	record.size = 3;
	ok(record_encode(vocab, &buffer, &record, &err) < 0 && strstr(err.text, "'c'") &&
	   strstr(err.text, "character 2"), "a character that is missing is named: %s", err.text);
	record_buffer_release(&buffer);
	vocab_free(vocab);
}

/* ---- what is refused ---- */

#define ID "\x82\xa2id\x01" /* {"id": 1, … one more */
#define TEXT "\x83\xa2id\x01\xa4text\xa5hello" /* {"id": 1, "text": "hello", … */

static const struct bad_record bads[] = {
	{"no error in a good one", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 2, \"a\", -1, 0], [2, 5, \"b\", 7, 1.5]], \"more\": {\"of\": [[]]}}", 0, ""},
	{"no error without spans", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\"}", 0, ""},
	{"no id", STREAM_TEXT, "{\"text\": \"hello\"}", 0, "record 0: no \"id\""},
	{"an id below 0", STREAM_TEXT, "{\"id\": -1, \"text\": \"hello\"}", 0, "no \"id\""},
	{"no text", STREAM_TEXT, "{\"id\": 1, \"tokens\": \"hello\"}", 0, "no \"text\", a string"},
	{"a number for text", STREAM_TEXT, "{\"id\": 1, \"text\": 7}", 0, "no \"text\", a string"},
	{"text that is not UTF-8", STREAM_TEXT, RAW(ID "\xa4text\xa3h\xc3("), "not UTF-8"},
	{"an overlong form", STREAM_TEXT, RAW(ID "\xa4text\xa2\xc0\x80"), "not UTF-8"},
	{"a surrogate", STREAM_TEXT, RAW(ID "\xa4text\xa3\xed\xa0\x80"), "not UTF-8"},
	{"text cut in a character", STREAM_TEXT, RAW(ID "\xa4text\xa9" "12345678\xc3"), "not UTF-8"},
	{"spans that are no array", STREAM_TEXT, "{\"id\": 1, \"text\": \"x\", \"spans\": {}}", 0,
	 "\"spans\" is not an array"},
	{"a span of four", STREAM_TEXT, "{\"id\": 1, \"text\": \"x\", \"spans\": [[0, 1, \"a\", 0]]}",
	 0, "span 0: expected an array"},
	{"a span that is a number", STREAM_TEXT, "{\"id\": 1, \"text\": \"x\", \"spans\": [5]}", 0,
	 "span 0: expected an array"},
	{"a span past the end", STREAM_TEXT, "{\"id\": 1, \"text\": \"æ\", \"spans\": "
	 "[[0, 2, \"a\", 0, 0]]}", 0, "span 0: end 2 is past the record's end, 1"},
	{"an empty span", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", 0, 0], [1, 1, \"a\", 0, 0]]}", 0, "span 1: begin 1 is not before end 1"},
	{"spans that overlap", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 2, \"a\", 0, 0], [1, 3, \"a\", 0, 0]]}", 0, "span 1: begin 1 is before"},
	{"spans out of order", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[3, 4, \"a\", 0, 0], [1, 2, \"a\", 0, 0]]}", 0, "span 1: begin 1 is before"},
	{"a begin below 0", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[-1, 4, \"a\", 0, 0]]}", 0, "span 0: begin and end are not integers"},
	{"an end of 2^32 + 1", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 4294967297, \"a\", 0, 0]]}", 0, "span 0: begin and end are not integers"},
	{"an end of 1.0", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1.0, \"a\", 0, 0]]}", 0, "span 0: begin and end are not integers"},
	{"a kind without a letter", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"\", 0, 0]]}", 0, "span 0: kind '' is not a word"},
	{"a kind of two words", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a b\", 0, 0]]}", 0, "span 0: kind 'a b' is not a word"},
	{"a kind of 32 letters", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"aaaaaaaabbbbbbbbccccccccdddddddd\", 0, 0]]}", 0,
	 "span 0: kind 'aaaaaaaabbbbbbbbccccccccdddddddd' is not a word"},
	{"a number for a kind", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, 7, 0, 0]]}", 0, "span 0: kind is not a string"},
	{"an entry of -2", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", -2, 0]]}", 0, "span 0: entry is not an integer"},
	{"an entry of 2^31", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", 2147483648, 0]]}", 0, "span 0: entry is not an integer"},
	{"negative nats", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", 0, -0.5]]}", 0, "span 0: nats is not a finite number"},
	{"nats of -1", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", 0, -1]]}", 0, "span 0: nats is not a finite number"},
	{"nats that are NaN", STREAM_TEXT, RAW(TEXT "\xa5spans\x91\x95\x00\x01\xa1" "a\x00"
	 "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"), "span 0: nats is not a finite number"},
	{"infinite nats", STREAM_TEXT, RAW(TEXT "\xa5spans\x91\x95\x00\x01\xa1" "a\x00"
	 "\xca\x7f\x80\x00\x00"), "span 0: nats is not a finite number"},
	{"nats that are a word", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", 0, \"0\"]]}", 0, "span 0: nats is not a finite number"},
	{"tokens past the vocabulary", STREAM_TOKENS, RAW(ID "\xa6tokens\xc4\x02\x00\x07"),
	 "token 7 is not below the vocabulary's size, 7"},
	{"no error in tokens", STREAM_TOKENS, RAW(ID "\xa6tokens\xc4\x02\x00\x06"), ""},
	{"tokens in a string", STREAM_TOKENS, "{\"id\": 1, \"tokens\": \"01\"}", 0,
	 "no \"tokens\", binary data"},
	{"no tokens", STREAM_TOKENS, "{\"id\": 1, \"text\": \"01\"}", 0, "no \"tokens\""},
	{"a span past the tokens", STREAM_TOKENS, RAW("\x83\xa2id\x01\xa6tokens\xc4\x02\x00\x06\xa5"
	 "spans\x91\x95\x00\x03\xa1" "a\x00\x00"), "end 3 is past the record's end, 2"},
	{"a number for the directory's answer", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", "
	 "\"directory\": 7}", 0, "record 0: \"directory\" is not a string"},
	{"a directory's answer that is not UTF-8", STREAM_TEXT, RAW(TEXT "\xa9" "directory\xa1\xff"),
	 "\"directory\" is not UTF-8"},
	{"no error if it is binary data", STREAM_TEXT, RAW(TEXT "\xa9" "directory\xc4\x01\xff"), ""},
	{"a generation without steps", STREAM_GENERATIONS, "{\"id\": 1, \"text\": \"A\"}", 0,
	 "record 0: "},
};

int main(void)
{
	text_round_trip();
	token_round_trip(1);
	token_round_trip(256);
	token_round_trip(257);
	token_round_trip(20000);
	encode();
	for (size_t i = 0; i < sizeof bads / sizeof *bads; i++)
		check_bad_record(&bads[i]);
	return done();
}
