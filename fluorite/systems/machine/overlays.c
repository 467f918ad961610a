// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Device tree overlays at run time, for the kernel of a simulated machine: a folder in configfs for each, as kernels for
 * these boards have it (AMD's, PYNQ's). mkdir NAME applies nothing yet; an overlay written to NAME/dtbo does; rmdir takes
 * it away. Linux's own has the functions, but no way to call them from a program.
 */
#include <linux/configfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/slab.h>

#define LARGEST_BYTES (1 << 20)

struct overlay {
	struct config_item item;
	void *blob; /* the tree refers to it as long as it is applied */
	size_t bytes;
	int id;     /* 0: not applied */
};

static struct overlay *to_overlay(struct config_item *item)
{
	return container_of(item, struct overlay, item);
}

static ssize_t overlay_dtbo_write(struct config_item *item, const void *blob, size_t bytes)
{
	struct overlay *overlay = to_overlay(item);
	int error;

	if (overlay->id)
		return -EBUSY;
	overlay->blob = kmemdup(blob, bytes, GFP_KERNEL);
	overlay->bytes = bytes;
	if (!overlay->blob)
		return -ENOMEM;
	error = of_overlay_fdt_apply(overlay->blob, bytes, &overlay->id);
	if (error) {
		pr_err("overlay %s cannot be applied: %d\n", config_item_name(item), error);
		if (overlay->id)
			of_overlay_remove(&overlay->id);
		kfree(overlay->blob);
		overlay->blob = NULL;
		overlay->id = 0;
		return error;
	}
	return bytes;
}

static ssize_t overlay_dtbo_read(struct config_item *item, void *to, size_t bytes)
{
	struct overlay *overlay = to_overlay(item);

	if (!overlay->blob)
		return 0;
	if (to)
		memcpy(to, overlay->blob, overlay->bytes);
	return overlay->bytes;
}

static ssize_t overlay_status_show(struct config_item *item, char *page)
{
	return sprintf(page, "%s\n", to_overlay(item)->id ? "applied" : "unapplied");
}

CONFIGFS_BIN_ATTR(overlay_, dtbo, NULL, LARGEST_BYTES);
CONFIGFS_ATTR_RO(overlay_, status);

static struct configfs_attribute *overlay_attributes[] = { &overlay_attr_status, NULL };
static struct configfs_bin_attribute *overlay_binary_attributes[] = { &overlay_attr_dtbo, NULL };

static void overlay_release(struct config_item *item)
{
	struct overlay *overlay = to_overlay(item);

	if (overlay->id)
		of_overlay_remove(&overlay->id);
	kfree(overlay->blob);
	kfree(overlay);
}

static struct configfs_item_operations overlay_operations = { .release = overlay_release };

static const struct config_item_type overlay_type = {
	.ct_item_ops = &overlay_operations,
	.ct_attrs = overlay_attributes,
	.ct_bin_attrs = overlay_binary_attributes,
	.ct_owner = THIS_MODULE,
};

static struct config_item *overlays_make_item(struct config_group *group, const char *name)
{
	struct overlay *overlay = kzalloc(sizeof(*overlay), GFP_KERNEL);

	if (!overlay)
		return ERR_PTR(-ENOMEM);
	config_item_init_type_name(&overlay->item, name, &overlay_type);
	return &overlay->item;
}

static struct configfs_group_operations overlays_operations = { .make_item = overlays_make_item };

static const struct config_item_type overlays_type = { .ct_group_ops = &overlays_operations, .ct_owner = THIS_MODULE };
static const struct config_item_type tree_type = { .ct_owner = THIS_MODULE };

static struct configfs_subsystem tree = {
	.su_group.cg_item = { .ci_namebuf = "device-tree", .ci_type = &tree_type },
	.su_mutex = __MUTEX_INITIALIZER(tree.su_mutex),
};
static struct config_group overlays;

static int __init overlays_init(void)
{
	config_group_init(&tree.su_group);
	config_group_init_type_name(&overlays, "overlays", &overlays_type);
	configfs_add_default_group(&overlays, &tree.su_group);
	return configfs_register_subsystem(&tree);
}

static void __exit overlays_exit(void)
{
	configfs_unregister_subsystem(&tree);
}

module_init(overlays_init);
module_exit(overlays_exit);
MODULE_DESCRIPTION("Device tree overlays through configfs");
MODULE_LICENSE("GPL");
