/* The sampler against closed forms, and its draws against its probabilities. */
#include <math.h>
#include <stdlib.h>

#include "common/sample/sampler.h"
#include "tests/tap.h"

#define VOCAB 11
#define DRAWS 20000

static const float logits[VOCAB] = {0.5f, 2, -1, 2, 0, 1.25f, -3, 0.75f, 2.5f, -0.5f, 1};

static struct sampler *sampler_for(int vocab, int probs)
{
	struct err err = {0};
	struct sampler *sampler = sampler_new(vocab, probs, &err);

	if (!sampler)
		printf("Bail out! %s\n", err.text);
	return sampler;
}

/* Of all tokens, or without these. */
static const bool *forbidden;
static const bool some[VOCAB] = {[8] = true, [3] = true, [7] = true, [6] = true};

/* The distribution that a sampling should have, written down plainly. */
static void expected(const struct sampling *how, double *p)
{
	int order[VOCAB], count = 0, kept = 0;
	double sum = 0, held = 0, share = 0;

	for (int i = 0; i < VOCAB; i++) {
		p[i] = 0;
		if (forbidden && forbidden[i])
			continue;
		int at = count++;
		for (; at > 0 && logits[order[at - 1]] < logits[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
		p[i] = exp(logits[i] / how->temperature);
	}
	kept = how->top_k > 0 && how->top_k < count ? how->top_k : count;
	for (int i = 0; i < kept; i++)
		sum += p[order[i]];
	for (int i = 0; i < count; i++) {
		if (i >= kept || (i > 0 && held >= how->top_p))
			p[order[i]] = 0;
		held += p[order[i]] / sum;
		share += p[order[i]];
	}
	for (int i = 0; i < VOCAB; i++)
		p[i] /= share;
}

/* Pearson's chi-square of draws against p; *cells is its degrees of freedom. */
static double chi_square(const int *count, const double *p, int *freedom)
{
	double sum = 0;

	*freedom = -1;
	for (int i = 0; i < VOCAB; i++) {
		if (p[i] == 0) {
			if (count[i])
				return INFINITY;
			continue;
		}
		sum += pow(count[i] - DRAWS * p[i], 2) / (DRAWS * p[i]);
		++*freedom;
	}
	return sum;
}

static void check_frequencies(const char *what, struct sampling how, int support)
{
	struct sampler *sampler = sampler_for(VOCAB, 5);
	double p[VOCAB];
	int count[VOCAB] = {0}, freedom;
	struct err err = {0};
	struct rng rng;

	if (forbidden && sampler_forbid(sampler, forbidden, &err) < 0)
		printf("Bail out! %s\n", err.text);
	rng_init(&rng, 1, RNG_TEST, 7);
	expected(&how, p);
	for (int i = 0; i < DRAWS; i++) {
		sampler_look(sampler, logits);
		count[sampler_pick(sampler, &how, &rng)]++;
	}
	double chi = chi_square(count, p, &freedom);
	/* mean + 5 standard deviations; of freedom 0, nothing may differ */
	bool good = chi <= freedom + 5 * sqrt(2.0 * freedom) + 1e-9;
	if (!ok(good && freedom == support - 1, "%s: frequencies as the probabilities say", what))
		printf("# chi-square %g with %d degrees of freedom, want %d\n", chi, freedom,
		       support - 1);
	sampler_free(sampler);
}

/* Tokens that are never drawn are drawn by no way, and the steps say of them what they say. */
static void check_forbidden(void)
{
	struct sampler *sampler = sampler_for(VOCAB, VOCAB);
	const struct sampling greedy = {.greedy = true};
	struct sampler_step with, without;
	struct err err = {0};
	struct rng rng;

	sampler_look(sampler, logits);
	sampler_step(sampler, 1, &without);
	sampler_forbid(sampler, some, &err);
	sampler_look(sampler, logits);
	rng_init(&rng, 1, RNG_TEST, 7);
	is_int(sampler_pick(sampler, &greedy, &rng), 1, "greedy takes the likeliest of the others");
	sampler_step(sampler, 1, &with);
	ok(with.p == without.p && with.rank == 1 && with.top[0].token == 8 &&
	   with.entropy == without.entropy, "what the model thought of it is as before");
	sampler_free(sampler);
	forbidden = some;
	check_frequencies("without four tokens", (struct sampling){.temperature = 1, .top_p = 1}, 7);
	check_frequencies("and temperature 2", (struct sampling){.temperature = 2, .top_p = 1}, 7);
	check_frequencies("top 3 of the others",
	                  (struct sampling){.temperature = 1, .top_k = 3, .top_p = 1}, 3);
	check_frequencies("top 9, more than there are",
	                  (struct sampling){.temperature = 1, .top_k = 9, .top_p = 1}, 7);
	check_frequencies("top 0.7", (struct sampling){.temperature = 1, .top_p = 0.7}, 3);
	check_frequencies("top 5, then 0.5 of them",
	                  (struct sampling){.temperature = 1, .top_k = 5, .top_p = 0.5}, 2);
	forbidden = NULL;
}

/* Untempered draws against the very probabilities that a step reports. */
static void check_reported(void)
{
	struct sampler *sampler = sampler_for(VOCAB, VOCAB);
	struct sampling how = {.temperature = 1, .top_p = 1};
	double p[VOCAB];
	int count[VOCAB] = {0}, freedom;
	struct sampler_step step;
	struct rng rng;

	rng_init(&rng, 2, RNG_TEST, 8);
	for (int i = 0; i < DRAWS; i++) {
		sampler_look(sampler, logits);
		int token = sampler_pick(sampler, &how, &rng);
		sampler_step(sampler, token, &step);
		count[token]++;
		p[token] = step.p;
	}
	double chi = chi_square(count, p, &freedom);
	ok(freedom == VOCAB - 1 && chi < freedom + 5 * sqrt(2.0 * freedom),
	   "draws are as frequent as the steps report");
	sampler_free(sampler);
}

/* Of more tokens than one look finds: equal ones among them, in the order of their numbers. */
static void check_order(int probs)
{
	enum { MANY = 100 };
	struct sampler *sampler = sampler_for(MANY, probs);
	float many[MANY];
	double sum = 0, rest = 1;
	struct sampler_step step;
	bool good = true;

	for (int round = 0; round < 2; round++) { /* rising at first, so that each comes before all */
		sum = 0;
		for (int i = 0; i < MANY; i++) {
			many[i] = (float)(round ? i * 37 % MANY / 3 : i / 3) / 8;
			sum += exp((double)many[i]);
		}
		sampler_look(sampler, many);
		sampler_step(sampler, 50, &step);
		sampler_step(sampler, 50, &step); /* a second one says the same */
		rest = 1;
		for (int k = 0; k < step.top_count; k++) {
			int before = 0, token = step.top[k].token;
			for (int i = 0; i < MANY; i++)
				before += many[i] > many[token] || (many[i] == many[token] && i < token);
			good &= before == k && fabs(step.top[k].p - exp((double)many[token]) / sum) < 1e-15;
			good &= token != 50 || step.rank == k;
			rest -= step.top[k].p;
		}
		good &= step.top_count == probs && fabs(step.rest - (probs ? rest : 1)) < 1e-14;
	}
	ok(good, "the first %d of %d tokens, and what is left", probs, MANY);
	sampler_free(sampler);
}

static void check_statistics(void)
{
	struct sampler *sampler = sampler_for(VOCAB, 4);
	static const int order[VOCAB] = {8, 1, 3, 5, 10, 7, 0, 4, 9, 2, 6};
	double sum = 0, entropy = 0;
	struct sampler_step step;
	bool ranks = true, probabilities = true;

	for (int i = 0; i < VOCAB; i++)
		sum += exp(logits[i]);
	for (int i = 0; i < VOCAB; i++)
		entropy -= exp(logits[i]) / sum * log(exp(logits[i]) / sum);
	sampler_look(sampler, logits);
	for (int i = 0; i < VOCAB; i++) {
		sampler_step(sampler, order[i], &step);
		ranks = ranks && step.rank == i;
		probabilities = probabilities && fabs(step.p - exp(logits[order[i]]) / sum) < 1e-12;
	}
	ok(ranks, "ranks count the likelier tokens, equal ones by token");
	ok(probabilities, "p is the softmax");
	is_near(step.entropy, entropy, 1e-12, "entropy is -sum p ln p");
	is_int(step.top_count, 4, "as many candidates as wanted");
	double top = 0;
	bool ordered = true;
	for (int i = 0; i < 4; i++) {
		top += step.top[i].p;
		ordered = ordered && step.top[i].token == order[i];
	}
	ok(ordered, "candidates come in the order of ranks");
	is_near(step.rest + top, 1, 1e-12, "candidates and rest make 1");
	sampler_free(sampler);
}

static void check_edges(void)
{
	struct sampler *sampler = sampler_for(1, 5);
	struct sampling how = {.temperature = 1, .top_p = 1};
	struct sampler_step step;
	struct rng rng, fresh;
	float one = 3, wild[VOCAB] = {0};

	rng_init(&rng, 1, RNG_TEST, 9);
	is_int(sampler_look(sampler, &one), 0, "a vocabulary of one");
	is_int(sampler_pick(sampler, &how, &rng), 0, "its token is picked");
	sampler_step(sampler, 0, &step);
	ok(step.p == 1 && step.rank == 0 && step.entropy == 0 && step.rest == 0 &&
	   step.top_count == 1, "it is certain");
	sampler_free(sampler);

	sampler = sampler_for(VOCAB, 0);
	sampler_look(sampler, logits);
	sampler_step(sampler, 3, &step);
	ok(step.top_count == 0 && fabs(step.rest - 1) < 1e-12 && step.rank == 2,
	   "no candidates: all is rest");
	wild[4] = NAN;
	is_int(sampler_look(sampler, wild), -1, "NaN is refused");
	wild[4] = -INFINITY;
	is_int(sampler_look(sampler, wild), -1, "infinity is refused");
	wild[4] = 3e38f;
	wild[5] = -3e38f;
	is_int(sampler_look(sampler, wild), 0, "the largest logits are not");
	sampler_step(sampler, 5, &step);
	ok(step.p == 0 && step.entropy == 0 && step.rank == VOCAB - 1, "and give numbers");
	is_int(sampler_pick(sampler, &how, &rng), 4, "and a pick");

	how.greedy = true;
	fresh = rng;
	sampler_look(sampler, logits);
	is_int(sampler_pick(sampler, &how, &rng), 8, "greedy takes the most likely");
	ok(memcmp(&fresh, &rng, sizeof rng) == 0, "and draws no random number");
	how = (struct sampling){.temperature = 0, .top_p = 1};
	is_int(sampler_pick(sampler, &how, &rng), 8, "temperature 0 is greedy");
	sampler_free(sampler);
}

/* Different ids and samples draw different numbers, the same ones the same. */
static void check_rng(void)
{
	struct rng a, b;
	bool differ = true;

	sampler_rng(&a, 1, 12, 3);
	sampler_rng(&b, 1, 12, 3);
	ok(rng_u64(&a) == rng_u64(&b), "one generation, one sequence");
	sampler_rng(&a, 1, 12, 3);
	uint64_t first = rng_u64(&a);
	for (uint64_t id = 0; id < 100; id++)
		for (uint32_t sample = 0; sample < 100; sample++) {
			sampler_rng(&b, 1, id, sample);
			differ = differ && ((rng_u64(&b) == first) == (id == 12 && sample == 3));
		}
	ok(differ, "other ids and samples draw other numbers");
}

int main(void)
{
	check_statistics();
	check_order(0);
	check_order(5);
	check_order(16);
	check_order(17);
	check_order(100);
	check_edges();
	check_rng();
	check_reported();
	check_forbidden();
	check_frequencies("as it is", (struct sampling){.temperature = 1, .top_p = 1}, VOCAB);
	check_frequencies("temperature 0.5", (struct sampling){.temperature = 0.5, .top_p = 1}, VOCAB);
	check_frequencies("temperature 2", (struct sampling){.temperature = 2, .top_p = 1}, VOCAB);
	check_frequencies("top 1", (struct sampling){.temperature = 1, .top_k = 1, .top_p = 1}, 1);
	check_frequencies("top 2 of a tie at the cut",
	                  (struct sampling){.temperature = 1, .top_k = 2, .top_p = 1}, 2);
	check_frequencies("top 6", (struct sampling){.temperature = 1.5, .top_k = 6, .top_p = 1}, 6);
	check_frequencies("top 0.8", (struct sampling){.temperature = 1, .top_p = 0.8}, 5);
	check_frequencies("top 0", (struct sampling){.temperature = 1, .top_p = 0}, 1);
	check_frequencies("top 8, then 0.9 of them",
	                  (struct sampling){.temperature = 2, .top_k = 8, .top_p = 0.9}, 7);
	return done();
}
