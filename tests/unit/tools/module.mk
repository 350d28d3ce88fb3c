# SPDX-License-Identifier: MIT
# Unit tests of the host tools.

$(call unit_test,tools_hashtree,tests/unit/tools/test_hashtree.c tools/image/hashtree.c,\
    -Imgmt/include/public -Itools/image,-lcrypto)
