# SPDX-License-Identifier: MIT
# The pure parts of the VT-x backend.

$(call unit_test,vmx_backend,tests/unit/vmx/test_plan.c tests/unit/vmx/test_decode.c \
    hv/x86/vmx/vmx_plan.c hv/x86/vmx/vmx_decode.c,-Ihv/include -Iboot/include -Ihv/x86/vmx)
