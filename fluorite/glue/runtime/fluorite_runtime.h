/* fluorite's driver: memory that the FPGA can reach, and launches of accelerators. C99 and C++.

   A program opens the arena (DMA memory), then accelerators, and submits launches; waiting for one returns its result.

       struct fluorite_arena *arena;
       struct fluorite_device *device;
       uint64_t ticket;
       fluorite_arena_open(&arena, NULL, NULL);
       fluorite_open(&device, &fluorite_edges_accelerator, arena, NULL);    (this, and launches: the generated header)
       fluorite_submit(device, &launch, 1000, &ticket);
       fluorite_wait(device, ticket, 1000);

   All functions may be called by several threads at a time; only closing must come last. Functions that can fail return
   FLUORITE_OK or a negative code, never both half done: what fails has no effect and leaves nothing behind, unless it
   says otherwise below. A thread that is cancelled in one ends after it. A second fluorite_open of one accelerator, by
   this program or another, is refused with FLUORITE_ERROR_BUSY until the first is closed. Times are in milliseconds; a
   negative one is for ever. */
#ifndef FLUORITE_RUNTIME_H
#define FLUORITE_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- errors ------------------------------------------------------------------------------------------------------- */

enum fluorite_code {
    FLUORITE_OK = 0,
    /* The hardware's: minus error.code of the register map. */
    FLUORITE_ERROR_READ_SLVERR = -1,
    FLUORITE_ERROR_READ_DECERR = -2,
    FLUORITE_ERROR_WRITE_SLVERR = -3,
    FLUORITE_ERROR_WRITE_DECERR = -4,
    FLUORITE_ERROR_STREAM_SHORT = -5,
    FLUORITE_ERROR_STREAM_LONG = -6,
    FLUORITE_ERROR_BAD_CONFIGURATION = -7,
    FLUORITE_ERROR_HARDWARE = -31,   /* it says that the launch failed, and not why */
    /* The driver's. */
    FLUORITE_ERROR_NO_DEVICE = -32,
    FLUORITE_ERROR_NO_ARENA = -33,
    FLUORITE_ERROR_SYSTEM = -34,     /* the operating system refused something: errno is in the text */
    FLUORITE_ERROR_WRONG_ID = -35,
    FLUORITE_ERROR_WRONG_VERSION = -36,
    FLUORITE_ERROR_WRONG_DESIGN = -37,
    FLUORITE_ERROR_BUSY = -38,
    FLUORITE_ERROR_TIMEOUT = -39,
    FLUORITE_ERROR_QUEUE_FULL = -40, /* and did not get room in time */
    FLUORITE_ERROR_CANCELLED = -41,  /* the launch was forgotten by fluorite_reset */
    FLUORITE_ERROR_TICKET = -42,     /* no such launch, or it was waited for before */
    FLUORITE_ERROR_NO_MEMORY = -43,
    FLUORITE_ERROR_NOT_IN_ARENA = -44,
    FLUORITE_ERROR_TOO_SMALL = -45,
    FLUORITE_ERROR_UNALIGNED = -46,
    FLUORITE_ERROR_ADDRESS = -47,    /* the accelerator's address bits cannot express it */
    FLUORITE_ERROR_EXTENT = -48,     /* a launch's extents are not those the hardware was made for */
    FLUORITE_ERROR_STUCK = -49,      /* a soft reset did not end; the arena is not used any more */
    FLUORITE_ERROR_ARGUMENT = -50,
    FLUORITE_ERROR_BORDER = -51      /* the region is not the image that a border condition is for */
};

/* What went wrong, for people. */
struct fluorite_error {
    int code;
    char text[240];
};

/* A sentence for a code; never NULL. */
const char *fluorite_error_text(int code);

/* Fills `error`, which may be NULL; returns `code`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
int fluorite_fail(struct fluorite_error *error, int code, const char *format, ...);

/* --- the arena: memory that accelerators reach -------------------------------------------------------------------- */

struct fluorite_arena;

/* `source` is "kernel:BYTES" (fluorite's kernel driver; "kernel": as much as can be had, up to 64 MiB), or
   "u-dma-buf:NAME" (the kernel module u-dma-buf), or "dma-heap:NAME:BYTES" (a CMA heap; needs root, to
   learn the physical address, and memory ports that are coherent, since user space cannot maintain its caches), or
   "hugepage:BYTES" (one huge page of that size; needs root too, and a 64-bit ARM, where programs can maintain caches),
   or "zocl:BYTES" (a buffer of XRT's kernel driver, which PYNQ's and Kria's images have; needs neither a module nor
   root).
   NULL: what the environment variable FLUORITE_ARENA says, else "kernel" if the driver is there, else
   "u-dma-buf:udmabuf0". The simulator's backend ignores it. Where there is less memory than was asked for, the text of
   `error` says so although the code is FLUORITE_OK; else it is empty then. */
