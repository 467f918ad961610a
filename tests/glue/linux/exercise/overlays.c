/* The device goes, because its overlay is taken away, while programs have it open; and comes back. */
#define _GNU_SOURCE

#include "exercise.h"
#include "killed.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process that takes the overlay away: it ends when the last program has closed the device. It must not be one that
   has it open itself, so it is another program: neither files nor mappings are inherited. */
static pid_t taking_away(void)
{
    const pid_t child = fork();
    if (child == 0) {
        (void)execl("/bin/busybox", "rmdir", OVERLAY, (char *)NULL);
        _exit(1);
    }
    return child;
}

static void it_comes_back(void)
{
    CHECK(system("mkdir " OVERLAY " && cat /root/sums.dtbo > " OVERLAY "/dtbo") == 0);
}

/* Who has claimed it is told, whichever way it looks. */
static void it_goes_while_a_program_waits(void)
{
    const int arena = opened(), file = opened();
    struct pollfd events = {file, POLLIN, 0};
    uint32_t word;
    int status = 0;
    pid_t child;
    CHECK(arena_of(arena, MIB) == 0 && claim_on(file, arena) == 0);
    child = taking_away();
    CHECK(poll(&events, 1, 100) == 1 && (events.revents & POLLHUP) != 0);
    REFUSES(ENODEV, (int)read(file, &word, 4));
    CHECK(fcntl(file, F_SETFL, O_NONBLOCK) == 0);
    REFUSES(ENODEV, (int)read(file, &word, 4));
    REFUSES(ENOENT, open(DEVICE, O_RDWR));
    sleep_us(200000);
    CHECK(waitpid(child, &status, WNOHANG) == 0); /* it waits for us */
    close(file);
    sleep_us(20000);
    CHECK(waitpid(child, &status, WNOHANG) == 0); /* for the memory as well */
    close(arena);
    CHECK(ends_within(child, 100, &status) && status == 0);
}

/* Launches are carried out nevertheless; waiting for one ends with an error, so that the program ends too. */
static void it_goes_during_a_launch(void)
{
    struct opened all = open_all(NULL);
    unsigned char *memory = (unsigned char *)fluorite_alloc(all.arena, 2 * FRAME_BYTES, 64);
    const pid_t child = taking_away();
    struct pollfd events = {claiming_file(), 0, 0};
    struct fluorite_counters counters = {0, {0}, 0, 0, 0, 0};
    struct frame frame;
    uint64_t ticket;
    int status = 0;
    CHECK(poll(&events, 1, 100) == 1 && (events.revents & POLLHUP) != 0);
    prepare(&frame, memory, memory + FRAME_BYTES);
    fill(memory, 7);
    CHECK(fluorite_submit(all.device, &frame.launch, 0, &ticket) == FLUORITE_OK);
    CHECK(fluorite_wait(all.device, ticket, LAUNCH_MS) == FLUORITE_ERROR_SYSTEM);
    while (counters.launches_completed == 0 && fluorite_counters(all.device, &counters) == FLUORITE_OK) {
    }
    CHECK(counters.launches_completed == 1 && is_right(memory, memory + FRAME_BYTES));
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    CHECK(fluorite_free(all.arena, memory) == FLUORITE_OK);
    close_all(&all);
    CHECK(ends_within(child, 100, &status) && status == 0);
}

static uint64_t it_goes_and_its_program_is_killed(void)
{
    struct busy *busy = busy_program(IN_THE_ARENA, 0);
    const pid_t child = taking_away();
    uint64_t address;
    int status = 0;
    sleep_us(100);
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    address = kill_busy(busy, NULL);
    CHECK(ends_within(child, 100, &status) && status == 0);
    return address;
}

void overlays_that_go(void)
{
    uint64_t address;
    it_goes_while_a_program_waits();
    it_comes_back();
    it_goes_during_a_launch();
    it_comes_back();
    address = it_goes_and_its_program_is_killed();
    it_comes_back();
    memory_is_left_alone(IN_THE_ARENA, address);
    one_program();
}
