/* act-patch - what a model answers with some activations of another text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/escape.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/base/progress.h"
#include "common/eval/patching.h"
#include "common/eval/path_graph.h"
#include "common/model/backend.h"
#include "common/model/head_range.h"
#include "common/model/model.h"
#include "common/stream/record_pairs.h"

#define PAIRS_A_THREAD 4 /* read at a time, so that no thread waits long for the others */

static const char *from; /* the stream of the partners */
static const char *at, *except, *graph, *sweep; /* what is patched: one of these, or paths */
static bool paths;
static const char *senders, *receivers; /* of paths; NULL: all */
static struct head_range range = HEAD_RANGE_ALL;
static int each = -1; /* an enum patch_each; -1: not given */
static const char *rows_kind;
static const char *answer = "answer";
static int64_t threads; /* 0: one for each processor */
static bool quiet;
static enum backend backend;

static const struct option options[] = {
	{.name = "from", .key = 'f', .type = OPTION_TEXT, .value = &from, .argument = "FILE",
	 .text = "the partners: a record of each text's id, in the same order (required)"},
	{.name = "at", .key = 'a', .type = OPTION_TEXT, .value = &at, .argument = "PARTS",
	 .text = "patch these together: PLACE:LAYER[.HEAD], or ranges, with commas between them; PLACE "
	         "is resid, head, attn, mlp or a place of act-dump"},
	{.name = "except", .key = 'x', .type = OPTION_TEXT, .value = &except, .argument = "PARTS",
	 .text = "patch all heads and feed-forward parts but these, together"},
	{.name = "graph", .key = 'g', .type = OPTION_TEXT, .value = &graph, .argument = "FILE",
	 .text = "patch all paths but those of this file, together: a sender, a receiver and q, k, v "
	         "or - in each line"},
	{.name = "sweep", .key = 'w', .type = OPTION_TEXT, .value = &sweep, .argument = "PLACE",
	 .text = "patch each layer, or each head, alone"},
	{.name = "paths", .key = 'p', .type = OPTION_FLAG, .value = &paths,
	 .text = "patch each path alone that leads straight from one part to another"},
	{.name = "senders", .type = OPTION_TEXT, .value = &senders, .argument = "PARTS",
	 .text = "paths from these only: embed, head:LAYER.HEAD, mlp:LAYER (default: all)"},
	{.name = "receivers", .type = OPTION_TEXT, .value = &receivers, .argument = "PARTS",
	 .text = "paths to these only: head:LAYER.HEAD, mlp:LAYER, logits (default: all)"},
	HEAD_RANGE_OPTIONS(range),
	{.name = "each", .key = 'e', .type = OPTION_WORD, .value = &each, .argument = "row|span|all",
	 .text = "what of a text a sweep patches at once (default: all if the place has heads, else "
	         "row)"},
	{.name = "rows", .key = 'r', .type = OPTION_TEXT, .value = &rows_kind, .argument = "KIND",
	 .text = "patch rows of tokens in spans of this kind only (default: all)"},
	{.name = "answer", .type = OPTION_TEXT, .value = &answer, .argument = "KIND",
	 .text = "the answer is the tokens in spans of this kind (default answer)"},
	BACKEND_OPTION(backend),
	{.name = "threads", .type = OPTION_INT, .value = &threads, .argument = "N", .min = 0,
	 .max = PATCHING_THREADS_MAX,
	 .text = "threads that share the work (default 0: one for each processor)"},
	{.name = "quiet", .key = 'q', .type = OPTION_FLAG, .value = &quiet, .text = "show no progress"},
	{0},
};

static const struct program program = {
	.operands = "MODEL [FILE...]",
	.text = "Run texts with some activations of a partner text, and see what the answer becomes.",
	.options = options,
	.operands_min = 1,
	.operands_max = -1,
};

/* All that is patched, one after the other. */
struct plan {
	struct patch_plan patch;
	struct part_list parts; /* of the sites */
	struct patch_site *sites;
	struct patch_edge *edges;
	bool *kept; /* of the edges; NULL: there is no graph */
};

/* ---- what is patched ---- */

#define HEADS_AND_MLPS (GPT_PLACE_BIT(GPT_Z) | GPT_PLACE_BIT(GPT_MLP_OUT))

/* Places in blocks that can be patched. */
static uint32_t patchable(void)
{
	uint32_t places = 0;

	for (int place = 0; place < GPT_PLACES; place++)
		if (gpt_place_in_block(place) && place != GPT_RESULT)
			places |= GPT_PLACE_BIT(place);
	return places;
}

