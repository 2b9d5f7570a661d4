/* Texts for people: what goes out, byte by byte, and that nothing stays behind. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/sample/transcript.h"
#include "tests/tap.h"

static const char alphabet[] = "ab\n\t\x1b\r\xc2\x9b€\x7f\\";
static struct vocab *vocab;
static int ends[2];

static struct transcript *begin(enum transcript_style style)
{
	struct err err = {0};

	if (pipe(ends) < 0)
		printf("Bail out! no pipe\n");
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return transcript_new(ends[1], "pipe", style, vocab, &err);
}

/* All that has come so far, up to the next call. */
static const char *came(void)
{
	static char text[4096];
	ssize_t size = read(ends[0], text, sizeof text - 1);

	text[size > 0 ? size : 0] = '\0';
	return text;
}

static void finish(struct transcript *transcript)
{
	struct err err = {0};

	ok(transcript_end(transcript, &err) == 0 && came()[0] == '\0', "and no more at the end");
	close(ends[0]);
	close(ends[1]);
}

static void prompt(struct transcript *transcript, const char *text)
{
	uint16_t tokens[64];
	struct err err = {0};
	long count = vocab_encode(vocab, text, strlen(text), tokens, &err);

	if (transcript_prompt(transcript, tokens, (uint32_t)count, &err) < 0)
		printf("Bail out! %s\n", err.text);
}

/* One step for each character, all of the same probability. */
static void write_on(struct transcript *transcript, const char *text, double p)
{
	struct generation_step steps[64] = {{0}};
	uint16_t tokens[64];
	struct err err = {0};
	long count = vocab_encode(vocab, text, strlen(text), tokens, &err);

	for (long i = 0; i < count; i++)
		steps[i] = (struct generation_step){.piece = vocab_piece(vocab, tokens[i]), .p = p};
	if (transcript_steps(transcript, steps, (uint32_t)count, &err) < 0)
		printf("Bail out! %s\n", err.text);
}

static void close_text(struct transcript *transcript)
{
	struct err err = {0};

	if (transcript_close(transcript, &err) < 0)
		printf("Bail out! %s\n", err.text);
}

static void plain(void)
{
	struct transcript *transcript = begin(TRANSCRIPT_PLAIN);

	prompt(transcript, "ab\na");
	is_string(came(), "ab\na", "the prompt is there at once");
	write_on(transcript, "b", 0.5);
	is_string(came(), "b", "so is a character");
	write_on(transcript, "€", 0.5);
	is_string(came(), "€", "and one of three bytes");
	close_text(transcript);
	is_string(came(), "\n", "a text that ends without a newline gets one");
	prompt(transcript, "a");
	is_string(came(), "\na", "an empty line stands before the next text");
	write_on(transcript, "b\n", 0.5);
	close_text(transcript);
	is_string(came(), "b\n", "a text that ends with a newline gets none");
	prompt(transcript, "\t\x1b\r\xc2\x9b\x7f\\");
	is_string(came(), "\n\t\\x1b\\r\\u009b\\x7f\\", "control characters of a prompt are shown");
	write_on(transcript, "\t\x1b\r\xc2\x9b\x7f\\", 0.5);
	is_string(came(), "\t\\x1b\\r\\u009b\\x7f\\", "and those of an answer");
	finish(transcript);
}

static void dim(void)
{
	struct transcript *transcript = begin(TRANSCRIPT_DIM);

	prompt(transcript, "ab\n\na");
	is_string(came(), "\033[2mab\033[0m\n\n\033[2ma\033[0m",
	          "a prompt is dim, within its lines, and no longer");
	write_on(transcript, "ab\x1b", 0.001);
	is_string(came(), "ab\\x1b", "an answer is plain");
	close_text(transcript);
	is_string(came(), "\n", "and its end");
	finish(transcript);
}

static void colored(void)
{
	static const struct {
		double p;
		const char *sgr;
	} rows[] = {
		{0, "38;5;202"}, {0.0999, "38;5;202"}, {0.1, "38;5;167"}, {0.4999, "38;5;167"},
		{0.5, "38;5;132"}, {0.8999, "38;5;132"}, {0.9, "38;5;97"}, {0.98999, "38;5;97"},
		{0.99, "38;5;26"}, {1, "38;5;26"},
	};
	struct transcript *transcript = begin(TRANSCRIPT_P);
	struct text_buffer legend = {0};
	char want[64];

	prompt(transcript, "a");
	is_string(came(), "\033[2ma\033[0m", "the prompt is dim");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		write_on(transcript, "b", rows[i].p);
		snprintf(want, sizeof want, "\033[%smb\033[0m", rows[i].sgr);
		is_string(came(), want, "a character of a probability, and plain again");
	}
	write_on(transcript, "ab\nab", 0.3);
	is_string(came(), "\033[38;5;167mab\033[0m\n\033[38;5;167mab\033[0m",
	          "several that came together, within their lines");
	transcript_legend(&legend);
	text_buffer_append(&legend, "", 1);
	is_string(legend.text, "probability: \033[38;5;202mbelow 0.1\033[0m, \033[38;5;167mfrom 0.1"
	          "\033[0m, \033[38;5;132mfrom 0.5\033[0m, \033[38;5;97mfrom 0.9\033[0m, "
	          "\033[38;5;26mfrom 0.99\033[0m\n", "what the colours mean");
	text_buffer_release(&legend);
	close_text(transcript);
	came();
	finish(transcript);
}

static void failing(void)
{
	int full = open("/dev/full", O_WRONLY);
	struct err err = {0};
	struct transcript *transcript = transcript_new(full, "full", TRANSCRIPT_DIM, vocab, &err);
	const uint16_t token = 0;

	ok(transcript_prompt(transcript, &token, 1, &err) < 0 &&
	   strncmp(err.text, "full: cannot write: ", 20) == 0, "a full disk: %s", err.text);
	transcript_end(transcript, &err);
	close(full);
	ok(transcript_end(NULL, &err) == 0, "no transcript has an end");
}

int main(void)
{
	struct err err = {0};

	vocab = vocab_new(alphabet, sizeof alphabet - 1, &err);
	if (!vocab)
		printf("Bail out! %s\n", err.text);
	plain();
	dim();
	colored();
	failing();
	vocab_free(vocab);
	return done();
}
