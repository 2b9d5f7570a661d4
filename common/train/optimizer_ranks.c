/* optimizer_ranks.c - one optimizer step by several processes.
 *
 * Float addition is not associative. So that the sums do not depend on how many processes the
 * workers are in, the gradients of all workers go to the rank that sums the stretch, which adds
 * them in the order of the workers.
 */
#include <stdlib.h>
#include <string.h>

#include "common/train/optimizer_private.h"

size_t optimizer_rank_begin(const struct optimizer *optimizer, int rank)
{
	return optimizer->shares[rank * optimizer->own].begin;
}

size_t optimizer_rank_end(const struct optimizer *optimizer, int rank)
{
	return optimizer->shares[(rank + 1) * optimizer->own - 1].end;
}

/* ---- who steps what ---- */

/* Of the tensor at offset, if Muon steps it; else -1. */
static int owner_of(const struct optimizer *optimizer, size_t offset)
{
	for (int i = 0; i < optimizer->matrix_count; i++)
		if (optimizer->matrices[i].offset == offset)
			return optimizer->matrices[i].worker / optimizer->own;
	return -1;
}

static void add_piece(struct rank_exchange *ranks, size_t begin, size_t end, int rank, bool whole)
{
	struct piece *last = ranks->piece_count ? &ranks->pieces[ranks->piece_count - 1] : NULL;

	if (begin >= end)
		return;
	if (last && last->end == begin && last->rank == rank && !last->whole && !whole)
		last->end = end;
	else
		ranks->pieces[ranks->piece_count++] = (struct piece){begin, end, rank, whole};
}

/* The tensors stand one behind the other, and the ranks' stretches, too. */
static int list_pieces(struct optimizer *optimizer, const struct gpt_tensor *tensors,
                       int tensor_count, struct err *err)
{
	struct rank_exchange *ranks = optimizer->ranks;
	const int size = ranks->comm->size;

	ranks->pieces = calloc((size_t)(tensor_count + size), sizeof *ranks->pieces);
	if (!ranks->pieces)
		return err_set(err, "out of memory");
	for (int i = 0; i < tensor_count; i++) {
		const size_t from = tensors[i].offset, to = from + tensors[i].count;
		const int owner = owner_of(optimizer, from);
		if (owner >= 0)
			add_piece(ranks, from, to, owner, true);
		for (int r = 0; owner < 0 && r < size; r++) {
			const size_t begin = optimizer_rank_begin(optimizer, r);
			const size_t end = optimizer_rank_end(optimizer, r);
			add_piece(ranks, from > begin ? from : begin, to < end ? to : end, r, false);
		}
	}
	return 0;
}

/* ---- making and freeing ---- */

/* Gradients that come from other ranks, in floats. */
static size_t received_count(const struct optimizer *optimizer)
{
	const int rank = optimizer->ranks->comm->rank;
	const size_t stretch = optimizer_rank_end(optimizer, rank) -
	                       optimizer_rank_begin(optimizer, rank);

	return (size_t)(optimizer->workers - optimizer->own) * stretch;
}

static int make_copies(struct optimizer *optimizer, struct err *err)
{
	struct rank_exchange *ranks = optimizer->ranks;
	const size_t count = optimizer->count, received = received_count(optimizer);
	const struct kernels *k = optimizer->k;
	struct device *dev = optimizer->dev;

	ranks->device = !k->host_memory && ranks->comm->device_memory;
	ranks->copies = !k->host_memory && !ranks->device;
	if (!ranks->copies) {
		ranks->host_received = ranks->received;
		ranks->host_params = optimizer->params;
		return 0;
	}
	ranks->host_received = k->host_alloc(dev, received * sizeof(float));
	ranks->host_gradients = k->host_alloc(dev, (size_t)optimizer->own * count * sizeof(float));
	ranks->host_params = k->host_alloc(dev, count * sizeof(float));
	if (ranks->host_received && ranks->host_gradients && ranks->host_params)
		return 0;
	return err_set(err, "out of memory for copies of %zu parameters", count);
}

static int make_sections(struct optimizer *optimizer, const struct gpt_config *config,
                         struct err *err)
{
	struct rank_exchange *ranks = optimizer->ranks;

	ranks->section_count = gpt_section_count(config);
	ranks->sections = calloc((size_t)ranks->section_count, sizeof *ranks->sections);
	ranks->final = calloc((size_t)optimizer->own, sizeof *ranks->final);
	if (!ranks->sections || !ranks->final)
		return err_set(err, "out of memory");
	gpt_sections(config, ranks->sections);
	return 0;
}

