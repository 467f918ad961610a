// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accelerators made by fluorite: finding them, their interrupt, stopping them.
 *
 * Programs drive the accelerator themselves, through its registers; the driver
 * gives them these, the interrupt and memory, and sees to it that the hardware
 * is at rest before memory that it may write to is given back.
 */
#include <linux/clk.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "fluorite.h"

#define STOP_TIMEOUT_US 1000000

/* --- the hardware --- */

/* Ends transfers that are under way and forgets launches. */
int fluorite_device_stop(struct fluorite_device *device)
{
	u32 status;

	writel(0, device->registers + FLUORITE_INTERRUPT_ENABLE);
	writel(FLUORITE_CONTROL_SOFT_RESET_MASK, device->registers + FLUORITE_CONTROL);
	return readl_poll_timeout(device->registers + FLUORITE_STATUS, status,
				  status & FLUORITE_STATUS_IDLE_MASK, 10, STOP_TIMEOUT_US);
}

static int fluorite_identify(struct fluorite_device *device)
{
	const u32 id = readl(device->registers + FLUORITE_ID);
	const u32 version = readl(device->registers + FLUORITE_VERSION);
	const u32 capabilities = readl(device->registers + FLUORITE_CAPABILITIES);

	if (id != FLUORITE_ID_VALUE)
		return dev_err_probe(device->dev, -ENODEV, "no accelerator here: its id is %#010x, not %#010x\n",
				     id, FLUORITE_ID_VALUE);
	if (version >> FLUORITE_VERSION_MAJOR_SHIFT != FLUORITE_VERSION_MAJOR)
		return dev_err_probe(device->dev, -ENODEV, "version %#010x of the registers is not known\n", version);
	device->address_bits = (capabilities & FLUORITE_CAPABILITIES_ADDRESS_BITS_MASK) >>
			       FLUORITE_CAPABILITIES_ADDRESS_BITS_SHIFT;
	if (device->address_bits < 32 || device->address_bits > 64)
		return dev_err_probe(device->dev, -ENODEV, "it says that its addresses have %u bits\n",
				     device->address_bits);
	return 0;
}

/* --- the interrupt: as UIO has it, masked when it comes until the program unmasks it --- */

void fluorite_device_irq(struct fluorite_device *device, bool enable)
{
	unsigned long flags;

	if (!device->irq)
		return;
	spin_lock_irqsave(&device->irq_lock, flags);
	if (enable != device->irq_enabled) {
		if (enable)
			enable_irq(device->irq);
		else
			disable_irq_nosync(device->irq);
		device->irq_enabled = enable;
	}
	spin_unlock_irqrestore(&device->irq_lock, flags);
}

static irqreturn_t fluorite_interrupt(int irq, void *data)
{
	struct fluorite_device *device = data;

	if (!(readl(device->registers + FLUORITE_INTERRUPT_STATUS) &
	      readl(device->registers + FLUORITE_INTERRUPT_ENABLE)))
		return IRQ_NONE;
	spin_lock(&device->irq_lock);
	if (device->irq_enabled) {
		disable_irq_nosync(irq);
		device->irq_enabled = false;
	}
	device->irq_count++;
	spin_unlock(&device->irq_lock);
	wake_up_interruptible(&device->waiting);
	return IRQ_HANDLED;
}

/* --- coming and going --- */

static void fluorite_clock_off(void *clock)
{
	clk_disable_unprepare(clock);
}

static int fluorite_clock_on(struct device *dev)
{
	struct clk *clock = devm_clk_get_optional(dev, NULL);
	int error;

	if (IS_ERR(clock))
		return dev_err_probe(dev, PTR_ERR(clock), "no clock\n");
	error = clk_prepare_enable(clock);
	if (error)
		return dev_err_probe(dev, error, "the clock cannot be turned on\n");
	return devm_add_action_or_reset(dev, fluorite_clock_off, clock);
}

static void fluorite_memory_region_off(void *dev)
{
	of_reserved_mem_device_release(dev);
}

/* Without a memory-region, memory comes from the system's own pool. */
static int fluorite_memory_region_on(struct device *dev)
{
	const int error = of_reserved_mem_device_init(dev);

	if (error == -ENODEV)
		return 0;
	if (error)
		return dev_err_probe(dev, error, "its memory-region cannot be used\n");
	return devm_add_action_or_reset(dev, fluorite_memory_region_off, dev);
}

