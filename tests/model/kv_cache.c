/* Decoding over a key-value cache gives the logits of full passes; a slot's bits do not depend
 * on the others, or on how its tokens come. */
#include "common/model/kv_cache.h"

#include "common/model/gpt_inspect.h"
#include "tests/model/network.h"

enum { SLOTS = 5 };

/* The rows of a call of which parts are ablated, if gpt_ablate_rows() got this array: of tokens at
 * odd positions, of those at even ones in the last slots. */
static uint8_t ablated[ROWS];

static void choose_ablated(const int32_t *slot, const int32_t *position, int count)
{
	for (int r = 0; r < count; r++)
		ablated[r] = (position[r] + (slot[r] > 2)) % 2;
}

/* A slot's tokens, chunk at a time, from position first on; logits of
 * every row. */
static void decode_alone(struct kv_cache *cache, const struct pass *pass, int s, int slot,
                         int first, int chunk, int v, float *logits)
{
	int end = pass->begin[s + 1] - pass->begin[s];

	for (int at = first; at < end; at += chunk) {
		int32_t slots[ROWS], want[ROWS];
		int rows = end - at < chunk ? end - at : chunk;
		for (int r = 0; r < rows; r++) {
			slots[r] = slot;
			want[r] = r;
		}
		kv_cache_decode(cache, rows, pass->token + pass->begin[s] + at, slots,
		                pass->position + pass->begin[s] + at, rows, want,
		                logits + (size_t)(pass->begin[s] + at) * v);
	}
}

/* All slots together: step i appends to each slot the token at place i, slots
 * in turning order; logits of every row are asked for, last row first. */
static void decode_together(struct kv_cache *cache, const struct pass *pass, int v,
                            float *logits)
{
	float *step = must(malloc(SLOTS * v * sizeof *step));

	for (int place = 0; place < pass->batch.sequences.longest; place++) {
		int32_t token[SLOTS], slot[SLOTS], places[SLOTS], want[SLOTS], row[SLOTS];
		int count = 0;
		for (int i = 0; i < SLOTS; i++) {
			int s = (i + place) % SLOTS;
			if (place >= pass->begin[s + 1] - pass->begin[s])
				continue;
			row[count] = pass->begin[s] + place;
			token[count] = pass->token[row[count]];
			slot[count] = s;
			places[count++] = place;
		}
		for (int i = 0; i < count; i++)
			want[i] = count - 1 - i;
		choose_ablated(slot, places, count);
		kv_cache_decode(cache, count, token, slot, places, count, want, step);
		for (int i = 0; i < count; i++)
			memcpy(logits + (size_t)row[want[i]] * v, step + (size_t)i * v,
			       v * sizeof *step);
	}
	free(step);
}

/* All slots in two calls, of whose rows the logits of some are asked for: of each slot's last one,
 * the last slot first, of the second call; of none, of the first. */
static void decode_last(struct kv_cache *cache, const struct pass *pass, int v, float *logits)
{
	for (int call = 0; call < 2; call++) {
		int32_t token[ROWS], slot[ROWS], place[ROWS], want[SLOTS], last[SLOTS];
		float *rows = must(malloc(SLOTS * v * sizeof *rows));
		int count = 0, wanted = 0;
		for (int s = 0; s < SLOTS; s++) {
			int length = pass->begin[s + 1] - pass->begin[s], half = length / 2;
			for (int r = call ? half : 0; r < (call ? length : half); r++) {
				token[count] = pass->token[pass->begin[s] + r];
				slot[count] = s;
				place[count++] = r;
			}
			last[s] = count - 1;
		}
		for (int s = SLOTS - 1; call && s >= 0; s--)
			want[wanted++] = last[s];
		choose_ablated(slot, place, count);
		kv_cache_decode(cache, count, token, slot, place, wanted, want, rows);
		for (int s = SLOTS - 1, i = 0; i < wanted; s--, i++)
			memcpy(logits + (size_t)(pass->begin[s + 1] - 1) * v, rows + (size_t)i * v,
			       v * sizeof *rows);
		free(rows);
	}
}

