/* The network of common/model/gpt.h as a whole: gradients by finite differences over the
 * reference's operations, the CPU's network against the reference's, packing, accumulation,
 * targets, dropout, a pass in one go, failure. */
#include "common/model/gpt.h"

#include "tests/model/network.h"

/* feed-forward parts of other widths than GPT-2's four, and of one column */
static const struct gpt_config wider = SHAPE(2, 2, 6, 9, 11, true, 31);
static const struct gpt_config narrower = SHAPE(2, 1, 5, 9, 7, true, 1);
/* ---- gradients ---- */

static double objective(struct net *net, const struct pass *pass)
{
	float losses[ROWS];
	double sum = 0;

	put_params(net);
	gpt_forward(net->gpt, &pass->batch, losses);
	for (int r = 0; r < pass->batch.count; r++)
		sum += (double)(pass->batch.weight ? pass->weight[r] : 1) * losses[r];
	return sum;
}

/* The derivative by parameter i: central differences at two distances, their
 * error in h² taken off (Richardson). */
static double slope(struct net *net, const struct pass *pass, size_t i)
{
	double slopes[2];
	float keep = net->params[i];

	for (int j = 0; j < 2; j++) {
		float h = j ? 0x1p-8f : 0x1p-7f, right = keep + h, left = keep - h;
		net->params[i] = right;
		double up = objective(net, pass);
		net->params[i] = left;
		double down = objective(net, pass);
		slopes[j] = (up - down) / ((double)right - left);
	}
	net->params[i] = keep;
	return (4 * slopes[1] - slopes[0]) / 3;
}

static void check_gradients(const struct gpt_config *config, float rate, bool weighted)
{
	static const int lengths[] = {4, 1, 7, 0};
	struct net net = new_net(config, &ref_table, GPT_KEEP_ALL);
	struct pass pass;
	size_t worst = 0;
	double square = 0, worst_off = 0;

	fill_pass(&pass, config, lengths, 1);
	if (!weighted)
		pass.batch.weight = NULL;
	gpt_dropout(net.gpt, rate, 7, 3);
	float *grads = pass_gradients(&net, &pass, NULL);
	for (size_t i = 0; i < net.count; i++)
		square += (double)grads[i] * grads[i] / net.count;
	for (size_t i = 0; i < net.count; i++) {
		double off = fabs(slope(&net, &pass, i) - grads[i]) / fmax(sqrt(square), fabs(grads[i]));
		if (!(off <= worst_off)) {
			worst_off = off;
			worst = i;
		}
	}
	ok(worst_off < 1e-3, "%zu gradients by finite differences%s, dropout %g%s", net.count,
	   config->bias ? ", biases" : "", rate, weighted ? ", weights" : "");
	printf("# the worst: parameter %zu, %g, off by %g\n", worst, grads[worst], worst_off);
	free(grads);
	free_net(&net);
}

/* ---- the CPU's network and the reference's ---- */

static void check_against_reference(const struct gpt_config *config, const struct kernels *k)
{
	struct net ref = new_net(config, &ref_table, GPT_KEEP_ALL);
	struct net net = new_net(config, k, GPT_KEEP_ALL);
	size_t floats;
	struct pass pass;
	float losses[2][ROWS], *logits[2], *grads[2];
	char what[120];

	fill_pass(&pass, config, some_lengths, 2);
	floats = (size_t)pass.batch.count * config->vocab;
	snprintf(what, sizeof what, "%d layers, %d heads, width %d", config->layers, config->heads,
	         config->width);
	printf("# %s\n", what);
	for (int i = 0; i < 2; i++) {
		struct net *one = i ? &ref : &net;
		grads[i] = pass_gradients(one, &pass, losses[i]);
		pass.batch.target = NULL;
		logits[i] = must(malloc(floats * sizeof **logits));
		gpt_forward(one->gpt, &pass.batch, NULL);
		gpt_logits(one->gpt, 0, pass.batch.count, logits[i]);
		pass.batch.target = pass.target;
	}
	ok_apart(losses[0], losses[1], pass.batch.count, 2e-5, "losses are the reference's");
	ok_apart(logits[0], logits[1], floats, 2e-5, "logits are the reference's");
	/* rounding is 5.04e-5 with a head of its own at level v2 */
	ok_apart(grads[0], grads[1], net.count, config->own_head ? 1e-4 : 5e-5,
	         "gradients are the reference's");
	for (int i = 0; i < 2; i++) {
		free(grads[i]);
		free(logits[i]);
	}
	free_net(&ref);
	free_net(&net);
}

