# SPDX-License-Identifier: MIT
# Host tests of mgmt's client-facing half: HTTP, JSON, TLS identity, keys, audit.

WEB_TEST_CFLAGS := -Imgmt -Iguest-pv/rt/include -isystem $(BEARSSL)/inc -isystem $(CJSON) \
    -isystem $(PICOHTTPPARSER)
# The third-party parsers as mgmt-host has them: with the sanitizers, without our warnings.
WEB_TEST_TP := $(O)/tests/mgmt-host.o/cJSON.o $(O)/tests/mgmt-host.o/picohttpparser.o
WEB_TEST_LIBS := $(WEB_TEST_TP) $(BEARSSL)/libbearssl-host.a

$(call unit_test,mgmt_web_tls,tests/unit/mgmt/web_tls.c mgmt/tls/der.c mgmt/tls/identity.c \
    mgmt/http/date.c,$(WEB_TEST_CFLAGS),$(WEB_TEST_LIBS))

$(call unit_test,mgmt_web_http,tests/unit/mgmt/web_http.c $(addprefix mgmt/http/,chunk.c json_out.c \
    request.c router.c sse.c text.c url.c),$(WEB_TEST_CFLAGS),$(WEB_TEST_LIBS))
$(call unit_test,mgmt_web_api,tests/unit/mgmt/web_api.c mgmt/api/json_check.c mgmt/api/json_in.c \
    mgmt/auth/auth.c mgmt/audit/audit.c mgmt/http/text.c mgmt/http/request.c,$(WEB_TEST_CFLAGS),\
    $(WEB_TEST_LIBS))

$(foreach t,mgmt_web_http mgmt_web_api mgmt_web_tls,$(eval $(O)/tests/unit/$(t)/$(t): | $(WEB_TEST_TP)))
