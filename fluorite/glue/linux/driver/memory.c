// SPDX-License-Identifier: GPL-2.0-only
/* Memory of a file: an arena of its own, and buffers of others that it imports. */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/version.h>

#include "fluorite.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS(DMA_BUF);
#else
MODULE_IMPORT_NS("DMA_BUF");
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define dma_buf_map_attachment_unlocked dma_buf_map_attachment
#define dma_buf_unmap_attachment_unlocked dma_buf_unmap_attachment
#endif

struct fluorite_import {
	struct dma_buf *buffer;
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
};

/* --- the arena: cached memory, kept in step by fluorite_memory_sync --- */

int fluorite_memory_alloc(struct fluorite_file *file, struct fluorite_kernel_arena *request)
{
	struct fluorite_arena *arena = &file->arena;
	struct page *page;

	if (arena->page || file->arena_file)
		return -EBUSY;
	if (!request->size || request->size > SIZE_MAX - PAGE_SIZE)
		return -EINVAL;
	arena->size = PAGE_ALIGN(request->size);
	page = dma_alloc_pages(file->device->dev, arena->size, &arena->address, DMA_BIDIRECTIONAL,
			       GFP_KERNEL | __GFP_NOWARN);
	if (!page)
		return -ENOMEM;
	smp_store_release(&arena->page, page); /* fluorite_claim looks at it without the lock */
	request->size = arena->size;
	request->device_address = arena->address;
	return 0;
}

/* The mapping keeps the file open, and the file the memory. */
int fluorite_memory_map(struct fluorite_file *file, struct vm_area_struct *vma)
{
	const unsigned long size = vma->vm_end - vma->vm_start;
	int error = -EINVAL;

	mutex_lock(&file->lock);
	if (file->arena.page && size <= file->arena.size) {
		vma->vm_pgoff = 0; /* what remains is the offset in the arena */
		error = dma_mmap_pages(file->device->dev, vma, size, file->arena.page);
	}
	mutex_unlock(&file->lock);
	return error;
}

/* --- buffers of others --- */

/* All of it must be one piece to the accelerator, which knows no others. */
static bool fluorite_contiguous(struct sg_table *table, u64 *address, u64 *size)
{
	struct scatterlist *piece;
	int i;

	*address = sg_dma_address(table->sgl);
	*size = 0;
	for_each_sgtable_dma_sg(table, piece, i) {
		if (sg_dma_address(piece) != *address + *size)
			return false;
		*size += sg_dma_len(piece);
	}
	return true;
}

static void fluorite_import_free(struct fluorite_import *import)
{
	dma_buf_unmap_attachment_unlocked(import->attachment, import->table, DMA_BIDIRECTIONAL);
	dma_buf_detach(import->buffer, import->attachment);
	dma_buf_put(import->buffer);
	kfree(import);
}

static struct fluorite_import *fluorite_import_new(struct device *dev, int fd)
{
	struct fluorite_import *import = kzalloc(sizeof(*import), GFP_KERNEL);
	int error;

	if (!import)
		return ERR_PTR(-ENOMEM);
	import->buffer = dma_buf_get(fd);
	if (IS_ERR(import->buffer)) {
		error = PTR_ERR(import->buffer);
		goto free_import;
	}
	import->attachment = dma_buf_attach(import->buffer, dev);
	if (IS_ERR(import->attachment)) {
		error = PTR_ERR(import->attachment);
		goto put_buffer;
	}
	import->table = dma_buf_map_attachment_unlocked(import->attachment, DMA_BIDIRECTIONAL);
	if (IS_ERR(import->table)) {
		error = PTR_ERR(import->table);
		goto detach;
	}
	return import;

detach:
	dma_buf_detach(import->buffer, import->attachment);
put_buffer:
	dma_buf_put(import->buffer);
free_import:
	kfree(import);
	return ERR_PTR(error);
}

int fluorite_memory_import(struct fluorite_file *file, struct fluorite_kernel_import *request)
{
	struct fluorite_import *import;
	int error;

	if (!file->arena.page)
		return -EINVAL;
	import = fluorite_import_new(file->device->dev, request->fd);
	if (IS_ERR(import))
		return PTR_ERR(import);
	if (!fluorite_contiguous(import->table, &request->device_address, &request->size)) {
		fluorite_import_free(import);
		return -EFBIG;
	}
	error = xa_alloc(&file->imports, &request->handle, import, xa_limit_31b, GFP_KERNEL);
	if (error)
		fluorite_import_free(import);
	return error;
}

int fluorite_memory_release(struct fluorite_file *file, const struct fluorite_kernel_release *request)
{
	struct fluorite_import *import;

	if (request->reserved)
		return -EINVAL;
	import = xa_erase(&file->imports, request->handle);
	if (!import)
		return -ENOENT;
	fluorite_import_free(import);
	return 0;
}

/* --- caches --- */

static int fluorite_sync_arena(struct fluorite_file *file, const struct fluorite_kernel_sync *request)
{
	struct device *dev = file->device->dev;
	const struct fluorite_arena *arena = &file->arena;

	if (!arena->page || request->offset > arena->size || request->size > arena->size - request->offset)
		return -EINVAL;
	if (!request->size)
		return 0;
	if (request->for_cpu)
		dma_sync_single_range_for_cpu(dev, arena->address, request->offset, request->size, request->direction);
	else
		dma_sync_single_range_for_device(dev, arena->address, request->offset, request->size,
						 request->direction);
	return 0;
}

int fluorite_memory_sync(struct fluorite_file *file, const struct fluorite_kernel_sync *request)
{
	struct fluorite_import *import;

	if (request->direction > DMA_FROM_DEVICE || request->for_cpu > 1 || request->reserved)
		return -EINVAL;
	if (!request->handle)
		return fluorite_sync_arena(file, request);
	import = xa_load(&file->imports, request->handle);
	if (!import)
		return -ENOENT;
	/* Whose the buffer is, knows its caches. */
	if (request->for_cpu)
		return dma_buf_begin_cpu_access(import->buffer, request->direction);
	return dma_buf_end_cpu_access(import->buffer, request->direction);
}

void fluorite_memory_free(struct fluorite_file *file)
{
	struct fluorite_import *import;
	unsigned long handle;

	if (READ_ONCE(file->lost))
		return;
	xa_for_each(&file->imports, handle, import)
		fluorite_import_free(import);
	if (file->arena.page)
		dma_free_pages(file->device->dev, file->arena.size, file->arena.page, file->arena.address,
			       DMA_BIDIRECTIONAL);
}
