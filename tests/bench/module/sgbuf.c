// SPDX-License-Identifier: GPL-2.0
/*
 * sgbuf: dma-bufs that are nothing but a scatterlist that the user wrote.
 *
 * There is no memory behind the addresses, so a buffer may be as large as a
 * bench wants, and as misshapen as a test wants. Nobody may let a device write
 * to one: bind it, allocate from it, but never receive into it.
 */

#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/version.h>

#include "sgbuf.h"

#define SGBUF_MAX_SEGMENTS 0x100000

struct sgbuf {
	u32 count;
	struct sgbuf_segment segments[] __counted_by(count);
};

static struct sg_table *sgbuf_map(struct dma_buf_attachment *attachment,
				  enum dma_data_direction direction)
{
	struct sgbuf *buf = attachment->dmabuf->priv;
	struct scatterlist *sg;
	struct sg_table *sgt;
	unsigned int i;
	int err;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);

	err = sg_alloc_table(sgt, buf->count, GFP_KERNEL);
	if (err) {
		kfree(sgt);
		return ERR_PTR(err);
	}

	for_each_sgtable_sg(sgt, sg, i) {
		sg_dma_address(sg) = buf->segments[i].addr;
		sg_dma_len(sg) = buf->segments[i].len;
	}

	return sgt;
}

static void sgbuf_unmap(struct dma_buf_attachment *attachment,
			struct sg_table *sgt,
			enum dma_data_direction direction)
{
	sg_free_table(sgt);
	kfree(sgt);
}

static void sgbuf_release(struct dma_buf *dmabuf)
{
	kvfree(dmabuf->priv);
}

static const struct dma_buf_ops sgbuf_ops = {
	.map_dma_buf	= sgbuf_map,
	.unmap_dma_buf	= sgbuf_unmap,
	.release	= sgbuf_release,
};

/* The segments, copied from the user, and their total @size */
static struct sgbuf *sgbuf_copy(const struct sgbuf_create *create, u64 *size)
{
	struct sgbuf *buf;
	u32 i;

	if (create->reserved || !create->count ||
	    create->count > SGBUF_MAX_SEGMENTS)
		return ERR_PTR(-EINVAL);

	buf = kvzalloc(struct_size(buf, segments, create->count), GFP_KERNEL);
	if (!buf)
		return ERR_PTR(-ENOMEM);

	buf->count = create->count;
	if (copy_from_user(buf->segments, u64_to_user_ptr(create->segments),
			   array_size(buf->count, sizeof(*buf->segments)))) {
		kvfree(buf);
		return ERR_PTR(-EFAULT);
	}

	*size = 0;
	for (i = 0; i < buf->count; i++) {
		if (!buf->segments[i].len || buf->segments[i].reserved) {
			kvfree(buf);
			return ERR_PTR(-EINVAL);
		}
		*size += buf->segments[i].len;
	}

	return buf;
}

static struct dma_buf *sgbuf_export(struct sgbuf *buf, u64 size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &sgbuf_ops;
	info.size = size;
	info.flags = O_RDWR;
	info.priv = buf;
	return dma_buf_export(&info);
}

static int sgbuf_create(const struct sgbuf_create *create)
{
	struct dma_buf *dmabuf;
	struct sgbuf *buf;
	u64 size;
	int fd;

	buf = sgbuf_copy(create, &size);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	dmabuf = sgbuf_export(buf, size);
	if (IS_ERR(dmabuf)) {
		kvfree(buf);
		return PTR_ERR(dmabuf);
	}

	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

static long sgbuf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sgbuf_create create;

	if (cmd != SGBUF_CREATE)
		return -ENOTTY;
	if (copy_from_user(&create, (void __user *)arg, sizeof(create)))
		return -EFAULT;
	return sgbuf_create(&create);
}

static const struct file_operations sgbuf_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= sgbuf_ioctl,
};

static struct miscdevice sgbuf_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "sgbuf",
	.fops	= &sgbuf_fops,
	.mode	= 0600,
};
module_misc_device(sgbuf_device);

MODULE_DESCRIPTION("dma-bufs made of addresses only");
MODULE_LICENSE("GPL");
/* A string from 6.13 on: cdd30ebb1b9f ("module: Convert symbol namespace to string literal") */
#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
MODULE_IMPORT_NS(DMA_BUF);
#else
MODULE_IMPORT_NS("DMA_BUF");
#endif