/* ---- packing ---- */

/* Each sequence alone has the logits that it has in the pack: near, and to the
 * bit where products are row invariant. */
static void check_packing(const struct gpt_config *config, const struct kernels *k)
{
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	int v = config->vocab;
	float *packed = must(malloc(ROWS * v * sizeof *packed));
	float *alone = must(malloc(ROWS * v * sizeof *alone));
	struct pass pass;
	char what[120];

	for (int exact = 0; exact < 2; exact++) {
		bool same = true;
		net.k->row_invariant(net.dev, exact);
		fill_pass(&pass, config, some_lengths, 3);
		pass.batch.target = NULL;
		gpt_forward(net.gpt, &pass.batch, NULL);
		gpt_logits(net.gpt, 0, pass.batch.count, packed);
		for (int s = 0; s < pass.batch.sequences.count; s++) {
			int32_t first = pass.begin[s], rows = pass.begin[s + 1] - first;
			int32_t ends[2] = {0, rows};
			struct gpt_batch batch = {
				.count = rows,
				.sequences = {1, ends, rows},
				.token = pass.token + first,
				.position = pass.position + first,
			};
			gpt_forward(net.gpt, &batch, NULL);
			gpt_logits(net.gpt, 0, rows, alone + (size_t)first * v);
		}
		if (exact) {
			same = memcmp(packed, alone, (size_t)pass.batch.count * v * 4) == 0;
			ok(same, "width %d: a sequence alone has the bits of the pack", config->width);
		} else {
			snprintf(what, sizeof what, "width %d: a sequence alone is as in the pack",
			         config->width);
			ok_apart(alone, packed, (size_t)pass.batch.count * v, 2e-5, what);
		}
	}
	free(packed);
	free(alone);
	free_net(&net);
}

/* ---- gradients that add up, targets, dropout ---- */

static void check_accumulation(void)
{
	static const int first[] = {3, 5, 0}, second[] = {7, 1, 0}, both[] = {3, 5, 7, 1, 0};
	struct net net = new_net(&small, cpu(), GPT_KEEP_ALL);
	struct pass a, b, ab;

	fill_pass(&a, &small, first, 6);
	fill_pass(&b, &small, second, 7);
	fill_pass(&ab, &small, both, 8);
	memcpy(ab.token, a.token, 8 * sizeof *ab.token);
	memcpy(ab.token + 8, b.token, 8 * sizeof *ab.token);
	memcpy(ab.target, a.target, 8 * sizeof *ab.target);
	memcpy(ab.target + 8, b.target, 8 * sizeof *ab.target);
	memcpy(ab.weight, a.weight, 8 * sizeof *ab.weight);
	memcpy(ab.weight + 8, b.weight, 8 * sizeof *ab.weight);
	float *of_a = pass_gradients(&net, &a, NULL), *of_b = pass_gradients(&net, &b, NULL);
	float *of_both = pass_gradients(&net, &ab, NULL);
	gpt_zero_gradients(net.gpt);
	for (int i = 0; i < 2; i++) {
		gpt_forward(net.gpt, i ? &b.batch : &a.batch, NULL);
		gpt_backward(net.gpt);
	}
	float *summed = gradients(&net);
	for (size_t i = 0; i < net.count; i++)
		of_a[i] += of_b[i];
	ok_apart(summed, of_a, net.count, 1e-5, "two passes accumulate the sum of their gradients");
	ok_apart(of_both, of_a, net.count, 1e-5, "one pass of both batches has the same gradients");
	free(of_a);
	free(of_b);
	free(of_both);
	free(summed);
	free_net(&net);
}