int fluorite_arena_open(struct fluorite_arena **arena, const char *source, struct fluorite_error *error);

/* FLUORITE_ERROR_BUSY while devices use it or memory is allocated in it. */
int fluorite_arena_close(struct fluorite_arena *arena);

/* First fit. `alignment` is a power of two. NULL if there is no room. */
void *fluorite_alloc(struct fluorite_arena *arena, size_t size, size_t alignment);

/* Takes a dma-buf of others into an arena of "kernel": a camera's buffer, one of a CMA heap. `block` is all of it,
   for the hardware and the CPU as if it had been allocated there, until it is given back by fluorite_free. The file
   may be closed at once. FLUORITE_ERROR_ARGUMENT if it is no such file or arena, or the memory is not in one
   piece. */
int fluorite_arena_import(struct fluorite_arena *arena, int file, void **block, size_t *size,
                          struct fluorite_error *error);

/* Frees what fluorite_alloc returned; NULL is nothing. FLUORITE_ERROR_NOT_IN_ARENA if it is no block of the arena. */
int fluorite_free(struct fluorite_arena *arena, void *block);

/* Whether all of the bytes lie in the arena. */
int fluorite_in_arena(const struct fluorite_arena *arena, const void *first, size_t size);

size_t fluorite_arena_size(const struct fluorite_arena *arena);
size_t fluorite_arena_used(struct fluorite_arena *arena); /* bytes allocated */

/* --- accelerators ------------------------------------------------------------------------------------------------- */

#define FLUORITE_MAX_DIMENSIONS 4 /* pixels along a row, rows, planes, volumes */
#define FLUORITE_MAX_STREAMS 16

/* Of a stream, as the hardware was made. Generated. */
struct fluorite_stream {
    const char *name;
    int is_output;
    uint32_t element_bytes;
    uint32_t dimensions;     /* of the scan */
    uint32_t base_low;       /* index of its registers among those of a launch */
    int32_t base_high;       /* -1: addresses have 32 bits */
    uint32_t row_bytes;
    uint32_t counts;         /* then its stride, then the next count: one pair per dimension beyond the first */
};

/* An accelerator, as the hardware was made. Generated. */
struct fluorite_accelerator {
    const char *name;        /* of the accelerated Func, as an identifier */
    const char *uio_name;    /* what /sys/class/uio/uioN/name says */
    uint32_t version;
    uint32_t design_hash;
    uint32_t size_bytes;     /* of the register block */
    uint32_t launch_offset;  /* where the registers of a launch begin */
    uint32_t launch_count;   /* how many there are */
    uint32_t stalls_offset;  /* where the streams' stall counters begin */
    uint32_t address_bits;
    uint32_t stream_count;
    const struct fluorite_stream *streams; /* inputs, then outputs */
};

/* A stream's memory in one launch. */
struct fluorite_view {
    void *first;                                     /* the first byte of its first pixel */
    uint32_t row_bytes;                              /* without padding */
    uint32_t counts[FLUORITE_MAX_DIMENSIONS - 1];    /* rows, planes, volumes */
    int64_t strides[FLUORITE_MAX_DIMENSIONS - 1];    /* bytes from one to the next */
};

/* One launch. */
struct fluorite_launch {
    const uint32_t *settings;          /* what the registers of a launch hold, but for the streams' */
    const struct fluorite_view *views; /* one per stream */
};

struct fluorite_counters {
    uint32_t cycles;                        /* in which a launch was under way */
    uint32_t stalls[FLUORITE_MAX_STREAMS];  /* cycles each stream held the core up */
    uint32_t launches_started, launches_completed;
    uint32_t interrupts_missed;             /* launches whose end no interrupt told, but a look at the registers */
    uint32_t most_in_flight;                /* launches that the hardware had at a time */
};

/* Why a launch failed. */
struct fluorite_failure {
    int code;
    int stream;       /* -1: none in particular */
    uint64_t address; /* of the transfer that failed, or 0 */
};

struct fluorite_device;
struct fluorite_io;

/* Finds the accelerator, checks that it is the one the driver was generated with, and resets it. */
int fluorite_open(struct fluorite_device **device, const struct fluorite_accelerator *accelerator,
                  struct fluorite_arena *arena, struct fluorite_error *error);

/* The same over an access layer of your own, which is copied, and closed with the device or if opening fails. */
int fluorite_open_io(struct fluorite_device **device, const struct fluorite_accelerator *accelerator,
                     struct fluorite_arena *arena, const struct fluorite_io *io, struct fluorite_error *error);

