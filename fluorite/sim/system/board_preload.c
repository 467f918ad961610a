/* A board for a program that was built for one: UIO registers and interrupt, and u-dma-buf memory, with a simulator
   behind them. Preloaded (LD_PRELOAD) into an unmodified ARM program under QEMU's user mode.

   FLUORITE_BOARD names a folder with what the board's /dev and /sys hold:

       dev/uioN                           a file with the path of a simulator's socket (fluorite_sim_protocol.h)
       dev/udmabuf0                       the CPU's copy of the arena
       sys/class/uio/uioN/...             name, maps/map0/size
       sys/class/u-dma-buf/udmabuf0/...   size, phys_addr, dma_coherent, sync_for_cpu, sync_for_device

   Opening any of these opens that file instead. A mapped uioN is a page that may not be touched: the handler of the
   segmentation fault decodes the load or store, asks the simulator, and steps over the instruction. poll() waits for
   the interrupt, which is masked when it comes until 1 is written, as uio_pdrv_genirq does. What is written to the
   sync files goes to the simulator, whose device has its own copy of the memory: missing cache maintenance shows. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "fluorite_sim_protocol.h"

#define DEVICES 16
#define SLICE_MS 2 /* of one wait for an interrupt: others get the connection in between */

struct device {
    int file; /* what the program has of /dev/uioN; -1: free */
    int socket;
    unsigned char *registers;
    size_t size;
    int enabled;               /* the interrupt is not masked */
    uint32_t count, delivered; /* interrupts, and how many of them read() has told of */
};

static struct device devices[DEVICES];
static int sync_files[2][DEVICES]; /* [0] for_cpu, [1] for_device; descriptor + 1 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *board;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static int (*real_poll)(struct pollfd *, nfds_t, int);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static void *(*real_mmap)(void *, size_t, int, int, int, off64_t);
static DIR *(*real_opendir)(const char *);

__attribute__((noreturn)) static void die(const char *format, ...)
{
    char text[300];
    va_list arguments;
    int length;
    va_start(arguments, format);
    length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)!real_write(2, "simulated board: ", 17);
    (void)!real_write(2, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
    (void)!real_write(2, "\n", 1);
    _exit(97);
}

/* One request; the caller holds the lock. */
static int request(struct device *device, uint32_t op, uint64_t address, uint64_t value, uint64_t *result)
{
    struct fluorite_sim_request asked = {op, 0, address, value, 0};
    struct fluorite_sim_reply reply;
    size_t got = 0;
    if (send(device->socket, &asked, sizeof asked, MSG_NOSIGNAL) != (ssize_t)sizeof asked) {
        die("the simulator is gone");
    }
    while (got < sizeof reply) {
        const ssize_t part = recv(device->socket, (char *)&reply + got, sizeof reply - got, 0);
        if (part < 0 && errno == EINTR) {
            continue;
        }
        if (part <= 0) {
            die("the simulator is gone");
        }
        got += (size_t)part;
    }
    if (result != NULL) {
        *result = reply.value;
    }
    return (int)reply.status;
}

static struct device *device_of(int file)
{
    int i;
    for (i = 0; i < DEVICES; ++i) {
        if (file >= 0 && devices[i].file == file) {
            return &devices[i];
        }
    }
    return NULL;
}

/* --- loads and stores of registers ----------------------------------------------------------------------------------- */

static uint32_t load(struct device *device, uintptr_t address)
{
    uint64_t value = 0;
    int code;
    pthread_mutex_lock(&lock);
    code = request(device, FLUORITE_SIM_REG_READ, address - (uintptr_t)device->registers, 0, &value);
    pthread_mutex_unlock(&lock);
    if (code != 0) {
        die("read of register 0x%lx: %s", (unsigned long)(address - (uintptr_t)device->registers), strerror(code));
    }
    return (uint32_t)value;
}

static void store(struct device *device, uintptr_t address, uint32_t value)
{
    int code;
    pthread_mutex_lock(&lock);
    code = request(device, FLUORITE_SIM_REG_WRITE, address - (uintptr_t)device->registers, value, NULL);
    pthread_mutex_unlock(&lock);
    if (code != 0) {
        die("write of register 0x%lx: %s", (unsigned long)(address - (uintptr_t)device->registers), strerror(code));
    }
}

