/* The access layer of a simulation: everything is a request to a simulator (fluorite_sim_protocol.h). */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* flock, O_CLOEXEC; _GNU_SOURCE asks for a strtoull of newer C libraries */
#endif

#include "fluorite_runtime.h"
#include "fluorite_sim_protocol.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SLICE_MS 2 /* of one WAIT_IRQ: others get the connection in between */

struct connection {
    int socket;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    uint64_t next_turn, now_turn; /* it goes round in turns: a thread that waits long would starve the others */
};

struct sim {
    int lock_file; /* held while the accelerator is open */
    struct connection requests;
    struct connection interrupts; /* waiting for one takes long: others start launches meanwhile */
};

/* --- requests ----------------------------------------------------------------------------------------------------- */

static int transfer(int file, void *bytes, size_t size, int sends)
{
    unsigned char *at = (unsigned char *)bytes;
    while (size > 0) {
        const ssize_t moved = sends ? send(file, at, size, MSG_NOSIGNAL) : recv(file, at, size, 0);
        if (moved < 0 && errno == EINTR) {
            continue;
        }
        if (moved <= 0) {
            return FLUORITE_ERROR_SYSTEM;
        }
        at += moved;
        size -= (size_t)moved;
    }
    return FLUORITE_OK;
}

static int exchange(int file, uint32_t op, uint64_t address, uint64_t value, struct fluorite_sim_reply *reply)
{
    struct fluorite_sim_request request;
    int code;
    memset(&request, 0, sizeof request);
    request.op = op;
    request.address = address;
    request.value = value;
    code = transfer(file, &request, sizeof request, 1);
    if (code == FLUORITE_OK) {
        code = transfer(file, reply, sizeof *reply, 0);
    }
    return code == FLUORITE_OK && reply->status != 0 ? FLUORITE_ERROR_SYSTEM : code;
}

static int request(struct connection *connection, uint32_t op, uint64_t address, uint64_t value, uint64_t *result)
{
    struct fluorite_sim_reply reply;
    uint64_t turn;
    int code;
    memset(&reply, 0, sizeof reply);
    pthread_mutex_lock(&connection->lock);
    turn = connection->next_turn++;
    while (turn != connection->now_turn) {
        (void)pthread_cond_wait(&connection->turn, &connection->lock);
    }
    code = exchange(connection->socket, op, address, value, &reply);
    connection->now_turn++;
    pthread_cond_broadcast(&connection->turn);
    pthread_mutex_unlock(&connection->lock);
    if (result != NULL) {
        *result = reply.value;
    }
    return code;
}

static int sim_read(void *context, uint32_t offset, uint32_t *value)
{
    uint64_t result = 0;
    const int code = request(&((struct sim *)context)->requests, FLUORITE_SIM_REG_READ, offset, 0, &result);
    *value = (uint32_t)result;
    return code;
}

static int sim_write(void *context, uint32_t offset, uint32_t value)
{
    return request(&((struct sim *)context)->requests, FLUORITE_SIM_REG_WRITE, offset, value, NULL);
}

static int sim_wait(void *context, int milliseconds)
{
    int waited;
    for (waited = 0; waited < milliseconds; waited += SLICE_MS) {
        uint64_t high = 0;
        const int code = request(&((struct sim *)context)->interrupts, FLUORITE_SIM_WAIT_IRQ, 0, SLICE_MS, &high);
        if (code != FLUORITE_OK || high != 0) {
            return code != FLUORITE_OK ? code : 1;
        }
    }
    return 0;
}

/* Both copies are whole: the direction does not matter. */
static int sim_sync_for_device(void *context, uint64_t offset, uint64_t size, enum fluorite_direction direction)
{
    (void)direction;
    return request(&((struct sim *)context)->requests, FLUORITE_SIM_SYNC_FOR_DEVICE, offset, size, NULL);
}

static int sim_sync_for_cpu(void *context, uint64_t offset, uint64_t size, enum fluorite_direction direction)
{
    (void)direction;
    return request(&((struct sim *)context)->requests, FLUORITE_SIM_SYNC_FOR_CPU, offset, size, NULL);
}

/* --- the accelerator ---------------------------------------------------------------------------------------------- */

static void prepare(struct connection *connection)
{
    connection->socket = -1;
    (void)pthread_mutex_init(&connection->lock, NULL);
    (void)pthread_cond_init(&connection->turn, NULL);
}

static void end(struct connection *connection)
{
    if (connection->socket >= 0) {
        (void)close(connection->socket);
    }
    (void)pthread_cond_destroy(&connection->turn);
    (void)pthread_mutex_destroy(&connection->lock);
}

static void sim_free(struct sim *sim)
{
    end(&sim->interrupts);
    end(&sim->requests);
    if (sim->lock_file >= 0) {
        (void)close(sim->lock_file);
    }
    free(sim);
}

static void sim_close(void *context)
{
    struct sim *sim = (struct sim *)context;
    (void)request(&sim->interrupts, FLUORITE_SIM_BYE, 0, 0, NULL);
    (void)request(&sim->requests, FLUORITE_SIM_BYE, 0, 0, NULL);
    sim_free(sim);
}

/* Path of the accelerator's socket; NULL if the environment names none. */
static const char *socket_path(const char *name)
{
    char variable[160] = "FLUORITE_SIM_SOCKET_";
    const size_t start = strlen(variable);
    const char *own;
    size_t i;
    for (i = 0; name[i] != '\0' && start + i + 1 < sizeof variable; ++i) {
        variable[start + i] = (char)toupper((unsigned char)name[i]);
    }
    variable[start + i] = '\0';
    own = getenv(variable);
    return own != NULL ? own : getenv("FLUORITE_SIM_SOCKET");
}

