# SPDX-License-Identifier: MIT
# Host tests of mgmt, one file for each half.
include tests/unit/mgmt/web.mk
-include tests/unit/mgmt/dom.mk
