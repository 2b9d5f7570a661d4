#include "common/quiz_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/jsonl.h"
#include "common/permutation.h"
#include "common/utf8.h"

/* How alike answers are that stand for each other, the most alike first; and that of
 * facts, of which all are. */
enum likeness { TOPIC, FORM, SORT, LIKENESSES };

/* What is kept of an item. */
struct entry {
	uint64_t offset, line;
	uint32_t size; /* bytes of its JSON */
	uint32_t length; /* code points of its record, as it is, without a fact if it is dropped */
	uint32_t fact, answer; /* code points */
	uint32_t stated; /* how often its fact states its answer */
	bool other[LIKENESSES]; /* is there any so alike that may stand for it? */
	bool instruction;
	uint64_t question_hash, answer_hash;
	uint64_t like[LIKENESSES]; /* answers that are alike have the same */
};

/* Items that may stand for others, in the order of group, then item. */
struct ranked {
	uint64_t group;
	uint32_t item;
};

/* One of those, and when it is drawn. */
struct placed {
	uint64_t place;
	uint32_t item;
};

struct quiz_file {
	struct jsonl *json;
	struct quiz_choice choice;
	struct entry *entry; /* [count] of what is not lost by itself */
	size_t count, room;
	struct ranked *rank[LIKENESSES]; /* [ranked] each; of facts only the first */
	size_t ranked;
	uint32_t *by_answer[LIKENESSES]; /* [ranked] places in rank: by group, then answer */
	struct placed *placed; /* [square root of ranked] */
	uint32_t *kept; /* [counts.item[QUIZ_KEPT]] the entries that make records */
	struct quiz_counts counts;
	/* the record under way */
	json_t *value, *other; /* its item, and the one that its fact is from */
	char *fact; /* NULL, or what was made up */
	struct quiz_buffer buffer;
};

/* ---- what an item is like ---- */

static uint64_t hash(const char *text, uint64_t seed)
{
	return XXH64(text, strlen(text), seed);
}

static uint32_t length_of(const char *text)
{
	return (uint32_t)utf8_length(text, strlen(text));
}

/* The sign that stands for a character in the form of a text. */
static char sign(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return '9';
	if (c >= 'A' && c <= 'Z')
		return 'A';
	return (c >= 'a' && c <= 'z') || c >= 0x80 ? 'a' : (char)c;
}

/* Digits one by one; of a word, what its first letter is: "The Clyde" is "A A". */
static uint64_t form_of(const char *text)
{
	uint64_t form = 0;
	char last = 0;

	for (; *text; text++) {
		char now = sign((unsigned char)*text);
		bool letter = now == 'a' || now == 'A', goes_on = last == 'a' || last == 'A';
		if (!letter || !goes_on)
			form = XXH64(&now, 1, form);
		last = now;
	}
	return form;
}

static bool numeric(const char *text)
{
	return text[strspn(text, "0123456789.,-")] == '\0';
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
	entry->like[SORT] = numeric(item->answer);
	entry->like[FORM] = form_of(item->answer);
	entry->like[TOPIC] = hash(item->topic ? item->topic : "", entry->like[FORM]);
	for (const char *at = item->fact; (at = quiz_find(item->fact, at, item->answer)); at++)
		entry->stated++;
}

/* ---- what stands for what ---- */

static bool draws(const struct quiz_file *file, const struct entry *entry)
{
	return file->choice.fact >= QUIZ_FACT_WRONG && !entry->instruction;
}

static bool wrong(const struct quiz_file *file)
{
	return file->choice.fact == QUIZ_FACT_WRONG;
}

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

