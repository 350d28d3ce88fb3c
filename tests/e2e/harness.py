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


def run(make_context, patterns):
    """make_context() gives a context manager whose value every case gets."""
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    chosen = [c for c in CASES
              if not patterns or any(fnmatch.fnmatch(c.__name__, p) for p in patterns)]
    try:
        with make_context() as context:
            for c in chosen:
                counts[run_one(c, context)] += 1
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
    print(f"{verdict} {c.__name__} ({time.monotonic() - start:.1f} s){detail}", flush=True)
    return verdict


def equal(got, want):
    assert got == want, f"got {got!r}, want {want!r}"
