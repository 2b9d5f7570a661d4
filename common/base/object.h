/* object.h - shared objects of memoscope's own, which a program opens if it needs them. */
#ifndef MEMOSCOPE_OBJECT_H
#define MEMOSCOPE_OBJECT_H

#include <limits.h>

/* Where the object is, or, where it is not, should be: the file that the environment variable
 * names; or NAME in ../lib/memoscope from the folder of the program, as installed, or in that
 * folder, as make leaves it. */
void object_path(const char *variable, const char *name, char path[PATH_MAX]);

#endif