#if defined(__aarch64__)

/* Loads and stores of one 32-bit general register, in all addressing modes that compilers use. */
static void step(struct device *device, uintptr_t address, ucontext_t *context)
{
    mcontext_t *machine = &context->uc_mcontext;
    const uint32_t code = *(const uint32_t *)machine->pc;
    const unsigned target = code & 31, base = code >> 5 & 31;
    const int is_load = (int)(code >> 22 & 1);
    int known = 0, post_or_pre = 0;
    if ((code & 0xff800000u) == 0xb9000000u) { /* [base, #immediate] */
        known = 1;
    } else if ((code & 0xff800000u) == 0xb8000000u) {
        const unsigned mode = code >> 10 & 3;
        if (code >> 21 & 1) {
            known = mode == 2; /* [base, register] */
        } else {
            known = mode != 2; /* unscaled, post-index, pre-index */
            post_or_pre = mode == 1 || mode == 3;
        }
    } else if ((code & 0xffbffc00u) == 0x889ffc00u) { /* ldar, stlr */
        known = 1;
    }
    if (!known) {
        die("instruction 0x%08x at a register: only 32-bit loads and stores are", code);
    }
    if (is_load) {
        const uint32_t value = load(device, address);
        if (target != 31) {
            machine->regs[target] = value;
        }
    } else {
        store(device, address, target != 31 ? (uint32_t)machine->regs[target] : 0);
    }
    if (post_or_pre) {
        const int64_t offset = (int64_t)((uint64_t)(code >> 12 & 511) << 55) >> 55;
        uint64_t *changed = base == 31 ? (uint64_t *)&machine->sp : (uint64_t *)&machine->regs[base];
        *changed += (uint64_t)offset;
    }
    machine->pc += 4;
}

#elif defined(__arm__)

static unsigned long *registers_of(ucontext_t *context) { return (unsigned long *)&context->uc_mcontext.arm_r0; }

/* An index register with its shift, as [base, register, shift #n] has it. */
static uint32_t shifted(const unsigned long *registers, uint32_t code)
{
    const uint32_t value = (uint32_t)registers[code & 15], amount = code >> 7 & 31;
    switch (code >> 5 & 3) {
    case 0: return value << amount;
    case 1: return amount ? value >> amount : 0;
    case 2: return (uint32_t)((int32_t)value >> (amount ? amount : 31));
    default: die("instruction 0x%08x at a register: rotated index", code);
    }
}

