/* Loads and stores of a board's registers: decodes the instruction that touched the protected page, asks the simulator,
   and steps over the instruction. A32, T32 and A64, as far as compilers use them for volatile 32-bit words. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <ucontext.h>

#include "board.h"

static uint32_t load(struct device *device, uintptr_t address)
{
    uint64_t value = 0;
    int code;
    pthread_mutex_lock(&board_lock);
    code = board_request(device->socket, FLUORITE_SIM_REG_READ, address - (uintptr_t)device->registers, 0, &value);
    pthread_mutex_unlock(&board_lock);
    if (code != 0) {
        board_die("read of register 0x%lx: %s", (unsigned long)(address - (uintptr_t)device->registers), strerror(code));
    }
    return (uint32_t)value;
}

static void store(struct device *device, uintptr_t address, uint32_t value)
{
    int code;
    pthread_mutex_lock(&board_lock);
    code = board_request(device->socket, FLUORITE_SIM_REG_WRITE, address - (uintptr_t)device->registers, value, NULL);
    pthread_mutex_unlock(&board_lock);
    if (code != 0) {
        board_die("write of register 0x%lx: %s", (unsigned long)(address - (uintptr_t)device->registers), strerror(code));
    }
}

#if defined(__aarch64__)

/* Loads and stores of one 32-bit general register, in all addressing modes that compilers use. */
static void step(struct device *device, uintptr_t address, ucontext_t *context)
{
    mcontext_t *machine = &context->uc_mcontext;
    const uint32_t code = *(const uint32_t *)machine->pc;
    const unsigned target = code & 31, base = code >> 5 & 31;
    const int is_load = (int)(code >> 22 & 1);
    int known = 0, post_or_pre = 0;
    if ((code & 0xff800000u) == 0xb9000000u) { /* [base, #immediate] */
        known = 1;
    } else if ((code & 0xff800000u) == 0xb8000000u) {
        const unsigned mode = code >> 10 & 3;
        if (code >> 21 & 1) {
            known = mode == 2; /* [base, register] */
        } else {
            known = mode != 2; /* unscaled, post-index, pre-index */
            post_or_pre = mode == 1 || mode == 3;
        }
    } else if ((code & 0xffbffc00u) == 0x889ffc00u) { /* ldar, stlr */
        known = 1;
    }
    if (!known) {
        board_die("instruction 0x%08x at a register: only 32-bit loads and stores are", code);
    }
    if (is_load) {
        const uint32_t value = load(device, address);
        if (target != 31) {
            machine->regs[target] = value;
        }
    } else {
        store(device, address, target != 31 ? (uint32_t)machine->regs[target] : 0);
    }
    if (post_or_pre) {
        const int64_t offset = (int64_t)((uint64_t)(code >> 12 & 511) << 55) >> 55;
        uint64_t *changed = base == 31 ? (uint64_t *)&machine->sp : (uint64_t *)&machine->regs[base];
        *changed += (uint64_t)offset;
    }
    machine->pc += 4;
}

#elif defined(__arm__)

static unsigned long *registers_of(ucontext_t *context) { return (unsigned long *)&context->uc_mcontext.arm_r0; }

/* An index register with its shift, as [base, register, shift #n] has it. */
static uint32_t shifted(const unsigned long *registers, uint32_t code)
{
    const uint32_t value = (uint32_t)registers[code & 15], amount = code >> 7 & 31;
    switch (code >> 5 & 3) {
    case 0: return value << amount;
    case 1: return amount ? value >> amount : 0;
    case 2: return (uint32_t)((int32_t)value >> (amount ? amount : 31));
    default: board_die("instruction 0x%08x at a register: rotated index", code);
    }
}

static void step(struct device *device, uintptr_t address, ucontext_t *context)
{
    unsigned long *registers = registers_of(context);
    unsigned long *flags = &context->uc_mcontext.arm_cpsr;
    const uintptr_t pc = registers[15];
    unsigned target = 0, bytes = 4;
    int is_load = 0, known = 0, base = -1;
    uint32_t code, new_base = 0;
    if (!(*flags & 0x20)) { /* A32 */
        memcpy(&code, (const void *)pc, 4);
        if ((code & 0x0c400000u) == 0x04000000u && (code & 0x02000010u) != 0x02000010u) { /* ldr, str of a word */
            const uint32_t offset = code & 0x02000000u ? shifted(registers, code) : code & 4095;
            known = 1;
            target = code >> 12 & 15;
            is_load = (int)(code >> 20 & 1);
            if (!(code >> 24 & 1) || code >> 21 & 1) { /* post-index, or pre-index with write-back */
                base = (int)(code >> 16 & 15);
                new_base = (uint32_t)registers[base] + (code >> 23 & 1 ? offset : 0u - offset);
            }
        }
    } else { /* T32 */
        uint16_t first, second;
        memcpy(&first, (const void *)pc, 2);
        code = first;
        if (first >> 11 < 0x1d) { /* 16 bits */
            bytes = 2;
            target = first & 7;
            if (first >> 12 == 6) { /* [base, #immediate] */
                known = 1;
                is_load = first >> 11 & 1;
            } else if ((first & 0xf600) == 0x5000) { /* [base, register]: str 0101000, ldr 0101100 */
                known = 1;
                is_load = first >> 11 & 1;
            } else if (first >> 12 == 9) { /* [sp, #immediate] */
                known = 1;
                is_load = first >> 11 & 1;
                target = first >> 8 & 7;
            }
        } else {
            memcpy(&second, (const void *)(pc + 2), 2);
            code = (uint32_t)first << 16 | second;
            target = second >> 12;
            is_load = first >> 4 & 1;
            if ((first & 0xffe0) == 0xf8c0) { /* [base, #12 bits] */
                known = 1;
            } else if ((first & 0xffe0) == 0xf840 && (second & 0x0fc0) == 0) { /* [base, register, lsl #n] */
                known = 1;
            } else if ((first & 0xffe0) == 0xf840 && second & 0x0800) { /* [base, #8 bits], with or without write-back */
                known = 1;
                if (second & 0x0100) {
                    base = first & 15;
                    new_base = (uint32_t)registers[base] + (second & 0x0200 ? second & 255 : 0u - (second & 255u));
                }
            }
        }
    }
    if (!known || target == 15) {
        board_die("instruction 0x%08x at a register: only 32-bit loads and stores are", code);
    }
    if (!is_load) {
        store(device, address, (uint32_t)registers[target]);
    }
    if (base >= 0) {
        registers[base] = new_base;
    }
    if (is_load) {
        registers[target] = load(device, address);
    }
    registers[15] = pc + bytes;
    if (*flags & 0x20) { /* the next place in an IT block */
        unsigned it = (unsigned)((*flags >> 8 & 0xfc) | (*flags >> 25 & 3));
        it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
        *flags = (*flags & ~0x0600fc00ul) | (it & 0xfcul) << 8 | (it & 3ul) << 25;
    }
}

#else
#error "a simulated board is an ARM board"
#endif

void board_fault(int number, siginfo_t *info, void *context)
{
    const uintptr_t address = (uintptr_t)info->si_addr;
    const int kept = errno;
    int i;
    for (i = 0; i < DEVICES; ++i) {
        const uintptr_t first = (uintptr_t)board_devices[i].registers;
        if (first != 0 && address >= first && address - first < board_devices[i].size) {
            step(&board_devices[i], address, (ucontext_t *)context);
            errno = kept;
            return;
        }
    }
    (void)signal(number, SIG_DFL); /* the program's own fault: it comes again */
}