static void add_part(struct part_list *list, enum gpt_place place, int layer, int head)
{
	list->parts = realloc(list->parts, ((size_t)list->count + 1) * sizeof *list->parts);
	if (!list->parts)
		die("out of memory");
	list->parts[list->count++] = (struct part){place, layer, head};
}

static struct part_list parse_parts(const char *option, const char *text, uint32_t places,
                                    const struct gpt_config *config)
{
	struct part_list list = {0};
	struct err err = {0};

	if (part_list_parse(&list, option, text, places, config, &err) < 0)
		err_exit(&err);
	return list;
}

/* All heads and feed-forward parts but some. */
static struct part_list all_but(const struct part_list *some, const struct gpt_config *config)
{
	struct part_list list = {0};

	for (int l = 0; l < config->layers; l++) {
		for (int h = 0; h < config->heads; h++)
			if (!part_list_has(some, GPT_Z, l, h))
				add_part(&list, GPT_Z, l, h);
		if (!part_list_has(some, GPT_MLP_OUT, l, -1))
			add_part(&list, GPT_MLP_OUT, l, -1);
	}
	if (list.count == 0)
		die_usage("--except: names all parts of the model, so there is nothing to patch");
	return list;
}

/* Every part of a sweep. */
static struct part_list swept(const struct gpt_config *config)
{
	const bool all_layers = range.layers.max < 0, some_heads = range.heads.max >= 0;
	struct part_list list = {0};
	struct err err = {0};
	enum gpt_place place;
	char words[PART_WORDS_MAX];

	part_words(patchable(), words);
	if (part_place_read(sweep, &place) < 0 || !(patchable() & GPT_PLACE_BIT(place)))
		die_usage("--sweep: '%.60s': expected one of %s", sweep, words);
	if (some_heads && !gpt_place_of_heads(place))
		die_usage("--head: '%.60s' has none: see --sweep", sweep);
	if (head_range_check(&range, config, &err) < 0)
		err_exit(&err);
	for (int l = (int)range.layers.min; l <= range.layers.max; l++) {
		if (!gpt_place_of_heads(place))
			add_part(&list, place, l, -1);
		for (int h = (int)range.heads.min; gpt_place_of_heads(place) && h <= range.heads.max; h++)
			add_part(&list, place, l, h);
	}
	if (place == GPT_RESID_PRE && all_layers)
		add_part(&list, GPT_RESID_POST, config->layers - 1, -1);
	if (each < 0)
		each = gpt_place_of_heads(place) ? PATCH_ALL : PATCH_ROW;
	return list;
}

/* Read the paths that are kept, of all. */
static void plan_graph(struct plan *plan, const struct gpt_config *config)
{
	const int count = plan->patch.edge_count;
	struct err err = {0};

	plan->patch.kept = plan->kept = calloc((size_t)count, sizeof *plan->kept);
	if (!plan->kept)
		die("out of memory");
	if (path_graph_read(graph, config, plan->edges, count, plan->kept, &err) < 0)
		err_exit(&err);
	if (!quiet && path_graph_connects(config, plan->edges, count, plan->kept) == 0)
		err_say("%s: its paths do not lead from embed to logits, so the answer is the partner's",
		        err_path(graph));
}

static void plan_paths(struct plan *plan, const struct gpt_config *config)
{
	struct part_list some_senders = {0}, some_receivers = {0};
	struct err err = {0};

	if (senders)
		some_senders = parse_parts("--senders", senders,
		                           HEADS_AND_MLPS | GPT_PLACE_BIT(GPT_EMBED), config);
	if (receivers)
		some_receivers = parse_parts("--receivers", receivers,
		                             HEADS_AND_MLPS | GPT_PLACE_BIT(GPT_LN_FINAL), config);
	plan->edges = patch_edges(config, senders ? &some_senders : NULL,
	                          receivers ? &some_receivers : NULL, &plan->patch.edge_count, &err);
	if (!plan->edges)
		die_usage("%s", err.text);
	plan->patch.edges = plan->edges;
	if (graph)
		plan_graph(plan, config);
	part_list_release(&some_senders);
	part_list_release(&some_receivers);
}

