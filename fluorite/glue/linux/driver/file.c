// SPDX-License-Identifier: GPL-2.0-only
/* /dev/fluorite-NAME: an arena or the accelerator, see fluorite_kernel.h. */
#include <linux/compat.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fluorite.h"

/* --- opening and closing --- */

static int fluorite_open(struct inode *inode, struct file *opened)
{
	struct fluorite_device *device = container_of(opened->private_data, struct fluorite_device, misc);
	struct fluorite_file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return -ENOMEM;
	file->device = device;
	mutex_init(&file->lock);
	xa_init_flags(&file->imports, XA_FLAGS_ALLOC1);
	refcount_inc(&device->users); /* misc_open holds off fluorite_unregister */
	opened->private_data = file;
	return nonseekable_open(inode, opened);
}

static void fluorite_unclaim(struct fluorite_file *file)
{
	struct fluorite_device *device = file->device;

	fluorite_device_irq(device, false);
	if (fluorite_device_stop(device)) {
		struct fluorite_file *owner = file->arena_file->private_data;

		dev_crit(device->dev, "it does not stop: the memory it may write to is lost\n");
		WRITE_ONCE(owner->lost, true);
	}
	mutex_lock(&device->claim_lock);
	device->claimed = NULL;
	mutex_unlock(&device->claim_lock);
	fput(file->arena_file);
}

static int fluorite_release(struct inode *inode, struct file *opened)
{
	struct fluorite_file *file = opened->private_data;
	struct fluorite_device *device = file->device;

	if (file->arena_file)
		fluorite_unclaim(file);
	fluorite_memory_free(file);
	xa_destroy(&file->imports);
	mutex_destroy(&file->lock);
	kfree(file);
	if (refcount_dec_and_test(&device->users))
		complete(&device->unused);
	return 0;
}

/* --- claiming --- */

/* Whether the accelerator can use the addresses of an arena. */
static int fluorite_check_arena(struct fluorite_file *file, struct fluorite_file *owner)
{
	struct device *dev = file->device->dev, *other = owner->device->dev;

	if (!smp_load_acquire(&owner->arena.page)) /* as fluorite_memory_alloc stores it */
		return -EINVAL;
	if (dev != other && (device_iommu_mapped(dev) || device_iommu_mapped(other)))
		return -EXDEV; /* addresses are one device's own */
	if (owner->arena.address + owner->arena.size - 1 > dma_get_mask(dev))
		return -ERANGE;
	return 0;
}

/*
 * The claiming file keeps the arena's open. Files that claim have no arena and
 * files with an arena do not claim, so that no two keep each other.
 */
static int fluorite_claim(struct fluorite_file *file, const struct fluorite_kernel_claim *request)
{
	struct fluorite_device *device = file->device;
	struct file *arena;
	int error;

	if (request->reserved || file->arena.page || file->arena_file)
		return -EINVAL;
	arena = fget(request->arena);
	if (!arena)
		return -EBADF;
	if (arena->f_op != &fluorite_file_operations || arena->private_data == file) {
		fput(arena);
		return -EINVAL;
	}
	error = fluorite_check_arena(file, arena->private_data);
	if (!error) {
		mutex_lock(&device->claim_lock);
		if (device->claimed)
			error = -EBUSY;
		else
			device->claimed = file;
		mutex_unlock(&device->claim_lock);
	}
	if (error) {
		fput(arena);
		return error;
	}
	spin_lock_irq(&device->irq_lock);
	file->irq_seen = device->irq_count;
	spin_unlock_irq(&device->irq_lock);
	file->arena_file = arena;
	return 0;
}

/* Once a file has claimed, it has until it is closed. */
static bool fluorite_has_claimed(struct fluorite_file *file)
{
	bool claimed;

	mutex_lock(&file->lock);
	claimed = file->arena_file;
	mutex_unlock(&file->lock);
	return claimed;
}

/* --- the interrupt --- */

static u32 fluorite_irq_count(struct fluorite_device *device)
{
	u32 count;

	spin_lock_irq(&device->irq_lock);
	count = device->irq_count;
	spin_unlock_irq(&device->irq_lock);
	return count;
}

static ssize_t fluorite_read(struct file *opened, char __user *to, size_t size, loff_t *position)
{
	struct fluorite_file *file = opened->private_data;
	struct fluorite_device *device = file->device;
	u32 count = fluorite_irq_count(device);

	if (!fluorite_has_claimed(file))
		return -EACCES;
	if (!device->irq)
		return -EIO;
	if (size != sizeof(count))
		return -EINVAL;
	if (count == READ_ONCE(file->irq_seen) && opened->f_flags & O_NONBLOCK)
		return READ_ONCE(device->gone) ? -ENODEV : -EAGAIN; /* as poll says EPOLLHUP */
	if (wait_event_interruptible(device->waiting,
				     (count = fluorite_irq_count(device)) != READ_ONCE(file->irq_seen) ||
				     READ_ONCE(device->gone)))
		return -ERESTARTSYS;
	if (count == READ_ONCE(file->irq_seen))
		return -ENODEV;
	if (copy_to_user(to, &count, sizeof(count)))
		return -EFAULT;
	WRITE_ONCE(file->irq_seen, count);
	return sizeof(count);
}

