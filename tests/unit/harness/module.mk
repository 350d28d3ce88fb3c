# SPDX-License-Identifier: MIT
# The harness's own test; also the pattern for a box's list.

$(call unit_test,harness,tests/unit/harness/test_harness.c)