int rank_exchange_new(struct optimizer *optimizer, const struct gpt_config *config,
                      const struct comm *comm, const struct gpt_tensor *tensors, int tensor_count,
                      struct err *err)
{
	struct rank_exchange *ranks = calloc(1, sizeof *ranks);

	if (!ranks)
		return err_set(err, "out of memory");
	ranks->comm = comm;
	optimizer->ranks = ranks;
	if (list_pieces(optimizer, tensors, tensor_count, err) < 0 ||
	    make_sections(optimizer, config, err) < 0)
		return -1;
	const size_t received = received_count(optimizer);
	ranks->room = ranks->piece_count * comm->size + ranks->section_count * optimizer->workers;
	ranks->messages = calloc((size_t)ranks->room, sizeof *ranks->messages);
	ranks->tallies = calloc((size_t)optimizer->workers, sizeof *ranks->tallies);
	ranks->received = optimizer->k->alloc(optimizer->dev, received * sizeof(float) + 1);
	if (!ranks->messages || !ranks->tallies || !ranks->received)
		return err_set(err, "out of memory for %zu gradients", received);
	return make_copies(optimizer, err);
}

void rank_exchange_free(struct optimizer *optimizer)
{
	struct rank_exchange *ranks = optimizer->ranks;
	const struct kernels *k = optimizer->k;

	if (!ranks)
		return;
	if (ranks->copies) {
		k->host_free(optimizer->dev, ranks->host_received);
		k->host_free(optimizer->dev, ranks->host_gradients);
		k->host_free(optimizer->dev, ranks->host_params);
	}
	k->free(optimizer->dev, ranks->received);
	free(ranks->tallies);
	free(ranks->messages);
	free(ranks->pieces);
	free(ranks->sections);
	free(ranks->final);
	free(ranks);
	optimizer->ranks = NULL;
}

size_t rank_exchange_memory(const struct optimizer *optimizer)
{
	return optimizer->ranks ? received_count(optimizer) * sizeof(float) : 0;
}

/* ---- the host's copies ---- */

/* Where messages have a worker's gradients; the worker is one of this rank, from 0. */
static float *host_gradients(const struct optimizer *optimizer, float *const *gradients, int worker)
{
	return optimizer->ranks->copies
	       ? optimizer->ranks->host_gradients + (size_t)worker * optimizer->count
	       : gradients[worker];
}

/* Floats begin ... end of an array of the device, to or from the host. */
static void fetch(const struct optimizer *optimizer, float *host, const float *array, size_t begin,
                  size_t end)
{
	if (host != array && begin < end)
		optimizer->k->download(optimizer->dev, host + begin, array + begin,
		                       (end - begin) * sizeof *host);
}

static void store(const struct optimizer *optimizer, const float *host, float *array, size_t begin,
                  size_t end)
{
	if (host != array && begin < end)
		optimizer->k->upload(optimizer->dev, array + begin, host + begin,
		                     (end - begin) * sizeof *host);
}

/* ---- messages ---- */

static void add_message(struct rank_exchange *ranks, int peer, bool receive, float *memory,
                        size_t count)
{
	if (count > 0)
		ranks->messages[ranks->count++] = (struct comm_message){
			.peer = peer, .receive = receive, .device = ranks->device, .memory = memory,
			.bytes = count * sizeof *memory,
		};
}

static void begin_messages(const struct optimizer *optimizer)
{
	struct rank_exchange *ranks = optimizer->ranks;

	ranks->comm->begin(ranks->comm, ranks->messages, ranks->count);
	ranks->count = 0;
}

static void exchange(const struct optimizer *optimizer)
{
	if (optimizer->ranks->device)
		optimizer->k->wait(optimizer->dev); /* operations that write what is sent */
	begin_messages(optimizer);
	optimizer->ranks->comm->finish(optimizer->ranks->comm);
}

/* Where the gradients of another rank's worker are received. */
static size_t slot(const struct optimizer *optimizer, int worker)
{
	const int rank = optimizer->ranks->comm->rank;
	const size_t stretch = optimizer_rank_end(optimizer, rank) -
	                       optimizer_rank_begin(optimizer, rank);

	return (size_t)(worker < optimizer->first ? worker : worker - optimizer->own) * stretch;
}

/* What a section has of a rank's stretch; false: nothing. */
static bool section_of(const struct optimizer *optimizer, int section, int rank, size_t *from,
                       size_t *to)
{
	const size_t *sections = optimizer->ranks->sections;
	const size_t section_end = section > 0 ? sections[section - 1] : optimizer->count;
	const size_t begin = optimizer_rank_begin(optimizer, rank);
	const size_t end = optimizer_rank_end(optimizer, rank);

	*from = sections[section] > begin ? sections[section] : begin;
	*to = section_end < end ? section_end : end;
	return *from < *to;
}

