// A board's serial line at its pins: bytes in and out of a Verilated top, one clock cycle at a time.

#include "Vtop.h"
#include "verilated.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>

// What the shared Verilated runtime leaves to whoever links it.
void vl_fatal(const char* file, int line, const char*, const char* message) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, message);
    std::abort();
}

namespace {

struct Board {
    VerilatedContext context;
    Vtop top{&context};
    unsigned bit_cycles;
    // Sender: one start bit, eight data bits, one stop bit, without a pause between bytes.
    std::deque<uint8_t> sending;
    unsigned send_bit = 0, send_count = 0;
    // Receiver: samples the middle of each bit.
    int receive_bit = -1;
    unsigned receive_count = 0, received = 0, framing_errors = 0;

    explicit Board(unsigned cycles) : bit_cycles(cycles) {
        top.clock = 0;
        top.uart_rx = 1;
        top.button = 0;
        top.eval();
    }

    void send() {
        if (sending.empty()) return;
        const unsigned frame = 0x200u | unsigned(sending.front()) << 1;
        top.uart_rx = frame >> send_bit & 1;
        if (++send_count == bit_cycles) {
            send_count = 0;
            if (++send_bit == 10) {
                send_bit = 0;
                sending.pop_front();
            }
        }
    }

    bool receive(uint8_t& byte) {
        if (receive_bit < 0) {
            if (!top.uart_tx) {
                receive_bit = 0;
                receive_count = bit_cycles / 2;
            }
            return false;
        }
        if (--receive_count) return false;
        receive_count = bit_cycles;
        if (receive_bit >= 1 && receive_bit <= 8) received = received >> 1 | (top.uart_tx ? 0x80u : 0u);
        if (++receive_bit < 10) return false;
        receive_bit = -1;
        if (!top.uart_tx) ++framing_errors;
        byte = uint8_t(received);
        return true;
    }

    void cycle() {
        top.clock = 1;
        top.eval();
        top.clock = 0;
        top.eval();
    }
};

}  // namespace

extern "C" {

__attribute__((visibility("default"))) void* board_open(unsigned bit_cycles) { return new Board(bit_cycles); }
__attribute__((visibility("default"))) void board_close(void* board) { delete static_cast<Board*>(board); }

// Queue bytes.
__attribute__((visibility("default"))) void board_send(void* handle, const uint8_t* bytes, unsigned count) {
    auto& board = *static_cast<Board*>(handle);
    board.sending.insert(board.sending.end(), bytes, bytes + count);
}

// Run until a byte arrives, or for so many cycles; -1: none has.
__attribute__((visibility("default"))) int board_receive(void* handle, uint64_t cycles) {
    auto& board = *static_cast<Board*>(handle);
    for (uint64_t n = 0; n < cycles; ++n) {
        board.send();
        board.cycle();
        uint8_t byte;
        if (board.receive(byte)) return byte;
    }
    return -1;
}

__attribute__((visibility("default"))) void board_press(void* handle, int pressed) {
    static_cast<Board*>(handle)->top.button = pressed;
}

__attribute__((visibility("default"))) unsigned board_lamps(void* handle) {
    return static_cast<Board*>(handle)->top.lamps;
}

__attribute__((visibility("default"))) unsigned board_framing_errors(void* handle) {
    return static_cast<Board*>(handle)->framing_errors;
}
}
