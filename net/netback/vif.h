/* SPDX-License-Identifier: MIT */
/*
 * One network interface of a domain, between the store (xenbus.c) and the rings and the switch
 * (netback.c).
 */
#ifndef NET_NETBACK_VIF_H
#define NET_NETBACK_VIF_H

#include <rt/event.h>
#include <rt/grant.h>
#include <rt/xs.h>

#include "ring.h"
#include "switch.h"

#define VIF_PATH_MAX 128U

struct vif {
    struct vif *next;
    uint16_t domid;
    unsigned int index;
    char dir[VIF_PATH_MAX];      /* backend/vif/DOMID/INDEX */
    char frontend[VIF_PATH_MAX]; /* the front end's folder */
    struct sw_port port;         /* in the switch while connected */
    struct vif_ring ring;
    struct gnt_mapping tx_page, rx_page;
    evtchn_port evtchn;
    bool connected;
    bool pending; /* the rings may have something */
    bool failed;  /* the front end broke the protocol: stays closed until it starts over */
    bool gone;    /* mgmt took the interface away: its thread ends and frees this */
};

/* What the front end told: how to reach its rings. */
struct vif_rings {
    uint32_t tx_ref, rx_ref, evtchn;
};

/* Maps the rings and adds the port, or undoes everything and returns -errno. Does not wait. */
int vif_connect(struct vif *v, const struct vif_rings *rings);
/* Removes the port and unmaps the rings at once; harmless when not connected. Does not wait. */
void vif_disconnect(struct vif *v);

/* All interfaces, newest first. */
extern struct vif *vifs;

/* xenbus.c: the thread that watches the folder. */
int vif_watch_start(void);

#endif