static void check_cache(const struct gpt_config *config, const struct kernels *k)
{
	static const int chunks[] = {1, 2, 5, 9};
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	struct err err = {0};
	struct kv_cache *cache = must(kv_cache_new(net.gpt, SLOTS, &err));
	int v = config->vocab;
	float *full = must(malloc(ROWS * v * sizeof *full));
	float *together = must(malloc(ROWS * v * sizeof *together));
	float *alone = must(malloc(ROWS * v * sizeof *alone));
	struct pass pass;
	size_t bytes;
	char what[120];

	fill_pass(&pass, config, some_lengths, 4);
	bytes = (size_t)pass.batch.count * v * sizeof *full;
	pass.batch.target = NULL;
	gpt_forward(net.gpt, &pass.batch, NULL);
	gpt_logits(net.gpt, 0, pass.batch.count, full);
	decode_together(cache, &pass, v, together);
	snprintf(what, sizeof what, "width %d: the cache gives the full pass", config->width);
	ok_apart(together, full, bytes / 4, 2e-5, what);
	for (int i = 0; i < 4; i++) {
		for (int s = 0; s < SLOTS; s++)
			decode_alone(cache, &pass, s, (s + i) % SLOTS, 0, chunks[i], v, alone);
		ok(memcmp(alone, together, bytes) == 0,
		   "width %d: a slot alone, %d tokens at a time, has the same bits", config->width,
		   chunks[i]);
	}
	memcpy(alone, together, bytes);
	for (int s = 0; s < SLOTS; s++)
		memset(alone + (size_t)(pass.begin[s + 1] - 1) * v, 0, v * sizeof *alone);
	decode_last(cache, &pass, v, alone);
	ok(memcmp(alone, together, bytes) == 0,
	   "width %d: a row has the same bits where it alone is wanted", config->width);
	gpt_dropout(net.gpt, 0.5f, 1, 1);
	decode_together(cache, &pass, v, alone);
	ok(memcmp(alone, together, bytes) == 0, "width %d: decoding drops nothing", config->width);
	/* back to place 2, over tokens that went another way */
	struct pass other;
	fill_pass(&other, config, some_lengths, 5);
	for (int s = 0; s < SLOTS; s++) {
		decode_alone(cache, &pass, s, s, 0, 9, v, alone);
		for (int r = 2; r < other.begin[s + 1] - other.begin[s]; r++)
			other.token[other.begin[s] + r] = (other.token[other.begin[s] + r] + 1) % v;
		decode_alone(cache, &other, s, s, 0, 9, v, alone);
		decode_alone(cache, &pass, s, s, 0, 2, v, alone);
		decode_alone(cache, &pass, s, s, 2, 3, v, alone);
	}
	ok(memcmp(alone, together, bytes) == 0, "width %d: a slot taken back forgets",
	   config->width);
	kv_cache_free(cache);
	free(full);
	free(together);
	free(alone);
	free_net(&net);
}

/* Ablated parts are ablated in decoding too, in all rows or in some. */
static void check_ablated(const struct gpt_config *config, const struct kernels *k)
{
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	struct err err = {0};
	struct kv_cache *cache = must(kv_cache_new(net.gpt, SLOTS, &err));
	const int last = config->layers - 1, v = config->vocab;
	float value[256], *together = must(malloc((size_t)ROWS * (size_t)v * sizeof *together));
	struct pass pass;

	fill_pass(&pass, config, some_lengths, 11);
	pass.batch.target = NULL;
	for (int i = 0; i < config->width; i++)
		value[i] = (float)(i % 7) / 3 - 1;
	gpt_ablate_head(net.gpt, last, config->heads - 1, value, &err);
	gpt_ablate_head(net.gpt, 0, 0, NULL, &err);
	gpt_ablate_mlp(net.gpt, last, value, &err);
	float *full = pass_logits(&net, &pass);
	decode_together(cache, &pass, v, together);
	ok_apart(together, full, (size_t)pass.batch.count * (size_t)v, 2e-5,
	         "the cache gives the full pass, ablated");
	free(full);
	gpt_ablate_rows(net.gpt, ablated);
	int32_t slot[ROWS];
	for (int s = 0; s < SLOTS; s++)
		for (int r = pass.begin[s]; r < pass.begin[s + 1]; r++)
			slot[r] = s;
	choose_ablated(slot, pass.position, pass.batch.count);
	full = pass_logits(&net, &pass);
	decode_together(cache, &pass, v, together);
	ok_apart(together, full, (size_t)pass.batch.count * (size_t)v, 2e-5,
	         "the cache gives the full pass, ablated in some rows");
	float *alone = must(calloc((size_t)ROWS * (size_t)v, sizeof *alone));
	decode_last(cache, &pass, v, alone);
	bool same = true;
	for (int s = 0; s < SLOTS; s++) {
		const size_t at = (size_t)(pass.begin[s + 1] - 1) * (size_t)v;
		same &= memcmp(alone + at, together + at, (size_t)v * sizeof *alone) == 0;
	}
	ok(same, "and gives a row the same bits where it alone is wanted");
	free(alone);
	kv_cache_free(cache);
	free(full);
	free(together);
	free_net(&net);
}

static void check_shape(const struct gpt_config *config, const struct kernels *k)
{
	check_cache(config, k);
	check_ablated(config, k);
}

/* ---- failure ---- */

static int allocations_left;

static void *failing_alloc(struct device *dev, size_t bytes)
{
	return allocations_left-- > 0 ? ref_table.alloc(dev, bytes) : NULL;
}

/* Out of memory at each allocation in turn: NULL, a reason, and no leak (an address sanitizer
 * would see it). */
static void check_memory(void)
{
	struct kernels failing = ref_table;
	struct net net;
	struct kv_cache *cache = NULL;
	bool clean = true;
	int tries = 0;

	failing.alloc = failing_alloc;
	allocations_left = 1000;
	net = new_net(&bare, &failing, GPT_KEEP_NOTHING);
	for (; !cache && tries < 100; tries++) {
		struct err reason = {0};
		allocations_left = tries;
		cache = kv_cache_new(net.gpt, 3, &reason);
		clean &= cache || reason.status == ERR_DATA;
	}
	ok(cache && tries > 2 && clean, "kv_cache_new fails cleanly at any of %d allocations",
	   tries - 1);
	kv_cache_free(cache);
	kv_cache_free(NULL);
	free_net(&net);
}

int main(void)
{
	at_each_level(check_shape);
	check_memory();
	return done();
}
