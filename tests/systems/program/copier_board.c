/* A program for a board with the copier: UIO and u-dma-buf, with every kind of load and store a compiler may use. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK(condition)                                                     \
    do {                                                                     \
        if (!(condition)) {                                                  \
            printf("line %d: %s\n", __LINE__, #condition);                   \
            exit(1);                                                         \
        }                                                                    \
    } while (0)

static void read_text(const char *path, char *text, size_t size)
{
    const int file = open(path, O_RDONLY);
    ssize_t got;
    CHECK(file >= 0);
    got = read(file, text, size - 1);
    CHECK(got > 0);
    text[got] = '\0';
    close(file);
}

static void sync_all(const char *path, uint32_t offset, uint32_t size)
{
    char text[40];
    const int file = open(path, O_WRONLY);
    CHECK(file >= 0);
    snprintf(text, sizeof text, "0x%08lX%08lX\n", (unsigned long)offset, (unsigned long)(size | 1));
    CHECK(pwrite(file, text, 19, 0) == 19);
    close(file);
}

static void addressing_modes(volatile uint32_t *registers)
{
    uint32_t value = 0, other = 0;
    uintptr_t at = (uintptr_t)registers + 0x0c;
    const uintptr_t base = (uintptr_t)registers, index = 3;
#if defined(__aarch64__)
    __asm__ volatile("str %w1, [%0], #4" : "+r"(at) : "r"(0x11111110) : "memory");
    CHECK(at == base + 0x10);
    __asm__ volatile("str %w1, [%0, #4]!" : "+r"(at) : "r"(0x33) : "memory");
    CHECK(at == base + 0x14);
    __asm__ volatile("stur %w1, [%0, #-4]" : : "r"(at), "r"(0x22222220) : "memory");
    __asm__ volatile("ldr %w0, [%1, %2, lsl #2]" : "=r"(value) : "r"(base), "r"(index) : "memory");
    CHECK(value == 0x11111110);
    __asm__ volatile("ldr %w0, [%1], #-4" : "=r"(value), "+r"(at) : : "memory");
    CHECK(value == 0x33 && at == base + 0x10);
    __asm__ volatile("ldar %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
    CHECK(value == 0x22222220);
    __asm__ volatile("str wzr, [%0]\n ldr %w1, [%0, #4]\n ldur %w2, [%0]" : "+r"(at), "=&r"(value), "=&r"(other) : : "memory");
    CHECK(value == 0x33 && other == 0);
#else
    __asm__ volatile("str %1, [%0], #4" : "+r"(at) : "r"(0x11111110) : "memory");
    CHECK(at == base + 0x10);
    __asm__ volatile("str %1, [%0, #4]!" : "+r"(at) : "r"(0x33) : "memory");
    CHECK(at == base + 0x14);
    __asm__ volatile("str %1, [%0, #-4]" : : "r"(at), "r"(0x22222220) : "memory");
    __asm__ volatile("ldr %0, [%1, %2, lsl #2]" : "=r"(value) : "r"(base), "r"(index) : "memory");
    CHECK(value == 0x11111110);
    __asm__ volatile("ldr %0, [%1], #-4" : "=r"(value), "+r"(at) : : "memory");
    CHECK(value == 0x33 && at == base + 0x10);
    __asm__ volatile("cmp %1, %1\n it eq\n ldreq %0, [%1]" : "=&r"(value) : "r"(at) : "memory", "cc");
    CHECK(value == 0x22222220);
#if defined(__thumb__)
    __asm__ volatile("cmp %1, %1\n itte eq\n ldreq %0, [%1]\n ldreq %2, [%1, #4]\n movne %0, #1" : "=&l"(value) : "l"(at), "l"(other) : "memory", "cc");
    CHECK(value == 0x22222220);
    __asm__ volatile("mov r4, #4\n ldr %0, [%1, r4]" : "=&l"(value) : "l"(at) : "memory", "r4");
    CHECK(value == 0x33);
#else
    __asm__ volatile("ldr %0, [%1, -%2, lsl #1]" : "=r"(other) : "r"(at + 6), "r"(index) : "memory");
    CHECK(other == 0x22222220);
    __asm__ volatile("ldr %0, [%1], %2, lsl #2" : "=&r"(other), "+r"(at) : "r"(index) : "memory");
    CHECK(other == 0x22222220 && at == base + 0x1c);
#endif
#endif
    (void)other;
}

int main(void)
{
    const uint32_t beats = 500, offset = 0x40000;
    uint32_t count = 0, enable = 1, i;
    char text[64];
    int uio, memory;
    unsigned long physical, size;
    unsigned char *arena;
    volatile uint32_t *registers;
    struct pollfd events;

    read_text("/sys/class/uio/uio0/name", text, sizeof text);
    CHECK(strcmp(text, "copier_axi\n") == 0);
    read_text("/sys/class/u-dma-buf/udmabuf0/phys_addr", text, sizeof text);
    physical = strtoul(text, NULL, 0);
    read_text("/sys/class/u-dma-buf/udmabuf0/size", text, sizeof text);
    size = strtoul(text, NULL, 0);
    memory = open("/dev/udmabuf0", O_RDWR);
    uio = open("/dev/uio0", O_RDWR | O_NONBLOCK);
    CHECK(memory >= 0 && uio >= 0);
    arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    registers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, uio, 0);
    CHECK(arena != MAP_FAILED && registers != MAP_FAILED);
    CHECK(registers[0] == 0x434f5059);
    addressing_modes(registers);

    CHECK(read(uio, &count, 4) < 0); /* nothing yet */
    for (i = 0; i < 8 * beats; ++i) {
        arena[i] = (unsigned char)(i * 7 + i / 256);
    }
    sync_all("/sys/class/u-dma-buf/udmabuf0/sync_for_device", 0, 8 * beats);
    for (i = 0; i < 3; ++i) {
        CHECK(write(uio, &enable, 4) == 4);
        registers[3] = (uint32_t)physical;
        registers[4] = (uint32_t)physical + offset;
        registers[5] = beats;
        registers[1] = 1;
        events.fd = uio;
        events.events = POLLIN;
        CHECK(poll(&events, 1, 10000) == 1);
        CHECK(read(uio, &count, 4) == 4);
        CHECK(count == i + 1);
        CHECK(registers[2] == 2);
        registers[2] = 2;
        CHECK(registers[2] == 0);
        CHECK(poll(&events, 1, 20) == 0);
    }
    CHECK(arena[offset] == 0 && arena[offset + 1] == 0); /* not synced yet */
    sync_all("/sys/class/u-dma-buf/udmabuf0/sync_for_cpu", offset, 8 * beats);
    CHECK(memcmp(arena, arena + offset, 8 * beats) == 0);
    munmap((void *)(uintptr_t)registers, 4096);
    close(uio);
    puts("fine");
    return 0;
}