static ssize_t fluorite_write(struct file *opened, const char __user *from, size_t size, loff_t *position)
{
	struct fluorite_file *file = opened->private_data;
	u32 enable;

	if (!fluorite_has_claimed(file))
		return -EACCES;
	if (!file->device->irq)
		return -EIO;
	if (size != sizeof(enable))
		return -EINVAL;
	if (copy_from_user(&enable, from, sizeof(enable)))
		return -EFAULT;
	if (enable > 1)
		return -EINVAL;
	fluorite_device_irq(file->device, enable);
	return sizeof(enable);
}

static __poll_t fluorite_poll(struct file *opened, poll_table *table)
{
	struct fluorite_file *file = opened->private_data;
	struct fluorite_device *device = file->device;

	if (!fluorite_has_claimed(file) || !device->irq)
		return EPOLLERR;
	poll_wait(opened, &device->waiting, table);
	if (READ_ONCE(device->gone))
		return EPOLLHUP;
	return fluorite_irq_count(device) != READ_ONCE(file->irq_seen) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* --- mappings and requests --- */

static int fluorite_map_registers(struct fluorite_file *file, struct vm_area_struct *vma)
{
	const unsigned long size = vma->vm_end - vma->vm_start;

	if (!fluorite_has_claimed(file))
		return -EACCES;
	if (size > file->device->size)
		return -EINVAL;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return io_remap_pfn_range(vma, vma->vm_start, PHYS_PFN(file->device->start), size, vma->vm_page_prot);
}

static int fluorite_mmap(struct file *opened, struct vm_area_struct *vma)
{
	struct fluorite_file *file = opened->private_data;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	switch (vma->vm_pgoff) {
	case 0:
		return fluorite_map_registers(file, vma);
	case FLUORITE_KERNEL_ARENA_OFFSET >> PAGE_SHIFT:
		return fluorite_memory_map(file, vma);
	default:
		return -EINVAL;
	}
}

static void fluorite_info(struct fluorite_device *device, struct fluorite_kernel_info *info)
{
	info->version = FLUORITE_KERNEL_VERSION;
	info->register_bytes = device->size;
	info->address_bits = device->address_bits;
	info->flags = 0;
	if (!dma_need_sync(device->dev, 0))
		info->flags |= FLUORITE_KERNEL_COHERENT;
	if (device->irq)
		info->flags |= FLUORITE_KERNEL_INTERRUPT;
}

static long fluorite_ioctl(struct file *opened, unsigned int command, unsigned long argument)
{
	struct fluorite_file *file = opened->private_data;
	void __user *user = (void __user *)argument;
	union {
		struct fluorite_kernel_info info;
		struct fluorite_kernel_arena arena;
		struct fluorite_kernel_import import;
		struct fluorite_kernel_release release;
		struct fluorite_kernel_sync sync;
		struct fluorite_kernel_claim claim;
	} request = {};
	long error;

	if (_IOC_TYPE(command) != 'F' || _IOC_SIZE(command) > sizeof(request))
		return -ENOTTY;
	if (_IOC_DIR(command) & _IOC_WRITE && copy_from_user(&request, user, _IOC_SIZE(command)))
		return -EFAULT;

	mutex_lock(&file->lock);
	switch (command) {
	case FLUORITE_KERNEL_INFO:
		fluorite_info(file->device, &request.info);
		error = 0;
		break;
	case FLUORITE_KERNEL_ALLOC:
		error = fluorite_memory_alloc(file, &request.arena);
		break;
	case FLUORITE_KERNEL_IMPORT:
		error = fluorite_memory_import(file, &request.import);
		break;
	case FLUORITE_KERNEL_RELEASE:
		error = fluorite_memory_release(file, &request.release);
		break;
	case FLUORITE_KERNEL_SYNC:
		error = fluorite_memory_sync(file, &request.sync);
		break;
	case FLUORITE_KERNEL_CLAIM:
		error = fluorite_claim(file, &request.claim);
		break;
	default:
		error = -ENOTTY;
	}
	mutex_unlock(&file->lock);

	if (!error && _IOC_DIR(command) & _IOC_READ && copy_to_user(user, &request, _IOC_SIZE(command)))
		return -EFAULT;
	return error;
}

const struct file_operations fluorite_file_operations = {
	.owner = THIS_MODULE,
	.open = fluorite_open,
	.release = fluorite_release,
	.read = fluorite_read,
	.write = fluorite_write,
	.poll = fluorite_poll,
	.mmap = fluorite_mmap,
	.unlocked_ioctl = fluorite_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
