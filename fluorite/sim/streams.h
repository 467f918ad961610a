// Ready/valid streams over strided arrays: the words, the stalls, and the rules that an output is held to.

#pragma once

#include <cstdint>
#include <cstring>

#include "ports.h"
#include "random.h"

namespace {

constexpr int DIMENSIONS = 4;
constexpr uint64_t AHEAD = INPUT_COUNT > 1 ? 2 : 0;  // words that an input may take before their launch is accepted
constexpr int CONTINUE = 0x600d;          // from the callback
constexpr uint64_t CALLBACK_MASK = 4095;  // cycles between two looks at the clock

// ---- the C ABI; fluorite/sim/abi.py declares the same ----

struct Array {
    uint8_t* base;
    int64_t stride[DIMENSIONS];  // bytes
    int64_t extent[DIMENSIONS];  // pixels; dimension 0 is the fastest, unused ones have extent 1
};

struct StallRate {
    uint64_t enter, leave;                // probability * 2^32 to start and to end a stall, per cycle
};

struct Options {
    uint64_t seed;
    const StallRate* stalls;              // of launches, of each input, of each output
    uint64_t timeout_cycles;              // without any transfer
    uint64_t quiet_cycles;                // watched after the last launch: nothing may come or be taken any more
    uint64_t trace;                       // whether to keep every cycle's handshakes
    uint64_t callback_milliseconds;
    uint64_t cycles, words;               // so far; written before each callback
    int (*callback)();                    // anything but CONTINUE ends the run
};

struct StreamResult {
    uint64_t words, blocked_cycles, first_cycle, last_cycle;
};

struct LaunchResult {
    uint64_t accepted_cycle, first_output_cycle, finished_cycle;
};

struct Result {
    uint64_t cycles;
    int32_t error, port;  // port: index among the inputs then outputs
    int64_t launch, word;
    uint64_t error_cycle;
};

enum Error : int32_t {
    OK, TIMEOUT, STOPPED, VALID_DROPPED, DATA_CHANGED, LAST_CHANGED, LAST_EARLY, LAST_MISSING, EXTRA_WORD, BUSY_LOW, FATAL,
    TAKEN_EARLY
};

// ---- words ----

template <int BITS, int LANES, class Port>
void garbage(Port& port, Random& random) {
    if constexpr (sizeof(Port) <= 8) {
        constexpr uint64_t mask = ~uint64_t(0) >> (64 - BITS * LANES);
        port = static_cast<Port>(random.next() & mask);
    } else {
        uint8_t bytes[sizeof(Port) + 8] = {};
        constexpr int used = (BITS * LANES + 7) / 8;
        for (int i = 0; i < used; i += 8) {
            const uint64_t r = random.next();
            std::memcpy(bytes + i, &r, 8);
        }
        std::memset(bytes + used, 0, sizeof bytes - used);
        std::memcpy(&port, bytes, sizeof(Port));
    }
}

// Pixels at p, p + stride, ... into a word; lanes from `count` on get garbage.
template <int BITS, int LANES, class Port>
void pack(Port& port, const uint8_t* p, int64_t stride, int64_t count, Random& random) {
    constexpr int BYTES = BITS < 8 ? 1 : BITS / 8;
    if constexpr (LANES == 1 && BITS == 1) {
        port = *p & 1;
    } else if constexpr (LANES == 1) {
        static_assert(sizeof(Port) == BYTES, "a pixel has the size of its port");
        std::memcpy(&port, p, BYTES);
    } else {
        if (count < LANES) garbage<BITS, LANES>(port, random);
        uint8_t* bytes = reinterpret_cast<uint8_t*>(&port);  // Verilator's words are little-endian, as the host is
        if constexpr (BITS == 1) {
            for (int i = 0; i < LANES && i < count; ++i) {
                const uint8_t bit = uint8_t(1u << (i % 8));
                bytes[i / 8] = p[i * stride] & 1 ? bytes[i / 8] | bit : bytes[i / 8] & ~bit;
            }
        } else if (count >= LANES && stride == BYTES) {
            std::memcpy(bytes, p, BYTES * LANES);
        } else {
            for (int i = 0; i < LANES && i < count; ++i) std::memcpy(bytes + i * BYTES, p + i * stride, BYTES);
        }
    }
}

template <int BITS, int LANES, class Port>
void unpack(const Port& port, uint8_t* p, int64_t stride, int64_t count) {
    constexpr int BYTES = BITS < 8 ? 1 : BITS / 8;
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(&port);
    if constexpr (LANES == 1) {
        std::memcpy(p, bytes, BYTES);
    } else if constexpr (BITS == 1) {
        for (int i = 0; i < LANES && i < count; ++i) p[i * stride] = (bytes[i / 8] >> (i % 8)) & 1;
    } else if (count >= LANES && stride == BYTES) {
        std::memcpy(p, bytes, BYTES * LANES);
    } else {
        for (int i = 0; i < LANES && i < count; ++i) std::memcpy(p + i * stride, bytes + i * BYTES, BYTES);
    }
}

// Walks the regions of all launches of one stream, `LANES` pixels of a row at a time.
template <int LANES>
struct Walker {
    const Array* array;  // of the current launch; the next launch's is STREAMS further
    int64_t launch, launches;
    uint8_t* p;
    int64_t stride, left;  // of dimension 0; pixels left in the row
    uint8_t* row;
    int64_t index[DIMENSIONS];
    uint64_t launch_words;  // words of the current launch passed so far