static void step(struct device *device, uintptr_t address, ucontext_t *context)
{
    unsigned long *registers = registers_of(context);
    unsigned long *flags = &context->uc_mcontext.arm_cpsr;
    const uintptr_t pc = registers[15];
    unsigned target = 0, bytes = 4;
    int is_load = 0, known = 0, base = -1;
    uint32_t code, new_base = 0;
    if (!(*flags & 0x20)) { /* A32 */
        memcpy(&code, (const void *)pc, 4);
        if ((code & 0x0c400000u) == 0x04000000u && (code & 0x02000010u) != 0x02000010u) { /* ldr, str of a word */
            const uint32_t offset = code & 0x02000000u ? shifted(registers, code) : code & 4095;
            known = 1;
            target = code >> 12 & 15;
            is_load = (int)(code >> 20 & 1);
            if (!(code >> 24 & 1) || code >> 21 & 1) { /* post-index, or pre-index with write-back */
                base = (int)(code >> 16 & 15);
                new_base = (uint32_t)registers[base] + (code >> 23 & 1 ? offset : 0u - offset);
            }
        }
    } else { /* T32 */
        uint16_t first, second;
        memcpy(&first, (const void *)pc, 2);
        code = first;
        if (first >> 11 < 0x1d) { /* 16 bits */
            bytes = 2;
            target = first & 7;
            if (first >> 12 == 6) { /* [base, #immediate] */
                known = 1;
                is_load = first >> 11 & 1;
            } else if ((first & 0xf600) == 0x5000) { /* [base, register]: str 0101000, ldr 0101100 */
                known = 1;
                is_load = first >> 11 & 1;
            } else if (first >> 12 == 9) { /* [sp, #immediate] */
                known = 1;
                is_load = first >> 11 & 1;
                target = first >> 8 & 7;
            }
        } else {
            memcpy(&second, (const void *)(pc + 2), 2);
            code = (uint32_t)first << 16 | second;
            target = second >> 12;
            is_load = first >> 4 & 1;
            if ((first & 0xffe0) == 0xf8c0) { /* [base, #12 bits] */
                known = 1;
            } else if ((first & 0xffe0) == 0xf840 && (second & 0x0fc0) == 0) { /* [base, register, lsl #n] */
                known = 1;
            } else if ((first & 0xffe0) == 0xf840 && second & 0x0800) { /* [base, #8 bits], with or without write-back */
                known = 1;
                if (second & 0x0100) {
                    base = first & 15;
                    new_base = (uint32_t)registers[base] + (second & 0x0200 ? second & 255 : 0u - (second & 255u));
                }
            }
        }
    }
    if (!known || target == 15) {
        die("instruction 0x%08x at a register: only 32-bit loads and stores are", code);
    }
    if (!is_load) {
        store(device, address, (uint32_t)registers[target]);
    }
    if (base >= 0) {
        registers[base] = new_base;
    }
    if (is_load) {
        registers[target] = load(device, address);
    }
    registers[15] = pc + bytes;
    if (*flags & 0x20) { /* the next place in an IT block */
        unsigned it = (unsigned)((*flags >> 8 & 0xfc) | (*flags >> 25 & 3));
        it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
        *flags = (*flags & ~0x0600fc00ul) | (it & 0xfcul) << 8 | (it & 3ul) << 25;
    }
}

#else
#error "a simulated board is an ARM board"
#endif

static void fault(int number, siginfo_t *info, void *context)
{
    const uintptr_t address = (uintptr_t)info->si_addr;
    const int kept = errno;
    int i;
    for (i = 0; i < DEVICES; ++i) {
        const uintptr_t first = (uintptr_t)devices[i].registers;
        if (first != 0 && address >= first && address - first < devices[i].size) {
            step(&devices[i], address, (ucontext_t *)context);
            errno = kept;
            return;
        }
    }
    (void)signal(number, SIG_DFL); /* the program's own fault: it comes again */
}

/* --- files ------------------------------------------------------------------------------------------------------------ */

