#include "common/data/quiz_file.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/array.h"
#include "common/base/utf8.h"
#include "common/data/nonce.h"
#include "common/data/quiz_file_private.h"

#define QUIZ_COPY_MAX ((uint64_t)16 << 30) /* bytes of a pipe, which are copied, at most */

/* ---- what an item is like ---- */

static uint64_t hash(const char *text, uint64_t seed)
{
	return XXH64(text, strlen(text), seed);
}

static uint32_t length_of(const char *text)
{
	return (uint32_t)utf8_length(text, strlen(text));
}

static void describe(struct entry *entry, const struct quiz_item *item, bool drop)
{
	uint32_t question = length_of(item->question);

	entry->fact = length_of(item->fact);
	entry->answer = length_of(item->answer);
	entry->instruction = item->instruction;
	entry->length = question + entry->answer + QUIZ_MARKS;
	if (entry->fact > 0 && !(drop && !item->instruction))
		entry->length += entry->fact + QUIZ_FACT_MARKS;
	entry->question_hash = hash(item->question, 0);
	entry->answer_hash = hash(item->answer, 0);
	quiz_others_describe(entry, item);
	for (const char *at = item->fact; (at = quiz_find(item->fact, at, item->answer)); at++)
		entry->stated++;
}

/* ---- reading through ---- */

static bool held_out(const struct quiz_file *file, const struct entry *entry)
{
	return (double)entry->question_hash * 0x1p-64 < file->choice.held_out;
}

static bool invents(const struct quiz_file *file, const struct entry *entry)
{
	return file->choice.fact == QUIZ_FACT_NONCE && !entry->instruction;
}

/* Does another answer come into an item's fact? */
static bool replaces(const struct quiz_file *file, const struct entry *entry)
{
	return invents(file, entry) || (file->choice.fact == QUIZ_FACT_WRONG && !entry->instruction);
}

static enum quiz_loss judge(const struct quiz_file *file, const struct quiz_item *item,
                            const struct entry *entry)
{
	enum quiz_part part = held_out(file, entry) ? QUIZ_VAL : QUIZ_TRAIN;

	if (!*item->question || !*item->answer)
		return QUIZ_EMPTY;
	if (file->choice.longest > 0 && entry->length > file->choice.longest)
		return QUIZ_LONG;
	if (part != file->choice.part)
		return QUIZ_PART;
	if (replaces(file, entry) && entry->stated == 0)
		return entry->fact > 0 ? QUIZ_NOT_STATED : QUIZ_NO_FACT;
	return QUIZ_KEPT;
}

/* Whose invented answers they are. An answer that was invented has others than the true one. */
static uint64_t nonce_index(const struct entry *entry)
{
	return entry->question_hash + entry->answer_hash;
}

/* Can an answer be invented? -1 with err set. */
static int can_invent(const struct quiz_file *file, const struct quiz_item *item,
                      const struct entry *entry, struct err *err)
{
	struct nonce nonce;
	int status = nonce_init(&nonce, item->fact, item->answer, file->choice.seed,
	                        nonce_index(entry), err);

	nonce_release(&nonce);
	return status < 0 ? -1 : nonce.count > 0;
}

static int add_characters(const struct quiz_item *item, bool invent, struct charset *set,
                          struct err *err)
{
	const char *const texts[] = {item->question, item->answer, "{B}: {E}\n", item->fact,
	                             *item->fact ? " ()" : ""};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (charset_add(set, texts[i], strlen(texts[i]), err) < 0)
			return -1;
	return invent ? nonce_characters(item->answer, set, err) : 0;
}

static int add(struct quiz_file *file, const json_t *value, const struct jsonl_place *place,
               struct charset *set, struct err *err)
{
	struct quiz_item item;
	struct entry entry = {.offset = place->offset, .line = place->line, .size = place->size};

