/* loss-plot - draw the losses of a training run, again and again while it goes on. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/base/screen.h"
#include "common/base/terminal.h"
#include "common/stream/stream.h"
#include "common/train/loss_chart.h"
#include "common/train/loss_history.h"

#define FRAME 0.1 /* seconds between two pictures, at least */
#define LOOK 0.5 /* seconds between two looks at a file that is followed, at least */
#define LOOK_SHARE 20 /* and at least so many times as long as a look takes */
#define COLUMNS 80 /* where there is no terminal */
#define ROWS 24
#define SETTLE 0.3 /* seconds that a terminal keeps its size before the picture is drawn anew */
#define ABOVE 4 /* rows of a terminal for what the program before us in the pipe writes */
#define ABOVE_FILE 2 /* the same if there is none */
#define ROWS_LEAST 4 /* of a terminal that a picture is drawn on */

enum log { LOG_NONE, LOG_X, LOG_Y, LOG_XY };

static const char *kinds; /* NULL: all */
static enum log log_axes;
static enum loss_measure measure;
static int width, height; /* 0: not given */
static bool follow, ascii;

static const struct option options[] = {
	{.name = "kind", .key = 'k', .type = OPTION_TEXT, .value = &kinds, .argument = "KIND[,KIND...]",
	 .text = "draw only these kinds; validation and training are the means over all tokens "
	         "(default: everything)"},
	{.name = "log", .key = 'l', .type = OPTION_WORD, .value = &log_axes, .argument = "none|x|y|xy",
	 .text = "which axes are logarithmic (default none)"},
	{.name = "x", .key = 'x', .type = OPTION_WORD, .value = &measure,
	 .argument = "steps|tokens|seconds",
	 .text = "what the x axis counts (default steps)"},
	{.name = "follow", .key = 'f', .type = OPTION_FLAG, .value = &follow,
	 .text = "wait for what a run appends to FILE, until the run ends"},
	{.name = "width", .type = OPTION_INT32, .value = &width, .argument = "N", .min = 24,
	 .max = 1000, .text = "columns of the picture (default: the terminal's, else 80)"},
	{.name = "height", .type = OPTION_INT32, .value = &height, .argument = "N", .min = 8,
	 .max = 500, .text = "rows of the picture (default: what the terminal has room for, else 24)"},
	{.name = "ascii", .type = OPTION_FLAG, .value = &ascii,
	 .text = "draw with ASCII characters (default: if the locale is not UTF-8)"},
	{0},
};

static const struct program program = {
	.operands = "[FILE]",
	.text = "Draw the losses of a training run from its metrics, in the terminal.",
	.options = options,
	.operands_min = 0,
	.operands_max = 1,
};

