# SPDX-License-Identifier: MIT
# The half that builds and serves sandboxes: the real files over small fakes of rt/*.h.

MGMT_DOM_INC := -Imgmt -Itests/unit/mgmt -Iguest-pv/rt/include -Iguest-pv/agent/include/public \
    -Ihv/include/public -Imgmt/include/public -isystem $(BEARSSL)/inc
MGMT_XS_SRCS := $(addprefix mgmt/xenstore/,node.c watch.c tx.c view.c store.c wire.c)

$(call unit_test,mgmt_xenstore,tests/unit/mgmt/test_xenstore.c $(MGMT_XS_SRCS),$(MGMT_DOM_INC))
