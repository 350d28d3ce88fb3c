# SPDX-License-Identifier: MIT
# Host tests of mgmt's client-facing half: HTTP, JSON, TLS identity, keys, audit.

WEB_TEST_CFLAGS := -Imgmt -Iguest-pv/rt/include -isystem $(BEARSSL)/inc -isystem $(CJSON) \
    -isystem $(PICOHTTPPARSER)
WEB_TEST_LIBS := $(BEARSSL)/libbearssl-host.a

$(call unit_test,mgmt_web_tls,tests/unit/mgmt/web_tls.c mgmt/tls/der.c mgmt/tls/identity.c \
    mgmt/http/date.c,$(WEB_TEST_CFLAGS),$(WEB_TEST_LIBS))
