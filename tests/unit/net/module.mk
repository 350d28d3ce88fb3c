# SPDX-License-Identifier: MIT
# Unit tests of the network domain, over its real sources.

NET_SWITCH_SRC := $(addprefix net/switch/,checksum.c dhcpd.c flow.c frame.c local.c nat.c packet.c \
    switch.c)
NET_TEST_FLAGS := -Inet/switch -Itests/unit/net $(WARN_CONVERSION)

$(call unit_test,net_switch,tests/unit/net/test_switch.c tests/unit/net/net_testlib.c \
    $(NET_SWITCH_SRC),$(NET_TEST_FLAGS))
$(call unit_test,net_nat,tests/unit/net/test_nat.c tests/unit/net/net_testlib.c \
    $(NET_SWITCH_SRC),$(NET_TEST_FLAGS))
$(call unit_test,net_dhcpd,tests/unit/net/test_dhcpd.c tests/unit/net/net_testlib.c \
    $(NET_SWITCH_SRC),$(NET_TEST_FLAGS))
$(call unit_test,net_ring,tests/unit/net/test_ring.c net/netback/ring.c net/switch/frame.c,\
    $(NET_TEST_FLAGS) -Inet/netback -Iguest-pv/rt/include)
$(call unit_test,net_virtio_net,tests/unit/net/test_virtio_net.c net/drivers/virtio_net.c,\
    $(WARN_CONVERSION) -Inet/drivers -Iguest-pv/rt/include)
$(call unit_test,net_e1000,tests/unit/net/test_e1000.c net/drivers/e1000.c,\
    $(WARN_CONVERSION) -Inet/drivers -Iguest-pv/rt/include)

$(call unit_test,net_netback,tests/unit/net/test_netback.c tests/unit/net/net_testlib.c \
    net/netback/netback.c net/netback/ring.c $(NET_SWITCH_SRC),\
    $(NET_TEST_FLAGS) -Inet/netback -Iguest-pv/rt/include)

# The uplink with the real lwIP, whose own warnings are not ours; alignment is lwIP's by design.
NET_UPLINK_FLAGS := $(NET_TEST_FLAGS) -Inet/stack -isystem $(LWIP)/src/include
NET_LWIP_TEST_OBJS := $(NET_LWIP_SRCS:%.c=$(O)/tests/unit/net_uplink/lwip/%.o)
$(NET_LWIP_TEST_OBJS): $(O)/tests/unit/net_uplink/lwip/%.o: net/stack/lwipopts.h | $(TP_STAMP_lwip)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOSTTEST_CFLAGS) -fno-sanitize=alignment $(NET_UPLINK_FLAGS) -w \
	    -c $(LWIP)/src/$*.c -o $@

$(call unit_test,net_uplink,tests/unit/net/test_uplink.c tests/unit/net/net_testlib.c \
    net/stack/uplink.c $(NET_SWITCH_SRC),$(NET_UPLINK_FLAGS))
$(O)/tests/unit/net_uplink/net_uplink: $(NET_LWIP_TEST_OBJS)
$(UNIT_OBJS_net_uplink): | $(TP_STAMP_lwip)
