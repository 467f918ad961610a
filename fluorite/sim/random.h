// Random numbers that are the same on every machine, and stalls made of them.

#pragma once

#include <cstdint>

struct Random {  // xorshift64*, seeded through splitmix64's finalizer
    uint64_t state = 1;
    void seed(uint64_t seed, uint64_t stream) {
        uint64_t z = seed * 0x9e3779b97f4a7c15u + (stream + 1) * 0xd1b54a32d192ed03u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        state = (z ^ (z >> 31)) | 1;
    }
    uint64_t next() {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * 0x2545f4914f6cdd1du;
    }
    unsigned below(unsigned n) { return unsigned((next() >> 32) * n >> 32); }
};

struct Stall {  // a two-state Markov chain: probabilities (times 2^32) of starting and of ending a stall, per cycle
    Random random;
    uint64_t enter = 0, leave = 0;
    bool stalled = false;
    bool next() {
        if (!enter) return false;
        const uint64_t r = random.next() >> 32;
        stalled = stalled ? r >= leave : r < enter;
        return stalled;
    }
};
