// The memory that a shell's AXI4 masters read and write: one DDR shared by all of them, and a port for each.
//
// A port answers a read `latency_cycles` after its address was accepted, later where the shared bandwidth is used up or
// random stalls say so; reads of different IDs may overtake each other. Writes reach memory when their response is
// taken, never before: a shell that says "done" too early shows old data. Lanes that a beat does not carry are garbage.
//
// Every transaction is held to the rules; what breaks one is thrown as a Violation, with everything needed to find it.

#pragma once

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "abi.h"
#include "random.h"

struct Violation {
    std::string text;
};

[[noreturn]] __attribute__((format(printf, 1, 2))) inline void violation(const char* format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    throw Violation{text};
}

constexpr int MAX_BYTES = 16;         // of a beat
constexpr unsigned MAX_BEATS = 16;    // of a burst: what AXI3 ports (Zynq-7000's) take
constexpr unsigned PAGE_BYTES = 4096;  // no burst crosses a multiple of it

enum Response : uint8_t { OKAY = 0, SLVERR = 2, DECERR = 3 };

struct Ddr {
    const Options& options;
    uint8_t* memory;         // the device's view
    int64_t tokens = 0;      // bytes that may be transferred now, times 256
    std::vector<Fault> faults;

    bool inside(uint64_t address, uint64_t bytes) const {
        return address >= options.arena_base && address + bytes <= options.arena_base + options.arena_bytes;
    }
    uint8_t* at(uint64_t address) { return memory + (address - options.arena_base); }

    // Bandwidth: a bucket that all ports take from. `bandwidth` is in 1/256 bytes a cycle; 0 is without limit.
    void refill() {
        tokens += int64_t(options.bandwidth);
        if (tokens > 256 * 64) tokens = 256 * 64;
    }
    bool affordable(int bytes) const { return !options.bandwidth || tokens >= 256 * bytes; }
    void pay(int bytes) {
        if (options.bandwidth) tokens -= 256 * bytes;
    }

    // The response that a beat at these bytes is to get; `beat` counts a port's beats in one direction.
    Response response(int port, bool write, uint64_t address, uint64_t bytes, uint64_t beat) {
        if (!inside(address, bytes)) return DECERR;
        for (Fault& fault : faults) {
            if (!fault.count || bool(fault.write) != write || (fault.port >= 0 && fault.port != port)) continue;
            const bool hit = fault.by_beat ? beat == fault.start
                                           : address < fault.start + fault.bytes && fault.start < address + bytes;
            if (hit) {
                if (fault.count > 0) --fault.count;
                return Response(fault.response);
            }
        }
        return OKAY;
    }
};

struct Pins {  // of one master: what it drives, what we drive
    uint64_t araddr, awaddr;
    uint32_t arid, awid, wstrb, rid, bid;
    uint8_t arlen, arsize, arburst, awlen, awsize, awburst, rresp, bresp;
    bool arvalid, rready, awvalid, wvalid, wlast, bready;
    bool arready, rvalid, rlast, awready, wready, bvalid;
    uint8_t wdata[MAX_BYTES], rdata[MAX_BYTES];
};

struct Burst {
    uint64_t address, ready_at;
    uint32_t id;
    unsigned beats, beat;  // number, and how many were transferred
    Response worst;
};

struct Beat {
    uint8_t data[MAX_BYTES];
    uint32_t strobes;
    bool last;
};

// A channel whose source is the master: held valid and unchanged until taken.
template <class Payload>
struct Held {
    bool waiting = false;
    Payload payload{};
    void check(const char* name, const char* channel, bool valid, bool ready, const Payload& now, uint64_t cycle) {
        if (waiting && !valid) violation("%s: cycle %llu: %svalid dropped before %sready", name, (unsigned long long)cycle, channel, channel);
        if (waiting && std::memcmp(&now, &payload, sizeof now))
            violation("%s: cycle %llu: %s channel changed while stalled", name, (unsigned long long)cycle, channel);
        waiting = valid && !ready;
        if (waiting) payload = now;
    }
};

struct Port {
    struct AddressPayload {
        uint64_t address;
        uint32_t id, len, size, burst;
    };
    struct DataPayload {
        uint8_t data[MAX_BYTES];
        uint32_t strobes, last;
    };

    Ddr& ddr;
    const int number, bytes;  // bytes of a beat
    const char* const name;
    Pins pins{};
    PortCounters counters{};

    Random random;
    Stall stalls[5];  // ar, r, aw, w, b
    Held<AddressPayload> ar, aw;
    Held<DataPayload> w;
    std::deque<Burst> reads, writes, responses;  // writes: address seen, data not complete; responses: both complete
    std::deque<Beat> data;                       // of `writes`, and of bursts whose address is yet to come
    std::deque<std::vector<Beat>> payloads;      // of `responses`
    bool write_waits_for_address = false, address_waits_for_data = false;  // both allowed to a slave

    Port(Ddr& ddr, int number, int bytes, const char* name) : ddr(ddr), number(number), bytes(bytes), name(name) { reset(); }

