/* SPDX-License-Identifier: GPL-2.0-only */
/* The driver's own structures. */
#ifndef FLUORITE_H
#define FLUORITE_H

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "fluorite_kernel.h"

/* Registers that every accelerator has. */
#define FLUORITE_ID 0x000
#define FLUORITE_ID_VALUE 0x464c5254 /* "FLRT" */
#define FLUORITE_VERSION 0x004
#define FLUORITE_VERSION_MAJOR_SHIFT 16
#define FLUORITE_VERSION_MAJOR 1
#define FLUORITE_CAPABILITIES 0x00c
#define FLUORITE_CAPABILITIES_ADDRESS_BITS_SHIFT 20
#define FLUORITE_CAPABILITIES_ADDRESS_BITS_MASK 0xff00000
#define FLUORITE_CONTROL 0x010
#define FLUORITE_CONTROL_SOFT_RESET_MASK 0x2
#define FLUORITE_STATUS 0x014
#define FLUORITE_STATUS_IDLE_MASK 0x2
#define FLUORITE_INTERRUPT_ENABLE 0x018
#define FLUORITE_INTERRUPT_STATUS 0x01c

struct fluorite_file;
struct page;

struct fluorite_device {
	struct device *dev;
	struct miscdevice misc;
	void __iomem *registers;
	resource_size_t start, size; /* of the registers */
	u32 address_bits;
	int irq; /* 0: none */

	spinlock_t irq_lock; /* irq_enabled, irq_count */
	bool irq_enabled;
	u32 irq_count;
	wait_queue_head_t waiting;

	struct mutex claim_lock; /* claimed */
	struct fluorite_file *claimed;

	bool gone; /* is being removed */
	refcount_t users; /* open files, and the driver itself */
	struct completion unused;
};

struct fluorite_arena { /* does not change once there is one */
	struct page *page; /* NULL: there is none */
	dma_addr_t address;
	size_t size;
};

struct fluorite_file {
	struct fluorite_device *device;
	struct mutex lock; /* making the arena, imports, arena_file */
	struct fluorite_arena arena;
	struct xarray imports;
	bool lost; /* the hardware could not be stopped: the memory stays its own */
	struct file *arena_file; /* of an accelerator that is claimed */
	u32 irq_seen;
};

extern const struct file_operations fluorite_file_operations;

/* device.c */
int fluorite_device_stop(struct fluorite_device *device);
void fluorite_device_irq(struct fluorite_device *device, bool enable);

/* memory.c; all but the mapping with the file's lock held */
int fluorite_memory_alloc(struct fluorite_file *file, struct fluorite_kernel_arena *request);
int fluorite_memory_import(struct fluorite_file *file, struct fluorite_kernel_import *request);
int fluorite_memory_release(struct fluorite_file *file, const struct fluorite_kernel_release *request);
int fluorite_memory_sync(struct fluorite_file *file, const struct fluorite_kernel_sync *request);
int fluorite_memory_map(struct fluorite_file *file, struct vm_area_struct *vma);
void fluorite_memory_free(struct fluorite_file *file);

#endif /* FLUORITE_H */
