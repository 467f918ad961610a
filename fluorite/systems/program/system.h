// The shell's RTL with memory behind its masters, and a master on its registers.
//
// A cycle is two evaluations of the model: everything we drive depends on earlier cycles alone, so it is settled by the
// first (clk = 0), after which the shell's outputs are looked at; the second (clk = 1) is the edge.

#pragma once

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "Vsystem.h"
#include "Vsystem___024root.h"
#include "ddr.h"
#include "ports.h"

// A value of up to 64 bits, or Verilator's array of 32-bit words, as bytes.
template <class Value>
void to_bytes(uint8_t* bytes, const Value& value, int count) {
    std::memcpy(bytes, &value, size_t(count));
}
template <class Value>
void from_bytes(Value& value, const uint8_t* bytes, int count) {
    std::memcpy(&value, bytes, size_t(count));
}

struct System {
    Options options;
    VerilatedContext context;
    Vsystem model;
    Vsystem___024root& ports;
    Ddr ddr;
    std::vector<std::unique_ptr<Port>> masters;
    uint64_t cycle = 0, register_reads = 0, register_writes = 0;
    uint64_t interrupts = 0, interrupt_cycle = 0;  // rising edges, and when the last one came
    bool interrupt = false;
    uint64_t active_cycle = 0;  // of the last transfer at any port
    std::string report;         // why the simulation ended; empty while it is alive
    Random random;

    System(const Options& given, uint8_t* memory)
        : options(given), model((prepare(context, given.seed), &context)), ports(*model.rootp), ddr{options, memory, 0, {}} {
        random.seed(options.seed, 1);
#define MASTER(i, bytes, name) masters.emplace_back(new Port(ddr, i, bytes, name));
        MASTERS(MASTER)
#undef MASTER
        reset();
    }
    static void prepare(VerilatedContext& context, uint64_t seed) {
        context.randReset(2);
        context.randSeed(int(seed % 0x7fffffff) + 1);
    }

    // The hardware reset: forgets everything but the memory, and clears the report.
    void reset() {
        report.clear();
        ports.s_awvalid = ports.s_wvalid = ports.s_arvalid = ports.s_bready = ports.s_rready = 0;
        ports.rst = 1;
        for (auto& port : masters) port->reset();
        for (int i = 0; i < 8; ++i) {
            drive();
            edge();
        }
        ports.rst = 0;
        interrupt = answer_held = false;
    }

    bool idle() const {
        for (const auto& port : masters)
            if (!port->idle()) return false;
        return true;
    }

    void tick() {
        ddr.refill();
        for (size_t i = 0; i < masters.size(); ++i) masters[(i + cycle) % masters.size()]->drive(cycle);
        drive();
        sample();
        for (auto& port : masters) {
            port->sample(cycle);
            if (!port->idle()) active_cycle = cycle;
        }
        if (ports.irq && !interrupt) {
            ++interrupts;
            interrupt_cycle = cycle;
        }
        interrupt = ports.irq;
        edge();
        ++cycle;
    }

    // Registers: address and data in any order, random pauses, one access at a time.
    Status write(uint32_t address, uint32_t value) {
        ++register_writes;
        unsigned address_delay = pause(), data_delay = pause(), response_delay = pause();
        bool address_done = false, data_done = false;
        for (uint64_t waited = 0;; ++waited) {
            timed_out(waited, "write", address);
            ports.s_awvalid = !address_done && !address_delay;
            ports.s_wvalid = !data_done && !data_delay;
            ports.s_awaddr = ports.s_awvalid ? address : uint32_t(random.next());
            ports.s_wdata = ports.s_wvalid ? value : uint32_t(random.next());
            ports.s_wstrb = 15;
            const bool both = address_done && data_done;
            ports.s_bready = both && !response_delay;
            tick();
            if (!both && s_bvalid) violation("s_axi_control: cycle %llu: bvalid before address and data were taken", when());
            if (both && response_delay) --response_delay;
            const bool finished = s_bready && s_bvalid;
            check_held(s_bvalid, finished, s_bresp, "b");
            address_done |= s_awvalid && s_awready;
            data_done |= s_wvalid && s_wready;
            if (address_delay) --address_delay;
            if (data_delay) --data_delay;
            if (finished) {
                ports.s_bready = 0;
                return s_bresp ? ERROR_RESPONSE : OK;
            }
        }
    }

    Status read(uint32_t address, uint32_t& value) {
        ++register_reads;
        unsigned address_delay = pause(), data_delay = pause();
        bool address_done = false;
        for (uint64_t waited = 0;; ++waited) {
            timed_out(waited, "read", address);
            ports.s_arvalid = !address_done && !address_delay;
            ports.s_araddr = ports.s_arvalid ? address : uint32_t(random.next());
            const bool asked = address_done;
            ports.s_rready = asked && !data_delay;
            tick();
            if (!asked && s_rvalid) violation("s_axi_control: cycle %llu: rvalid before the address was taken", when());
            if (asked && data_delay) --data_delay;
            const bool finished = s_rready && s_rvalid;
            check_held(s_rvalid, finished, uint64_t(s_rdata) << 2 | s_rresp, "r");
            address_done |= s_arvalid && s_arready;
            if (address_delay) --address_delay;
            if (finished) {
                ports.s_rready = 0;
                value = s_rdata;
                return s_rresp ? ERROR_RESPONSE : OK;
            }
        }
    }