    void reset() {
        random.seed(ddr.options.seed, 100 + unsigned(number));
        for (int i = 0; i < 5; ++i) {
            stalls[i] = {{}, ddr.options.stall_enter, ddr.options.stall_leave, false};
            stalls[i].random.seed(ddr.options.seed, 10 * unsigned(number) + 200 + unsigned(i));
        }
        if (ddr.options.stall_enter) {  // what is random is random in this too
            const unsigned way = random.below(3);
            write_waits_for_address = way == 1;
            address_waits_for_data = way == 2;
        }
        ar = aw = {};
        w = {};
        reads.clear(), writes.clear(), responses.clear(), data.clear(), payloads.clear();
        pins = {};
    }

    bool idle() const {
        return reads.empty() && writes.empty() && responses.empty() && data.empty() && !ar.waiting && !aw.waiting && !w.waiting;
    }

    // Decide everything we drive, from state alone.
    void drive(uint64_t cycle) {
        const Options& options = ddr.options;
        pins.arready = !stalls[0].next() && reads.size() < options.outstanding;
        if (!pins.rvalid && !stalls[1].next()) offer_read(cycle);
        const bool data_first = !address_waits_for_data || !data.empty() || w.waiting;
        pins.awready = !stalls[2].next() && writes.size() + responses.size() < options.outstanding && data_first;
        pins.wready = !stalls[3].next() && ddr.affordable(bytes) && data.size() < 2 * MAX_BEATS &&
                      (!write_waits_for_address || beats_expected() > data.size());
        if (!pins.bvalid && !stalls[4].next() && !responses.empty() && responses.front().ready_at <= cycle) {
            pins.bvalid = true;
            pins.bid = responses.front().id;
            pins.bresp = responses.front().worst;
        }
    }

    // Look at what the master drives and do what was agreed on in this cycle.
    void sample(uint64_t cycle) {
        const AddressPayload read{pins.araddr, pins.arid, pins.arlen, pins.arsize, pins.arburst};
        ar.check(name, "ar", pins.arvalid, pins.arready, read, cycle);
        if (pins.arvalid) check_burst("read", read, cycle);
        if (pins.arvalid && pins.arready) {
            reads.push_back({read.address, cycle + ddr.options.latency_cycles, read.id, read.len + 1, 0, OKAY});
            ++counters.read_bursts;
        }
        counters.ar_stalls += pins.arvalid && !pins.arready;
        counters.r_stalls += pins.rvalid && !pins.rready;
        if (pins.rvalid && pins.rready) {
            pins.rvalid = false;
            ++counters.read_beats;
            if (!counters.first_read_cycle) counters.first_read_cycle = cycle;
            counters.last_read_cycle = cycle;
            if (++reads[reading].beat == reads[reading].beats) {
                reads.erase(reads.begin() + long(reading));
                middle = false;
            }
        }

        const AddressPayload write{pins.awaddr, pins.awid, pins.awlen, pins.awsize, pins.awburst};
        aw.check(name, "aw", pins.awvalid, pins.awready, write, cycle);
        if (pins.awvalid) check_burst("write", write, cycle);
        if (pins.awvalid && pins.awready) {
            writes.push_back({write.address, 0, write.id, write.len + 1, 0, OKAY});
            ++counters.write_bursts;
        }
        DataPayload now{};
        std::memcpy(now.data, pins.wdata, sizeof now.data);
        now.strobes = pins.wstrb;
        now.last = pins.wlast;
        w.check(name, "w", pins.wvalid, pins.wready, now, cycle);
        counters.aw_stalls += pins.awvalid && !pins.awready;
        counters.w_stalls += pins.wvalid && !pins.wready;
        if (pins.wvalid && pins.wready) {
            Beat beat{};
            std::memcpy(beat.data, pins.wdata, sizeof beat.data);
            beat.strobes = pins.wstrb;
            beat.last = pins.wlast;
            data.push_back(beat);
            ddr.pay(bytes);
            ++counters.write_beats;
            if (!counters.first_write_cycle) counters.first_write_cycle = cycle;
            counters.last_write_cycle = cycle;
        }
        join(cycle);
        if (pins.bvalid && pins.bready) {
            pins.bvalid = false;
            store();
        }
    }

private:
    size_t reading = 0;   // index of the burst whose beat is offered
    bool middle = false;  // within it

    size_t beats_expected() const {
        size_t total = 0;
        for (const Burst& burst : writes) total += burst.beats;
        return total;
    }

