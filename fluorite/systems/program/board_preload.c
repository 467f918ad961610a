/* A board for a program that was built for one: UIO registers and interrupt, and u-dma-buf memory, with a simulator
   behind them. Preloaded (LD_PRELOAD) into an unmodified ARM program under QEMU's user mode.

   FLUORITE_BOARD names a folder with what the board's /dev and /sys hold:

       dev/uioN                           a file with the path of a simulator's socket (fluorite_sim_protocol.h)
       dev/udmabuf0                       the CPU's view of the arena
       sys/class/uio/uioN/...             name, maps/map0/size
       sys/class/u-dma-buf/udmabuf0/...   size, phys_addr, dma_coherent, sync_for_cpu, sync_for_device

   Opening any of these opens that file instead. A mapped uioN is a page that may not be touched: the handler of the
   segmentation fault decodes the load or store, asks the simulator, and steps over the instruction. poll() waits for
   the interrupt, which is masked when it comes until 1 is written, as uio_pdrv_genirq does. What is written to the
   sync files goes to a simulator, any of them: behind all accelerators is one memory, and it is not what the CPU sees,
   so missing cache maintenance shows. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "board.h"

#define SLICE_MS 2 /* of one wait for an interrupt: others get the connection in between */

struct device board_devices[DEVICES];
pthread_mutex_t board_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t waiting[DEVICES]; /* of the devices' connections for interrupts */
static int sync_files[2][DEVICES];       /* [0] for_cpu, [1] for_device; descriptor + 1 */
static int sync_socket = -1;
static pthread_mutex_t sync_lock = PTHREAD_MUTEX_INITIALIZER; /* of it */
static const char *board;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static int (*real_poll)(struct pollfd *, nfds_t, int);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static void *(*real_mmap)(void *, size_t, int, int, int, off64_t);
static DIR *(*real_opendir)(const char *);

static struct device *device_of(int file)
{
    int i;
    for (i = 0; i < DEVICES; ++i) {
        if (file >= 0 && board_devices[i].file == file) {
            return &board_devices[i];
        }
    }
    return NULL;
}

/* --- files -------------------------------------------------------------------------------------------------------- */

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
        board_devices[i].file = -1;
        (void)pthread_mutex_init(&waiting[i], NULL);
    }
    memset(&action, 0, sizeof action);
    action.sa_sigaction = board_fault;
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

/* A connection to the simulator behind a UIO device. */
static int connect_through(int file, const char *path)
{
    char link[108] = "";
    if (real_read(file, link, sizeof link - 1) <= 0) {
        board_die("%s names no simulator", path);
    }
    link[strcspn(link, "\n")] = '\0';
    (void)lseek(file, 0, SEEK_SET);
    return board_connect(link);
}

static int open_moved(const char *path, int flags, unsigned mode)
{
    char buffer[400];
    const int file = real_open(moved(path, buffer, sizeof buffer), flags, mode);
    int i, which = -1;
    if (file < 0 || board == NULL) {
        return file;
    }
    pthread_mutex_lock(&board_lock);
    if (strncmp(path, "/dev/uio", 8) == 0) {
        for (i = 0; i < DEVICES && board_devices[i].file >= 0; ++i) {
        }
        if (i == DEVICES) {
            board_die("%s: a program opens %d devices at most", path, DEVICES);
        }
        memset(&board_devices[i], 0, sizeof board_devices[i]);
        board_devices[i].socket = connect_through(file, path);
        board_devices[i].interrupts = connect_through(file, path);
        board_devices[i].file = file;
    } else if (strncmp(path, "/sys/class/u-dma-buf", 20) == 0) {
        which = strstr(path, "/sync_for_cpu") ? 0 : strstr(path, "/sync_for_device") ? 1 : -1;
    }
    for (i = 0; which >= 0 && i < DEVICES; ++i) {
        if (sync_files[which][i] == 0) {
            sync_files[which][i] = file + 1;
            break;
        }
    }
    pthread_mutex_unlock(&board_lock);
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
    pthread_mutex_lock(&board_lock);
    if ((device = device_of(file)) != NULL) {
        (void)board_request(device->interrupts, FLUORITE_SIM_BYE, 0, 0, NULL);
        (void)board_request(device->socket, FLUORITE_SIM_BYE, 0, 0, NULL);
        (void)real_close(device->interrupts);
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
    pthread_mutex_unlock(&board_lock);
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

static int connect_any(void)
{
    static const char path[] = "/dev/uio0";
    char buffer[400];
    const int file = real_open(moved(path, buffer, sizeof buffer), O_RDONLY | O_CLOEXEC);
    int made;
    if (file < 0) {
        board_die("%s: %s", path, strerror(errno));
    }
    made = connect_through(file, path);
    (void)real_close(file);
    return made;
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
        board_die("%s must be written 0xOOOOOOOOSSSSSSSS, not %s", found ? "sync_for_device" : "sync_for_cpu", line);
    }
    if (command & 1) {
        const uint32_t op = found ? FLUORITE_SIM_SYNC_FOR_DEVICE : FLUORITE_SIM_SYNC_FOR_CPU;
        int code;
        pthread_mutex_lock(&sync_lock);
        if (sync_socket < 0) {
            sync_socket = connect_any();
        }
        code = board_request(sync_socket, op, command >> 32, command & 0xfffffff0u, NULL);
        pthread_mutex_unlock(&sync_lock);
        if (code != 0) {
            board_die("sync of 0x%llx: %s", (unsigned long long)command, strerror(code));
        }
    }
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

/* --- the interrupt ------------------------------------------------------------------------------------------------ */

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
    pthread_mutex_t *const own = &waiting[device - board_devices];
    for (;;) {
        const int64_t left = milliseconds < 0 ? SLICE_MS : end - now_ms();
        const int64_t slice = left < 0 ? 0 : left < SLICE_MS ? left : SLICE_MS;
        uint64_t high = 0;
        pthread_mutex_lock(own);
        if (device->count == device->delivered && device->enabled) {
            if (board_request(device->interrupts, FLUORITE_SIM_WAIT_IRQ, 0, (uint64_t)slice, &high) == 0 && high != 0) {
                device->count++;
                device->enabled = 0;
            }
            pthread_mutex_unlock(own);
        } else {
            pthread_mutex_unlock(own);
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
    pthread_mutex_lock(&board_lock);
    device->delivered = device->count;
    memcpy(bytes, &device->count, sizeof device->count);
    pthread_mutex_unlock(&board_lock);
    return (ssize_t)size;
}
ssize_t __read_chk(int file, void *bytes, size_t size, size_t room)
{
    (void)room;
    return read(file, bytes, size);
}