static int lock_socket(struct sim *sim, const char *path, const char *name, struct fluorite_error *error)
{
    char lock[160];
    (void)snprintf(lock, sizeof lock, "%s.lock", path);
    sim->lock_file = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (sim->lock_file < 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_DEVICE, "%s: %s: %s", name, lock, strerror(errno));
    }
    if (flock(sim->lock_file, LOCK_EX | LOCK_NB) != 0) {
        return fluorite_fail(error, FLUORITE_ERROR_BUSY, "%s: %s is already in use", name, path);
    }
    return FLUORITE_OK;
}

static int connect_to(struct connection *connection, const char *path, const char *name, struct fluorite_error *error)
{
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address.sun_path) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_DEVICE, "%s: the socket's path is too long: %s", name, path);
    }
    memcpy(address.sun_path, path, strlen(path));
    connection->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->socket < 0 || connect(connection->socket, (struct sockaddr *)&address, sizeof address) != 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_DEVICE, "%s: no simulator at %s: %s", name, path,
                             strerror(errno));
    }
    return FLUORITE_OK;
}

static int greet(struct connection *connection, struct fluorite_memory *memory, const char *name,
                 struct fluorite_error *error)
{
    struct fluorite_sim_reply reply;
    memset(&reply, 0, sizeof reply);
    if (exchange(connection->socket, FLUORITE_SIM_HELLO, 0, FLUORITE_SIM_PROTOCOL_VERSION, &reply) != FLUORITE_OK) {
        const int busy = reply.status == EBUSY;
        return fluorite_fail(error, busy ? FLUORITE_ERROR_BUSY : FLUORITE_ERROR_NO_DEVICE,
                             "%s: the simulator refuses the connection: %s", name,
                             reply.status != 0 ? strerror((int)reply.status) : "it closed it");
    }
    if (reply.value != memory->size) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA,
                             "%s: the simulator's memory has %llu bytes, the file FLUORITE_SIM_ARENA %llu", name,
                             (unsigned long long)reply.value, (unsigned long long)memory->size);
    }
    memory->physical = reply.value2;
    return FLUORITE_OK;
}

int fluorite_io_open(struct fluorite_io *io, const struct fluorite_accelerator *accelerator,
                     struct fluorite_memory *memory, struct fluorite_error *error)
{
    const char *path = socket_path(accelerator->name);
    struct sim *sim;
    int code;
    if (path == NULL) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_DEVICE,
                             "%s: the environment variable FLUORITE_SIM_SOCKET must name a simulator's socket",
                             accelerator->name);
    }
    sim = (struct sim *)calloc(1, sizeof *sim);
    if (sim == NULL) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY, "%s: no memory for its state", accelerator->name);
    }
    sim->lock_file = -1;
    prepare(&sim->requests);
    prepare(&sim->interrupts);
    if ((code = lock_socket(sim, path, accelerator->name, error)) != FLUORITE_OK ||
        (code = connect_to(&sim->requests, path, accelerator->name, error)) != FLUORITE_OK ||
        (code = greet(&sim->requests, memory, accelerator->name, error)) != FLUORITE_OK ||
        (code = connect_to(&sim->interrupts, path, accelerator->name, error)) != FLUORITE_OK ||
        (code = greet(&sim->interrupts, memory, accelerator->name, error)) != FLUORITE_OK) {
        sim_free(sim);
        return code;
    }
    io->context = sim;
    io->has_interrupt = 1;
    io->read = sim_read;
    io->write = sim_write;
    io->wait = sim_wait;
    io->sync_for_device = sim_sync_for_device;
    io->sync_for_cpu = sim_sync_for_cpu;
    io->close = sim_close;
    return FLUORITE_OK;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

struct sim_memory {
    int file; /* locked while the arena is open */
    void *base;
    size_t size;
};

static void sim_memory_close(void *context)
{
    struct sim_memory *mapped = (struct sim_memory *)context;
    if (mapped->base != NULL) {
        (void)munmap(mapped->base, mapped->size);
    }
    (void)close(mapped->file);
    free(mapped);
}

static int map_arena(struct sim_memory *mapped, const char *path, struct fluorite_error *error)
{
    struct stat status;
    void *base;
    if (fstat(mapped->file, &status) != 0 || status.st_size <= 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "%s: is empty", path);
    }
    if (flock(mapped->file, LOCK_EX | LOCK_NB) != 0) {
        return fluorite_fail(error, FLUORITE_ERROR_BUSY, "%s is already in use", path);
    }
    mapped->size = (size_t)status.st_size;
    base = mmap(NULL, mapped->size, PROT_READ | PROT_WRITE, MAP_SHARED, mapped->file, 0);
    if (base == MAP_FAILED) {
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "%s cannot be mapped", path);
    }
    mapped->base = base;
    return FLUORITE_OK;
}

int fluorite_io_memory(struct fluorite_memory *memory, const char *source, struct fluorite_error *error)
{
    const char *path = getenv("FLUORITE_SIM_ARENA");
    struct sim_memory *mapped;
    int file, code;
    (void)source;
    if (path == NULL) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA,
                             "the environment variable FLUORITE_SIM_ARENA must name the arena's file");
    }
    file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "%s: %s", path, strerror(errno));
    }
    mapped = (struct sim_memory *)calloc(1, sizeof *mapped);
    if (mapped == NULL) {
        (void)close(file);
        return fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY, "no memory for an arena's state");
    }
    mapped->file = file;
    if ((code = map_arena(mapped, path, error)) != FLUORITE_OK) {
        sim_memory_close(mapped);
        return code;
    }
    memory->base = (unsigned char *)mapped->base;
    memory->size = mapped->size;
    memory->context = mapped;
    memory->close = sim_memory_close;
    return FLUORITE_OK;
}
