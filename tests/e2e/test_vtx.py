#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same appliance image in Bochs (VT-x): each path once. usage: test_vtx.py [CASE-PATTERN...]"""
import json
import os
import sys

from harness import case, equal, run

from appliance import Appliance

STATE = {}


@case
def the_api_answers_on_vtx(a):
    s = a.system()
    equal(s["cpu_vendor"], "vt-x")
    STATE["free"] = s["free_frames"]


@case
def a_session_starts(a):
    STATE["session"] = a.create("--memory", "128", timeout=1200)


@case
def python_runs_and_streams_are_apart(a):
    done = a.cli("exec", STATE["session"], "--", "python3", "-c",
                 "import sys; print(6 * 7); print('err', file=sys.stderr); sys.exit(3)", timeout=600)
    equal((done.returncode, done.stdout, done.stderr), (3, b"42\n", b"err\n"))


@case
def files_go_up_and_down(a):
    path = os.path.join(a.dir, "up")
    data = os.urandom(50_000)
    with open(path, "wb") as f:
        f.write(data)
    a.cli("cp", path, f"{STATE['session']}:/tmp/data", check=True)
    equal(a.cli("cp", f"{STATE['session']}:/tmp/data", "-", check=True).stdout, data)


@case
def the_network_came_up_by_dhcp(a):
    ip = a.api("GET", f"/v1/sessions/{STATE['session']}").json["address"]
    out = a.cli("exec", STATE["session"], "-c",
                "for i in 1 2 3 4 5 6 7 8 9; do busybox ip -4 addr show eth0 | grep inet && break; "
                "sleep 1; done", timeout=600).stdout.decode()
    assert ip in out, out


@case
def deleting_gives_every_frame_back(a):
    a.cli("session", "rm", STATE["session"], check=True, timeout=600)
    equal(a.system()["free_frames"], STATE["free"])


@case
def audit_tells_what_happened(a):
    lines = a.cli("--json", "audit", check=True).stdout.decode().splitlines()
    actions = {json.loads(line)["action"] for line in lines}
    assert {"session.create", "session.delete", "exec.start"} <= actions, actions


class Context:
    def __enter__(self):
        self.a = Appliance("bochs", mem=1024, cpus=2)
        self.a.start()
        return self.a.wait_ready(900)

    def __exit__(self, *_):
        self.a.stop()


sys.exit(run(Context, sys.argv[1:], faults_allowed=1))
