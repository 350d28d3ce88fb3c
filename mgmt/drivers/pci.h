/* SPDX-License-Identifier: MIT */
/*
 * Enumeration of PCI functions through the hypervisor, and giving the network controllers to net.
 */
#ifndef BH_PCI_H
#define BH_PCI_H

/* Returns how many controllers net was given. */
unsigned int pci_assign_network(void);

#endif
