/* Passes and optimizers' steps as CUDA graphs: their launches one by one take longer than a
 * small network's work, a graph is launched as one.
 *
 * Their calls are known by key, rows, tiles and row_invariant. When they come for the
 * first time they run plainly: scratch grows to what they need, and cuBLASLt is asked for its
 * advice. The second time they are captured; from then on, launched. Graphs hold addresses:
 * where any memory is freed - scratch that grows, a network - all are forgotten, and so is
 * what has been seen.
 *
 * What fails while a call is captured ends the program, as it does elsewhere. Where the
 * capture as a whole fails, nothing of it was done: cuda_recorded() says so, and the pass,
 * and all after it, run without graphs. Where it is spoiled - cuBLASLt would have to be asked
 * for advice in the middle - the pass runs plainly as if it came for the first time. */
#include "kernels/cuda/check.h"

#include <stdlib.h>
#include <string.h>

#define GRAPHS 64 /* of each device; the one that was not used for longest makes place */

/* What makes the calls of one pass those of another. */
struct calls {
	uint64_t key;
	int rows, tiles;
	bool row_invariant;
};

struct graph {
	struct calls calls;
	cudaGraphExec_t ready; /* NULL: they have been seen once */
	uint64_t used; /* when, by clock; 0: the place is free */
};

struct graphs {
	struct graph of[GRAPHS];
	uint64_t clock;
	struct calls now; /* from cuda_replay() to cuda_recorded() */
};

static struct graph *find(struct graphs *graphs)
{
	const struct calls *now = &graphs->now;

	for (int i = 0; i < GRAPHS; i++) {
		struct graph *graph = &graphs->of[i];
		const struct calls *calls = &graph->calls;
		if (graph->used && calls->key == now->key && calls->rows == now->rows &&
		    calls->tiles == now->tiles && calls->row_invariant == now->row_invariant)
			return graph;
	}
	return NULL;
}

/* Free a place. The GPU may still be at its graph. */
static void clear(struct device *dev, struct graph *graph)
{
	if (graph->ready) {
		cuda_wait(dev);
		CHECK(cudaGraphExecDestroy(graph->ready));
	}
	*graph = (struct graph){.used = 0};
}

/* The calls of this pass have been seen. */
static void note(struct device *dev)
{
	struct graphs *graphs = dev->graphs;
	struct graph *oldest = &graphs->of[0];

	for (int i = 1; i < GRAPHS; i++)
		if (graphs->of[i].used < oldest->used)
			oldest = &graphs->of[i];
	clear(dev, oldest);
	oldest->calls = graphs->now;
	oldest->used = ++graphs->clock;
}

static void launch(struct device *dev, struct graph *graph)
{
	CHECK(cudaGraphLaunch(graph->ready, (cudaStream_t)dev->stream));
	graph->used = ++dev->graphs->clock;
}

struct graphs *graphs_new(void)
{
	const char *wanted = getenv("MEMOSCOPE_GRAPHS");

	return wanted && strcmp(wanted, "0") == 0 ? NULL : calloc(1, sizeof(struct graphs));
}

void graphs_forget(struct device *dev)
{
	for (int i = 0; dev->graphs && i < GRAPHS; i++)
		clear(dev, &dev->graphs->of[i]);
}

void graphs_free(struct device *dev)
{
	graphs_forget(dev);
	free(dev->graphs);
	dev->graphs = NULL;
}

bool cuda_replay(struct device *dev, const struct sequences *seqs, uint64_t key)
{
	struct graphs *graphs = dev->graphs;

	if (seqs)
		cuda_tiles(dev, seqs); /* here: room that moves within a pass has weights rounded anew */
	if (!graphs)
		return false;
	graphs->now = (struct calls){.key = key, .row_invariant = dev->row_invariant};
	if (seqs) {
		graphs->now.rows = seqs->begin[seqs->count];
		graphs->now.tiles = dev->tile_count;
	}
	struct graph *graph = find(graphs);
	if (!graph)
		return false;
	if (graph->ready) {
		launch(dev, graph);
		dev->weights = NULL; /* they may be among what it writes to */
		return true;
	}
	/* of other threads' devices this one knows nothing */
	dev->recording = cudaStreamBeginCapture((cudaStream_t)dev->stream,
	                                        cudaStreamCaptureModeThreadLocal) == cudaSuccess;
	if (!dev->recording) {
		cudaGetLastError(); /* the next launch must not be blamed for it */
		graphs_free(dev);
	}
	return false;
}

bool cuda_recorded(struct device *dev)
{
	cudaGraph_t made = NULL;
	cudaGraphExec_t ready = NULL;

	if (!dev->graphs)
		return true;
	if (!dev->recording) {
		note(dev);
		return true;
	}
	dev->recording = false;
	cudaError_t status = cudaStreamEndCapture((cudaStream_t)dev->stream, &made);
	if (status == cudaSuccess && !dev->spoiled)
		status = cudaGraphInstantiate(&ready, made, 0);
	if (made)
		cudaGraphDestroy(made);
	if (status == cudaSuccess && dev->spoiled) {
		dev->spoiled = false;
		clear(dev, find(dev->graphs)); /* to be seen again, and then captured */
		return false;
	}
	if (status != cudaSuccess) {
		cudaGetLastError();
		graphs_free(dev);
		return false;
	}
	struct graph *graph = find(dev->graphs); /* nothing has been forgotten meanwhile */
	graph->ready = ready;
	launch(dev, graph);
	return true;
}