static void check_targets(void)
{
	struct net net = new_net(&small, cpu(), GPT_KEEP_ALL);
	struct net plain = new_net(&small, cpu(), GPT_KEEP_NOTHING);
	struct pass pass;
	float losses[ROWS], others[ROWS];
	bool zero = true, positive = true;

	fill_pass(&pass, &small, some_lengths, 9);
	int n = pass.batch.count;
	float *want = pass_gradients(&net, &pass, losses);
	for (int r = 0; r < n; r++) {
		zero &= pass.target[r] >= 0 || losses[r] == 0;
		positive &= pass.target[r] < 0 || losses[r] > 0;
	}
	ok(zero, "a row without a target has no loss");
	ok(positive, "losses are not weighted");
	gpt_forward(plain.gpt, &pass.batch, others);
	ok(memcmp(losses, others, n * sizeof *losses) == 0,
	   "a network that does not train has the same losses");
	for (int r = 0; r < n; r++) {
		pass.weight[r] *= 2;
		if (pass.target[r] < 0) {
			pass.target[r] = 1;
			pass.weight[r] = 0;
		} else if (pass.weight[r] == 0) {
			pass.target[r] = -1;
			pass.weight[r] = 5;
		}
	}
	float *doubled = pass_gradients(&net, &pass, NULL);
	for (size_t i = 0; i < net.count; i++)
		want[i] *= 2;
	ok(memcmp(doubled, want, net.count * sizeof *want) == 0,
	   "twice the weights, twice the gradients; no target is weight 0");
	for (int r = 0; r < n; r++)
		pass.target[r] = -1;
	float *none = pass_gradients(&net, &pass, losses);
	for (size_t i = 0; i < net.count; i++)
		zero &= none[i] == 0;
	ok(zero, "no target at all: no gradient");
	free(want);
	free(doubled);
	free(none);
	free_net(&net);
	free_net(&plain);
}

static void check_dropout(const struct kernels *k)
{
	struct { float rate; uint64_t seed, stream; bool same; const char *what; } const rounds[] = {
		{0, 0, 0, true, "a second pass has the same bits"},
		{0, 9, 9, true, "rate 0 drops nothing, whatever the stream"},
		{0.3f, 1, 2, false, "rate 0.3 drops"},
		{0.3f, 1, 2, true, "the same seed and stream: the same bits"},
		{0.3f, 1, 3, false, "another stream: other bits"},
		{0.3f, 2, 3, false, "another seed: other bits"},
		{0, 2, 3, false, "rate 0 again"},
	};
	struct net net = new_net(&small, k, GPT_KEEP_ALL);
	struct pass pass;
	float *first, *last, losses[2][ROWS];

	fill_pass(&pass, &small, some_lengths, 10);
	size_t loss_bytes = pass.batch.count * sizeof **losses;
	last = first = pass_gradients(&net, &pass, losses[0]);
	for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
		gpt_dropout(net.gpt, rounds[i].rate, rounds[i].seed, rounds[i].stream);
		float *grads = pass_gradients(&net, &pass, losses[1]);
		bool same = memcmp(grads, last, net.count * sizeof *grads) == 0 &&
		            memcmp(losses[0], losses[1], loss_bytes) == 0;
		ok(same == rounds[i].same, "%s: %s", k->name, rounds[i].what);
		if (last != first)
			free(last);
		last = grads;
		memcpy(losses[0], losses[1], sizeof losses[0]);
	}
	ok(memcmp(first, last, net.count * sizeof *first) == 0, "%s: as before any dropout", k->name);
	if (last != first)
		free(first);
	free(last);
	free_net(&net);
}

