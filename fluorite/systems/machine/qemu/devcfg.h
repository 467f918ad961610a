// SPDX-License-Identifier: GPL-2.0-or-later
//
// The configuration port of Zynq-7000's FPGA (devcfg), as far as Linux's FPGA manager uses it: QEMU's own has neither the
// status bits that its driver waits for nor a processor configuration access port (PCAP) that takes anything.
//
// A bitstream arrives by DMA. It is accepted if it is, byte for byte, the one that the machine was given for its design;
// only then are there accelerators behind their addresses. Registers: AMD UG585, Zynq-7000 SoC Technical Reference Manual.

#pragma once

#include <string>
#include <vector>

#include "accelerator.h"

struct Devcfg {
    std::vector<uint8_t> bitstream;  // what is expected
    uint64_t loads = 0;              // of the right one

    void plug_in(void* gic) {
        static const MemoryRegionOps operations = words(on_read, on_write);
        fabric.configured = false;
        line = qemu.qdev_get_gpio_in(gic, SPI);
        region.add(operations, this, "devcfg", BASE, sizeof registers);
    }

private:
    static constexpr uint64_t BASE = 0xf8007000;
    static constexpr int SPI = 8;
    enum : unsigned {  // numbers of registers
        CTRL = 0x00 / 4, INT_STS = 0x0c / 4, INT_MASK = 0x10 / 4, STATUS = 0x14 / 4, DMA_SRC_ADDR = 0x18 / 4,
        DMA_SRC_LEN = 0x20 / 4, DMA_DEST_LEN = 0x24 / 4,
    };
    static constexpr uint32_t PROG_B = 1u << 30;                           // of CTRL: low clears the FPGA
    static constexpr uint32_t DMA_QUEUE_EMPTY = 1u << 30, INIT = 1u << 4;  // of STATUS
    static constexpr uint32_t DMA_DONE = 1u << 13, DMA_AND_PCAP_DONE = 1u << 12, AXI_ERROR = 1u << 22, PCFG_DONE = 1u << 2;
    static constexpr uint32_t LAST = 1;  // in the source address: the interrupt waits for the PCAP

    uint32_t registers[64] = {};
    std::vector<uint8_t> received;
    Region region;
    void* line = nullptr;

    void drive_line() { qemu.qemu_set_irq(line, (registers[INT_STS] & ~registers[INT_MASK]) != 0); }

    void transfer() {
        const uint64_t source = registers[DMA_SRC_ADDR] & ~LAST, bytes = uint64_t(registers[DMA_SRC_LEN]) * 4;
        for (uint64_t done = 0; done < bytes;) {
            uint64_t length = bytes - done;
            void* const memory = qemu.map_memory(source + done, &length, false);
            if (!memory || !length) {
                registers[INT_STS] |= AXI_ERROR;
                return;
            }
            const uint8_t* const data = static_cast<const uint8_t*>(memory);
            received.insert(received.end(), data, data + length);
            qemu.unmap_memory(memory, length, false, length);
            done += length;
        }
        registers[INT_STS] |= DMA_DONE;
        if (!(registers[DMA_SRC_ADDR] & LAST)) return;
        registers[INT_STS] |= DMA_AND_PCAP_DONE;
        fabric.configured = received == bitstream;
        loads += fabric.configured;
        received.clear();
    }

    uint32_t read(unsigned number) const {
        if (number == STATUS) return DMA_QUEUE_EMPTY | (registers[CTRL] & PROG_B ? INIT : 0);
        if (number == INT_STS) return registers[INT_STS] | (fabric.configured ? PCFG_DONE : 0);
        return registers[number];
    }

    void write(unsigned number, uint32_t value) {
        if (number == INT_STS) {
            registers[INT_STS] &= ~value;
        } else {
            registers[number] = value;
        }
        if (number == CTRL && !(value & PROG_B)) {
            fabric.configured = false;
            received.clear();
        }
        if (number == DMA_DEST_LEN) transfer();  // the last of a command's four
        drive_line();
    }

    static uint32_t on_read(void* opaque, uint64_t address, uint64_t* value, unsigned, uint64_t) {
        *value = static_cast<Devcfg*>(opaque)->read(unsigned(address / 4));
        return MEMTX_OK;
    }
    static uint32_t on_write(void* opaque, uint64_t address, uint64_t value, unsigned, uint64_t) {
        static_cast<Devcfg*>(opaque)->write(unsigned(address / 4), uint32_t(value));
        return MEMTX_OK;
    }
};
