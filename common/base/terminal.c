#include "common/base/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_obeys(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool terminal_styles(int fd)
{
	const char *no = getenv("NO_COLOR"); /* see no-color.org */

	return terminal_obeys(fd) && !(no && *no);
}

bool terminal_utf8(void)
{
	const locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);

	if (locale == (locale_t)0)
		return false;
	const bool utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
	freelocale(locale);
	return utf8;
}

void terminal_size(int fd, int *columns, int *rows)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_col > 0)
		*columns = size.ws_col;
	if (size.ws_row > 0)
		*rows = size.ws_row;
}

bool terminal_in_background(int fd)
{
	const pid_t foreground = tcgetpgrp(fd);

	return foreground > 0 && foreground != getpgrp();
}