static void plan_sites(struct plan *plan, const struct gpt_config *config)
{
	if (sweep) {
		plan->parts = swept(config);
	} else if (at) {
		plan->parts = parse_parts("--at", at, patchable(), config);
	} else {
		struct part_list some = parse_parts("--except", except, HEADS_AND_MLPS, config);
		plan->parts = all_but(&some, config);
		part_list_release(&some);
	}
	const int together = sweep ? 1 : plan->parts.count;
	plan->patch.site_count = plan->parts.count / together;
	plan->sites = malloc((size_t)plan->patch.site_count * sizeof *plan->sites);
	if (!plan->sites)
		die("out of memory");
	for (int i = 0; i < plan->patch.site_count; i++)
		plan->sites[i] = (struct patch_site){plan->parts.parts + i * together, together};
	plan->patch.sites = plan->sites;
}

static void check_options(void)
{
	if (!from)
		die_usage("--from: the stream of the partners is missing, --from FILE");
	const int modes = (at != NULL) + (except != NULL) + (graph != NULL) + (sweep != NULL) + paths;
	if (modes != 1)
		die_usage("expected %sone of --at, --except, --graph, --paths and --sweep",
		          modes > 1 ? "only " : "");
	if (graph && rows_kind)
		die_usage("--rows: not with --graph, which patches all rows");
	if (!sweep && each >= 0)
		die_usage("--each: only with --sweep");
	if (!sweep && (range.layers.max >= 0 || range.heads.max >= 0))
		die_usage("--%s: only with --sweep", range.layers.max >= 0 ? "layer" : "head");
	if (!paths && (senders || receivers))
		die_usage("--%s: only with --paths", senders ? "senders" : "receivers");
	if (!sweep)
		each = PATCH_ALL;
}

/* The graph is read before all else, and to its end. */
static void check_graph_input(char **texts, int count)
{
	if (graph && strcmp(graph, "-") == 0 &&
	    (strcmp(from, "-") == 0 || file_inputs_standard(texts, count)))
		die_usage("--graph: the standard input cannot be the graph and the texts or partners, too: "
		          "name a file for one of them");
}

/* ---- the table ---- */

static void print_number(double value)
{
	if (isnan(value))
		printf("\t-");
	else
		printf("\t%.6f", fabs(value) < 5e-7 ? 0 : value); /* there is no -0 */
}

static void print_effect(const struct patch_pair *pair, const struct patch_effect *effect)
{
	print_number(effect->right);
	print_number(effect->partner);
	print_number(effect->effect);
	printf("\t%d\t", effect->is_right);
	printf(pair->differs ? "%d\n" : "-\n", effect->is_partner);
}

static void print_integer(int64_t value, bool has)
{
	if (has)
		printf("\t%lld", (long long)value);
	else
		printf("\t-");
}

/* Where the first row of a group is. */
static void print_place(const struct patch_pair *pair, int group, const struct span_kinds *kinds)
{
	const struct row_place *place = &pair->place[group];
	const bool in_text = each != PATCH_ALL, in_span = in_text && place->kind >= 0;

	print_integer(pair->row[pair->group[group]], in_text);
	printf("\t%s", in_span ? kinds->word[place->kind] : "-");
	print_integer(place->entry, in_span && place->entry >= 0);
	print_integer(place->offset, in_span && each == PATCH_ROW);
}

/* The layer by its number in the part's name: the stream after the last layer has its own. */
static int named_layer(const struct part *part, const struct gpt_config *config)
{
	const bool after_all = part->place == GPT_RESID_POST && part->layer + 1 == config->layers;

	return part->layer + after_all;
}

static void print_sites(const struct plan *plan, const struct gpt_config *config,
                        const struct patch_pair *pair, const struct span_kinds *kinds)
{
	const struct patch_effect *effect = pair->effects;
	char name[PART_NAME_MAX];

	for (int i = 0; i < plan->patch.site_count; i++) {
		const struct part *part = plan->sites[i].parts;
		part_name(part, config, name);
		for (int group = 0; group < pair->groups; group++) {
			printf("%llu\t%s", (unsigned long long)pair->id, sweep ? name : at ? at : except);
			print_integer(named_layer(part, config), sweep != NULL);
			print_integer(part->head, sweep != NULL && part->head >= 0);
			print_place(pair, group, kinds);
			print_effect(pair, effect++);
		}
	}
}

static void print_edges(const struct plan *plan, const struct gpt_config *config,
                        const struct patch_pair *pair)
{
	struct path_name name;

	for (int i = 0; i < plan->patch.edge_count; i++) {
		path_name(&plan->edges[i], config, &name);
		printf("%llu\t%s\t%s\t%s", (unsigned long long)pair->id, name.from, name.to,
		       name.through);
		print_effect(pair, &pair->effects[i]);
	}
}

