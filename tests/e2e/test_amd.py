#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The whole appliance in QEMU (AMD-V), by its command line and its API.
usage: test_amd.py [CASE-PATTERN...]"""
import hashlib
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from harness import Skip, case, equal, run

from appliance import CLI, Appliance, image_with

SESSION = {}  # name -> id of sessions that several cases use


def session(a, name="main", *args):
    if name not in SESSION:
        SESSION[name] = a.create("--name", name, *args)
    return SESSION[name]


def free_frames(a):
    return a.system()["free_frames"]


# ---- the way in ----


@case
def health_needs_no_key(a):
    equal(a.api("GET", "/v1/health", key="").json, {"status": "ok"})
    equal(a.api("GET", "/v1/system", key="").status, 401)
    equal(a.api("GET", "/v1/system", key="bhk_wrong").status, 401)


@case
def a_wrong_pin_is_refused_before_the_key_is_sent(a):
    done = a.cli("login", a.url, "--pin", "sha256//" + "A" * 43 + "=", "--key", a.key)
    assert done.returncode != 0
    assert b"does not match the pin" in done.stderr, done.stderr


@case
def system_tells_the_machine(a):
    s = a.system()
    equal(s["cpu_vendor"], "amd-v")
    equal(s["cpus"], 2)
    assert 0 < s["free_frames"] < s["total_frames"]


# ---- running things ----


@case
def python_runs_and_streams_are_apart(a):
    program = ("import os,sys; print(os.uname().release); print(sum(range(10**6)));"
               "print('to stderr', file=sys.stderr); sys.exit(3)")
    done = a.cli("exec", session(a), "--", "python3", "-c", program)
    equal(done.returncode, 3)
    out = done.stdout.decode().split()
    assert "cloud-amd64" in out[0], out
    equal(out[1], "499999500000")
    equal(done.stderr, b"to stderr\n")


@case
def exec_takes_directory_environment_user_and_stdin(a):
    s = session(a)
    done = a.cli("exec", "-i", "--env", "X=1 2", "--cwd", "/usr", "--user", "sandbox", s, "-c",
                 'echo "$X $(pwd) $(id -un)"; cat; exit 7', stdin=b"hello\n" * 1000)
    equal(done.returncode, 7)
    equal(done.stdout, b"1 2 /usr sandbox\n" + b"hello\n" * 1000)
    done = a.cli("exec", s, "--", "/no/such/program")
    equal(done.returncode, 125)
    assert b"No such file" in done.stderr or b"cannot run" in done.stderr, done.stderr


@case
def complete_mode_answers_in_json(a):
    r = a.run(session(a), "echo out; echo err >&2; exit 5")
    equal((r["exit_code"], r["stdout"], r["stderr"]), (5, "out\n", "err\n"))
    r = a.run(session(a), "printf '\\377\\000x'")
    equal(r.get("stdout_base64"), "/wB4")
    r = a.run(session(a), "kill -9 $$")
    equal(r["signal"], 9)


@case
def time_outs_end_what_ignores_sigterm(a):
    start = time.monotonic()
    r = a.run(session(a), "trap '' TERM; while :; do sleep 1; done", timeout_ms=1000)
    assert r.get("timed_out"), r
    assert time.monotonic() - start < 30
    equal(a.run(session(a), "pgrep -c sleep || true")["stdout"].strip(), "0")


@case
def output_without_end_is_cut_not_collected(a):
    r = a.run(session(a), "yes", timeout_ms=2000)
    assert r.get("timed_out") and len(r["stdout"]) <= 1 << 20, r.keys()
    equal(a.run(session(a), "echo alive")["stdout"], "alive\n")


@case
def a_fork_bomb_stays_inside(a):
    s = session(a, "bomb", "--memory", "128")
    r = a.run(s, "f() { f | f & f; }; f", timeout_ms=3000)
    assert "exit_code" in r or r.get("timed_out") or "signal" in r or "status" in r, r
    equal(a.run(session(a), "echo alive")["stdout"], "alive\n")
    a.cli("session", "rm", SESSION.pop("bomb"), check=True)


@case
def thousand_execs_one_after_the_other(a):
    s, c = session(a), a.connect(120)
    for i in range(1000):
        r = a.api("POST", f"/v1/sessions/{s}/exec", {"shell": f"echo {i}; exit {i % 200}"},
                  connection=c).json
        equal((r["stdout"], r["exit_code"]), (f"{i}\n", i % 200))
    c.close()


@case
def fifty_execs_at_once(a):
    s = session(a)

    def one(i):
        r = a.run(s, f"head -c 20000 /dev/zero | tr '\\0' x; echo {i}; exit {i}")
        return r["stdout"] == "x" * 20000 + f"{i}\n" and r["exit_code"] == i

    with ThreadPoolExecutor(50) as pool:
        equal([i for i, ok in enumerate(pool.map(one, range(50))) if not ok], [])


# ---- files ----


@case
def files_go_up_and_down(a):
    s = session(a)
    data = os.urandom(300_000)
    path = os.path.join(a.dir, "up")
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o750)
    a.cli("cp", path, f"{s}:/home/sandbox/data.bin", check=True)
    equal(a.run(s, "stat -c '%s %a' /home/sandbox/data.bin")["stdout"], "300000 750\n")
    a.cli("cp", f"{s}:/home/sandbox/data.bin", path + ".back", check=True)
    with open(path + ".back", "rb") as f:
        assert f.read() == data
    equal(a.cli("cp", f"{s}:/proc/version", "-", check=True).stdout[:13], b"Linux version")


@case
def a_large_file_keeps_its_hash_and_mgmt_its_size(a):
    size = 256 << 20
    s = a.create("--memory", "768")
    path = os.path.join(a.dir, "large")
    h = hashlib.sha256()
    with open(path, "wb") as f:
        for _ in range(size >> 20):
            block = os.urandom(1 << 20)
            h.update(block)
            f.write(block)
    a.cli("cp", path, f"{s}:/tmp/large", check=True, timeout=900)
    used = a.system()["mgmt_heap_bytes"]
    equal(a.run(s, "sha256sum /tmp/large")["stdout"].split()[0], h.hexdigest())
    os.unlink(path)
    a.cli("cp", f"{s}:/tmp/large", path, check=True, timeout=900)
    with open(path, "rb") as f:
        equal(hashlib.file_digest(f, "sha256").hexdigest(), h.hexdigest())
    os.unlink(path)
    a.cli("session", "rm", s, check=True)
    assert used < 24 << 20, used


@case
def bad_paths_are_refused(a):
    s = session(a)
    base = f"/v1/sessions/{s}/files?path="
    equal(a.api("GET", base + "etc/passwd").status, 400)
    equal(a.api("GET", base + "/etc/pass%00wd").status, 400)
    equal(a.api("GET", base + "/etc/%zz").status, 400)
    equal(a.api("GET", base + "/no/such/file").status, 404)
    equal(a.api("GET", base + "/" + "x" * 5000).status in (400, 414, 431), True)
    equal(a.api("GET", base + "/../../etc/hostname").status, 200)  # resolved inside the sandbox


# ---- isolation ----


@case
def two_sessions_do_not_see_each_other(a):
    s, t = session(a), session(a, "other")
    a.run(s, "echo secret-of-main > /tmp/mark; (sleep 600 & ) ; ip addr || true")
    equal(a.run(t, "cat /tmp/mark")["exit_code"], 1)
    equal(a.run(t, "pgrep -c -f '[s]leep 600' || true")["stdout"].strip(), "0")
    ip = {n: a.api("GET", f"/v1/sessions/{i}").json["address"] for n, i in (("s", s), ("t", t))}
    assert ip["s"] and ip["t"] and ip["s"] != ip["t"], ip
    a.run(s, f"(busybox nc -l -p 7777 -s {ip['s']} > /tmp/got &) ; sleep 0.3")
    r = a.run(t, f"echo hi | busybox nc -w 3 {ip['s']} 7777", timeout_ms=10000)
    assert r.get("exit_code") != 0, r
    equal(a.run(s, "cat /tmp/got")["stdout"], "")
    for target in ("10.77.0.2", "10.77.0.1"):
        r = a.run(t, f"busybox nc -w 3 {target} 443 </dev/null", timeout_ms=10000)
        assert r.get("exit_code") != 0, (target, r)


@case
def a_sandbox_gets_its_address_by_dhcp(a):
    s = session(a)
    ip = a.api("GET", f"/v1/sessions/{s}").json["address"]
    for _ in range(50):
        r = a.run(s, "busybox ip -4 addr show eth0; busybox ip route")
        if ip in r["stdout"]:
            break
        time.sleep(0.2)
    assert ip in r["stdout"] and "default via 10.77.0.1" in r["stdout"], r


@case
def a_sandbox_reaches_the_outside(a):
    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello from outside " * 5000)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Hello)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    program = ("import urllib.request as u; "
               f"print(len(u.urlopen('http://10.0.2.2:{server.server_port}/', timeout=20).read()))")
    r = a.api("POST", f"/v1/sessions/{session(a)}/exec", {"argv": ["python3", "-c", program]}).json
    server.shutdown()
    equal((r["stdout"], r["exit_code"]), ("95000\n", 0))


@case
def nothing_of_the_api_is_reachable_but_its_port(a):
    s = socket.create_connection(("127.0.0.1", a.port), timeout=20)
    s.sendall(b"GET / HTTP/1.0\r\n\r\n")  # not TLS
    s.settimeout(60)
    data = b"x"
    while data:
        try:
            data = s.recv(1000)
        except ConnectionResetError:
            break
    s.close()
    equal(a.api("GET", "/v1/health").status, 200)


# ---- guests that die ----


@case
def a_kernel_panic_ends_only_its_session(a):
    s = a.create("--name", "panics", "--memory", "128")
    try:
        a.run(s, "echo c > /proc/sysrq-trigger")
    except (OSError, ValueError):
        pass
    for _ in range(100):
        info = a.api("GET", f"/v1/sessions/{s}").json
        if info["state"] == "failed":
            break
        time.sleep(0.2)
    equal(info["state"], "failed")
    assert info["reason"], info
    equal(a.run(session(a), "echo alive")["stdout"], "alive\n")
    a.cli("session", "rm", s, check=True)


@case
def a_session_that_powers_off_is_seen(a):
    s = a.create("--memory", "128")
    try:
        a.run(s, "busybox poweroff -f", timeout_ms=20000)
    except (OSError, ValueError):
        pass
    for _ in range(100):
        info = a.api("GET", f"/v1/sessions/{s}").json
        if info["state"] == "failed":
            break
        time.sleep(0.2)
    equal(info["state"], "failed")
    a.cli("session", "rm", s, check=True)


@case
def a_killed_agent_comes_back(a):
    s = a.create("--memory", "128")
    try:
        a.run(s, "kill -9 $PPID")
    except (OSError, ValueError):
        pass
    for _ in range(100):
        try:
            r = a.run(s, "echo back")
            if r.get("stdout") == "back\n":
                break
        except (OSError, ValueError):
            pass
        time.sleep(0.3)
    equal(r.get("stdout"), "back\n")
    a.cli("session", "rm", s, check=True)


# ---- the API under bad input ----


@case
def malformed_requests_get_problems(a):
    s = session(a)
    path = f"/v1/sessions/{s}/exec"
    for body in ("{", "[]", '{"shell": 5}', '{"shell":"x","argv":["y"]}', '{"nope":1}', "{}",
                 '{"argv":[]}', '{"shell":"a\\u0000b"}', "[" * 100000):
        r = a.api("POST", path, body, {"Content-Type": "application/json"})
        equal((r.status, r.headers["Content-Type"]), (400, "application/problem+json"))
    for field, value in (("memory_mb", 1), ("memory_mb", "x"), ("vcpus", 99), ("name", "a b")):
        equal(a.api("POST", "/v1/sessions", {field: value}).status, 400)
    equal(a.api("GET", "/v1/sessions/s-0000000000000000").status, 404)
    equal(a.api("DELETE", "/v1/sessions/nonsense").status, 404)
    equal(a.api("GET", "/v2/").status, 404)
    equal(a.api("PATCH", "/v1/sessions").status, 405)


@case
def ten_megabytes_of_headers_are_cut_off(a):
    c = ssl._create_unverified_context().wrap_socket(
        socket.create_connection(("127.0.0.1", a.port), timeout=60))
    c.settimeout(60)
    status = b""
    try:
        c.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n")
        for _ in range(10000):
            c.sendall(b"X-Filler: " + b"y" * 1000 + b"\r\n")
    except OSError:
        pass
    try:
        status = c.recv(1000)
    except OSError:
        pass
    assert status == b"" or b" 431 " in status, status
    equal(a.api("GET", "/v1/health").status, 200)


@case
def slow_clients_do_not_hold_up_others(a):
    slow = [ssl._create_unverified_context().wrap_socket(
        socket.create_connection(("127.0.0.1", a.port), timeout=60)) for _ in range(10)]
    for c in slow:
        c.sendall(b"POST /v1/sessions HTTP/1.1\r\nHost:")
    start = time.monotonic()
    equal(a.api("GET", "/v1/health").status, 200)
    assert time.monotonic() - start < 10
    for c in slow:
        c.close()


# ---- memory ----


@case
def twenty_sessions_at_once_give_every_frame_back(a):
    for i in SESSION.values():
        a.cli("session", "rm", i, check=True)
    SESSION.clear()
    rounds = int(os.environ.get("BULKHEAD_ROUNDS", "2"))
    before = free_frames(a)
    for _ in range(rounds):
        with ThreadPoolExecutor(20) as pool:
            ids = list(pool.map(lambda i: a.create("--memory", "128", "--name", f"n{i}"), range(20)))
            answers = list(pool.map(lambda s: a.run(s, "hostname; nproc")["exit_code"], ids))
            equal(answers, [0] * 20)
            equal(len(set(ids)), 20)
            list(pool.map(lambda s: a.cli("session", "rm", s, check=True), ids))
        equal(free_frames(a), before)


@case
def audit_tells_what_happened(a):
    lines = a.cli("--json", "audit", check=True).stdout.decode().splitlines()
    actions = {json.loads(line)["action"] for line in lines}
    for action in ("session.create", "session.delete", "exec.start", "auth.fail"):
        assert action in actions, sorted(actions)


if __name__ == "__main__":
    class Context:
        def __enter__(self):
            self.a = Appliance("qemu", mem=4096, cpus=2)
            self.a.start()
            return self.a.wait_ready(180)

        def __exit__(self, *_):
            self.a.stop()

    sys.exit(run(Context, sys.argv[1:], on_restart=SESSION.clear))