/* ---- a pass in one go ---- */

/* What a pass asks of its device, a letter each: uploads, downloads, and where its first and
 * its last operation stand. */
static char asked[32];

static void note(char what)
{
	const size_t length = strlen(asked);

	if (length + 1 < sizeof asked)
		asked[length] = what;
}

static void noting_upload(struct device *dev, void *to, const void *from_host, size_t bytes)
{
	note('u');
	cpu()->upload(dev, to, from_host, bytes);
}

static void noting_download(struct device *dev, void *to_host, const void *from, size_t bytes)
{
	note('d');
	cpu()->download(dev, to_host, from, bytes);
}

static void noting_embed(struct device *dev, float *out, const int32_t *token,
                         const int32_t *position, const float *wte, const float *wpe, int n,
                         int c)
{
	note('<');
	cpu()->embed(dev, out, token, position, wte, wpe, n, c);
}

static void noting_embed_backward(struct device *dev, float *dwte, float *dwpe,
                                  const float *dout, const int32_t *token,
                                  const int32_t *position, int n, int c, int v, int t)
{
	note('>');
	cpu()->embed_backward(dev, dwte, dwpe, dout, token, position, n, c, v, t);
}

static void check_pass(void)
{
	struct kernels noting = *cpu();

	noting.upload = noting_upload;
	noting.download = noting_download;
	noting.embed = noting_embed;
	noting.embed_backward = noting_embed_backward;
	struct net net = new_net(&small, &noting, GPT_KEEP_ALL);
	struct pass pass;
	float losses[ROWS] = {0};
	double sum = 3, want_sum = 3; /* it is added to */

	fill_pass(&pass, &small, some_lengths, 11);
	gpt_dropout(net.gpt, 0.2f, 1, 2);
	float *want = pass_gradients(&net, &pass, losses);
	gpt_zero_gradients(net.gpt);
	memset(asked, 0, sizeof asked);
	gpt_forward_backward(net.gpt, &pass.batch, &sum);
	is_string(asked, "uuuu<>", "gpt_forward_backward() waits for nothing");
	float *have = gradients(&net);
	for (int i = 0; i < pass.batch.count; i++)
		want_sum += (double)losses[i];
	ok(fabs(sum - want_sum) <= 1e-12 * want_sum &&
	   memcmp(have, want, net.count * sizeof *have) == 0,
	   "and has the gradients of the two calls, to the bit, and the losses' sum");
	free(have);
	free(want);
	free_net(&net);
}

/* ---- failure ---- */

static int allocations_left;

static void *failing_alloc(struct device *dev, size_t bytes)
{
	return allocations_left-- > 0 ? ref_table.alloc(dev, bytes) : NULL;
}

/* Out of memory at each allocation in turn: NULL, a reason, and no leak (which
 * an address sanitizer would see). */
static void check_memory(void)
{
	struct kernels failing = ref_table;
	struct err err = {0};
	struct device *dev = must(ref_table.open(DTYPE_F32, &err));
	static float params[4096];
	struct gpt *gpt = NULL;
	bool clean = true;
	int tries = 0;

	failing.alloc = failing_alloc;
	for (; gpt == NULL && tries < 1000; tries++) {
		struct err reason = {0};
		allocations_left = tries;
		gpt = gpt_new(&bare, &failing, dev, params, 5, GPT_KEEP_ALL, &reason);
		clean &= gpt != NULL || reason.status == ERR_DATA;
	}
	ok(gpt && tries > 10 && clean, "gpt_new fails cleanly at any of %d allocations", tries - 1);
	gpt_free(gpt);
	gpt_free(NULL);
	ref_table.close(dev);
}