/* All paths but those of the graph, at once. */
static void print_graph(const struct patch_pair *pair)
{
	printf("%llu\t", (unsigned long long)pair->id);
	escape_print_text(ESCAPE_FIELD, graph, strlen(graph), stdout);
	printf("\t-\t-\t-\t-\t-\t-");
	print_effect(pair, pair->effects);
}

/* ---- the loop ---- */

struct loop {
	const struct gpt_config *config;
	const struct plan *plan;
	struct record_pairs *records;
	struct patching *patching;
	struct patch_pair *pairs; /* [room] */
	int room;
	uint64_t done, tokens;
	struct progress progress;
};

/* Run and print the pairs that were read. */
static int run_pairs(struct loop *loop, int count, struct err *err)
{
	const struct span_kinds *kinds = record_reader_kinds(record_pairs_reader(loop->records));

	if (patching_run(loop->patching, loop->pairs, count, err) < 0)
		return -1;
	for (int i = 0; i < count; i++) {
		if (graph)
			print_graph(&loop->pairs[i]);
		else if (paths)
			print_edges(loop->plan, loop->config, &loop->pairs[i]);
		else
			print_sites(loop->plan, loop->config, &loop->pairs[i], kinds);
		loop->tokens += (uint64_t)(loop->pairs[i].rows + loop->pairs[i].partner_rows);
		progress_update(&loop->progress, ++loop->done, loop->tokens);
	}
	return 0;
}

static int run(struct loop *loop, struct err *err)
{
	const struct patch_selection selection = {answer, rows_kind, (enum patch_each)each};
	struct err why = {0}; /* why no more pair was read, which those before it outlive */
	int more = 1, count, result = 0;

	progress_start(&loop->progress, "pairs", "tokens", quiet);
	printf(paths ? "id\tfrom\tto\tthrough" : "id\tat\tlayer\thead\trow\tkind\tentry\toffset");
	printf("\tright\tpartner\teffect\tis_right\tis_partner\n");
	while (more > 0 && result == 0 && !ferror(stdout)) { /* main reports a full disk */
		for (count = 0; more > 0 && count < loop->room; count += more > 0) {
			more = patch_pair_read(loop->records, &selection, loop->config,
			                       &loop->pairs[count], &why);
			if (more <= 0)
				patch_pair_release(&loop->pairs[count]);
		}
		if (count > 0)
			result = run_pairs(loop, count, err);
		for (int i = 0; i < count; i++)
			patch_pair_release(&loop->pairs[i]);
	}
	progress_end(&loop->progress);
	if (result == 0 && more < 0) {
		*err = why;
		result = -1;
	}
	return result;
}

int main(int argc, char **argv)
{
	const int operand = options_parse(&program, argc, argv);
	struct loop loop = {0};
	struct plan plan = {0};
	struct model model;
	struct err err = {0};

	check_options();
	check_graph_input(argv + operand + 1, argc - operand - 1);
	if (model_load(argv[operand], &model, &err) < 0)
		err_exit(&err);
	if (paths || graph)
		plan_paths(&plan, &model.config);
	else
		plan_sites(&plan, &model.config);
	loop.config = &model.config;
	loop.plan = &plan;
	loop.records = record_pairs_open(argv + operand + 1, argc - operand - 1, from, model.vocab,
	                                 &err);
	if (!loop.records)
		err_exit(&err);
	const struct kernels *kernels = backend_choose(backend, &model.config, quiet);
	const int count = backend_threads(kernels, (int)threads, PATCHING_THREADS_MAX, quiet);
	loop.room = PAIRS_A_THREAD * count;
	loop.pairs = calloc((size_t)loop.room, sizeof *loop.pairs);
	if (!loop.pairs)
		die("out of memory");
	loop.patching = patching_new(&model, kernels, &plan.patch, count, &err);
	if (!loop.patching)
		err_exit(&err);
	const int result = run(&loop, &err);
	patching_free(loop.patching); /* before an exit: threads must not outlive what they use */
	if (result < 0 || file_end_stdout(&err) < 0)
		err_exit(&err);
	record_pairs_close(loop.records);
	part_list_release(&plan.parts);
	free(plan.sites);
	free(plan.edges);
	free(plan.kept);
	free(loop.pairs);
	model_release(&model);
	return 0;
}