    void check_burst(const char* what, const AddressPayload& a, uint64_t cycle) {
        const unsigned long long at = a.address, when = cycle;
        const unsigned beats = a.len + 1;
        if (a.burst != 1) violation("%s: cycle %llu: %s at 0x%llx: burst type must be INCR (1), not %u", name, when, what, at, a.burst);
        if ((1 << a.size) != bytes)
            violation("%s: cycle %llu: %s at 0x%llx: a beat must have %d bytes, not %d", name, when, what, at, bytes, 1 << a.size);
        if (beats > MAX_BEATS) violation("%s: cycle %llu: %s at 0x%llx: a burst must have 1..16 beats, not %u", name, when, what, at, beats);
        const uint64_t first = a.address & ~uint64_t(bytes - 1), end = first + uint64_t(beats) * unsigned(bytes);
        if (first / PAGE_BYTES != (end - 1) / PAGE_BYTES)
            violation("%s: cycle %llu: %s at 0x%llx of %u beats crosses a 4 KiB boundary", name, when, what, at, beats);
        if (!ddr.options.outside_is_decerr && !ddr.inside(first, end - first))
            violation("%s: cycle %llu: %s at 0x%llx of %u beats lies outside the arena 0x%llx..0x%llx", name, when, what, at, beats,
                      (unsigned long long)ddr.options.arena_base,
                      (unsigned long long)(ddr.options.arena_base + ddr.options.arena_bytes - 1));
    }

    uint64_t beat_address(const Burst& burst, unsigned beat) const {
        return (burst.address & ~uint64_t(bytes - 1)) + uint64_t(beat) * unsigned(bytes);
    }

    // Choose the burst whose next beat is offered: in order, or any that is the oldest of its ID.
    bool choose(uint64_t cycle) {
        if (middle && !(ddr.options.reorder && random.below(4) == 0)) return true;
        if (!ddr.options.reorder) {
            reading = 0;
            return middle = reads.front().ready_at <= cycle;
        }
        std::vector<size_t> candidates;
        for (size_t i = 0; i < reads.size(); ++i) {
            bool oldest = true;
            for (size_t j = 0; j < i; ++j) oldest &= reads[j].id != reads[i].id;
            if (oldest && reads[i].ready_at <= cycle) candidates.push_back(i);
        }
        if (candidates.empty()) return false;
        reading = candidates[candidates.size() == 1 ? 0 : random.below(unsigned(candidates.size()))];
        middle = true;
        return true;
    }

    void offer_read(uint64_t cycle) {
        if (reads.empty() || !ddr.affordable(bytes) || !choose(cycle)) return;
        const Burst& burst = reads[reading];
        const uint64_t address = beat_address(burst, burst.beat);
        pins.rvalid = true;
        pins.rid = burst.id;
        pins.rlast = burst.beat + 1 == burst.beats;
        pins.rresp = ddr.response(number, false, address, unsigned(bytes), counters.read_beats);
        for (int i = 0; i < bytes; i += 8) {
            const uint64_t noise = random.next();
            std::memcpy(pins.rdata + i, &noise, 8);
        }
        if (pins.rresp == OKAY) {  // lanes below an unaligned start are not part of the first beat
            const unsigned skip = burst.beat ? 0 : unsigned(burst.address & unsigned(bytes - 1));
            std::memcpy(pins.rdata + skip, ddr.at(address) + skip, unsigned(bytes) - skip);
        }
        ddr.pay(bytes);
    }

    // Give data to the oldest address that waits for it, beat by beat, and check what belongs to both.
    void join(uint64_t cycle) {
        while (!writes.empty() && writes.front().beat < data.size()) {
            Burst& burst = writes.front();
            const Beat& beat = data[burst.beat];
            const uint64_t address = beat_address(burst, burst.beat);
            const unsigned number_of = burst.beat++;
            const unsigned long long at = burst.address, when = cycle;
            const bool last = burst.beat == burst.beats;
            if (beat.last != last)
                violation("%s: cycle %llu: write at 0x%llx of %u beats: wlast is %s at beat %u", name, when, at, burst.beats,
                          last ? "low" : "high", burst.beat);
            const unsigned skip = number_of ? 0 : unsigned(burst.address & unsigned(bytes - 1));
            if (beat.strobes & ((1u << skip) - 1))
                violation("%s: cycle %llu: write at 0x%llx: strobes 0x%x below the start address", name, when, at, beat.strobes);
            const Response response = ddr.response(number, true, address, unsigned(bytes), write_beats_joined++);
            if (response > burst.worst) burst.worst = response;
            if (!last) continue;
            payloads.emplace_back(data.begin(), data.begin() + burst.beats);
            data.erase(data.begin(), data.begin() + burst.beats);
            burst.ready_at = cycle + ddr.options.latency_cycles;
            responses.push_back(burst);
            writes.pop_front();
        }
    }
    uint64_t write_beats_joined = 0;

    void store() {  // the oldest write whose response was taken
        const Burst burst = responses.front();
        const std::vector<Beat> beats = payloads.front();
        responses.pop_front();
        payloads.pop_front();
        if (burst.worst != OKAY) return;
        for (unsigned i = 0; i < burst.beats; ++i)
            for (int lane = 0; lane < bytes; ++lane)
                if (beats[i].strobes >> lane & 1) {
                    ddr.at(beat_address(burst, i))[lane] = beats[i].data[lane];
                    ++counters.bytes_written;
                }
    }
};
