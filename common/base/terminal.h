/* terminal.h - what the terminal behind a descriptor can show, and how large it is. */
#ifndef MEMOSCOPE_TERMINAL_H
#define MEMOSCOPE_TERMINAL_H

#include <stdbool.h>

/* Is fd a terminal that obeys escape sequences? (TERM) */
bool terminal_obeys(int fd);

/* Is it one that has styles, and does its user want them? (TERM, NO_COLOR) */
bool terminal_styles(int fd);

/* Does the user's locale have UTF-8? (LC_ALL, LC_CTYPE, LANG) */
bool terminal_utf8(void);

/* The size of the terminal in characters. What is not known stays as it is. */
void terminal_size(int fd, int *columns, int *rows);

/* Does the terminal belong to another job of the shell now, so that this one is in the background?
 * False if fd is not the terminal that controls the process. */
bool terminal_in_background(int fd);

#endif