/* What is drawn, and where. */
struct plot {
	struct loss_history history;
	struct screen screen;
	struct text_buffer picture;
	bool live; /* on a terminal, again and again */
	bool fresh; /* is there something that was not drawn yet? */
	bool anew; /* is the terminal another one than at the last picture? */
	double next; /* seconds: when the next picture may be drawn */
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- signals ---- */

static volatile sig_atomic_t changed; /* the terminal: its size, or who has it */
static volatile sig_atomic_t drawn; /* is there a picture that is drawn again and again? */
static volatile sig_atomic_t pass; /* how many SIGINT are to be passed over */

static void on_change(int number)
{
	(void)number;
	changed = 1;
}

static void leave_terminal(void)
{
	if (drawn)
		(void)!write(STDOUT_FILENO, SCREEN_LEAVE, strlen(SCREEN_LEAVE));
}

/* The terminal becomes as it was; then the signal does what it does by default. */
static void on_end(int number)
{
	if (number == SIGINT && pass > 0) {
		pass--;
		return;
	}
	leave_terminal();
	signal(number, SIG_DFL);
	raise(number);
}

static void on_stop(int number)
{
	(void)number;
	leave_terminal();
	raise(SIGSTOP);
	changed = 1;
}

/* Set what a signal does; one that was ignored at start-up stays ignored. */
static void handle(int number, void (*handler)(int))
{
	const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct sigaction before;

	if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

/* Ctrl-C reaches a whole pipeline. gpt-train then saves and ends its metrics, and what it says last
 * is to be drawn, too. */
static void catch_signals(bool live, bool pipe)
{
	pass = pipe;
	handle(SIGINT, on_end);
	if (!live)
		return;
	handle(SIGTERM, on_end);
	handle(SIGHUP, on_end);
	handle(SIGQUIT, on_end);
	handle(SIGTSTP, on_stop);
	handle(SIGCONT, on_change);
	handle(SIGWINCH, on_change);
}

/* Wait until there is something to read (fd -1: never), a signal comes, or the time is over.
 * seconds -1: any time. */
static void wait_for(int fd, double seconds)
{
	const double whole = floor(seconds);
	const struct timespec time = {(time_t)whole, (long)((seconds - whole) * 1e9)};
	struct pollfd input = {.fd = fd, .events = POLLIN};
	sigset_t change, before;

	/* A signal that comes right before the wait would not end it, so it comes within. */
	sigemptyset(&change);
	sigaddset(&change, SIGWINCH);
	sigaddset(&change, SIGCONT);
	sigprocmask(SIG_BLOCK, &change, &before);
	if (!changed)
		ppoll(&input, 1, seconds < 0 ? NULL : &time, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* ---- the picture ---- */

/* Make the picture, for a terminal of rows, or for what is none. */
static void make_picture(struct plot *plot, int columns, int rows)
{
	const struct loss_chart chart = {
		.columns = width > 0 && (width < columns || !plot->live) ? width : columns,
		.rows = height > 0 && (height < rows || !plot->live) ? height : rows,
		.unicode = !ascii && terminal_utf8(),
		.styles = terminal_styles(STDOUT_FILENO),
		.log_x = log_axes == LOG_X || log_axes == LOG_XY,
		.log_y = log_axes == LOG_Y || log_axes == LOG_XY,
		.measure = measure,
		.names = kinds,
	};
	struct err err = {0};

	text_buffer_clear(&plot->picture);
	if (loss_chart_draw(&chart, &plot->history, &plot->picture, &err) < 0)
		err_exit(&err);
}

/* Draw at the bottom of the terminal. */
static void draw_live(struct plot *plot)
{
	int columns = COLUMNS, rows = ROWS;
	struct err err = {0};

	terminal_size(STDOUT_FILENO, &columns, &rows);
	plot->next = now() + FRAME;
	if (rows < ROWS_LEAST || terminal_in_background(STDOUT_FILENO))
		return; /* until it is larger, or ours again: a signal will tell */
	const int room = rows - (follow ? ABOVE_FILE : ABOVE);
	make_picture(plot, columns, room > 2 ? room : 2);
	drawn = 1;
	if (screen_draw(&plot->screen, &plot->picture, rows, plot->anew, &err) < 0)
		err_exit(&err);
	plot->fresh = plot->anew = false;
}

/* Print the picture once. */
static void print(struct plot *plot)
{
	int columns = COLUMNS, rows = ROWS + ABOVE_FILE;

	terminal_size(STDOUT_FILENO, &columns, &rows);
	make_picture(plot, columns, rows > ABOVE_FILE ? rows - ABOVE_FILE : 1);
	fwrite(plot->picture.text, 1, plot->picture.size, stdout);
}

/* Draw if there is something new, and if it is time. */
static void refresh(struct plot *plot)
{
	if (changed) {
		changed = 0;
		plot->fresh = plot->anew = true;
		plot->next = now() + SETTLE;
	}
	if (plot->live && plot->fresh && now() >= plot->next && loss_history_any(&plot->history))
		draw_live(plot);
}

/* The last picture stays. */
static void finish(struct plot *plot)
{
	if (!loss_history_any(&plot->history))
		return;
	plot->anew |= changed;
	if (plot->live && (plot->fresh || plot->anew))
		draw_live(plot);
	if (!drawn)
		print(plot);
	screen_leave(&plot->screen);
	drawn = 0;
}

/* ---- reading ---- */

/* Read the next record: 1; at the end of the stream 0; -1 with err set. */
static int add_next(struct plot *plot, struct stream_reader *reader, struct err *err)
{
	struct stream_record record;
	struct err what = {0};
	const int status = stream_next(reader, &record, err);

	if (status > 0 && loss_history_add(&plot->history, record.map, &what) < 0)
		return stream_bad(reader, err, "%s", what.text);
	plot->fresh |= status > 0;
	return status;
}

static const char *const kinds_read[] = {STREAM_METRICS, NULL};

/* Read a stream to its end, and draw while it comes. -1 with err set. */
static int read_stream(struct plot *plot, const char *path, struct err *err)
{
	struct stream_reader *reader = stream_open(path, kinds_read, err);
	struct stat about;
	int status = 1;

	if (!reader)
		return -1;
	const bool pipe = fstat(stream_descriptor(reader), &about) == 0 && !S_ISREG(about.st_mode);
	plot->live &= pipe; /* a file comes at once */
	catch_signals(plot->live, pipe);
	plot->next = now() + FRAME; /* what is there already comes into the first picture */
	while (status > 0) {
		if (!plot->live || stream_ready(reader))
			status = add_next(plot, reader, err);
		else
			wait_for(stream_descriptor(reader), plot->fresh ? fmax(plot->next - now(), 0) : -1);
		refresh(plot);
	}
	stream_close(reader);
	return status;
}

/* Read all of a file that a run may be writing to. *cut: it has no end yet. -1 with err set. */
static int look(struct plot *plot, const char *path, bool *cut, struct err *err)
{
	struct stream_reader *reader = stream_open(path, kinds_read, err);
	int status = 1;

	*cut = false;
	if (!reader)
		return -1;
	loss_history_release(&plot->history);
	loss_history_init(&plot->history);
	while (status > 0)
		status = add_next(plot, reader, err);
	*cut = stream_place(reader).cut;
	stream_close(reader);
	return status;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Read a file again and again until it is whole, and draw. A resumed run repairs the file's end and
 * appends, so it is read from its beginning. -1 with err set. */
static int follow_file(struct plot *plot, const char *path, struct err *err)
{
	struct stat about, seen = {0};
	bool told = false;

	catch_signals(plot->live, false);
	for (;;) {
		const double begun = now();
		double pause = LOOK;
		struct err why = {0};
		bool cut = true;
		if (stat(path, &about) < 0) {
			if (errno != ENOENT)
				return err_set(err, "%s: cannot open: %s", path, strerror(errno));
			about = seen;
			if (!told)
				err_say("%s: it is not there yet; waiting for it", path);
			told = true;
		}
		if (about.st_size > 0 && !same(&about, &seen)) {
			const int status = look(plot, path, &cut, &why);
			if (!cut)
				return status < 0 ? err_set(err, "%s", why.text) : 0;
			pause = fmax(pause, LOOK_SHARE * (now() - begun));
			seen = about;
		}
		for (double left; (left = begun + pause - now()) > 0;) {
			refresh(plot);
			wait_for(-1, left);
		}
	}
}

/* ---- the command line ---- */

/* The next word of a list with commas: its size; *rest moves behind it, and is NULL at the end. */
static size_t next_word(const char **rest, const char **word)
{
	*word = *rest;
	const size_t size = strcspn(*rest, ",");
	*rest = (*rest)[size] == ',' ? *rest + size + 1 : NULL;
	return size;
}

static void check_kinds(void)
{
	const char *rest = kinds, *word;

	while (rest) {
		struct span_kinds known;
		span_kinds_init(&known);
		const size_t size = next_word(&rest, &word);
		if (span_kind(&known, word, size) < 0)
			die_usage("--kind: '%.*s' %s", (int)size, word, span_kind_refusal(word, size));
	}
}

/* The curves that the history has, for a message. */
static void list_curves(const struct loss_history *history, struct text_buffer *out)
{
	const char *const whole[] = {LOSS_TRAINING, LOSS_VALIDATION};

	for (size_t i = 0; i < 2; i++)
		if (loss_chart_find(history, whole[i], strlen(whole[i]))) {
			text_buffer_append_string(out, out->size > 0 ? ", " : "");
			text_buffer_append_string(out, whole[i]);
		}
	for (int i = 0; i < SPAN_KINDS; i++)
		if (history->kind[i].count > 0) {
			text_buffer_append_string(out, out->size > 0 ? ", " : "");
			text_buffer_append_string(out, history->kinds.word[i]);
		}
}

/* Report kinds that the stream lacks: they may be misspelt. */
static void tell_missing(const struct plot *plot)
{
	const char *rest = kinds, *word;
	struct text_buffer there = {0};

	if (!loss_history_any(&plot->history))
		err_say("there is no loss to draw");
	while (rest && loss_history_any(&plot->history)) {
		const size_t size = next_word(&rest, &word);
		if (loss_chart_find(&plot->history, word, size))
			continue;
		if (there.size == 0)
			list_curves(&plot->history, &there);
		err_say("--kind: there is no loss of '%.*s', but of: %.*s", (int)size, word,
		        (int)there.size, there.text ? there.text : "");
	}
	text_buffer_release(&there);
}

int main(int argc, char **argv)
{
	const int first = options_parse(&program, argc, argv);
	const char *path = first < argc ? argv[first] : "-";
	struct plot plot = {.live = terminal_obeys(STDOUT_FILENO), .screen.fd = STDOUT_FILENO};
	struct err err = {0};

	check_kinds();
	if (follow && strcmp(path, "-") == 0)
		die_usage("--follow: expected a FILE to follow; the standard input is read as it comes");
	loss_history_init(&plot.history);
	const int status = follow ? follow_file(&plot, path, &err) : read_stream(&plot, path, &err);
	finish(&plot);
	if (status < 0)
		err_exit(&err);
	if (file_end_stdout(&err) < 0)
		err_exit(&err);
	tell_missing(&plot);
	text_buffer_release(&plot.picture);
	loss_history_release(&plot.history);
	return 0;
}
