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

# Sessions on a fake hypervisor: everything above it is real, rt/xs.h included.
MGMT_SESSION_SRCS := $(addprefix mgmt/session/,exec.c file.c home.c image.c keeper.c life.c \
    reserve.c session.c table.c) $(addprefix mgmt/channel/,channel.c fifo.c lane.c vchan.c) \
    $(addprefix mgmt/blkback/,blkback.c hashtree.c ring.c) mgmt/drivers/console.c \
    mgmt/drivers/worker.c $(addprefix mgmt/build/,builder.c ctl.c elf.c pvh.c) \
    mgmt/xenstore/server.c $(MGMT_XS_SRCS) \
    $(addprefix guest-pv/rt/,xs.c xs_wire.c xenbus.c)
$(call unit_test,mgmt_session,$(addprefix tests/unit/mgmt/,test_session.c fake_rt.c fake_thread.c \
    fake_agent.c) $(MGMT_SESSION_SRCS),$(MGMT_DOM_INC) -Iguest-pv/rt,$(BEARSSL)/libbearssl-host.a)
