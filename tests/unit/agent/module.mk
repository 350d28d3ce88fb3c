# SPDX-License-Identifier: MIT
$(call unit_test,agent,tests/unit/agent/test_agent.c \
    $(addprefix guest-pv/agent/,config.c exec.c file.c frame.c spawn.c vchan.c),\
    -D_GNU_SOURCE -Iguest-pv/agent)
