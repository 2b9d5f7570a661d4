/* attention_page.h - one HTML file that shows attention, with all that it needs inside.
 *
 * The file is that of assets.h, with blocks of data between its style and its script:
 *
 *   <script type="text/plain" data-block="KIND" data-record="N" ...>PACKED</script>
 *
 * PACKED is gzip in base64 (packed.h), so no text of a user can become markup. A Content-Security-
 * Policy at the head allows that one style and that one script, by their SHA-256, and nothing else:
 * no request can leave the page. Blocks come in the order in which the data came:
 *
 *   about       JSON: {"directory", "parameters": of the model, "chain": ["program argument ...",
 *               ...], "layers", "heads", "scores", "bySpan": (head_table.h) or absent}; its texts
 *               are as page_text.h has them
 *   record      JSON: {"pieces": [what each different token shows (page_text.h), ...], "tokens":
 *               [index into pieces, ...], "at": [the character that each token begins in, ...]
 *               or null if each token is one, "spans": [[begin, end, kind, entry], ...]};
 *               data-id and data-sample say which record it is
 *   generation  JSON: see generation_json.h; data-same says how many characters its text has in
 *               common with the record's, from the beginning
 *   heads       bytes: the rows of the heads that data-heads lists, of layer data-layer. For each
 *               head a number of runs, then for each run its first row and how many rows; then
 *               the rows, row i of i + 1 bytes (quantise.h). Numbers are of 32 bits, low byte
 *               first. A record may have several blocks of one layer, with different heads.
 *   end         JSON: {"records", "heads", "error": the largest difference between a number and
 *               what the page shows, "names": [the beginning of each record's text, ...]}
 *
 * The script is last. So a page that was cut off has none, and says by itself that it is not whole.
 * The memory that a page takes here is that of one layer of one record, of generations, and of
 * names.
 */
#ifndef MEMOSCOPE_ATTENTION_PAGE_H
#define MEMOSCOPE_ATTENTION_PAGE_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/err.h"
#include "common/page/generation_index.h"
#include "common/stream/attention.h"

/* Heads of a model at most: a browser makes room for each of them, in 1.5 s for so many. */
#define ATTENTION_PAGE_HEADS_MAX 16384

/* What a page says of itself. */
struct attention_page_about {
	const char *title;
	const json_t *header; /* of the stream of attention: its chain and its model */
	int layers, heads; /* of the model */
	json_t *scores, *by_span; /* of head_table.h; NULL: none */
	const struct generation_index *generations; /* NULL: none */
};

struct attention_page; /* own: attention_page_begin … attention_page_end or _abandon */

/* Begin a page on file, which stays the caller's, as does all of about, until the page ends. name
 * ("standard output") is for messages. NULL with err set. */
struct attention_page *attention_page_begin(FILE *file, const char *name,
                                            const struct attention_page_about *about,
                                            struct err *err);

/* Add one head over one text. Heads of one text may come in any order and apart from one another:
 * they are of one record if id, sample, text and spans are the same. A head that a record has
 * already begins a new one. -1 with err set. */
int attention_page_add(struct attention_page *page, const struct attention_record *attention,
                       const struct span_kinds *kinds, struct err *err);

/* What a page holds. */
struct attention_page_size {
	uint64_t records, heads;
	uint64_t joined; /* records that have a generation */
	double error; /* the largest difference between a number and what the page shows */
};

/* End the page, and free it even after an error. What was written may be lost until the file is
 * flushed. -1 with err set. */
int attention_page_end(struct attention_page *page, struct attention_page_size *size,
                       struct err *err);

void attention_page_abandon(struct attention_page *page); /* NULL is allowed */

#endif
