// Drives a Verilated core over strided arrays. Compiled together with each core: ports.h (generated from the core's
// interface) declares its streams and settings, and the compiler specialises the loop below for them.
//
// A cycle is two evaluations of the model. Everything the harness drives is decided before the first one (clk = 0),
// which settles the combinational outputs that are then sampled; the second (clk = 1) is the edge. That a stimulus never
// depends on a ready of the same cycle is what makes two evaluations enough.

#include "Vcore.h"
#include "Vcore___024root.h"
#include "streams.h"

#include <chrono>
#include <string>
#include <type_traits>
#include <vector>

namespace {

struct Bench {
    VerilatedContext context;
    Vcore model;
    Vcore___024root& ports;
    Random random;
    Stall launch_stall;
    std::vector<uint64_t> trace;

#define INPUT(i, bits, lanes) Input<i, bits, lanes> input##i;
    INPUTS(INPUT)
#undef INPUT
#define OUTPUT(i, bits, lanes)                                                                         \
    Output<INPUT_COUNT + i, bits, lanes, std::decay_t<decltype(Vcore___024root::output##i##_data)>> output##i;
    OUTPUTS(OUTPUT)
#undef OUTPUT

    Bench(uint64_t seed, int random_power_up) : model((prepare(context, seed, random_power_up), &context)), ports(*model.rootp) {
        random.seed(seed, 1000);
    }
    static void prepare(VerilatedContext& context, uint64_t seed, int random_power_up) {
        context.randReset(random_power_up ? 2 : 0);
        context.randSeed(int(seed % 0x7fffffff) + 1);
    }

    void settle() {
        ports.clk = 0;
        model.eval_step();
    }
    void edge() {
        ports.clk = 1;
        model.eval_step();
    }
    void random_settings() {
        uint64_t values[SETTING_COUNT + 1];
        for (uint64_t& value : values) value = random.next();
        drive_settings(ports, values);
    }
    // What is offered and taken meanwhile must not matter to a core in reset.
    void reset(int cycles) {
        ports.rst = 1;
        for (int cycle = 0; cycle < cycles; ++cycle) {
            random_settings();
            const uint64_t offered = random.next();
            int bit = 0;
            ports.launch_valid = offered >> bit++ & 1;
#define OFFER(i, bits, lanes) ports.input##i##_valid = offered >> bit++ & 1;
            INPUTS(OFFER)
#undef OFFER
#define OFFER(i, bits, lanes) ports.output##i##_ready = offered >> bit++ & 1;
            OUTPUTS(OFFER)
#undef OFFER
            settle();
            edge();
        }
        ports.rst = 0;
    }

    // A cycle's handshakes: bits from 0 on in the order of the ports, as fluorite/sim/handshakes.py reads them.
    void keep_handshakes() {
        uint64_t bits = 0;
        int bit = 0;
        const auto put = [&](CData value) { bits |= uint64_t(value & 1) << bit++; };
        put(ports.launch_valid);
        put(ports.launch_ready);
        put(ports.busy);
#define PUT(i, b, lanes) put(ports.input##i##_valid), put(ports.input##i##_ready);
        INPUTS(PUT)
#undef PUT
#define PUT(i, b, lanes) put(ports.output##i##_valid), put(ports.output##i##_ready), put(ports.output##i##_last);
        OUTPUTS(PUT)
#undef PUT
        trace.push_back(bits);
    }

    void run(int64_t count, const Array* arrays, const uint64_t* settings, Options& options, Result& result,
             StreamResult* streams, LaunchResult* launches);
};

void Bench::run(int64_t count, const Array* arrays, const uint64_t* settings, Options& options, Result& result,
                StreamResult* streams, LaunchResult* launches) {
    launch_stall = {{}, options.stalls[0].enter, options.stalls[0].leave, false};
    launch_stall.random.seed(options.seed, 500);
#define START(i, bits, lanes) input##i.start(arrays + i, count, options.stalls[1 + i], options.seed);
    INPUTS(START)
#undef START
#define START(i, bits, lanes) \
    output##i.start(arrays + INPUT_COUNT + i, count, options.stalls[1 + INPUT_COUNT + i], options.seed);
    OUTPUTS(START)
#undef START
    trace.clear();
    for (int64_t i = 0; i < count; ++i) launches[i] = {~uint64_t(0), ~uint64_t(0), 0};

    int64_t accepted = 0, finished = 0;  // launches
    bool launching = false, busy = false;
    uint64_t cycle = 0, progress = 0, words = 0, end = 0;
    bool quiet = false;
    auto called = std::chrono::steady_clock::now();
    Failure failure{OK, -1, 0, 0};

    try {
        for (;; ++cycle) {
            // Launch: settings may only move while the core is idle.
            if (!launching) {
                const bool idle = accepted == finished && !busy;
                const uint64_t* next = settings + accepted * SETTING_COUNT;
                const bool same = accepted > 0 && accepted < count &&
                                  !std::memcmp(next, next - SETTING_COUNT, SETTING_COUNT * sizeof(uint64_t));
                if (accepted < count && (idle || same) && !launch_stall.next()) {
                    launching = true;
                    drive_settings(ports, next);
                } else if (idle) {
                    random_settings();
                }
                ports.launch_valid = launching;
            }
#define DRIVE(i, bits, lanes) input##i.drive(ports.input##i##_valid, ports.input##i##_data);
            INPUTS(DRIVE)
#undef DRIVE
#define DRIVE(i, bits, lanes) output##i.drive(ports.output##i##_ready);
            OUTPUTS(DRIVE)
#undef DRIVE
            settle();

            busy = ports.busy;
            if (options.trace) keep_handshakes();
            if (!busy && finished < accepted) throw Failure{BUSY_LOW, -1, finished, 0};
            unsigned taken = 0;
#define SAMPLE(i, bits, lanes) taken += input##i.sample(ports.input##i##_ready, cycle);
            INPUTS(SAMPLE)
#undef SAMPLE
            if (launching && ports.launch_ready) {
                launching = false;
#define ACCEPT(i, bits, lanes) input##i.accept(arrays[accepted * STREAMS + i]);
                INPUTS(ACCEPT)
#undef ACCEPT
                launches[accepted++].accepted_cycle = cycle;
                progress = cycle;
            }
#define SAMPLE(i, bits, lanes)                                                                                      \
    taken += output##i.sample(ports.output##i##_valid, ports.output##i##_ready, ports.output##i##_data,             \
                              ports.output##i##_last, accepted, cycle, launches);
            OUTPUTS(SAMPLE)
#undef SAMPLE
            edge();

            words += taken;
            if (taken) {
                progress = cycle;
                int64_t slowest = count;
#define SLOWEST(i, bits, lanes) \
    if (output##i.walker.launch < slowest) slowest = output##i.walker.launch;
                OUTPUTS(SLOWEST)
#undef SLOWEST
                finished = slowest;
            } else if (finished == count && !busy) {
                bool all = true;
#define CONSUMED(i, bits, lanes) all &= input##i.walker.done();
                INPUTS(CONSUMED)
#undef CONSUMED
                if (all) {
                    if (!quiet) end = cycle;
                    quiet = true;
                    if (cycle - end >= options.quiet_cycles) break;
                }
            }
            if (cycle - progress >= options.timeout_cycles) throw Failure{TIMEOUT, -1, finished, 0};
            if (!(cycle & CALLBACK_MASK) && options.callback) {
                const auto now = std::chrono::steady_clock::now();
                if (now - called >= std::chrono::milliseconds(options.callback_milliseconds)) {
                    called = now;
                    options.cycles = cycle;
                    options.words = words;
                    if (options.callback() != CONTINUE) throw Failure{STOPPED, -1, finished, 0};
                }
            }
        }
    } catch (const Failure& thrown) {
        failure = thrown;
        end = cycle;
    }

#define SWALLOWED(i, bits, lanes) swallowed |= input##i.beyond > 0;
    bool swallowed = false;
    INPUTS(SWALLOWED)
#undef SWALLOWED
    if (swallowed) reset(1);  // or the next run would begin with them
    result = {end, failure.error, failure.port, failure.launch, failure.word, cycle};
#define RESULT(i, bits, lanes) streams[i] = input##i.result;
    INPUTS(RESULT)
#undef RESULT
#define RESULT(i, bits, lanes) streams[INPUT_COUNT + i] = output##i.result;
    OUTPUTS(RESULT)
#undef RESULT
}

thread_local std::string fatal_message;

}  // namespace

// Called by the Verilated runtime, for example when combinational logic does not settle.
void vl_fatal(const char*, int, const char*, const char* message) {
    fatal_message = message;
    throw Failure{FATAL, -1, 0, 0};
}

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void* fluorite_open(uint64_t seed, int random_power_up) {
    try {
        Bench* bench = new Bench(seed, random_power_up);
        bench->reset(4);
        return bench;
    } catch (...) {
        return nullptr;
    }
}

EXPORT int fluorite_reset(void* bench) {
    try {
        static_cast<Bench*>(bench)->reset(1);
        return 0;
    } catch (...) {
        return 1;
    }
}

EXPORT void fluorite_close(void* bench) { delete static_cast<Bench*>(bench); }

EXPORT void fluorite_run(void* bench, int64_t count, const Array* arrays, const uint64_t* settings, Options* options,
                         Result* result, StreamResult* streams, LaunchResult* launches) {
    static_cast<Bench*>(bench)->run(count, arrays, settings, *options, *result, streams, launches);
}

// The handshakes of the last run, if it kept them.
EXPORT uint64_t fluorite_trace(void* bench, const uint64_t** cycles) {
    *cycles = static_cast<Bench*>(bench)->trace.data();
    return static_cast<Bench*>(bench)->trace.size();
}

EXPORT const char* fluorite_fatal_message() { return fatal_message.c_str(); }
