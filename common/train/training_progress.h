/* training_progress.h - how far a training has come. */
#ifndef MEMOSCOPE_TRAINING_PROGRESS_H
#define MEMOSCOPE_TRAINING_PROGRESS_H

#include <stdint.h>

struct training_progress {
	int64_t step; /* steps taken */
	uint64_t examples; /* taken from the data loader, those of skipped steps included */
	int64_t tokens; /* predicted in all steps; also in those skipped for their gradient */
	int64_t unweighted; /* batches passed over, because no token had a weight above 0 */
	double seconds; /* spent on batches and steps; not on validations and saves */
	double flops; /* gpt_training_flops() of the tokens; NAN: an older state does not say */
	double best; /* the lowest validation loss so far, INFINITY: none */
};

#endif
