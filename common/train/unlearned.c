#include "common/train/unlearned.h"

#include <math.h>
#include <stdio.h>

bool unlearned_find(const struct validation *validation, const struct span_kinds *kinds,
                    const float *weight, struct unlearned *unlearned)
{
	const int answer = span_kind_find(kinds, "answer");
	double loss = 0, floor = 0;
	size_t at = 0;

	*unlearned = (struct unlearned){0};
	if (answer < 0 || validation->kind[answer].tokens == 0)
		return false;
	for (int i = 0; i < kinds->count; i++) {
		loss += (double)weight[i] * validation->kind[i].loss;
		floor += (double)weight[i] * validation->kind[i].floor;
	}
	unlearned->excess = (validation->kind[answer].loss - validation->kind[answer].floor) /
	                    (double)validation->kind[answer].tokens;
	unlearned->floor_share = loss > 0 ? floor / loss : 0;
	if (unlearned->excess <= UNLEARNED_EXCESS || unlearned->floor_share <= UNLEARNED_SHARE)
		return false;
	for (int i = 0; i < kinds->count && at < sizeof unlearned->weights; i++)
		if (i != answer && weight[i] >= 1 &&
		    (double)weight[i] * validation->kind[i].floor >= floor / 10)
			at += (size_t)snprintf(unlearned->weights + at, sizeof unlearned->weights - at,
			                       "%s=0.1,", kinds->word[i]);
	if (at == 0 || at >= sizeof unlearned->weights)
		return false;
	at += (size_t)snprintf(unlearned->weights + at, sizeof unlearned->weights - at, "answer=%g",
	                       fmax((double)weight[answer], 5));
	return at < sizeof unlearned->weights;
}