	if (quiz_item_read(value, &item, err) < 0)
		return -1;
	describe(&entry, &item, file->choice.fact == QUIZ_FACT_DROP);
	enum quiz_loss loss = judge(file, &item, &entry);
	if (loss != QUIZ_EMPTY && loss != QUIZ_LONG &&
	    add_characters(&item, invents(file, &entry), set, err) < 0)
		return -1;
	if (loss == QUIZ_KEPT && invents(file, &entry)) {
		int can = can_invent(file, &item, &entry, err);
		if (can < 0)
			return -1;
		loss = can ? QUIZ_KEPT : QUIZ_NO_NONCE;
	}
	if (loss != QUIZ_KEPT) {
		file->counts.item[loss]++;
		return 0;
	}
	if (file->count == UINT32_MAX)
		return err_set(err, "more than %u items", UINT32_MAX);
	if (array_reserve(&file->entry, &file->room, file->count + 1) < 0)
		return err_set(err, "out of memory");
	file->entry[file->count++] = entry;
	return 0;
}

/* The whole file into entries. */
static int read_all(struct quiz_file *file, struct charset *set, struct err *err)
{
	struct jsonl_place place;
	json_t *value;
	int more;

	while ((more = jsonl_next(file->json, &value, &place, err)) > 0) {
		struct err why = {0};
		int status = add(file, value, &place, set, &why);
		json_decref(value);
		if (status < 0)
			return err_set(err, "%s:%ju: %s", jsonl_name(file->json),
			               (uintmax_t)place.line, why.text);
	}
	return more;
}

static void count_length(struct quiz_counts *counts, uint32_t length)
{
	uint64_t n = ++counts->item[QUIZ_KEPT];

	if (n == 1 || length < counts->shortest)
		counts->shortest = length;
	if (length > counts->longest)
		counts->longest = length;
	counts->mean += (length - counts->mean) / (double)n;
}

/* Those that find nothing to be put in place of theirs still may stand for others. */
static int settle(struct quiz_file *file, struct err *err)
{
	if ((file->choice.fact == QUIZ_FACT_WRONG || file->choice.fact == QUIZ_FACT_OTHER) &&
	    quiz_others_rank(file, err) < 0)
		return -1;
	file->kept = malloc((file->count + 1) * sizeof *file->kept);
	if (!file->kept)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < file->count; i++) {
		if (quiz_others_needed(file, &file->entry[i]) && !quiz_others_any(file, &file->entry[i])) {
			file->counts.item[QUIZ_NO_OTHER]++;
			continue;
		}
		file->kept[file->counts.item[QUIZ_KEPT]] = (uint32_t)i;
		count_length(&file->counts, file->entry[i].length);
	}
	return 0;
}

struct quiz_file *quiz_file_open(const char *path, const struct quiz_choice *choice,
                                 struct charset *set, struct err *err)
{
	struct quiz_file *file = calloc(1, sizeof *file);

	if (!file) {
		err_set(err, "out of memory");
		return NULL;
	}
	file->choice = *choice;
	file->json = jsonl_open(path, QUIZ_COPY_MAX, err);
	if (file->json && read_all(file, set, err) == 0 && settle(file, err) == 0)
		return file;
	quiz_file_close(file);
	return NULL;
}

uint64_t quiz_file_count(const struct quiz_file *file)
{
	return file->counts.item[QUIZ_KEPT];
}

void quiz_file_counts(const struct quiz_file *file, struct quiz_counts *counts)
{
	*counts = file->counts;
}

static void forget(struct quiz_file *file)
{
	json_decref(file->value);
	json_decref(file->other);
	free(file->fact);
	free(file->nonce);
	file->value = file->other = NULL;
	file->fact = file->nonce = NULL;
}

void quiz_file_close(struct quiz_file *file)
{
	if (!file)
		return;
	forget(file);
	jsonl_close(file->json);
	quiz_buffer_release(&file->buffer);
	for (int like = 0; like < LIKENESSES; like++)
		free(file->rank[like]);
	free(file->entry);
	free(file->kept);
	free(file);
}