    void start(const Array* first, int64_t count) {
        array = first;
        launch = 0;
        launches = count;
        enter();
    }
    void enter() {
        if (launch == launches) return;
        row = p = array->base;
        stride = array->stride[0];
        left = array->extent[0];
        launch_words = 0;
        std::memset(index, 0, sizeof index);
    }
    bool done() const { return launch == launches; }
    bool at_last() const {
        if (left > LANES) return false;
        for (int d = 1; d < DIMENSIONS; ++d)
            if (index[d] + 1 != array->extent[d]) return false;
        return true;
    }
    // To the next word; true at the end of a launch.
    bool step() {
        ++launch_words;
        left -= LANES;
        if (left > 0) {
            p += LANES * stride;
            return false;
        }
        for (int d = 1; d < DIMENSIONS; ++d) {
            if (++index[d] != array->extent[d]) {
                p = row += array->stride[d];
                left = array->extent[0];
                return false;
            }
            row -= array->stride[d] * (array->extent[d] - 1);
            index[d] = 0;
        }
        ++launch;
        array += STREAMS;
        enter();
        return true;
    }
};

struct Failure {
    Error error;
    int port;
    int64_t launch, word;
};

template <int PORT, int BITS, int LANES>
struct Input {
    Walker<LANES> walker;
    Stall stall;
    StreamResult result;
    bool valid;
    uint64_t launched;  // words of all launches that were accepted
    uint64_t beyond;    // words taken that belong to no launch

    void start(const Array* first, int64_t count, const StallRate& rate, uint64_t seed) {
        walker.start(first, count);
        stall = {{}, rate.enter, rate.leave, false};
        stall.random.seed(seed, PORT);
        result = {};
        valid = false;
        launched = beyond = 0;
    }
    void accept(const Array& array) {
        uint64_t words = uint64_t((array.extent[0] + LANES - 1) / LANES);
        for (int d = 1; d < DIMENSIONS; ++d) words *= uint64_t(array.extent[d]);
        launched += words;
    }
    // Behind the last launch's words, others go on being offered: nobody may take them.
    template <class Port>
    void drive(CData& valid_port, Port& data) {
        if (valid) return;  // held until taken
        if (stall.next()) {
            valid_port = 0;
            garbage<BITS, LANES>(data, stall.random);
            return;
        }
        valid = true;
        valid_port = 1;
        if (walker.done())
            garbage<BITS, LANES>(data, stall.random);
        else
            pack<BITS, LANES>(data, walker.p, walker.stride, walker.left, stall.random);
    }
    bool sample(CData ready, uint64_t cycle) {
        if (!valid) return false;
        if (!ready) {
            if (!walker.done()) ++result.blocked_cycles;
            return false;
        }
        valid = false;
        if (result.words + beyond >= launched + AHEAD)
            throw Failure{TAKEN_EARLY, PORT, walker.launch, int64_t(walker.done() ? 0 : walker.launch_words)};
        if (walker.done()) {
            ++beyond;
            return false;
        }
        if (!result.words++) result.first_cycle = cycle;
        result.last_cycle = cycle;
        walker.step();
        return true;
    }
};

template <int PORT, int BITS, int LANES, class Port>
struct Output {
    Walker<LANES> walker;
    Stall stall;
    StreamResult result;
    bool held;
    Port held_data;
    CData held_last;

    void start(const Array* first, int64_t count, const StallRate& rate, uint64_t seed) {
        walker.start(first, count);
        stall = {{}, rate.enter, rate.leave, false};
        stall.random.seed(seed, PORT);
        result = {};
        held = false;
    }
    [[noreturn]] void fail(Error error) const {
        throw Failure{error, PORT, walker.launch, int64_t(walker.done() ? 0 : walker.launch_words)};
    }
    void drive(CData& ready) { ready = !stall.next(); }
    // `accepted` launches were accepted before; true when a word was taken.
    bool sample(CData valid, CData ready, const Port& data, CData last, int64_t accepted, uint64_t cycle,
                LaunchResult* launches) {
        if (!valid) {
            if (held) fail(VALID_DROPPED);
            return false;
        }
        if (held) {
            if (std::memcmp(&data, &held_data, sizeof(Port))) fail(DATA_CHANGED);
            if (last != held_last) fail(LAST_CHANGED);
        }
        if (walker.launch >= accepted) fail(EXTRA_WORD);
        if (!ready) {
            held = true;
            std::memcpy(&held_data, &data, sizeof(Port));
            held_last = last;
            ++result.blocked_cycles;
            return false;
        }
        held = false;
        if (last != CData(walker.at_last())) fail(last ? LAST_EARLY : LAST_MISSING);
        unpack<BITS, LANES>(data, walker.p, walker.stride, walker.left);
        if (!result.words++) result.first_cycle = cycle;
        result.last_cycle = cycle;
        LaunchResult& launch = launches[walker.launch];
        if (walker.launch_words == 0 && launch.first_output_cycle > cycle) launch.first_output_cycle = cycle;
        if (walker.step()) launch.finished_cycle = cycle;
        return true;
    }
};

}  // namespace
