/* comm.c - what ranks agree on. */
#include <stdio.h>

#include "tests/comm/ranks.h"
#include "tests/tap.h"

#define SIZE 4

struct meeting {
	struct err err[SIZE];
	int status[SIZE], largest[SIZE];
	char text[SIZE][20];
};

static void meet(const struct comm *comm, void *data)
{
	struct meeting *meeting = data;

	meeting->largest[comm->rank] = comm_largest(comm, (comm->rank * 7 + 3) % 5 - 3);
	meeting->status[comm->rank] = comm_settle(comm, &meeting->err[comm->rank]);
	comm_text_of_first(comm, meeting->text[comm->rank], sizeof *meeting->text);
}

static void settle(struct meeting *meeting, int size, const char *text, int status)
{
	struct ranks ranks;
	int failed = 0, silent = 0, told = 0;

	ranks_run(&ranks, size, meet, meeting);
	for (int r = 0; r < size; r++) {
		failed += meeting->status[r] == -1 && meeting->err[r].status == (enum err_status)status;
		silent += meeting->err[r].text[0] == '\0';
		told += strcmp(meeting->err[r].text, text) == 0;
	}
	ok(failed == size, "all of %d ranks fail: %s", size, text);
	is_int(told, 1, "  one of them says so");
	is_int(silent, size - 1, "  and the others are silent");
}

int main(void)
{
	struct meeting meeting = {0};
	struct ranks ranks;
	struct err none = {0};
	char all[4] = "", text[] = "own";
	int same = 0;

	/* alone */
	is_int(comm_largest(&comm_alone, -3), -3, "alone: the largest value is the own one");
	is_int(comm_settle(&comm_alone, &none), 0, "  no error");
	comm_alone.gather(&comm_alone, "abc", all, 4);
	ok(strcmp(all, "abc") == 0, "  gathering copies");
	comm_text_of_first(&comm_alone, text, sizeof text);
	ok(strcmp(text, "own") == 0, "  and the first one's text is the own one");
	err_usage(&none, "wrong");
	is_int(comm_settle(&comm_alone, &none), -1, "  an error");
	ok(strcmp(none.text, "wrong") == 0 && none.status == ERR_USAGE, "  which stays as it is");

	/* together */
	for (int r = 0; r < SIZE; r++)
		snprintf(meeting.text[r], sizeof *meeting.text, "of rank %d", r);
	ranks_run(&ranks, SIZE, meet, &meeting);
	for (int r = 0; r < SIZE; r++)
		same += meeting.largest[r] == 1 && meeting.status[r] == 0 &&
		        meeting.err[r].status == ERR_NONE && strcmp(meeting.text[r], "of rank 0") == 0;
	is_int(same, SIZE, "the largest value, no error, and the text of rank 0");
	for (int r = 0; r < SIZE; r++) {
		struct meeting one = {0};
		char text_of[40];
		err_set(&one.err[r], "a.mp: bad");
		snprintf(text_of, sizeof text_of, "rank %d: a.mp: bad", r);
		settle(&one, SIZE, text_of, ERR_DATA);
	}
	struct meeting two = {0}, alike = {0}, unlike = {0};
	err_usage(&two.err[2], "two");
	err_set(&two.err[3], "three");
	settle(&two, SIZE, "rank 2: two", ERR_USAGE);
	for (int r = 0; r < SIZE; r++) {
		err_usage(&alike.err[r], "the same");
		err_usage(&unlike.err[r], "of %d", r);
	}
	settle(&alike, SIZE, "the same", ERR_USAGE);
	settle(&unlike, SIZE, "rank 0: of 0", ERR_USAGE);
	return done();
}
