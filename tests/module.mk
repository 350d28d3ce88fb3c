# SPDX-License-Identifier: MIT
# End-to-end tests: the real image in both rigs, and the parts that need a rig of their own.

test-amd: image cli
	@tests/sum tests/e2e/test_amd.py tests/e2e/test_shapes.py

test-vtx: image cli
	@tests/sum tests/e2e/test_vtx.py

# Small guests on the bare hypervisor, in both rigs.
.PHONY: test-guests
test-guests: image guest-pv
	@tests/sum tests/e2e/test_guests.py
