#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Small guests on the bare hypervisor, by tools/run-guest: AMD-V in QEMU and VT-x in Bochs. Every
"PASS name" line of a guest counts as a test. usage: test_guests.py [qemu|bochs] [GUEST-PATTERN...]"""
import fnmatch
import os
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("O", os.path.join(TOP, "build"))
GUESTS = os.path.join(BUILD, "guest-pv", "testguests")
POWEROFF, CRASH, TRIPLE_FAULT, BAD_STATE, HALTED = 0, 3, 16, 17, 18

# guest, command line, arguments of run-guest, how it must end, rigs
CASES = [
    ("hello", "greeting=hi", [], POWEROFF, "qemu bochs"),
    ("time", "", [], POWEROFF, "qemu bochs"),
    ("events", "", [], POWEROFF, "qemu bochs"),
    ("grants", "", [], POWEROFF, "qemu bochs"),
    ("netloop", "", [], POWEROFF, "qemu"),
    ("hcfuzz", "seed=1", [], POWEROFF, "qemu bochs"),
    ("hcfuzz", "seed=2", ["--cpus", "1"], POWEROFF, "qemu"),
    ("memresidue", "", [], POWEROFF, "qemu"),
    ("triplefault", "", [], TRIPLE_FAULT, "qemu bochs"),
    ("badstate", "how=read", [], BAD_STATE, "qemu bochs"),
    ("badstate", "how=write", [], BAD_STATE, "qemu"),
]
LINUX_SAYS = ["init: Linux ", "init: slept well"]
LINUX = [("quiet", 1, "qemu bochs"), ("quiet", 4, "qemu"), ("", 2, "bochs")]

counts = {"ok": 0, "not ok": 0, "skip": 0}


def count(verdict, name, detail=""):
    counts[verdict] += 1
    if verdict != "ok" or not detail:
        print(f"{verdict} {name}{': ' + detail if detail else ''}", flush=True)


def run_guest(rig, elf, cmdline, arguments):
    timeout = 120 if rig == "qemu" else 600
    command = [os.path.join(TOP, "tools/run-guest"), elf, cmdline, "--rig", rig, "--timeout",
               str(timeout), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    return done.returncode, done.stdout


def run_case(rig, guest, cmdline, arguments, want):
    name = f"{rig} {guest} {cmdline}".strip()
    start = time.monotonic()
    got, text = run_guest(rig, os.path.join(GUESTS, guest + ".elf"), cmdline, arguments)
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "PASS":
            count("ok", f"{name}: {rest}", "quiet")
        elif word in ("FAIL", "ERROR"):
            count("not ok", f"{name}: {rest}")
        elif word == "SKIP":
            count("skip", f"{name}: {rest}")
    if got == want:
        count("ok", f"{name} ({time.monotonic() - start:.1f} s)")
    else:
        count("not ok", name, f"ended with {got}, want {want}; it said:\n{text[-2000:]}")


def run_linux(rig, cmdline, vcpus):
    name = f"{rig} linux, {vcpus} vcpus"
    start = time.monotonic()
    got, text = run_guest(rig, os.path.join(BUILD, "sandbox/vmlinux"),
                          f"console=hvc0 {cmdline}".strip(),
                          ["--initrd", os.path.join(BUILD, "tests/linux.cpio"), "--mem", "256",
                           "--vcpus", str(vcpus)])
    missing = [s for s in LINUX_SAYS + [f"init: {vcpus} CPUs"] if s not in text]
    if got in (POWEROFF, HALTED) and not missing:
        count("ok", f"{name} ({time.monotonic() - start:.1f} s)")
    else:
        count("not ok", name, f"ended with {got}, missing {missing}; it said:\n{text[-2000:]}")


def main():
    rigs = [a for a in sys.argv[1:] if a in ("qemu", "bochs")] or ["qemu", "bochs"]
    patterns = [a for a in sys.argv[1:] if a not in rigs] or ["*"]

    def chosen(name):
        return any(fnmatch.fnmatch(name, p) for p in patterns)

    for rig in rigs:
        for guest, cmdline, arguments, want, where in CASES:
            if rig in where.split() and chosen(guest):
                run_case(rig, guest, cmdline, arguments, want)
        for cmdline, vcpus, where in LINUX:
            if rig in where.split() and chosen("linux"):
                run_linux(rig, cmdline, vcpus)
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped")
    return 1 if counts["not ok"] else 0


sys.exit(main())