/* What others' workers have of a section, in the order in which begin_sections() sends it. */
static void receive_section(const struct optimizer *optimizer, int section)
{
	struct rank_exchange *ranks = optimizer->ranks;
	const int rank = ranks->comm->rank, own = optimizer->own;
	const size_t begin = optimizer_rank_begin(optimizer, rank);
	size_t from, to;

	for (int w = 0; w < optimizer->workers; w++)
		if (w / own != rank && section_of(optimizer, section, rank, &from, &to))
			add_message(ranks, w / own, true,
			            ranks->host_received + slot(optimizer, w) + (from - begin), to - from);
}

void rank_exchange_begin(struct optimizer *optimizer)
{
	struct rank_exchange *ranks = optimizer->ranks;

	for (int w = 0; w < optimizer->own; w++)
		atomic_store_explicit(&ranks->final[w], 0, memory_order_relaxed);
	ranks->begun = 0;
	for (int section = 0; section < ranks->section_count && optimizer->k->host_memory; section++)
		receive_section(optimizer, section);
	begin_messages(optimizer);
}

/* Begin to send own workers' gradients: up to so many sections, if they are not on their way. Those
 * of a device's memory go section by section, and are received so, too. */
static void begin_sections(struct optimizer *optimizer, float *const *gradients, int sections)
{
	struct rank_exchange *ranks = optimizer->ranks;
	const int first = ranks->begun;
	size_t from, to;

	for (; ranks->begun < sections; ranks->begun++) {
		if (!optimizer->k->host_memory)
			receive_section(optimizer, ranks->begun);
		for (int peer = 0; peer < ranks->comm->size; peer++)
			for (int w = 0; w < optimizer->own && peer != ranks->comm->rank; w++)
				if (section_of(optimizer, ranks->begun, peer, &from, &to))
					add_message(ranks, peer, false,
					            host_gradients(optimizer, gradients, w) + from, to - from);
	}
	if (ranks->begun > first)
		begin_messages(optimizer);
}

/* A device is asked for its operations long before it does them: marks say how far they are. A
 * section is final at the mark of its number. */
static void mark_sections(const struct optimizer *optimizer, int worker, int sections)
{
	atomic_int *final = &optimizer->ranks->final[worker];
	const int first = atomic_load_explicit(final, memory_order_relaxed);

	for (int section = first; section < sections; section++)
		optimizer->k->mark(optimizer->shares[optimizer->first + worker].dev, section);
	atomic_store_explicit(final, sections, memory_order_relaxed);
}

void rank_exchange_final(struct optimizer *optimizer, int worker, float *const *gradients,
                         int sections)
{
	struct rank_exchange *ranks = optimizer->ranks;
	int all = sections;

	if (!optimizer->k->host_memory) {
		mark_sections(optimizer, worker, sections);
		return;
	}
	atomic_store_explicit(&ranks->final[worker], sections, memory_order_release);
	if (worker != 0)
		return;
	for (int w = 1; w < optimizer->own; w++) {
		const int one = atomic_load_explicit(&ranks->final[w], memory_order_acquire);
		all = one < all ? one : all;
	}
	begin_sections(optimizer, gradients, all);
	ranks->comm->advance(ranks->comm);
}

/* Until a worker's device is done with a section: the host has copies, if messages are of these. */
static void await_section(const struct optimizer *optimizer, int section, int worker,
                          float *const *gradients)
{
	const struct rank_exchange *ranks = optimizer->ranks;
	struct device *dev = optimizer->shares[optimizer->first + worker].dev;
	float *host = host_gradients(optimizer, gradients, worker);
	size_t from, to;

	optimizer->k->await(dev, section);
	for (int peer = 0; peer < ranks->comm->size && ranks->copies; peer++)
		if (peer != ranks->comm->rank && section_of(optimizer, section, peer, &from, &to))
			optimizer->k->download_marked(dev, section, host + from, gradients[worker] + from,
			                              (to - from) * sizeof *host);
}

void rank_exchange_gradients(struct optimizer *optimizer, float *const *gradients)
{
	struct rank_exchange *ranks = optimizer->ranks;
	const bool marked = !optimizer->k->host_memory;

	for (int w = 0; w < optimizer->own && marked; w++)
		mark_sections(optimizer, w, ranks->section_count); /* what nobody has said is final now */
	for (int section = 0; section < ranks->section_count && marked; section++) {
		for (int w = 0; w < optimizer->own; w++)
			await_section(optimizer, section, w, gradients);
		begin_sections(optimizer, gradients, section + 1);
		ranks->comm->advance(ranks->comm);
	}
	begin_sections(optimizer, gradients, ranks->section_count);
	ranks->comm->finish(ranks->comm);
	store(optimizer, ranks->host_received, ranks->received, 0, received_count(optimizer));
}