/* ---- an item as a record ---- */

json_t *quiz_file_read_again(struct quiz_file *file, const struct entry *entry,
                             struct quiz_item *item, struct err *err)
{
	json_t *value = jsonl_at(file->json, entry->offset, entry->size, err);

	if (value && quiz_item_read(value, item, err) == 0)
		return value;
	json_decref(value);
	return NULL;
}

/* Which record of an item is to be made. */
struct turn {
	uint64_t id, round;
};

/* Put an invented answer into file->nonce. */
static int invent(struct quiz_file *file, const struct entry *entry, const struct turn *turn,
                  const struct quiz_item *item, int64_t *number, struct err *err)
{
	const uint64_t seed = file->choice.seed, most = file->choice.nonces;
	struct nonce nonce;
	struct rng rng;

	if (nonce_init(&nonce, item->fact, item->answer, seed, nonce_index(entry), err) < 0) {
		nonce_release(&nonce);
		return -1;
	}
	rng_init(&rng, seed, RNG_NONCE_CHOICE, turn->id);
	uint64_t drawn = most == 0 ? turn->round % nonce.count :
	                 rng_below(&rng, most < nonce.count ? most : nonce.count);
	file->nonce = nonce_make(&nonce, drawn);
	nonce_release(&nonce);
	*number = (int64_t)drawn;
	return file->nonce ? 0 : err_set(err, "out of memory");
}

/* Find what a changed fact states, and make the fact; *states stays NULL if nothing changes. */
static int make_fact(struct quiz_file *file, const struct entry *entry, const struct turn *turn,
                     const struct quiz_item *item, const char **states,
                     struct quiz_origin *origin, struct err *err)
{
	const struct entry *drawn;
	struct quiz_item other;

	if (quiz_others_needed(file, entry)) {
		drawn = quiz_others_draw(file, entry, item, turn->id, &other, err);
		if (!drawn)
			return -1;
		origin->other = drawn->line;
		*states = other.answer;
	} else if (invents(file, entry)) {
		if (invent(file, entry, turn, item, &origin->nonce, err) < 0)
			return -1;
		*states = file->nonce;
	} else {
		return 0;
	}
	file->fact = replaces(file, entry) ? quiz_replace(item->fact, item->answer, *states) :
	                                     strdup(other.fact);
	return file->fact ? 0 : err_set(err, "out of memory");
}

/* Make the fact of a question what it is to be, and *states what it states. */
static int change_fact(struct quiz_file *file, const struct entry *entry, const struct turn *turn,
                       struct quiz_item *item, const char **states, struct quiz_origin *origin,
                       struct err *err)
{
	if (file->choice.fact == QUIZ_FACT_DROP)
		item->fact = "";
	if (make_fact(file, entry, turn, item, states, origin, err) < 0)
		return -1;
	if (!*states) {
		*states = item->answer;
		return 0;
	}
	item->fact = file->fact;
	if (file->choice.answer == QUIZ_ANSWER_STATED) {
		origin->answer = item->answer;
		item->answer = *states;
	}
	return 0;
}

int quiz_file_record(struct quiz_file *file, uint64_t item, uint64_t round, uint64_t id,
                     struct span_kinds *kinds, struct record *record,
                     struct quiz_origin *origin, struct err *err)
{
	const struct entry *entry = &file->entry[file->kept[item]];
	const struct turn turn = {id, round};
	const char *states = NULL;
	struct quiz_item parts;

	forget(file);
	*origin = (struct quiz_origin){.line = entry->line, .nonce = -1};
	file->value = quiz_file_read_again(file, entry, &parts, err);
	if (!file->value)
		return -1;
	origin->topic = parts.topic;
	if (!entry->instruction &&
	    change_fact(file, entry, &turn, &parts, &states, origin, err) < 0)
		return -1;
	if (quiz_render(&parts, states, &file->buffer, kinds, record, err) < 0)
		return -1;
	record->id = id;
	return 0;
}