/* Files keep using the device's resources: it goes when they are closed. */
static void fluorite_unregister(void *data)
{
	struct fluorite_device *device = data;

	misc_deregister(&device->misc);
	WRITE_ONCE(device->gone, true);
	wake_up_interruptible_all(&device->waiting);
	if (refcount_dec_and_test(&device->users))
		return;
	dev_info(device->dev, "waiting until programs close %s\n", device->misc.name);
	wait_for_completion(&device->unused);
}

static int fluorite_register(struct fluorite_device *device)
{
	int error;

	device->misc.minor = MISC_DYNAMIC_MINOR;
	device->misc.fops = &fluorite_file_operations;
	device->misc.parent = device->dev;
	device->misc.name = devm_kasprintf(device->dev, GFP_KERNEL, "fluorite-%pOFn", device->dev->of_node);
	if (!device->misc.name)
		return -ENOMEM;
	error = misc_register(&device->misc);
	if (error)
		return dev_err_probe(device->dev, error, "%s cannot be registered\n", device->misc.name);
	return devm_add_action_or_reset(device->dev, fluorite_unregister, device);
}

static int fluorite_probe(struct platform_device *platform)
{
	struct device *dev = &platform->dev;
	struct fluorite_device *device = devm_kzalloc(dev, sizeof(*device), GFP_KERNEL);
	struct resource *resource;
	int error;

	if (!device)
		return -ENOMEM;
	device->dev = dev;
	mutex_init(&device->claim_lock);
	spin_lock_init(&device->irq_lock);
	init_waitqueue_head(&device->waiting);
	init_completion(&device->unused);
	refcount_set(&device->users, 1);

	device->registers = devm_platform_get_and_ioremap_resource(platform, 0, &resource);
	if (IS_ERR(device->registers))
		return PTR_ERR(device->registers);
	device->start = resource->start;
	device->size = resource_size(resource);
	if (!PAGE_ALIGNED(device->start) || !PAGE_ALIGNED(device->size))
		return dev_err_probe(dev, -EINVAL, "registers %pR are not whole pages\n", resource);

	error = fluorite_clock_on(dev);
	if (error)
		return error;
	error = fluorite_identify(device);
	if (error)
		return error;
	error = fluorite_device_stop(device);
	if (error)
		return dev_err_probe(dev, error, "the accelerator cannot be stopped\n");
	error = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(device->address_bits));
	if (error)
		return dev_err_probe(dev, error, "DMA with %u bits of address is not possible\n",
				     device->address_bits);
	dma_set_max_seg_size(dev, UINT_MAX); /* imported buffers are one piece each */
	error = fluorite_memory_region_on(dev);
	if (error)
		return error;

	device->irq = platform_get_irq_optional(platform, 0);
	if (device->irq == -ENXIO)
		device->irq = 0; /* programs look at the registers from time to time */
	if (device->irq < 0)
		return device->irq;
	if (device->irq) {
		error = devm_request_irq(dev, device->irq, fluorite_interrupt, IRQF_NO_AUTOEN, dev_name(dev), device);
		if (error == -EBUSY) { /* PYNQ's images have a device for UIO that holds the FPGA's first interrupt */
			dev_warn(dev, "interrupt %d is another device's: programs look at the registers instead\n",
				 device->irq);
			device->irq = 0;
		} else if (error) {
			return dev_err_probe(dev, error, "interrupt %d cannot be had\n", device->irq);
		}
	}
	return fluorite_register(device);
}

static const struct of_device_id fluorite_of_match[] = {
	{ .compatible = "fluorite,accelerator-1.0" },
	{ }
};
MODULE_DEVICE_TABLE(of, fluorite_of_match);

static struct platform_driver fluorite_driver = {
	.probe = fluorite_probe,
	.driver = {
		.name = "fluorite",
		.of_match_table = fluorite_of_match,
	},
};
module_platform_driver(fluorite_driver);

MODULE_DESCRIPTION("Image accelerators made by fluorite");
MODULE_LICENSE("GPL");
