/* json_file.h - JSON files of a model directory. */
#ifndef MEMOSCOPE_JSON_FILE_H
#define MEMOSCOPE_JSON_FILE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/err.h"

#define JSON_FILE_MAX ((size_t)64 << 20) /* the most bytes of a JSON file that are read */

/* The object that a JSON file holds: json_decref(). NULL with err set. */
json_t *json_file_object(const char *path, struct err *err);

/* The same, with all numbers as reals: transformers writes integers that fit no 64 bits. */
json_t *json_file_object_of_reals(const char *path, struct err *err);

/* False if no file has this path. If that cannot be told, who opens it will say so. */
bool json_file_exists(const char *path);

#endif