    // After everything was done: nothing is under way and nothing comes any more.
    void finish() {
        for (int i = 0; i < 64; ++i) tick();
        for (auto& port : masters) {
            if (port->idle()) continue;
            violation("%s: cycle %llu: at the end: %zu reads unanswered or untaken, %zu writes without all their data, %zu responses "
                      "untaken, %zu beats without an address", port->name, when(), port->reads.size(), port->writes.size(),
                      port->responses.size(), port->data.size());
        }
    }

private:
    // What was sampled of the register port in the last cycle.
    bool s_awvalid = 0, s_awready = 0, s_wvalid = 0, s_wready = 0, s_bvalid = 0, s_bready = 0;
    bool s_arvalid = 0, s_arready = 0, s_rvalid = 0, s_rready = 0;
    uint32_t s_bresp = 0, s_rresp = 0, s_rdata = 0;
    bool answer_held = false;
    uint64_t answer = 0;

    unsigned long long when() const { return cycle; }
    unsigned pause() { return options.stall_enter ? random.below(4) : 0; }

    void timed_out(uint64_t waited, const char* what, uint32_t address) {
        if (waited > options.control_timeout_cycles)
            violation("s_axi_control: cycle %llu: %s of register 0x%x not answered in %llu cycles", when(), what, address,
                      (unsigned long long)options.control_timeout_cycles);
    }
    void check_held(bool valid, bool taken, uint64_t now, const char* channel) {
        if (answer_held && !valid) violation("s_axi_control: cycle %llu: %svalid dropped before %sready", when(), channel, channel);
        if (answer_held && now != answer) violation("s_axi_control: cycle %llu: %s channel changed while stalled", when(), channel);
        answer_held = valid && !taken;
        answer = now;
    }

    void edge() {
        ports.clk = 1;
        model.eval_step();
    }
    void drive() {
        ports.clk = 0;
#define MASTER(i, bytes, name)                                \
    {                                                         \
        const Pins& pins = masters[i]->pins;                  \
        ports.m##i##_arready = pins.arready;                  \
        ports.m##i##_rvalid = pins.rvalid;                    \
        ports.m##i##_rlast = pins.rlast;                      \
        ports.m##i##_rresp = pins.rresp;                      \
        ports.m##i##_rid = pins.rid;                          \
        from_bytes(ports.m##i##_rdata, pins.rdata, bytes);    \
        ports.m##i##_awready = pins.awready;                  \
        ports.m##i##_wready = pins.wready;                    \
        ports.m##i##_bvalid = pins.bvalid;                    \
        ports.m##i##_bresp = pins.bresp;                      \
        ports.m##i##_bid = pins.bid;                          \
    }
        MASTERS(MASTER)
#undef MASTER
        model.eval_step();
    }
    void sample() {
#define MASTER(i, bytes, name)                                \
    {                                                         \
        Pins& pins = masters[i]->pins;                        \
        pins.arvalid = ports.m##i##_arvalid;                  \
        pins.araddr = ports.m##i##_araddr;                    \
        pins.arid = ports.m##i##_arid;                        \
        pins.arlen = ports.m##i##_arlen;                      \
        pins.arsize = ports.m##i##_arsize;                    \
        pins.arburst = ports.m##i##_arburst;                  \
        pins.rready = ports.m##i##_rready;                    \
        pins.awvalid = ports.m##i##_awvalid;                  \
        pins.awaddr = ports.m##i##_awaddr;                    \
        pins.awid = ports.m##i##_awid;                        \
        pins.awlen = ports.m##i##_awlen;                      \
        pins.awsize = ports.m##i##_awsize;                    \
        pins.awburst = ports.m##i##_awburst;                  \
        pins.wvalid = ports.m##i##_wvalid;                    \
        pins.wlast = ports.m##i##_wlast;                      \
        pins.wstrb = ports.m##i##_wstrb;                      \
        to_bytes(pins.wdata, ports.m##i##_wdata, bytes);      \
        pins.bready = ports.m##i##_bready;                    \
    }
        MASTERS(MASTER)
#undef MASTER
        s_awvalid = ports.s_awvalid, s_awready = ports.s_awready, s_wvalid = ports.s_wvalid, s_wready = ports.s_wready;
        s_bvalid = ports.s_bvalid, s_bready = ports.s_bready, s_bresp = ports.s_bresp;
        s_arvalid = ports.s_arvalid, s_arready = ports.s_arready, s_rvalid = ports.s_rvalid, s_rready = ports.s_rready;
        s_rresp = ports.s_rresp, s_rdata = ports.s_rdata;
    }
};
