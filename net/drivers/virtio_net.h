/* SPDX-License-Identifier: MIT */
/*
 * Structures of virtio 1.0 ("Virtual I/O Device (VIRTIO) Version 1.0"): 2.4 Virtqueues, 4.1.4
 * Virtio Structure PCI Capabilities, 5.1 Network Device. For the driver and its test.
 */
#ifndef NET_VIRTIO_NET_H
#define NET_VIRTIO_NET_H

#include <stdint.h>

#define VIRTIO_VENDOR 0x1af4U
#define VIRTIO_NET_TRANSITIONAL 0x1000U
#define VIRTIO_NET_MODERN 0x1041U

#define VIRTIO_CAP_COMMON 1U
#define VIRTIO_CAP_NOTIFY 2U
#define VIRTIO_CAP_DEVICE 4U

#define VIRTIO_STATUS_ACKNOWLEDGE 1U
#define VIRTIO_STATUS_DRIVER 2U
#define VIRTIO_STATUS_DRIVER_OK 4U
#define VIRTIO_STATUS_FEATURES_OK 8U
#define VIRTIO_STATUS_FAILED 128U

#define VIRTIO_NET_F_MAC 5U   /* bit of feature word 0 */
#define VIRTIO_F_VERSION_1 0U /* bit 32: of feature word 1 */
#define VIRTIO_NO_VECTOR 0xffffU

struct virtio_common {
    uint32_t device_feature_select, device_feature;
    uint32_t driver_feature_select, driver_feature;
    uint16_t msix_config, num_queues;
    uint8_t device_status, config_generation;
    uint16_t queue_select, queue_size, queue_msix_vector, queue_enable, queue_notify_off;
    uint32_t queue_desc_lo, queue_desc_hi, queue_driver_lo, queue_driver_hi, queue_device_lo,
        queue_device_hi;
};
_Static_assert(sizeof(struct virtio_common) == 56, "virtio 1.0, 4.1.4.3");

#define VIRTQ_WRITE 2U        /* descriptor flag: the device writes */
#define VIRTQ_NO_INTERRUPT 1U /* available ring flag */

struct virtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

struct virtq_avail {
    uint16_t flags, idx;
    uint16_t ring[];
};

struct virtq_used_elem {
    uint32_t id, len;
};

struct virtq_used {
    uint16_t flags, idx;
    struct virtq_used_elem ring[];
};
_Static_assert(sizeof(struct virtq_desc) == 16 && sizeof(struct virtq_used_elem) == 8,
               "virtio 1.0, 2.4");

#define VIRTIO_NET_HDR 12U /* struct virtio_net_hdr with num_buffers */

#endif
