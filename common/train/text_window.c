#include "common/train/text_window.h"

struct text_window text_window(const struct rising *begin, uint64_t place, uint32_t length)
{
	return (struct text_window){
		.begin = begin, .next = rising_find(begin, place), .place = place, .left = length,
	};
}

bool text_window_next(struct text_window *window)
{
	if (window->left == 0)
		return false;
	window->at += window->count;
	do {
		const uint64_t first = rising_at(window->begin, window->next);
		window->index = window->next++;
		window->length = (uint32_t)(rising_at(window->begin, window->next) - first);
		window->from = window->place > first ? (uint32_t)(window->place - first) : 0;
	} while (window->length == 0);
	window->count = window->length - window->from;
	if (window->count > window->left)
		window->count = window->left;
	window->left -= window->count;
	return true;
}
