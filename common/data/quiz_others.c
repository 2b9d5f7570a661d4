#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/permutation.h"
#include "common/data/quiz_file_private.h"

/* ---- how alike answers are ---- */

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

void quiz_others_describe(struct entry *entry, const struct quiz_item *item)
{
	const char *topic = item->topic ? item->topic : "";

	entry->like[SORT] = numeric(item->answer);
	entry->like[FORM] = form_of(item->answer);
	entry->like[TOPIC] = XXH64(topic, strlen(topic), entry->like[FORM]);
}

/* ---- what may stand for what ---- */

bool quiz_others_needed(const struct quiz_file *file, const struct entry *entry)
{
	return !entry->instruction &&
	       (file->choice.fact == QUIZ_FACT_WRONG || file->choice.fact == QUIZ_FACT_OTHER);
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

int quiz_others_rank(struct quiz_file *file, struct err *err)
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

bool quiz_others_any(const struct quiz_file *file, const struct entry *entry)
{
	const int like = likenesses(file) - 1;
	size_t first, count = candidates(file, entry, like, &first);

	for (size_t i = 0; i < count; i++)
		if (may_stand(file, entry, &file->entry[file->rank[like][first + i].item]))
			return true;
	return false;
}

/* ---- one of them, drawn ---- */

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
		file->other = quiz_file_read_again(file, &file->entry[drawn], other, err);
		if (!file->other)
			return NULL;
		if (!strict || apart(file, own, other))
			return &file->entry[drawn];
	}
	return NULL;
}

const struct entry *quiz_others_draw(struct quiz_file *file, const struct entry *entry,
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
