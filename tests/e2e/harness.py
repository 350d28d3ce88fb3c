# SPDX-License-Identifier: MIT
"""Tiny harness of the end-to-end tests: functions marked @case run in order against one appliance;
each prints a line, the last line is `N passed, N failed, N skipped`."""
import fnmatch
import os
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))

CASES = []


class Skip(Exception):
    pass


def case(function):
    CASES.append(function)
    return function


class Program:
    """Known defect 1 of docs/limits.md: the machine may end by itself. The first time that happens in
    a program it is reported as a skip with the console's end, and the case runs again on a new
    machine; a second time fails."""

    def __init__(self, make_context, on_restart, faults_allowed):
        self.make_context, self.on_restart = make_context, on_restart
        self.faults_allowed = faults_allowed  # known defect 2: cases that may fail once
        self.counts = {"ok": 0, "not ok": 0, "skip": 0}
        self.deaths_allowed = 1

    def enter(self):
        self.manager = self.make_context()
        self.context = self.manager.__enter__()

    def leave(self):
        self.manager.__exit__(None, None, None)

    def died(self, deaths_before):
        from appliance import Appliance
        here = getattr(self.context, "died", None)
        return (here and here()) or Appliance.deaths > deaths_before

    def run_case(self, c):
        from appliance import Appliance
        before = Appliance.deaths
        verdict = run_one(c, self.context)
        if verdict == "not ok" and self.deaths_allowed and self.died(before):
            self.deaths_allowed -= 1
            console = getattr(self.context, "console", lambda: b"")()
            print(console[-1500:].decode(errors="replace"))
            print(f"skip {c.__name__}: the machine ended by itself (docs/limits.md, known defect 1); "
                  "it runs again", flush=True)
            self.counts["skip"] += 1
            self.leave()
            self.on_restart()
            self.enter()
            verdict = run_one(c, self.context)
        if verdict == "not ok" and self.faults_allowed:
            self.faults_allowed -= 1
            print(f"skip {c.__name__}: failed once (docs/limits.md, known defect 2); it runs again",
                  flush=True)
            self.counts["skip"] += 1
            verdict = run_one(c, self.context)
        if verdict == "not ok":
            print(f"not ok {c.__name__}", flush=True)
        self.counts[verdict] += 1


def run(make_context, patterns, on_restart=lambda: None, faults_allowed=0):
    """make_context() gives a context manager whose value every case gets."""
    chosen = [c for c in CASES
              if not patterns or any(fnmatch.fnmatch(c.__name__, p) for p in patterns)]
    program = Program(make_context, on_restart, faults_allowed)
    counts = program.counts
    try:
        program.enter()
        for c in chosen:
            program.run_case(c)
        program.leave()
    except Exception:
        traceback.print_exc(file=sys.stdout)
        print("not ok start of the rig")
        counts["not ok"] += 1
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped", flush=True)
    return 1 if counts["not ok"] else 0


def run_one(c, context):
    start = time.monotonic()
    detail, verdict = "", "ok"
    try:
        c(context)
    except Skip as why:
        verdict, detail = "skip", f": {why}"
    except Exception:
        verdict = "not ok"
        traceback.print_exc(file=sys.stdout)
    print(f"{verdict if verdict != 'not ok' else 'failed:'} {c.__name__} "
          f"({time.monotonic() - start:.1f} s){detail}", flush=True)
    return verdict


def equal(got, want):
    assert got == want, f"got {got!r}, want {want!r}"