/* Resets the hardware, so that it leaves the arena alone, and closes. The device is gone whatever is returned:
   FLUORITE_ERROR_STUCK if the hardware could not be stopped. */
int fluorite_close(struct fluorite_device *device);

/* Starts a launch, waiting up to timeout_ms for room in the queue, else FLUORITE_ERROR_QUEUE_FULL. Caches are
   maintained here and in fluorite_wait. Until the ticket was waited for, the streams' memory belongs to the hardware;
   regions of one launch must not share cache lines (64 bytes) with what anyone writes meanwhile. */
int fluorite_submit(struct fluorite_device *device, const struct fluorite_launch *launch, int timeout_ms,
                    uint64_t *ticket);

/* Waits for a launch and returns its result: FLUORITE_OK, the hardware's error, FLUORITE_ERROR_CANCELLED. After
   FLUORITE_ERROR_TIMEOUT the launch goes on: wait again, or reset and wait, before its memory is used. However many
   launches come in between, a result is kept until it is waited for: that once per ticket. */
int fluorite_wait(struct fluorite_device *device, uint64_t ticket, int timeout_ms);

/* The same, and why the launch failed; `failure` is filled in whatever is returned. */
int fluorite_wait_failure(struct fluorite_device *device, uint64_t ticket, int timeout_ms,
                          struct fluorite_failure *failure);

/* Submits and waits; after a timeout it resets, so that the memory is the caller's again. */
int fluorite_run(struct fluorite_device *device, const struct fluorite_launch *launch, int timeout_ms);

/* Soft reset. Launches under way are forgotten: waiting for them returns FLUORITE_ERROR_CANCELLED. */
int fluorite_reset(struct fluorite_device *device);

/* A snapshot of all counters, of one cycle. */
int fluorite_counters(struct fluorite_device *device, struct fluorite_counters *counters);

const struct fluorite_accelerator *fluorite_device_accelerator(const struct fluorite_device *device);
struct fluorite_arena *fluorite_device_arena(const struct fluorite_device *device);
uint32_t fluorite_queue_depth(const struct fluorite_device *device);

/* --- the access layer: between driver and hardware ---------------------------------------------------------------- */

enum fluorite_direction { FLUORITE_BOTH = 0, FLUORITE_TO_DEVICE = 1, FLUORITE_FROM_DEVICE = 2 };

/* Functions return FLUORITE_OK or a negative code. `read` and `write` (of a register, by its offset in bytes) are
   called by one thread at a time; `wait` beside them, by one thread and perhaps another that resets; the syncs (of
   bytes of the arena, by their offset in it) by any number. */
struct fluorite_io {
    void *context;
    int has_interrupt; /* 0: `wait` just lets time pass */
    int (*read)(void *context, uint32_t offset, uint32_t *value);
    int (*write)(void *context, uint32_t offset, uint32_t value);
    int (*wait)(void *context, int milliseconds); /* 1: interrupt, 0: time is over */
    int (*sync_for_device)(void *context, uint64_t offset, uint64_t size, enum fluorite_direction direction);
    int (*sync_for_cpu)(void *context, uint64_t offset, uint64_t size, enum fluorite_direction direction);
    void (*close)(void *context);
};

struct fluorite_imported {
    uint64_t offset; /* from the arena's first byte, beyond its last */
    uint64_t size, physical;
};

/* Memory of an arena, as a backend provides it. */
struct fluorite_memory {
    unsigned char *base;
    size_t size;
    uint64_t physical;
    void *context;
    int (*sync)(void *context, uint64_t offset, uint64_t size, enum fluorite_direction direction, int for_cpu);
    void (*close)(void *context);
    /* Buffers of others, behind the arena's own memory; NULL if they cannot be had. */
    int (*import)(void *context, int file, struct fluorite_imported *imported, struct fluorite_error *error);
    void (*release)(void *context, uint64_t offset);
};

/* What a backend implements (fluorite_io_uio.c or fluorite_io_sim.c: link one). It may set the arena's `physical`. */
int fluorite_io_open(struct fluorite_io *io, const struct fluorite_accelerator *accelerator,
                     struct fluorite_memory *memory, struct fluorite_error *error);
int fluorite_io_memory(struct fluorite_memory *memory, const char *source, struct fluorite_error *error);

/* For backends and the driver itself: the arena's inside. */
struct fluorite_memory *fluorite_arena_memory(struct fluorite_arena *arena);
void fluorite_arena_use(struct fluorite_arena *arena, int change); /* counts the devices that use it */
void fluorite_arena_quarantine(struct fluorite_arena *arena);      /* from now on nothing in it is allocated again */
int fluorite_arena_block(struct fluorite_arena *arena, const void *inside, struct fluorite_imported *block);

#ifdef __cplusplus
}
#endif

#endif /* FLUORITE_RUNTIME_H */