static void check_configs(void)
{
	static const struct gpt_config wrong[] = {
		SHAPE(0, 1, 4, 8, 7, false, 0), SHAPE(1, 0, 4, 8, 7, false, 0),
		SHAPE(1, 3, 4, 8, 7, false, 0), SHAPE(1, 1, 0, 8, 7, false, 0),
		SHAPE(1, 1, 4, 0, 7, false, 0), SHAPE(1, 1, 4, 8, 0, false, 0),
		SHAPE(-1, 1, 4, 8, 7, false, 0), SHAPE(1, 1, 4, GPT_CONTEXT_MAX + 1, 7, false, 0),
		SHAPE(GPT_LAYERS_MAX + 1, 1, 4, 8, 7, false, 0),
		SHAPE(1, 1, GPT_WIDTH_MAX + 1, 8, 7, false, 0),
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct err err = {0};
		ok(gpt_new(&wrong[i], &ref_table, NULL, NULL, 1, GPT_KEEP_NOTHING, &err) == NULL &&
		   err.status != ERR_NONE, "refused: %s", err.text);
	}
}

static void check_shape(const struct gpt_config *config, const struct kernels *k)
{
	check_against_reference(config, k);
	check_packing(config, k);
}

/* With a large vocabulary logits come in blocks of rows, and losses, too: to the bit those of each
 * row alone, and of a network that has all of them at once. */
static void check_blocks(void)
{
	static const struct gpt_config config = {.layers = 1, .heads = 1, .width = 2, .context = 300,
	                                         .vocab = 65535};
	enum { COUNT = 291 };
	struct net net = new_net_of(&config, cpu(), GPT_KEEP_NOTHING, COUNT);
	struct net whole = new_net_of(&config, cpu(), GPT_KEEP_ALL, COUNT);
	const size_t v = (size_t)config.vocab;
	const int32_t begin[2] = {0, COUNT};
	int32_t token[COUNT], position[COUNT], target[COUNT];
	float loss[COUNT], want[COUNT];
	float *all = must(malloc(COUNT * v * sizeof *all)), *row = must(malloc(v * sizeof *row));
	struct gpt_batch batch = {.count = COUNT, .sequences = {1, begin, COUNT}, .token = token,
	                          .position = position, .target = target};
	bool same = true;

	for (int i = 0; i < COUNT; i++) {
		token[i] = i * 211;
		position[i] = i;
		target[i] = i % 5 ? (i * 37 + 3) % config.vocab : -1;
	}
	ok(gpt_logit_rows(net.gpt) < COUNT && gpt_logit_rows(whole.gpt) == COUNT,
	   "blocks of %d rows, or all", gpt_logit_rows(net.gpt));
	gpt_forward(net.gpt, &batch, loss);
	gpt_forward(whole.gpt, &batch, want);
	ok(memcmp(loss, want, sizeof loss) == 0, "losses of blocks have the bits of all");
	gpt_logits(net.gpt, 0, COUNT, all);
	for (int i = 0; i < COUNT; i += 29) {
		gpt_logits(net.gpt, i, 1, row);
		same &= memcmp(row, all + (size_t)i * v, v * sizeof *row) == 0;
	}
	gpt_logits(net.gpt, COUNT - 1, 1, row);
	same &= memcmp(row, all + (COUNT - 1) * v, v * sizeof *row) == 0;
	ok(same, "logits of blocks have the bits of a row alone");
	free(all);
	free(row);
	free_net(&net);
	free_net(&whole);
}

int main(void)
{
	check_blocks();
	check_gradients(&small, 0, false);
	check_gradients(&small, 0.25f, true);
	check_gradients(&bare, 0, true);
	check_gradients(&bare, 0.5f, false);
	check_gradients(&wider, 0, true);
	check_gradients(&narrower, 0.25f, false);
	check_gradients(&other_kind, 0, true);
	check_gradients(&other_kind, 0.25f, false);
	at_each_level(check_shape);
	check_accumulation();
	check_targets();
	check_dropout(&ref_table);
	check_dropout(cpu());
	check_pass();
	check_memory();
	check_configs();
	return done();
}
