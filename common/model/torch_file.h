/* torch_file.h - what torch.save() wrote: values, among them tensors.
 *
 * The archive's data.pkl describes the values. A tensor in it is a call of
 * torch._utils._rebuild_tensor_v2 with a storage, an offset, a shape and strides; the numbers of
 * the storage KEY are the entry data/KEY (torch_archive.h).
 */
#ifndef MEMOSCOPE_TORCH_FILE_H
#define MEMOSCOPE_TORCH_FILE_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/model/pickle.h"
#include "common/model/state_dict.h"

struct torch_file; /* an open file, mapped into memory */

/* Open a file and read its pickle. Functions that the pickle names are not called; a name that
 * torch.save() does not need for tensors is an error. NULL with err set. */
struct torch_file *torch_file_open(const char *path, struct err *err);
void torch_file_close(struct torch_file *file); /* NULL is allowed */

const char *torch_file_path(const struct torch_file *file); /* for messages */

/* XXH3 of all bytes of the file. */
uint64_t torch_file_digest(const struct torch_file *file);

/* What was saved. The file owns it. */
const struct pickle_value *torch_file_root(const struct torch_file *file);

/* The one number of a tensor that has one, or of a float or whole number. -1 with err set. */
int torch_file_number(struct torch_file *file, const struct pickle_value *value, double *number,
                      struct err *err);

/* Add all tensors of a dict {name: tensor} to a state dict, sized with the file and with a function
 * that reads them; they go with the file. what names the dict in messages. -1 with err set. */
int torch_file_state(struct torch_file *file, const struct pickle_value *dict, const char *what,
                     struct state_dict *state, struct err *err);

#endif
