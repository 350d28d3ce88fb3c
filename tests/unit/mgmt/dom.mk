# SPDX-License-Identifier: MIT
# The half that builds and serves sandboxes: the real files over small fakes of rt/*.h.

MGMT_DOM_INC := -Imgmt -Itests/unit/mgmt -Iguest-pv/rt/include -Iguest-pv/agent/include/public \
    -Ihv/include/public -Imgmt/include/public -isystem $(BEARSSL)/inc
MGMT_XS_SRCS := $(addprefix mgmt/xenstore/,node.c watch.c tx.c view.c store.c wire.c)

$(call unit_test,mgmt_xenstore,tests/unit/mgmt/test_xenstore.c $(MGMT_XS_SRCS),$(MGMT_DOM_INC))
$(call unit_test,mgmt_build,tests/unit/mgmt/test_build.c mgmt/build/elf.c mgmt/build/pvh.c,\
    $(MGMT_DOM_INC))
$(call unit_test,mgmt_blkback,tests/unit/mgmt/test_blkback.c mgmt/blkback/hashtree.c \
    mgmt/blkback/ring.c,$(MGMT_DOM_INC),$(BEARSSL)/libbearssl-host.a)