__attribute__((constructor)) static void begin(void)
{
    struct sigaction action;
    int i;
    real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    real_close = (int (*)(int))dlsym(RTLD_NEXT, "close");
    real_poll = (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");
    real_read = (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    real_write = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    real_pwrite = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    real_mmap = (void *(*)(void *, size_t, int, int, int, off64_t))dlsym(RTLD_NEXT, "mmap64");
    real_opendir = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");
    board = getenv("FLUORITE_BOARD");
    for (i = 0; i < DEVICES; ++i) {
        devices[i].file = -1;
    }
    memset(&action, 0, sizeof action);
    action.sa_sigaction = fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    (void)sigaction(SIGSEGV, &action, NULL);
    (void)sigaction(SIGBUS, &action, NULL);
}

/* The board's file instead of this machine's. */
static const char *moved(const char *path, char *buffer, size_t size)
{
    static const char *const ours[] = {"/dev/uio", "/dev/udmabuf", "/sys/class/uio", "/sys/class/u-dma-buf"};
    size_t i;
    for (i = 0; board != NULL && i < sizeof ours / sizeof ours[0]; ++i) {
        if (strncmp(path, ours[i], strlen(ours[i])) == 0) {
            (void)snprintf(buffer, size, "%s%s", board, path);
            return buffer;
        }
    }
    return path;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address;
    const int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (made < 0 || connect(made, (const struct sockaddr *)&address, sizeof address) != 0) {
        die("no simulator at %s: %s", path, strerror(errno));
    }
    return made;
}

static int open_moved(const char *path, int flags, unsigned mode)
{
    char buffer[400], link[108] = "";
    const int file = real_open(moved(path, buffer, sizeof buffer), flags, mode);
    int i, which = -1;
    if (file < 0 || board == NULL) {
        return file;
    }
    pthread_mutex_lock(&lock);
    if (strncmp(path, "/dev/uio", 8) == 0) {
        for (i = 0; i < DEVICES && devices[i].file >= 0; ++i) {
        }
        if (i == DEVICES || real_read(file, link, sizeof link - 1) <= 0) {
            die("%s cannot be opened", path);
        }
        link[strcspn(link, "\n")] = '\0';
        memset(&devices[i], 0, sizeof devices[i]);
        devices[i].socket = connect_to(link);
        devices[i].file = file;
    } else if (strncmp(path, "/sys/class/u-dma-buf", 20) == 0) {
        which = strstr(path, "/sync_for_cpu") ? 0 : strstr(path, "/sync_for_device") ? 1 : -1;
    }
    for (i = 0; which >= 0 && i < DEVICES; ++i) {
        if (sync_files[which][i] == 0) {
            sync_files[which][i] = file + 1;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return file;
}

#define OPEN(name)                                          \
    int name(const char *path, int flags, ...)              \
    {                                                       \
        unsigned mode = 0;                                  \
        if (flags & (O_CREAT | O_TMPFILE)) {                \
            va_list arguments;                              \
            va_start(arguments, flags);                     \
            mode = va_arg(arguments, unsigned);             \
            va_end(arguments);                              \
        }                                                   \
        return open_moved(path, flags, mode);               \
    }
OPEN(open)
OPEN(open64)
int __open_2(const char *path, int flags) { return open_moved(path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_moved(path, flags, 0); }

DIR *opendir(const char *path)
{
    char buffer[400];
    return real_opendir(moved(path, buffer, sizeof buffer));
}

#if defined(__arm__)
/* File systems of today's hosts have inodes that the 32-bit structure does not hold, which ends the listing. */
struct dirent *readdir(DIR *folder)
{
    static __thread struct dirent entry;
    const struct dirent64 *found = readdir64(folder);
    if (found == NULL) {
        return NULL;
    }
    entry.d_ino = (ino_t)found->d_ino;
    entry.d_off = (off_t)found->d_off;
    entry.d_reclen = sizeof entry;
    entry.d_type = found->d_type;
    memcpy(entry.d_name, found->d_name, sizeof entry.d_name);
    return &entry;
}
#endif

int close(int file)
{
    struct device *device;
    int i, which;
    pthread_mutex_lock(&lock);
    if ((device = device_of(file)) != NULL) {
        (void)request(device, FLUORITE_SIM_BYE, 0, 0, NULL);
        (void)real_close(device->socket);
        memset(device, 0, sizeof *device);
        device->file = -1;
    }
    for (which = 0; which < 2; ++which) {
        for (i = 0; i < DEVICES; ++i) {
            if (sync_files[which][i] == file + 1) {
                sync_files[which][i] = 0;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return real_close(file);
}

static void *map(void *wanted, size_t size, int protection, int flags, int file, off64_t offset)
{
    struct device *device = board != NULL ? device_of(file) : NULL;
    void *pages;
    if (device == NULL) {
        return real_mmap(wanted, size, protection, flags, file, offset);
    }
    pages = real_mmap(wanted, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages != MAP_FAILED) {
        device->registers = (unsigned char *)pages;
        device->size = size;
    }
    return pages;
}
void *mmap(void *wanted, size_t size, int protection, int flags, int file, off_t offset)
{
    return map(wanted, size, protection, flags, file, offset);
}
void *mmap64(void *wanted, size_t size, int protection, int flags, int file, off64_t offset)
{
    return map(wanted, size, protection, flags, file, offset);
}

/* "0xOOOOOOOOSSSSSSSS": offset, size and in the low bits of it direction and go; 0 if the file is none of ours. */
static int synced(int file, const void *text, size_t size)
{
    char line[40];
    uint64_t command;
    int i, which, found = -1;
    for (which = 0; which < 2; ++which) {
        for (i = 0; i < DEVICES; ++i) {
            found = sync_files[which][i] == file + 1 ? which : found;
        }
    }
    if (found < 0) {
        return 0;
    }
    memset(line, 0, sizeof line);
    memcpy(line, text, size < sizeof line - 1 ? size : sizeof line - 1);
    command = strtoull(line, NULL, 16);
    if (strncmp(line, "0x", 2) != 0 || strcspn(line + 2, "\n") != 16) {
        die("%s must be written 0xOOOOOOOOSSSSSSSS, not %s", found ? "sync_for_device" : "sync_for_cpu", line);
    }
    pthread_mutex_lock(&lock);
    for (i = 0; i < DEVICES && command & 1; ++i) {
        if (devices[i].file >= 0) {
            const int code = request(&devices[i], found ? FLUORITE_SIM_SYNC_FOR_DEVICE : FLUORITE_SIM_SYNC_FOR_CPU,
                                     command >> 32, command & 0xfffffff0u, NULL);
            if (code != 0) {
                die("sync of 0x%llx: %s", (unsigned long long)command, strerror(code));
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return 1;
}

ssize_t write(int file, const void *bytes, size_t size)
{
    struct device *device = board != NULL ? device_of(file) : NULL;
    if (device != NULL) {
        int32_t enable;
        if (size != sizeof enable) {
            errno = EINVAL;
            return -1;
        }
        memcpy(&enable, bytes, sizeof enable);
        device->enabled = enable != 0;
        return (ssize_t)size;
    }
    return board != NULL && synced(file, bytes, size) ? (ssize_t)size : real_write(file, bytes, size);
}

static ssize_t write_at(int file, const void *bytes, size_t size, off64_t offset)
{
    return board != NULL && synced(file, bytes, size) ? (ssize_t)size : real_pwrite(file, bytes, size, offset);
}
ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) { return write_at(file, bytes, size, offset); }
ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset) { return write_at(file, bytes, size, offset); }

/* --- the interrupt ------------------------------------------------------------------------------------------------------ */

static int64_t now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Whether an interrupt has come that was not read yet, after at most so many milliseconds; negative: for ever. */
static int pending(struct device *device, int milliseconds)
{
    const int64_t end = now_ms() + milliseconds;
    for (;;) {
        const int64_t left = milliseconds < 0 ? SLICE_MS : end - now_ms();
        const int64_t slice = left < 0 ? 0 : left < SLICE_MS ? left : SLICE_MS;
        uint64_t high = 0;
        pthread_mutex_lock(&lock);
        if (device->count == device->delivered && device->enabled) {
            if (request(device, FLUORITE_SIM_WAIT_IRQ, 0, (uint64_t)slice, &high) == 0 && high != 0) {
                device->count++;
                device->enabled = 0;
            }
            pthread_mutex_unlock(&lock);
        } else {
            pthread_mutex_unlock(&lock);
            if (device->count == device->delivered) {
                (void)usleep(1000); /* masked */
            }
        }
        if (device->count != device->delivered) {
            return 1;
        }
        if (milliseconds >= 0 && now_ms() >= end) {
            return 0;
        }
    }
}

int poll(struct pollfd *files, nfds_t count, int milliseconds)
{
    struct device *device = board != NULL && count == 1 ? device_of(files[0].fd) : NULL;
    if (device == NULL) {
        return real_poll(files, count, milliseconds);
    }
    files[0].revents = pending(device, milliseconds) ? POLLIN : 0;
    return files[0].revents != 0;
}
int __poll_chk(struct pollfd *files, nfds_t count, int milliseconds, size_t size)
{
    (void)size;
    return poll(files, count, milliseconds);
}

ssize_t read(int file, void *bytes, size_t size)
{
    struct device *device = board != NULL ? device_of(file) : NULL;
    if (device == NULL) {
        return real_read(file, bytes, size);
    }
    if (size != sizeof device->count) {
        errno = EINVAL;
        return -1;
    }
    if (!pending(device, fcntl(file, F_GETFL) & O_NONBLOCK ? 0 : -1)) {
        errno = EAGAIN;
        return -1;
    }
    pthread_mutex_lock(&lock);
    device->delivered = device->count;
    memcpy(bytes, &device->count, sizeof device->count);
    pthread_mutex_unlock(&lock);
    return (ssize_t)size;
}
ssize_t __read_chk(int file, void *bytes, size_t size, size_t room)
{
    (void)room;
    return read(file, bytes, size);
}
