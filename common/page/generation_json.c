#include "common/page/generation_json.h"

#include "common/page/page_text.h"

/* Append to an array; a value of NULL is out of memory, which is sticky in *failed. */
static void append(json_t *array, json_t *value, bool *failed)
{
	*failed |= json_array_append_new(array, value) < 0;
}

/* Append p, rank, entropy, rest and the candidates. */
static void append_distribution(json_t *array, const struct generation *generation,
                                const struct generation_step *step, bool *failed)
{
	json_t *top = json_array();

	append(array, json_real(step->p), failed);
	append(array, json_integer(step->rank), failed);
	append(array, json_real(step->entropy), failed);
	append(array, json_real(step->rest), failed);
	for (uint32_t i = 0; i < step->top_count; i++) {
		const struct generation_top *candidate = &generation->tops[step->top + i];
		json_t *pair = json_array();
		append(pair, page_text_json(ESCAPE_WORD, candidate->piece.bytes, candidate->piece.size),
		       failed);
		append(pair, json_real(candidate->p), failed);
		append(top, pair, failed);
	}
	append(array, top, failed);
}

static json_t *step_json(const struct generation *generation, const struct generation_step *step,
                         bool *failed)
{
	json_t *array = json_array(), *lenses;

	append(array, json_integer(step->position), failed);
	append_distribution(array, generation, step, failed);
	if (step->lens_count == 0)
		return array;
	lenses = json_array();
	for (uint32_t i = 0; i < step->lens_count; i++) {
		json_t *lens = json_array();
		append_distribution(lens, generation, &generation->lenses[step->lens + i], failed);
		append(lenses, lens, failed);
	}
	append(array, lenses, failed);
	return array;
}

json_t *generation_json(const struct generation *generation, json_t *verdict)
{
	json_t *steps = json_array();
	bool failed = !steps;
	json_t *result;

	for (uint32_t i = 0; i < generation->step_count && !failed; i++)
		append(steps, step_json(generation, &generation->steps[i], &failed), &failed);
	result = json_pack("{s:i, s:i, s:b, s:o?, s:o}", "prompt", (int)generation->prompt, "length",
	                   (int)generation->length, "scored", generation->stop == GENERATION_END,
	                   "verdict", verdict ? verdict : json_null(), "steps", steps);
	if (!failed)
		return result;
	json_decref(result);
	return NULL;
}
