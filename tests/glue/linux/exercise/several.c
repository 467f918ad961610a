/* Several programs at a time: one has the accelerator, the others wait for it or stand by. */
#define _GNU_SOURCE

#include "exercise.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURNS 3

/* --- taking turns ------------------------------------------------------------------------------------------------- */

/* Each turn opens the accelerator, which another may have. Returns how often it had. */
static int take_turns(int seed)
{
    struct fluorite_error error = {0, ""};
    struct fluorite_arena *arena;
    struct fluorite_device *device;
    struct frame frame;
    unsigned char *memory;
    int turn, refused = 0, code;
    CHECK(fluorite_arena_open(&arena, "kernel:65536", &error) == FLUORITE_OK);
    memory = (unsigned char *)fluorite_alloc(arena, 2 * FRAME_BYTES, 64);
    prepare(&frame, memory, memory + FRAME_BYTES);
    for (turn = 0; turn < TURNS; ++turn) {
        while ((code = fluorite_open(&device, &fluorite_sums_accelerator, arena, &error)) == FLUORITE_ERROR_BUSY) {
            CHECK(strstr(error.text, "already in use") != NULL);
            ++refused;
            sleep_us(200);
        }
        CHECK(code == FLUORITE_OK);
        fill(memory, seed + turn);
        CHECK(fluorite_run(device, &frame.launch, LAUNCH_MS) == FLUORITE_OK && is_right(memory, memory + FRAME_BYTES));
        CHECK(fluorite_close(device) == FLUORITE_OK);
        sleep_us(100); /* the other's turn */
    }
    CHECK(fluorite_free(arena, memory) == FLUORITE_OK && fluorite_arena_close(arena) == FLUORITE_OK);
    return refused;
}

static void two_programs_take_turns(void)
{
    const pid_t child = fork();
    int refused, status = 0;
    if (child == 0) {
        _exit(take_turns(10) > 0 ? 0 : 1);
    }
    refused = take_turns(20);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(refused > 0);
}

/* --- standing by -------------------------------------------------------------------------------------------------- */

static void kill_child(pid_t child)
{
    int status = 0;
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status));
}

/* Others that end meanwhile are none of its business: who had opened it, and who has inherited its files. */
static void bystanders_are_killed(void)
{
    struct opened all = open_all(NULL);
    unsigned char *memory = (unsigned char *)fluorite_alloc(all.arena, (1 + QUEUE) * FRAME_BYTES, 64);
    uint64_t tickets[QUEUE];
    pid_t bystander, heir;
    int i, ready[2];
    char byte;
    CHECK(pipe(ready) == 0);
    fill(memory, 3);
    memset(memory + FRAME_BYTES, 0, QUEUE * FRAME_BYTES);
    for (i = 0; i < QUEUE; ++i) {
        struct frame frame;
        prepare(&frame, memory, memory + (1 + i) * FRAME_BYTES);
        CHECK(fluorite_submit(all.device, &frame.launch, 0, &tickets[i]) == FLUORITE_OK);
    }
    bystander = fork();
    if (bystander == 0) {
        const int arena = opened(), file = opened();
        CHECK(arena_of(arena, 4096) == 0);
        REFUSES(EBUSY, claim_on(file, arena));
        (void)write(ready[1], "x", 1);
        pause();
    }
    heir = fork();
    if (heir == 0) {
        (void)write(ready[1], "x", 1);
        pause();
    }
    CHECK(read(ready[0], &byte, 1) == 1 && read(ready[0], &byte, 1) == 1);
    kill_child(bystander);
    kill_child(heir);
    for (i = 0; i < QUEUE; ++i) {
        CHECK(fluorite_wait(all.device, tickets[i], LAUNCH_MS) == FLUORITE_OK);
        CHECK(is_right(memory, memory + (1 + i) * FRAME_BYTES));
    }
    close(ready[0]);
    close(ready[1]);
    CHECK(fluorite_free(all.arena, memory) == FLUORITE_OK);
    close_all(&all);
}

void several_programs(void)
{
    two_programs_take_turns();
    bystanders_are_killed();
}
