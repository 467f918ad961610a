/* Signals that come while a program waits for the interrupt. */
#define _GNU_SOURCE

#include "exercise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t alarms;

static void count(int number)
{
    (void)number;
    ++alarms;
}

/* SIGALRM after a time, and again every `period_us` if that is not 0. */
static void alarm_every(long after_us, long period_us, int flags)
{
    const struct itimerval timer = {{0, period_us}, {0, after_us}};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = count;
    action.sa_flags = flags;
    alarms = 0;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void read_and_poll(int file, struct opened *all, struct frame *frame)
{
    struct pollfd events = {file, POLLIN, 0};
    const uint32_t unmask = 1;
    uint64_t ticket;
    uint32_t before = 0;
    while (fcntl(file, F_SETFL, O_RDWR | O_NONBLOCK) == 0 && read(file, &before, sizeof before) > 0) {
        /* Interrupts of launches before. */
    }
    CHECK(errno == EAGAIN && fcntl(file, F_SETFL, O_RDWR) == 0);
    /* Without a launch there is nothing to wait for but the signal. */
    alarm_every(2000, 0, 0);
    REFUSES(EINTR, (int)read(file, &before, 4));
    alarm_every(2000, 0, 0);
    REFUSES(EINTR, poll(&events, 1, -1));
    /* With one, and where the program wants calls to go on, it gets the interrupt. */
    CHECK(fluorite_submit(all->device, &frame->launch, 0, &ticket) == FLUORITE_OK);
    CHECK(write(file, &unmask, sizeof unmask) == (ssize_t)sizeof unmask);
    alarm_every(LATENCY_US / 4, LATENCY_US / 4, SA_RESTART);
    CHECK(read(file, &before, sizeof before) == (ssize_t)sizeof before);
    CHECK(alarms > 4);
    alarm_every(0, 0, SA_RESTART);
    CHECK(fluorite_wait(all->device, ticket, LAUNCH_MS) == FLUORITE_OK);
}

/* Who waits for an interrupt that does not come can be killed. */
static void killed_while_waiting(int by_poll)
{
    int ready[2], status = 0;
    char byte;
    pid_t child;
    CHECK(pipe(ready) == 0);
    child = fork();
    if (child == 0) {
        const int arena = opened(), file = opened();
        struct pollfd events = {file, POLLIN, 0};
        uint32_t word;
        CHECK(arena_of(arena, 4096) == 0 && claim_on(file, arena) == 0);
        (void)write(ready[1], "x", 1);
        CHECK(by_poll ? poll(&events, 1, -1) < 0 : read(file, &word, sizeof word) < 0);
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    sleep_us(2000);
    CHECK(waitpid(child, &status, WNOHANG) == 0 && kill(child, SIGKILL) == 0);
    CHECK(ends_within(child, 100, &status) && WIFSIGNALED(status));
    close(ready[0]);
    close(ready[1]);
}

static void waiting_goes_on(void)
{
    struct opened all = open_all(NULL);
    unsigned char *memory = (unsigned char *)fluorite_alloc(all.arena, 2 * FRAME_BYTES, 64);
    struct frame frame;
    int file, flags;
    prepare(&frame, memory, memory + FRAME_BYTES);
    fill(memory, 5);
    alarm_every(LATENCY_US / 4, LATENCY_US / 4, 0); /* the runtime's waits are cut short, its launches are not */
    CHECK(fluorite_run(all.device, &frame.launch, LAUNCH_MS) == FLUORITE_OK && alarms > 4);
    alarm_every(0, 0, 0);
    CHECK(is_right(memory, memory + FRAME_BYTES));
    file = claiming_file();
    flags = fcntl(file, F_GETFL);
    read_and_poll(file, &all, &frame);
    CHECK(fcntl(file, F_SETFL, flags) == 0);
    CHECK(fluorite_free(all.arena, memory) == FLUORITE_OK);
    close_all(&all);
}

void signals(void)
{
    killed_while_waiting(0);
    killed_while_waiting(1);
    waiting_goes_on();
}
