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

/* ---- messages ---- */

/* Two ranks. Rank 0 begins what it sends one by one, rank 1 begins its receives before that. */
struct talk {
	pthread_barrier_t both;
	char sent[3], received[3], answer;
	char early; /* what rank 1 has when only the first message is begun */
	char last; /* what it has when all have come, but nobody has looked */
};

static void speak(const struct comm *comm, struct talk *talk)
{
	const struct comm_message answer = {
		.peer = 1, .receive = true, .memory = &talk->answer, .bytes = 1,
	};

	pthread_barrier_wait(&talk->both);
	for (int i = 0; i < 3; i++) {
		const struct comm_message one = {.peer = 1, .memory = &talk->sent[i], .bytes = 1};
		comm->begin(comm, &one, 1);
		if (i != 1) { /* rank 1 looks when one is begun, and when all are */
			pthread_barrier_wait(&talk->both);
			pthread_barrier_wait(&talk->both);
		}
	}
	comm->begin(comm, &answer, 1);
	comm->finish(comm);
	talk->sent[0] = '-';
}

static void listen(const struct comm *comm, struct talk *talk)
{
	struct comm_message in[3], out = {.memory = &talk->received[2], .bytes = 1};

	for (int i = 0; i < 3; i++)
		in[i] = (struct comm_message){
			.receive = true, .memory = &talk->received[i], .bytes = 1,
		};
	comm->begin(comm, in, 1);
	comm->begin(comm, in + 1, 2);
	memset(in, 0, sizeof in); /* messages may go */
	comm->advance(comm); /* nothing is there to be received, and it does not wait */
	pthread_barrier_wait(&talk->both);
	pthread_barrier_wait(&talk->both);
	comm->advance(comm);
	talk->early = talk->received[0];
	pthread_barrier_wait(&talk->both);
	pthread_barrier_wait(&talk->both);
	talk->last = talk->received[2];
	pthread_barrier_wait(&talk->both);
	comm->finish(comm);
	comm->begin(comm, &out, 1);
	comm->finish(comm);
}

static void converse(const struct comm *comm, void *data)
{
	(comm->rank == 0 ? speak : listen)(comm, data);
}

static void test_messages(void)
{
	struct talk talk = {.sent = "abc", .received = "???"};
	struct ranks ranks;

	pthread_barrier_init(&talk.both, NULL, 2);
	ranks_run(&ranks, 2, converse, &talk);
	pthread_barrier_destroy(&talk.both);
	is_int(talk.early, 'a', "a message that was begun has arrived before the others are begun");
	ok(talk.last != 'c', "  and later ones not before anybody looks");
	ok(memcmp(talk.received, "abc", 3) == 0, "  all have, in their order, when they are finished");
	is_int(talk.answer, 'c', "  and an answer to them");
	is_int((int)ranks.rank[0].received + (int)ranks.rank[1].received, 4, "  by as many bytes");
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
	test_messages();
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
