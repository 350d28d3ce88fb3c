# SPDX-License-Identifier: MIT
# net.elf, the network domain: a PV program on guest-pv's runtime with lwIP for the uplink's own
# endpoint. net/switch/ and net/netback/ring.c are what touches a sandbox's packets.

NET_SRCS := net/main.c \
    $(addprefix net/switch/,checksum.c dhcpd.c flow.c frame.c local.c nat.c packet.c switch.c) \
    $(addprefix net/netback/,netback.c ring.c xenbus.c) \
    $(addprefix net/drivers/,pci.c virtio_net.c e1000.c) \
    net/stack/uplink.c
NET_OBJS := $(NET_SRCS:%.c=$(O)/%.o)

NET_LWIP_SRCS := $(addprefix core/,def.c dns.c inet_chksum.c init.c ip.c mem.c memp.c netif.c \
    pbuf.c timeouts.c udp.c) \
    $(addprefix core/ipv4/,dhcp.c etharp.c icmp.c ip4.c ip4_addr.c) netif/ethernet.c
NET_LWIP_OBJS := $(NET_LWIP_SRCS:%.c=$(O)/net/lwip/%.o)

NET_INCLUDES := -Inet/switch -Inet/netback -Inet/drivers -Inet/stack -isystem $(LWIP)/src/include
NET_CFLAGS = $(PV_CFLAGS) $(PV_CPPFLAGS) $(NET_INCLUDES)

$(call c_rules,net,NET_CFLAGS)

# What reads bytes from sandboxes, the wire or a device.
$(O)/net/switch/%.o $(O)/net/netback/%.o $(O)/net/drivers/%.o: NET_CFLAGS += $(WARN_CONVERSION)

# lwIP is not ours to warn about. $(TP) is made by `make third-party`.
$(O)/net/lwip/%.o: net/stack/lwipopts.h net/module.mk | $(TP_STAMP_lwip)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(NET_CFLAGS) -w -c $(LWIP)/src/$*.c -o $@

$(NET_OBJS): | $(TP_STAMP_musl) $(TP_STAMP_xen-headers) $(TP_STAMP_lwip)
-include $(NET_OBJS:.o=.d) $(NET_LWIP_OBJS:.o=.d)

$(call pv_program,$(O)/net/net.elf,$(NET_OBJS) $(NET_LWIP_OBJS))

$(O)/net/net.elf: net/module.mk

net: $(O)/net/net.elf

include tests/fuzz/net/module.mk
