/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR Apache-2.0 */
/*
 * What programs and fluorite's kernel driver say to each other through
 * /dev/fluorite-NAME.
 *
 * A file is one of two things. With FLUORITE_KERNEL_ALLOC it becomes an arena:
 * DMA memory, to be mapped at FLUORITE_KERNEL_ARENA_OFFSET, and buffers of
 * others (dma-buf) beside it. With FLUORITE_KERNEL_CLAIM it becomes the
 * accelerator, for this file alone, on an arena: its registers can be mapped at
 * offset 0, and its interrupt works as UIO's does (write 1 as 32 bits: unmask;
 * read 32 bits: how many there were, waiting for one; poll). When it is closed,
 * the accelerator is reset before the arena may go.
 */
#ifndef FLUORITE_KERNEL_H
#define FLUORITE_KERNEL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FLUORITE_KERNEL_VERSION 1

#define FLUORITE_KERNEL_ARENA_OFFSET 0x1000000

#define FLUORITE_KERNEL_COHERENT 1u  /* the accelerator sees the CPU's caches: no need to sync */
#define FLUORITE_KERNEL_INTERRUPT 2u /* it has an interrupt */

struct fluorite_kernel_info {
	__u32 version;
	__u32 register_bytes;
	__u32 address_bits;
	__u32 flags;
};

struct fluorite_kernel_arena {
	__u64 size;           /* in, rounded up to pages */
	__u64 device_address; /* out */
};

struct fluorite_kernel_import {
	__s32 fd;             /* in: of a dma-buf, which may be closed afterwards */
	__u32 handle;         /* out: not 0 */
	__u64 size;           /* out */
	__u64 device_address; /* out */
};

struct fluorite_kernel_sync {
	__u32 handle;    /* 0: the arena; of what is imported, all is synced */
	__u32 direction; /* 0: both, 1: to the accelerator, 2: from it */
	__u32 for_cpu;   /* 0: before the accelerator's access, 1: before the CPU's */
	__u32 reserved;  /* 0 */
	__u64 offset;
	__u64 size;
};

struct fluorite_kernel_claim {
	__s32 arena; /* a file that is an arena, of any accelerator */
	__u32 reserved; /* 0 */
};

struct fluorite_kernel_release {
	__u32 handle; /* of what is imported and not in use */
	__u32 reserved; /* 0 */
};

#define FLUORITE_KERNEL_INFO _IOR('F', 0x60, struct fluorite_kernel_info)
#define FLUORITE_KERNEL_ALLOC _IOWR('F', 0x61, struct fluorite_kernel_arena)
#define FLUORITE_KERNEL_IMPORT _IOWR('F', 0x62, struct fluorite_kernel_import)
#define FLUORITE_KERNEL_RELEASE _IOW('F', 0x63, struct fluorite_kernel_release)
#define FLUORITE_KERNEL_SYNC _IOW('F', 0x64, struct fluorite_kernel_sync)
#define FLUORITE_KERNEL_CLAIM _IOW('F', 0x65, struct fluorite_kernel_claim)

#endif /* FLUORITE_KERNEL_H */
