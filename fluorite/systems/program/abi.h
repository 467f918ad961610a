// The C ABI of a simulated system; abi.py declares the same.

#pragma once

#include <cstdint>

struct Options {
    uint64_t arena_base, arena_bytes;  // where the memory lies, as the masters see it
    uint64_t seed;
    uint64_t latency_cycles;           // from an address accepted to its first data, and to a write's response
    uint64_t outstanding;              // bursts a port accepts before it answers the first, each direction
    uint64_t bandwidth;                // bytes a cycle of all ports together, times 256; 0: no limit
    uint64_t stall_enter, stall_leave;  // probabilities times 2^32 of starting and ending a stall, per channel and cycle
    uint32_t reorder;                  // reads of different IDs may overtake each other
    uint32_t outside_is_decerr;        // an access outside the arena is answered DECERR instead of ending the simulation
    uint64_t control_timeout_cycles;   // until a register access is answered
    uint64_t idle_cycles;              // the server clocks on for so long after the last transfer
};

struct Fault {  // an error response
    uint64_t start, bytes;  // the addresses that fail, or with by_beat the number of the beat (from 0, of one port)
    int64_t count;          // beats that still fail; -1: all
    int32_t port;           // -1: any
    uint32_t write, response, by_beat;
};

struct PortCounters {
    uint64_t read_bursts, read_beats, write_bursts, write_beats, bytes_written;
    uint64_t ar_stalls, r_stalls, aw_stalls, w_stalls;  // cycles valid and not ready
    uint64_t first_read_cycle, last_read_cycle, first_write_cycle, last_write_cycle;
};

struct Counters {
    uint64_t cycles, register_reads, register_writes, interrupts, interrupt_cycle;
    PortCounters ports[16];
};

enum Status : int32_t { OK = 0, TIMEOUT = 1, BROKEN = 2, ERROR_RESPONSE = 3 };
