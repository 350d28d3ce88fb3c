# SPDX-License-Identifier: MIT
# Host tests of the runtime's and drivers' files that need no hypervisor.

$(call unit_test,rt_pagealloc,tests/unit/guest-pv/test_pagealloc.c guest-pv/rt/pagealloc.c,-Iguest-pv/rt)
$(call unit_test,rt_refpool,tests/unit/guest-pv/test_refpool.c guest-pv/rt/refpool.c,-Iguest-pv/rt)
$(call unit_test,rt_option,tests/unit/guest-pv/test_option.c guest-pv/rt/option.c,-Iguest-pv/rt)
$(call unit_test,rt_chacha,tests/unit/guest-pv/test_chacha.c guest-pv/rt/chacha.c,-Iguest-pv/rt)
$(call unit_test,rt_xs_wire,tests/unit/guest-pv/test_xs_wire.c guest-pv/rt/xs_wire.c,-Iguest-pv/rt)
$(call unit_test,pv_netfront_ring,tests/unit/guest-pv/test_netfront_ring.c guest-pv/drivers/netfront_ring.c,-Iguest-pv/drivers)
$(call unit_test,rt_xs,tests/unit/guest-pv/test_xs.c guest-pv/rt/xs.c guest-pv/rt/xs_wire.c,-Iguest-pv/rt -Iguest-pv/rt/include)
