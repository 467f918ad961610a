/* What the driver's `sim` backend and a simulator say to each other.

   The driver connects to the Unix stream socket that the environment variable FLUORITE_SIM_SOCKET_<NAME> names, or
   else FLUORITE_SIM_SOCKET; <NAME> is the accelerator's name in capitals. One socket is one accelerator, with any
   number of connections: the driver has a second one for waiting. It sends requests of 32 bytes; each is answered by
   one reply of 32 bytes, in order. All numbers are little endian.

   The CPU's view of the DMA arena is the file that FLUORITE_SIM_ARENA names, mapped MAP_SHARED by the driver. Behind it
   is one memory that all accelerators share, and only the two SYNC operations, of any accelerator, move bytes between
   both: a cache sync that is missing shows as wrong data, as it does on a board whose DMA is not coherent. The
   simulator creates that file, in its full size, before the driver starts. It may answer HELLO with EBUSY; the driver
   itself opens an accelerator only once (it locks <socket>.lock), and the arena (it locks the file). */
#ifndef FLUORITE_SIM_PROTOCOL_H
#define FLUORITE_SIM_PROTOCOL_H

#include <stdint.h>

#define FLUORITE_SIM_PROTOCOL_VERSION 1u

enum fluorite_sim_op {
    FLUORITE_SIM_HELLO = 1,           /* value: protocol version -> value: arena's bytes, value2: its physical base */
    FLUORITE_SIM_REG_READ = 2,        /* address: byte offset in the register block -> value */
    FLUORITE_SIM_REG_WRITE = 3,       /* address: byte offset in the register block, value */
    FLUORITE_SIM_WAIT_IRQ = 4,        /* value: milliseconds of host time at most, in which the simulator keeps clocking
                                         the hardware -> value: 1 if the interrupt line is high or rose, else 0 */
    FLUORITE_SIM_SYNC_FOR_DEVICE = 5, /* address: offset in the arena, value: bytes; what the CPU wrote -> memory */
    FLUORITE_SIM_SYNC_FOR_CPU = 6,    /* address: offset in the arena, value: bytes; memory -> the CPU's view */
    FLUORITE_SIM_BYE = 7              /* the driver closes; answered, then the connection ends */
};

struct fluorite_sim_request {
    uint32_t op; /* enum fluorite_sim_op */
    uint32_t flags; /* 0 */
    uint64_t address;
    uint64_t value;
    uint64_t reserved; /* 0 */
};

struct fluorite_sim_reply {
    uint32_t status; /* 0, or an errno: EPROTO a version or operation not known, EINVAL an address out of range */
    uint32_t flags;  /* 0 */
    uint64_t value;
    uint64_t value2;
    uint64_t reserved; /* 0 */
};

#endif /* FLUORITE_SIM_PROTOCOL_H */
