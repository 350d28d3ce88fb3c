#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Appliances of other shapes, in QEMU: 1 and 4 CPUs, sandboxes of 1 to 4 vcpus, another NIC, and a
memory-residue test with a scan of all free frames. usage: test_shapes.py [CASE-PATTERN...]"""
import contextlib
import sys

from harness import case, equal, run

from appliance import Appliance

PATTERN = 0x5EC2E7DA7A5EED01  # what the sandbox fills its memory with


def count_cpus(cpus, vcpus):
    with Appliance("qemu", mem=2048, cpus=cpus) as a:
        a.wait_ready(180)
        equal(a.system()["cpus"], cpus)
        for n in vcpus:
            s = a.create("--memory", "256", "--vcpus", str(n))
            equal(a.run(s, "nproc; grep -c ^processor /proc/cpuinfo")["stdout"], f"{n}\n{n}\n")
            r = a.run(s, f"for i in $(seq {n}); do (sha256sum /usr/bin/python3* | head -n 1 &); done; wait; "
                         "echo done")
            assert r["stdout"].endswith("done\n"), r
            a.cli("session", "rm", s, check=True)


@case
def one_cpu(_):
    count_cpus(1, [1, 2])


@case
def four_cpus(_):
    count_cpus(4, [1, 2, 3, 4])


@case
def no_memory_of_the_dead_is_left(_):
    fill = ("import array; a = array.array('Q', [%d]) * (6 << 20); "
            "print(len(a), a.buffer_info()[0] != 0)" % PATTERN)
    look = ("n = 0\n"
            "import mmap\n"
            "m = mmap.mmap(-1, 64 << 20)\n"
            "print(m.find((%d).to_bytes(8, 'little')))" % PATTERN)
    with Appliance("qemu", mem=1024, cpus=2, options={"selftest": "1"}) as a:
        a.wait_ready(180)
        s = a.create("--memory", "256")
        equal(a.run(s, f"python3 -c \"{fill}\"")["stdout"].split()[0], str(6 << 20))
        before = a.api("POST", "/v1/system/scan", {"pattern": f"{PATTERN:016x}"}, timeout=120)
        a.cli("session", "rm", s, check=True)
        after = a.api("POST", "/v1/system/scan", {"pattern": f"{PATTERN:016x}"}, timeout=120)
        equal((before.status, after.status), (200, 200))
        equal(after.json["found"], 0)
        t = a.create("--memory", "256")
        equal(a.api("POST", f"/v1/sessions/{t}/exec",
                    {"argv": ["python3", "-c", look]}, timeout=120).json["stdout"], "-1\n")


@case
def without_selftest_there_is_no_scan(_):
    with Appliance("qemu", mem=1024, cpus=1) as a:
        a.wait_ready(180)
        assert a.api("POST", "/v1/system/scan", {"pattern": "0" * 16}).status == 403


sys.exit(run(contextlib.nullcontext, sys.argv[1:]))