/* How many of a list come before an item of a group. */
static size_t rank_of(const struct quiz_file *file, const struct ranked *list, uint64_t group,
                      uint32_t item)
{
	const struct ranked key = {group, item};
	size_t low = 0, high = file->ranked;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (by_rank(&list[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int likenesses(const struct quiz_file *file)
{
	return wrong(file) ? LIKENESSES : 1;
}

/* The answer at a place of by_answer. */
static uint64_t answer_at(const struct quiz_file *file, int like, size_t i)
{
	return file->entry[file->rank[like][file->by_answer[like][i]].item].answer_hash;
}

/* A place in rank, while they are put in order. */
struct answered {
	uint64_t group, answer;
	uint32_t place;
};

static int by_answer(const void *a, const void *b)
{
	const struct answered *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->answer != y->answer)
		return x->answer < y->answer ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

static int order_answers(struct quiz_file *file, int like, struct err *err)
{
	struct answered *list = malloc((file->ranked + 1) * sizeof *list);

	file->by_answer[like] = malloc((file->ranked + 1) * sizeof *file->by_answer[like]);
	if (!list || !file->by_answer[like]) {
		free(list);
		return err_set(err, "out of memory");
	}
	for (uint32_t i = 0; i < file->ranked; i++)
		list[i] = (struct answered){file->rank[like][i].group,
		                            file->entry[file->rank[like][i].item].answer_hash, i};
	qsort(list, file->ranked, sizeof *list, by_answer);
	for (size_t i = 0; i < file->ranked; i++)
		file->by_answer[like][i] = list[i].place;
	free(list);
	return 0;
}

/* Whatever may be put in place of another's, each list in its order. */
static int rank_all(struct quiz_file *file, struct err *err)
{
	for (int like = 0; like < likenesses(file); like++) {
		file->rank[like] = malloc((file->count + 1) * sizeof *file->rank[like]);
		if (!file->rank[like])
			return err_set(err, "out of memory");
		file->ranked = 0;
		for (size_t i = 0; i < file->count; i++) {
			const struct entry *entry = &file->entry[i];
			if (entry->instruction || (!wrong(file) && entry->stated == 0))
				continue;
			file->rank[like][file->ranked++] = (struct ranked){
				wrong(file) ? entry->like[like] : 0, (uint32_t)i};
		}
		qsort(file->rank[like], file->ranked, sizeof *file->rank[like], by_rank);
	}
	return 0;
}

/* Those that are so much like an item: some of a list, from *first on. How many? */
static size_t candidates(const struct quiz_file *file, const struct entry *entry, int like,
                         size_t *first)
{
	uint64_t group = wrong(file) ? entry->like[like] : 0;

	*first = rank_of(file, file->rank[like], group, 0);
	return rank_of(file, file->rank[like], group, UINT32_MAX) - *first;
}

/* May another stand for an item? It is another one, and the record is not too long then,
 * whichever answer it ends with: so what is drawn does not depend on that. */
static bool may_stand(const struct quiz_file *file, const struct entry *entry,
                      const struct entry *other)
{
	int64_t more = (int64_t)other->answer - entry->answer, length = entry->length;

	if (other->answer_hash == entry->answer_hash || other->question_hash == entry->question_hash)
		return false;
	if (file->choice.longest == 0)
		return true;
	if (wrong(file))
		length += more * entry->stated;
	else
		length += (int64_t)other->fact - entry->fact + (entry->fact > 0 ? 0 : QUIZ_FACT_MARKS);
	return length + (more > 0 ? more : 0) <= file->choice.longest;
}

/* ---- is there anything that may stand for an item? ----
 *
 * To look through all that are alike would take a time that is their number squared, where
 * most have one answer. But an item only refuses others for their answer, for their
 * question, or for their length; so of any number, those few tell that are the shortest
 * which some answer and question leave. Let each of a sequence of others be left by an
 * answer and a question that refuse all before it: then it is of four at most (B. Bollobás,
 * "On generalized graphs", 1965, for sets of two parts). */

enum { FEW = 4 };

/* One that may stand for others, by what its fact takes; and those few of its group up to
 * it, the shortest first. */
struct shortest {
	uint64_t group;
	uint32_t fact, item;
	uint32_t few[FEW], count;
};

static int by_fact(const void *a, const void *b)
{
	const struct shortest *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->fact != y->fact)
		return x->fact < y->fact ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

/* What makes a record longer that an item stands in. Of facts, all of it beside the fact's
 * own length, which is looked for before. */
static uint64_t weight(const struct quiz_file *file, uint32_t item)
{
	const struct entry *entry = &file->entry[item];

	return (uint64_t)entry->answer + (wrong(file) ? 0 : entry->fact);
}

/* Do an answer and a question that refuse all of some leave one more? The first of them is
 * refused for the one, all that have not the same of it for the other. */
static bool leaves(const struct quiz_file *file, const struct shortest *some, uint32_t item)
{
	const struct entry *more = &file->entry[item], *first = &file->entry[some->few[0]];
	const uint64_t mine[2] = {more->answer_hash, more->question_hash};
	const uint64_t refused[2] = {first->answer_hash, first->question_hash};

	if (some->count == 0)
		return true;
	for (int one = 0; one < 2; one++) {
		bool left = mine[one] != refused[one], any = false;
		uint64_t rest = 0;
		for (uint32_t i = 1; left && i < some->count; i++) {
			const struct entry *entry = &file->entry[some->few[i]];
			const uint64_t its[2] = {entry->answer_hash, entry->question_hash};
			if (its[one] == refused[one])
				continue;
			left = any ? its[!one] == rest : its[!one] != mine[!one];
			rest = its[!one];
			any = true;
		}
		if (left)
			return true;
	}
	return false;
}

/* The few of those before and of one more. */
static void add_shortest(const struct quiz_file *file, struct shortest *now,
                         const struct shortest *before)
{
	bool taken = false;

	now->count = 0;
	for (uint32_t i = 0; i < before->count || !taken;) {
		bool take = !taken && (i == before->count ||
		                       weight(file, now->item) < weight(file, before->few[i]));
		uint32_t item = take ? now->item : before->few[i++];
		taken |= take;
		if (now->count < FEW && leaves(file, now, item))
			now->few[now->count++] = item;
	}
}

/* The longest fact that may come in place of an item's; -1: none. */
static int64_t longest_fact(const struct quiz_file *file, const struct entry *entry)
{
	if (wrong(file) || file->choice.longest == 0)
		return UINT32_MAX;
	int64_t length = (int64_t)file->choice.longest - entry->length + entry->fact -
	                 (entry->fact > 0 ? 0 : QUIZ_FACT_MARKS);
	return length < 0 ? -1 : length;
}

static bool has_other(const struct quiz_file *file, const struct entry *entry, int like,
                      const struct shortest *list)
{
	const struct shortest key = {.group = wrong(file) ? entry->like[like] : 0,
	                             .fact = (uint32_t)longest_fact(file, entry),
	                             .item = UINT32_MAX};
	size_t low = 0, high = file->ranked;

	if (longest_fact(file, entry) < 0)
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (by_fact(&list[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || list[low - 1].group != key.group)
		return false;
	for (uint32_t i = 0; i < list[low - 1].count; i++)
		if (may_stand(file, entry, &file->entry[list[low - 1].few[i]]))
			return true;
	return false;
}

/* Mark those for which there is any other that is so alike. */
static int mark_others(struct quiz_file *file, int like, struct err *err)
{
	const struct shortest none = {0};
	struct shortest *list = calloc(file->ranked + 1, sizeof *list);

	if (!list)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < file->ranked; i++) {
		const struct ranked *ranked = &file->rank[like][i];
		list[i] = (struct shortest){
			.group = ranked->group,
			.fact = wrong(file) ? 0 : file->entry[ranked->item].fact,
			.item = ranked->item};
	}
	qsort(list, file->ranked, sizeof *list, by_fact);
	for (size_t i = 0; i < file->ranked; i++)
		add_shortest(file, &list[i],
		             i > 0 && list[i - 1].group == list[i].group ? &list[i - 1] : &none);
	for (size_t i = 0; i < file->count; i++)
		file->entry[i].other[like] = draws(file, &file->entry[i]) &&
		                             has_other(file, &file->entry[i], like, list);
	free(list);
	return 0;
}

/* ---- reading through ---- */

static bool held_out(const struct quiz_file *file, const struct entry *entry)
{
	return (double)entry->question_hash * 0x1p-64 < file->choice.held_out;
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
	if (draws(file, entry) && wrong(file) && entry->stated == 0)
		return entry->fact > 0 ? QUIZ_NOT_STATED : QUIZ_NO_FACT;
	return QUIZ_KEPT;
}

static int add_characters(const struct quiz_item *item, struct charset *set, struct err *err)
{
	const char *const texts[] = {item->question, item->answer, "{B}: {E}\n", item->fact,
	                             *item->fact ? " ()" : ""};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (charset_add(set, texts[i], strlen(texts[i]), err) < 0)
			return -1;
	return 0;
}

static int make_room(struct quiz_file *file, struct err *err)
{
	if (file->count < file->room)
		return 0;
	size_t room = file->room ? 2 * file->room : 64;
	struct entry *entry = realloc(file->entry, room * sizeof *entry);
	if (!entry || room > UINT32_MAX)
		return err_set(err, "out of memory");
	file->entry = entry;
	file->room = room;
	return 0;
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
	if (loss != QUIZ_EMPTY && loss != QUIZ_LONG && add_characters(&item, set, err) < 0)
		return -1;
	if (loss != QUIZ_KEPT) {
		file->counts.item[loss]++;
		return 0;
	}
	if (make_room(file, err) < 0)
		return -1;
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
	const int all = likenesses(file) - 1;

	if (file->choice.fact >= QUIZ_FACT_WRONG) {
		if (rank_all(file, err) < 0)
			return -1;
		for (int like = 0; like <= all; like++)
			if (order_answers(file, like, err) < 0 || mark_others(file, like, err) < 0)
				return -1;
		file->placed = malloc(((size_t)sqrt((double)file->ranked) + 1) * sizeof *file->placed);
		if (!file->placed)
			return err_set(err, "out of memory");
	}
	file->kept = malloc((file->count + 1) * sizeof *file->kept);
	if (!file->kept)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < file->count; i++) {
		if (draws(file, &file->entry[i]) && !file->entry[i].other[all]) {
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
	file->json = jsonl_open(path, err);
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
	file->value = file->other = NULL;
	file->fact = NULL;
}

void quiz_file_close(struct quiz_file *file)
{
	if (!file)
		return;
	forget(file);
	jsonl_close(file->json);
	quiz_buffer_release(&file->buffer);
	for (int like = 0; like < LIKENESSES; like++) {
		free(file->rank[like]);
		free(file->by_answer[like]);
	}
	free(file->placed);
	free(file->entry);
	free(file->kept);
	free(file);
}

/* ---- an item as a record ---- */

/* An item's JSON again; item's strings are its. NULL with err set. */
static json_t *read_again(struct quiz_file *file, const struct entry *entry,
                          struct quiz_item *item, struct err *err)
{
	json_t *value = jsonl_at(file->json, entry->offset, entry->size, err);

	if (value && quiz_item_read(value, item, err) == 0)
		return value;
	json_decref(value);
	return NULL;
}

/* Would nobody say that it were the same, or that both are stated? */
static bool apart(const struct quiz_file *file, const struct quiz_item *own,
                  const struct quiz_item *other)
{
	if (!wrong(file))
		return !quiz_find(other->fact, other->fact, own->answer);
	return !quiz_find(own->fact, own->fact, other->answer) &&
	       !quiz_find(own->answer, own->answer, other->answer) &&
	       !quiz_find(other->answer, other->answer, own->answer);
}

static int by_place(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return (x->place > y->place) - (x->place < y->place);
}

/* How many of count in by_answer, from first on, have an answer below, or up to, one. */
static size_t answers_below(const struct quiz_file *file, int like, size_t first, size_t count,
                            uint64_t answer, bool up_to)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint64_t here = answer_at(file, like, first + middle);
		if (here < answer || (up_to && here == answer))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Those of a group whose answer is another one, in the order in which they are drawn, into
 * file->placed, where they are so few that to find them by drawing would take longer. How
 * many; 0: they are not. */
static size_t place_few(struct quiz_file *file, const struct entry *entry, int like, size_t first,
                        size_t count, const struct permutation *order)
{
	size_t begin = answers_below(file, like, first, count, entry->answer_hash, false);
	size_t end = answers_below(file, like, first, count, entry->answer_hash, true), few = 0;
	const size_t others = count - (end - begin);

	if (others >= count / (others + 1))
		return 0;
	for (size_t i = 0; i < others; i++) {
		uint32_t place = file->by_answer[like][first + (i < begin ? i : i + end - begin)];
		file->placed[few++] = (struct placed){permutation_place(order, place - first),
		                                      file->rank[like][place].item};
	}
	qsort(file->placed, few, sizeof *file->placed, by_place);
	return few;
}

/* One of those that are so alike, drawn: its entry, with file->other and *other; NULL
 * where there is none, or with err set. */
static const struct entry *draw_like(struct quiz_file *file, const struct entry *entry,
                                     const struct quiz_item *own, int like, bool strict,
                                     uint64_t id, struct quiz_item *other, struct err *err)
{
	size_t first, count = candidates(file, entry, like, &first);
	struct permutation order;

	if (!entry->other[like])
		return NULL;
	permutation_init(&order, count, file->choice.seed, RNG_FACT, id << 2 | (uint64_t)like);
	size_t few = place_few(file, entry, like, first, count, &order);
	for (size_t i = 0; i < (few > 0 ? few : count); i++) {
		uint32_t drawn = few > 0 ? file->placed[i].item :
		                 file->rank[like][first + permutation_at(&order, i)].item;
		if (!may_stand(file, entry, &file->entry[drawn]))
			continue;
		json_decref(file->other);
		file->other = read_again(file, &file->entry[drawn], other, err);
		if (!file->other)
			return NULL;
		if (!strict || apart(file, own, other))
			return &file->entry[drawn];
	}
	return NULL;
}

static const struct entry *draw_other(struct quiz_file *file, const struct entry *entry,
                                      const struct quiz_item *own, uint64_t id,
                                      struct quiz_item *other, struct err *err)
{
	const struct entry *drawn = NULL;

	for (int like = 0; !drawn && err->status == ERR_NONE && like < likenesses(file); like++)
		drawn = draw_like(file, entry, own, like, true, id, other, err);
	if (!drawn && err->status == ERR_NONE)
		drawn = draw_like(file, entry, own, likenesses(file) - 1, false, id, other, err);
	return drawn;
}

/* Make the fact of a question what it is to be, and *states what it states. */
static int change_fact(struct quiz_file *file, const struct entry *entry, uint64_t id,
                       struct quiz_item *item, const char **states, uint64_t *line,
                       struct err *err)
{
	const struct entry *drawn;
	struct quiz_item other;

	*states = item->answer;
	if (file->choice.fact == QUIZ_FACT_DROP)
		item->fact = "";
	if (!draws(file, entry))
		return 0;
	drawn = draw_other(file, entry, item, id, &other, err);
	if (!drawn)
		return -1;
	file->fact = wrong(file) ? quiz_replace(item->fact, item->answer, other.answer) :
	                           strdup(other.fact);
	if (!file->fact)
		return err_set(err, "out of memory");
	item->fact = file->fact;
	*states = other.answer;
	if (file->choice.answer == QUIZ_ANSWER_STATED)
		item->answer = other.answer;
	*line = drawn->line;
	return 0;
}

int quiz_file_record(struct quiz_file *file, uint64_t item, uint64_t id,
                     struct span_kinds *kinds, struct record *record,
                     struct quiz_origin *origin, struct err *err)
{
	const struct entry *entry = &file->entry[file->kept[item]];
	const char *states = NULL;
	struct quiz_item parts;

	forget(file);
	*origin = (struct quiz_origin){.line = entry->line};
	file->value = read_again(file, entry, &parts, err);
	if (!file->value)
		return -1;
	origin->topic = parts.topic;
	if (!entry->instruction &&
	    change_fact(file, entry, id, &parts, &states, &origin->other, err) < 0)
		return -1;
	if (quiz_render(&parts, states, &file->buffer, kinds, record, err) < 0)
		return -1;
	record->id = id;
	return 0;
}
