#include "common/data/quiz_file.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/array.h"
#include "common/base/jsonl.h"
#include "common/base/permutation.h"
#include "common/base/utf8.h"

#define QUIZ_COPY_MAX ((uint64_t)16 << 30) /* bytes of a pipe, which are copied, at most */

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
	bool instruction;
	uint64_t question_hash, answer_hash;
	uint64_t like[LIKENESSES]; /* answers that are alike have the same */
};

/* Items that may stand for others, in the order of group, then item. */
struct ranked {
	uint64_t group;
	uint32_t item;
};

struct quiz_file {
	struct jsonl *json;
	struct quiz_choice choice;
	struct entry *entry; /* [count] of what is not lost by itself */
	size_t count, room;
	struct ranked *rank[LIKENESSES]; /* [ranked] each; of facts only the first */
	size_t ranked;
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

/* Is there anything that may stand for an item's? */
static bool has_other(const struct quiz_file *file, const struct entry *entry)
{
	const int like = likenesses(file) - 1;
	size_t first, count = candidates(file, entry, like, &first);

	for (size_t i = 0; i < count; i++)
		if (may_stand(file, entry, &file->entry[file->rank[like][first + i].item]))
			return true;
	return false;
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
	if (file->choice.fact >= QUIZ_FACT_WRONG && rank_all(file, err) < 0)
		return -1;
	file->kept = malloc((file->count + 1) * sizeof *file->kept);
	if (!file->kept)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < file->count; i++) {
		if (draws(file, &file->entry[i]) && !has_other(file, &file->entry[i])) {
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
	for (int like = 0; like < LIKENESSES; like++)
		free(file->rank[like]);
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

/* One of those that are so alike, drawn: its entry, with file->other and *other; NULL
 * where there is none, or with err set. */
static const struct entry *draw_like(struct quiz_file *file, const struct entry *entry,
                                     const struct quiz_item *own, int like, bool strict,
                                     uint64_t id, struct quiz_item *other, struct err *err)
{
	size_t first, count = candidates(file, entry, like, &first);
	struct permutation order;

	permutation_init(&order, count, file->choice.seed, RNG_FACT, id << 2 | (uint64_t)like);
	for (size_t i = 0; i < count; i++) {
		uint32_t drawn = file->rank[like][first + permutation_at(&order, i)].item;
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