float *rank_exchange_gradient(const struct optimizer *optimizer, int worker,
                              float *const *gradients, size_t begin)
{
	const struct rank_exchange *ranks = optimizer->ranks;
	const int local = worker - optimizer->first;

	if (!ranks || (local >= 0 && local < optimizer->own))
		return gradients[local] + begin;
	return ranks->received + slot(optimizer, worker) +
	       (begin - optimizer_rank_begin(optimizer, ranks->comm->rank));
}

void rank_exchange_tallies(struct optimizer *optimizer)
{
	struct rank_exchange *ranks = optimizer->ranks;
	const size_t bytes = (size_t)optimizer->own * sizeof *ranks->tallies;
	struct tally *own = ranks->tallies + optimizer->first;

	optimizer->k->download(optimizer->dev, own, optimizer->shares[optimizer->first].tally, bytes);
	ranks->comm->gather(ranks->comm, own, ranks->tallies, bytes);
	optimizer->k->upload(optimizer->dev, optimizer->shares[0].tally, ranks->tallies,
	                     (size_t)optimizer->workers * sizeof *ranks->tallies);
}

void rank_exchange_sums(struct optimizer *optimizer, float *const *gradients)
{
	struct rank_exchange *ranks = optimizer->ranks;
	const int rank = ranks->comm->rank;
	float *host = host_gradients(optimizer, gradients, 0);

	for (int receive = 0; receive < 2; receive++)
		for (int i = 0; i < ranks->piece_count; i++) {
			const struct piece *piece = &ranks->pieces[i];
			for (int r = 0; r < ranks->comm->size && piece->whole; r++) {
				const size_t begin = optimizer_rank_begin(optimizer, r);
				const size_t end = optimizer_rank_end(optimizer, r);
				const size_t from = piece->begin > begin ? piece->begin : begin;
				const size_t to = piece->end < end ? piece->end : end;
				if (r == piece->rank || from >= to)
					continue;
				if (!receive && r == rank)
					fetch(optimizer, host, gradients[0], from, to);
				if (receive ? piece->rank == rank : r == rank)
					add_message(ranks, receive ? r : piece->rank, receive, host + from, to - from);
			}
		}
	const int count = ranks->count;
	exchange(optimizer);
	for (int i = 0; i < count; i++) {
		const struct comm_message *message = &ranks->messages[i];
		const size_t at = (size_t)((float *)message->memory - host);
		if (message->receive)
			store(optimizer, host, gradients[0], at, at + message->bytes / sizeof *host);
	}
}

/* Fill in what other ranks have stepped of an array, of the host or, if device, of a device. */
static void gather(const struct optimizer *optimizer, float *array, bool device)
{
	struct rank_exchange *ranks = optimizer->ranks;
	const int rank = ranks->comm->rank;

	for (int i = 0; i < ranks->piece_count; i++) {
		const struct piece *piece = &ranks->pieces[i];
		float *memory = array + piece->begin;
		const size_t count = piece->end - piece->begin;
		if (piece->rank != rank)
			add_message(ranks, piece->rank, true, memory, count);
		for (int r = 0; r < ranks->comm->size && piece->rank == rank; r++)
			if (r != rank)
				add_message(ranks, r, false, memory, count);
	}
	for (int i = 0; i < ranks->count; i++)
		ranks->messages[i].device = device;
	exchange(optimizer);
}

void rank_exchange_gather(const struct optimizer *optimizer, float *array)
{
	gather(optimizer, array, false);
}

void rank_exchange_params(struct optimizer *optimizer)
{
	const struct rank_exchange *ranks = optimizer->ranks;
	const int rank = ranks->comm->rank;

	for (int i = 0; i < ranks->piece_count; i++)
		if (ranks->pieces[i].rank == rank)
			fetch(optimizer, ranks->host_params, optimizer->params, ranks->pieces[i].begin,
			      ranks->pieces[i].end);
	gather(optimizer, ranks->host_params, ranks->device);
	for (int i = 0; i < ranks->piece_count; i++)
		if (ranks->pieces[i].rank != rank)
			store(optimizer, ranks->host_params, optimizer->params, ranks->pieces[i].begin,
			      ranks->pieces[i].end);
}
