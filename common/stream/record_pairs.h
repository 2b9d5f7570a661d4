/* record_pairs.h - each record of some streams with its partner from another stream.
 *
 * The partner of a record has the same id and, of generations, the same sample number; what is no
 * generation counts as sample 0. Partners come in the order of the records. The partner stream may
 * have further records, which are skipped. Both are read as record_reader.h says, with the tokens
 * of one vocabulary.
 */
#ifndef MEMOSCOPE_RECORD_PAIRS_H
#define MEMOSCOPE_RECORD_PAIRS_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/record.h"
#include "common/stream/record_reader.h"
#include "common/stream/vocab.h"

struct record_pairs; /* own: record_pairs_open … record_pairs_close */

/* Read count files one after the other (count 0: standard input), and their records' partners from
 * partner_path. "-" is standard input, which only one of both may be. Paths and vocab must live as
 * long as the pairs. NULL with err set, of status ERR_USAGE if both are standard input. */
struct record_pairs *record_pairs_open(char **paths, int count, const char *partner_path,
                                       const struct vocab *vocab, struct err *err);

/* The reader of the records, and that of the partners: for headers, kinds, sample numbers, rows of
 * a kind and messages about one record. Owned by the pairs, which alone call
 * record_reader_next(). */
struct record_reader *record_pairs_reader(struct record_pairs *pairs);
struct record_reader *record_pairs_partner_reader(struct record_pairs *pairs);

/* The next record and its partner, both valid until the next call: 1. At the end of the last file
 * 0, after the partner stream was read to its end, so that it is known to be whole. -1 with err
 * set, also if a record has no partner. */
int record_pairs_next(struct record_pairs *pairs, struct record *a, struct record *b,
                      struct err *err);

/* Set partner[i] to the row of b that fits row[i] of a: alignment_find() for the pair read last.
 * -1 with err set by record_pairs_bad(). */
int record_pairs_align(struct record_pairs *pairs, const struct record *a, const struct record *b,
                       const int32_t *row, int count, int32_t *partner, struct err *err);

/* Report what is wrong with the pair read last; err names file, byte, record and id of both.
 * Returns -1. */
int record_pairs_bad(struct record_pairs *pairs, struct err *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void record_pairs_close(struct record_pairs *pairs); /* NULL is allowed */

#endif
