/* Runs all parts, and has what they share. Prints how many checks there were. */
#define _GNU_SOURCE

#include "exercise.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int checks;

void check(int holds, const char *file, int line, const char *text)
{
    ++checks;
    if (!holds) {
        const char *name = strrchr(file, '/');
        printf("%s:%d fails: %s (%s)\n", name != NULL ? name + 1 : file, line, text, strerror(errno));
        (void)tcdrain(STDOUT_FILENO);
        (void)kill(-1, SIGKILL);
        (void)system("reboot -f &");
        sleep_us(200000); /* if the device is being removed, restarting waits until we are gone */
        _exit(1);
    }
}

/* --- the driver's files, without fluorite's runtime --------------------------------------------------------------- */

int opened(void)
{
    const int file = open(DEVICE, O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);
    return file;
}

int request(int file, unsigned long command, void *data)
{
    return ioctl(file, command, data) == 0 ? 0 : -1;
}

int arena_of(int file, uint64_t size)
{
    struct fluorite_kernel_arena arena = {size, 0};
    return request(file, FLUORITE_KERNEL_ALLOC, &arena);
}

int claim_on(int file, int arena)
{
    struct fluorite_kernel_claim claim = {arena, 0};
    return request(file, FLUORITE_KERNEL_CLAIM, &claim);
}

struct heap_allocation { /* of <linux/dma-heap.h> */
    uint64_t size;
    uint32_t file, file_flags;
    uint64_t heap_flags;
};

int heap_buffer(const char *heap, uint64_t size)
{
    struct heap_allocation allocation = {size, 0, O_RDWR | O_CLOEXEC, 0};
    const int file = open(heap, O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK(ioctl(file, _IOWR('H', 0, struct heap_allocation), &allocation) == 0);
    close(file);
    return (int)allocation.file;
}

/* --- with it ------------------------------------------------------------------------------------------------------ */

struct opened open_all(const char *arena)
{
    struct opened all = {NULL, NULL};
    struct fluorite_error error = {0, ""};
    if (fluorite_arena_open(&all.arena, arena, &error) != FLUORITE_OK ||
        fluorite_open(&all.device, &fluorite_sums_accelerator, all.arena, &error) != FLUORITE_OK) {
        printf("%s\n", error.text);
        CHECK(0);
    }
    return all;
}

void close_all(struct opened *all)
{
    CHECK(fluorite_close(all->device) == FLUORITE_OK);
    CHECK(fluorite_arena_close(all->arena) == FLUORITE_OK);
}

void prepare(struct frame *frame, void *input, void *output)
{
    const struct fluorite_sums_launch region = {0, WIDTH, 0, HEIGHT};
    fluorite_sums_prepare(&region, frame->settings, frame->views);
    frame->views[0].first = input;
    frame->views[1].first = output;
    frame->views[0].strides[0] = frame->views[1].strides[0] = PITCH;
    frame->launch.settings = frame->settings;
    frame->launch.views = frame->views;
}

void fill(unsigned char *input, int seed)
{
    int i;
    for (i = 0; i < (HEIGHT + 1) * PITCH; ++i) {
        input[i] = (unsigned char)(i * 7 + seed * 31 + i / 64);
    }
}

/* Sums of neighbours, as the accelerator computes them. */
int is_right(const unsigned char *input, const unsigned char *output)
{
    int x, y;
    for (y = 0; y < HEIGHT; ++y) {
        for (x = 0; x < WIDTH; ++x) {
            const unsigned char sum = (unsigned char)(input[y * PITCH + x] + input[(y + 1) * PITCH + x + 2]);
            if (output[y * PITCH + x] != sum) {
                return 0;
            }
        }
    }
    return 1;
}

void launches(struct opened *all, unsigned char *input, unsigned char *output)
{
    struct frame frame;
    int i;
    prepare(&frame, input, output);
    for (i = 0; i < 2; ++i) {
        fill(input, i);
        memset(output, 0, HEIGHT * PITCH);
        CHECK(fluorite_run(all->device, &frame.launch, LAUNCH_MS) == FLUORITE_OK);
        CHECK(is_right(input, output));
    }
}

void one_program(void)
{
    struct opened all = open_all(NULL);
    unsigned char *memory = (unsigned char *)fluorite_alloc(all.arena, 2 * FRAME_BYTES, 64);
    launches(&all, memory, memory + FRAME_BYTES);
    CHECK(fluorite_free(all.arena, memory) == FLUORITE_OK);
    close_all(&all);
}

/* The last that fluorite's runtime has opened. */
int claiming_file(void)
{
    int file, found = -1;
    for (file = 3; file < 32; ++file) {
        char link[32], path[64] = "";
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        if (readlink(link, path, sizeof path - 1) > 0 && strcmp(path, DEVICE) == 0) {
            found = file;
        }
    }
    CHECK(found >= 0);
    return found;
}

/* --- time --------------------------------------------------------------------------------------------------------- */

/* Signals do not shorten it. */
void sleep_us(long microseconds)
{
    struct timespec left = {microseconds / 1000000, microseconds % 1000000 * 1000};
    while (nanosleep(&left, &left) != 0) {
    }
}

/* Whether a child does. */
int ends_within(pid_t child, int milliseconds, int *status)
{
    int i;
    for (i = 0; i < milliseconds; ++i) {
        if (waitpid(child, status, WNOHANG) == child) {
            return 1;
        }
        sleep_us(1000);
    }
    return 0;
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    refusals();
    imports();
    killed_programs();
    several_programs();
    signals();
    overlays_that_go();
    CHECK(system("rmdir " OVERLAY " && rmmod fluorite") == 0);
    CHECK(system("dmesg | grep -v 'command line' | grep -iE 'warning: CPU|BUG|oops|not stop|is lost|call trace'") != 0);
    printf("%d checks hold\n", checks);
    return 0;
}
