#include "common/sample/prompts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/escape.h"
#include "common/base/lines.h"
#include "common/stream/record_reader.h"

static const char input_name[] = "standard input";

struct prompts {
	struct record_reader *records; /* one of the three */
	struct lines *lines;
	const char *text;
	const char *from; /* of records: the kind of span a prompt ends before; or NULL */
	const struct vocab *vocab;
	int64_t samples, sample; /* of each prompt; the next one of this prompt */
	struct span_kinds kinds; /* of what is no record */
	struct record_buffer buffer; /* of the same */
	uint64_t line; /* the number of the line read last */
	struct prompt prompt; /* the one read last */
};

static struct prompts *prompts_new(const struct vocab *vocab, int64_t samples, struct err *err)
{
	struct prompts *prompts = calloc(1, sizeof *prompts);

	if (!prompts) {
		err_set(err, "out of memory");
		return NULL;
	}
	span_kinds_init(&prompts->kinds);
	prompts->vocab = vocab;
	prompts->samples = prompts->sample = samples; /* of no prompt: the first is to be read */
	return prompts;
}

void prompts_free(struct prompts *prompts)
{
	if (!prompts)
		return;
	record_reader_close(prompts->records);
	lines_free(prompts->lines);
	record_buffer_release(&prompts->buffer);
	free(prompts);
}

struct prompts *prompts_of_records(char **paths, int count, const char *from,
                                   const struct vocab *vocab, int64_t samples,
                                   struct err *err)
{
	struct prompts *prompts = prompts_new(vocab, samples, err);

	if (!prompts)
		return NULL;
	prompts->from = from;
	prompts->records = record_reader_open(paths, count, vocab, err);
	if (prompts->records)
		return prompts;
	prompts_free(prompts);
	return NULL;
}

struct prompts *prompts_of_lines(const struct vocab *vocab, int64_t samples, struct err *err)
{
	struct prompts *prompts = prompts_new(vocab, samples, err);

	if (!prompts)
		return NULL;
	prompts->lines = lines_new(STDIN_FILENO, input_name, err);
	if (prompts->lines)
		return prompts;
	prompts_free(prompts);
	return NULL;
}

/* The prompt is text, as it stands. -1 with err set, which names no place. */
static int take_text(struct prompts *prompts, const char *text, size_t size, struct err *err)
{
	struct record *record = &prompts->prompt.record;

	record->text = text;
	record->size = size;
	if (record_encode(prompts->vocab, &prompts->buffer, record, err) < 0)
		return -1;
	prompts->prompt.length = record->length;
	return 0;
}

/* The same of a line, with its escapes undone. */
static int take_line(struct prompts *prompts, const struct line *line, struct err *err)
{
	struct text_buffer *text = &prompts->buffer.text;
	long size;

	text_buffer_clear(text);
	if (!text_buffer_reserve(text, line->size))
		return err_set(err, "out of memory");
	size = escape_undo(line->text, line->size, text->text, err);
	return size < 0 ? -1 : take_text(prompts, text->text, (size_t)size, err);
}

struct prompts *prompts_of_text(const char *text, const struct vocab *vocab, int64_t samples,
                                struct err *err)
{
	struct prompts *prompts = prompts_new(vocab, samples, err);
	struct err why = {0};
	char what[sizeof why.text + 64];

	if (!prompts)
		return NULL;
	prompts->text = text;
	prompts->sample = 0;
	if (take_text(prompts, text, strlen(text), &why) == 0 && prompts->prompt.length > 0)
		return prompts;
	bool escaped = why.status && strchr(text, '\\') && vocab_find(vocab, "\\", 1) < 0;
	snprintf(what, sizeof what, "%s%s", why.status ? why.text : "expected at least one character",
	         escaped ? "; \\n is a newline in $'...' or in a line of --prompt -" : "");
	prompts_bad(prompts, err, what);
	prompts_free(prompts);
	return NULL;
}

static int next_line(struct prompts *prompts, struct err *err)
{
	struct err why = {0};
	struct line line;
	int more = lines_next(prompts->lines, &line, err);

	if (more <= 0)
		return more;
	prompts->line = line.number;
	prompts->prompt.record.id = line.number - 1;
	if (take_line(prompts, &line, &why) < 0)
		return prompts_bad(prompts, err, why.text);
	return 1;
}

static int next_record(struct prompts *prompts, struct err *err)
{
	struct prompt *prompt = &prompts->prompt;
	int more = record_reader_next(prompts->records, &prompt->record, err);
	long length;

	if (more <= 0)
		return more;
	length = prompt->record.length;
	if (prompts->from)
		length = record_reader_prompt_length(prompts->records, &prompt->record, prompts->from,
		                                     err);
	if (length == 0)
		return prompts_bad(prompts, err, "an empty text is no prompt");
	prompt->length = (uint32_t)length;
	prompt->refer = true;
	return length < 0 ? -1 : 1;
}

int prompts_next(struct prompts *prompts, struct prompt *prompt, struct err *err)
{
	int more;

	if (prompts->sample == prompts->samples) {
		if (prompts->text)
			return 0;
		more = prompts->lines ? next_line(prompts, err) : next_record(prompts, err);
		if (more <= 0)
			return more;
		prompts->sample = 0;
	}
	*prompt = prompts->prompt;
	prompt->sample = (uint32_t)prompts->sample++;
	return 1;
}

bool prompts_ready(const struct prompts *prompts)
{
	if (prompts->sample < prompts->samples || prompts->text)
		return true;
	return prompts->lines ? lines_ready(prompts->lines) : record_reader_ready(prompts->records);
}

int prompts_bad(struct prompts *prompts, struct err *err, const char *what)
{
	if (prompts->records)
		return record_reader_bad(prompts->records, err, "%s", what);
	if (prompts->text)
		return err_usage(err, "--prompt: %s", what);
	return err_set(err, "%s: line %ju: %s", input_name, (uintmax_t)prompts->line, what);
}

const json_t *prompts_header(const struct prompts *prompts)
{
	return prompts->records ? record_reader_header(prompts->records) : NULL;
}

uint64_t prompts_split(const struct prompts *prompts)
{
	return prompts->records ? record_reader_split(prompts->records) : 0;
}

const struct span_kinds *prompts_kinds(const struct prompts *prompts)
{
	return prompts->records ? record_reader_kinds(prompts->records) : &prompts->kinds;
}
