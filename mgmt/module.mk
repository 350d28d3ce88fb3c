# SPDX-License-Identifier: MIT
# mgmt.elf, the management domain: a PV program on guest-pv's runtime. MGMT_DOM_SRCS is the part that
# builds and serves sandboxes; MGMT_WEB_SRCS is the part that faces the client.

MGMT_DOM_SRCS := mgmt/main.c \
    $(addprefix mgmt/blkback/, blkback.c hashtree.c ring.c) \
    $(addprefix mgmt/build/, builder.c ctl.c elf.c pvh.c) \
    $(addprefix mgmt/channel/, channel.c fifo.c lane.c vchan.c) \
    $(addprefix mgmt/drivers/, console.c pci.c worker.c) \
    $(addprefix mgmt/session/, exec.c file.c home.c image.c keeper.c life.c reserve.c \
        session.c table.c) \
    $(addprefix mgmt/xenstore/, node.c server.c store.c tx.c view.c watch.c wire.c)

MGMT_WEB_SRCS := \
    mgmt/api/api.c \
    mgmt/api/common.c \
    mgmt/api/exec.c \
    mgmt/api/exec_request.c \
    mgmt/api/files.c \
    mgmt/api/json_check.c \
    mgmt/api/json_in.c \
    mgmt/api/server.c \
    mgmt/api/sessions.c \
    mgmt/api/start.c \
    mgmt/api/system.c \
    mgmt/audit/audit.c \
    mgmt/auth/auth.c \
    mgmt/http/answer.c \
    mgmt/http/body.c \
    mgmt/http/chunk.c \
    mgmt/http/date.c \
    mgmt/http/json_out.c \
    mgmt/http/request.c \
    mgmt/http/router.c \
    mgmt/http/serve.c \
    mgmt/http/sse.c \
    mgmt/http/text.c \
    mgmt/http/url.c \
    mgmt/stack/stack.c \
    mgmt/stack/stream.c \
    mgmt/tls/der.c \
    mgmt/tls/identity.c \
    mgmt/tls/tls.c

MGMT_SRCS = $(MGMT_DOM_SRCS) $(MGMT_WEB_SRCS)
MGMT_OBJS = $(MGMT_SRCS:%.c=$(O)/%.o) $(MGMT_TP_OBJS)
MGMT_LIBS = $(BEARSSL)/libbearssl.a

# Third-party sources that are compiled here: lwIP with mgmt's own options, and the two parsers.
MGMT_LWIP_SRCS := $(addprefix core/, def.c inet_chksum.c init.c ip.c mem.c memp.c netif.c pbuf.c \
    tcp.c tcp_in.c tcp_out.c timeouts.c) \
    $(addprefix core/ipv4/, etharp.c icmp.c ip4.c ip4_addr.c) netif/ethernet.c
MGMT_TP_SRCS := $(addprefix lwip/src/,$(MGMT_LWIP_SRCS)) cjson/cJSON.c \
    picohttpparser/picohttpparser.c
MGMT_TP_OBJS := $(MGMT_TP_SRCS:%.c=$(O)/mgmt/third-party/%.o)

# Includes are relative to mgmt/ ("xenstore/store.h"); other boxes by their public folders only.
MGMT_CPPFLAGS := -Imgmt -Iguest-pv/rt/include -Iguest-pv/drivers/include \
    -Iguest-pv/agent/include/public -Ihv/include/public -Imgmt/include/public \
    -isystem $(BEARSSL)/inc -isystem $(CJSON) -isystem $(PICOHTTPPARSER) \
    -isystem $(LWIP)/src/include -Imgmt/stack
MGMT_CFLAGS = $(PV_CFLAGS) $(MGMT_CPPFLAGS)

$(call c_rules,mgmt,MGMT_CFLAGS)

# Not ours to warn about. $(TP) is made by `make third-party`, so its files are no prerequisites.
$(MGMT_TP_OBJS): $(O)/mgmt/third-party/%.o: mgmt/stack/lwipopts.h mgmt/module.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(PV_CFLAGS) $(MGMT_CPPFLAGS) -DCJSON_NESTING_LIMIT=16 -w -c $(TP)/$*.c -o $@

$(MGMT_OBJS): | $(TP_STAMPS)
-include $(wildcard $(O)/mgmt/*.d $(O)/mgmt/*/*.d)

# Parsers of what sandboxes write.
$(O)/mgmt/xenstore/%.o $(O)/mgmt/blkback/%.o $(O)/mgmt/channel/%.o $(O)/mgmt/build/%.o \
    $(O)/mgmt/drivers/%.o: MGMT_CFLAGS += $(WARN_CONVERSION)

$(MGMT_OBJS): | $(TP_STAMP_musl) $(TP_STAMP_xen-headers) $(TP_STAMP_bearssl) $(TP_STAMP_lwip) \
    $(TP_STAMP_cjson) $(TP_STAMP_picohttpparser)

$(call pv_program,$(O)/mgmt/mgmt.elf,$(MGMT_OBJS),$(MGMT_LIBS))
$(O)/mgmt/mgmt.elf: mgmt/module.mk
mgmt: $(O)/mgmt/mgmt.elf
