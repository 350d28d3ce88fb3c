#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The whole API against mgmt-host: mgmt's real HTTP, TLS and API code on host sockets, under ASan and
UBSan, over a session layer that runs commands on this machine.
usage: api_host_test.py MGMT_HOST [PATTERN...]"""
import base64
import contextlib
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from harness import case, equal, run
from openapi import Spec

KEY = "bhk_host-test-key-0123456789"
TIMEOUT = 60
SPEC = Spec()
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


class Api:
    def __init__(self, program, *options):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.log = tempfile.NamedTemporaryFile("w+", prefix="mgmt-host-")
        self.process = subprocess.Popen(
            [program, f"port={self.port}", *options], stdout=self.log, stderr=subprocess.STDOUT)
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        for _ in range(100):
            if "API ready" in self.text():
                return
            time.sleep(0.05)
        raise RuntimeError("mgmt-host did not start: " + self.text())

    def text(self):
        with open(self.log.name) as f:
            return f.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        assert status == 0, f"mgmt-host ended with {status}:\n" + self.text()[-6000:]

    def raw(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)
        return self.context.wrap_socket(s)

    def connection(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context,
                                           timeout=TIMEOUT)

    def call(self, method, path, body=None, headers=None, key=KEY, connection=None):
        """One request; returns (status, headers, body bytes). Every answer is held to the OpenAPI file."""
        c = connection or self.connection()
        h = {"Authorization": f"Bearer {key}"} if key else {}
        h.update(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        c.request(method, path, body, h)
        r = c.getresponse()
        data = r.read()
        if connection is None:
            c.close()
        SPEC.check_answer(method, path, r.status, r.headers, data)
        return r.status, r.headers, data

    def json(self, method, path, body=None, want=200, **more):
        status, headers, data = self.call(method, path, body, **more)
        assert status == want, f"{method} {path}: {status} {data[:300]!r}"
        return json.loads(data) if data else None

    def problem(self, want, method, path, body=None, field=None, **more):
        """The request must be refused with a well-formed problem document."""
        status, headers, data = self.call(method, path, body, **more)
        assert status == want, f"{method} {path}: {status}, want {want}: {data[:300]!r}"
        check_problem(status, headers, data)
        if field:
            equal(json.loads(data).get("field"), field)
        return headers, json.loads(data)

    def session(self):
        return self.json("POST", "/v1/sessions", {}, want=201)["id"]

    def run(self, session, body, **more):
        return self.json("POST", f"/v1/sessions/{session}/exec", body, **more)


def check_problem(status, headers, data):
    equal(headers["Content-Type"], "application/problem+json")
    p = json.loads(data)
    equal(p["status"], status)
    assert p["type"].startswith("urn:bulkhead:problem:"), p
    assert p["title"] and p["detail"], p
    equal(p["instance"], "urn:bulkhead:request:" + headers["X-Request-Id"])


@contextlib.contextmanager
def server():
    api = Api(PROGRAM, f"api.key={KEY}")
    try:
        api.slow = start_slow(api)
        yield api
    finally:
        api.stop()


@contextlib.contextmanager
def extra_server(*options):
    api = Api(PROGRAM, *options)
    try:
        yield api
    finally:
        api.stop()


def exchange(api, data, close=False):
    """Sends raw bytes; returns everything that comes until the server closes or is silent for a second."""
    s = api.raw()
    s.settimeout(5)
    got = b""
    try:
        s.sendall(data)
        if close:
            s.unwrap()
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
            if b"\r\n\r\n" in got and b"Connection: keep-alive" in got:
                s.settimeout(0.5)
    except (TimeoutError, ssl.SSLError, OSError):
        pass
    s.close()
    return got


def events(text):
    """Parses server-sent events: [(name, data)], comments dropped."""
    out = []
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            assert lines[0].startswith("event: ") and lines[1].startswith("data: "), lines
            out.append((lines[0][7:], json.loads(lines[1][6:])))
    return out


def output_of(stream, name):
    out = b""
    for event, data in stream:
        if event == name:
            out += data["data"].encode() if "data" in data else base64.b64decode(data["base64"])
    return out


# ---- slow clients: begun first, judged last, because their time-outs are long ----

def start_slow(api):
    results = {}

    def head():
        start, s = time.monotonic(), api.raw()
        s.settimeout(60)
        try:
            s.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n")
            for i in range(60):
                s.sendall(b"X-%d: y\r\n" % i)
                s.settimeout(0.5)
                try:
                    results["head"] = (s.recv(4096), time.monotonic() - start)
                    return
                except TimeoutError:
                    pass
        except OSError as e:
            results["head"] = (str(e).encode(), time.monotonic() - start)

    def body():
        start, s = time.monotonic(), api.raw()
        s.settimeout(60)
        s.sendall(b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + KEY.encode() +
                  b"\r\nContent-Length: 100\r\n\r\n{")
        results["body"] = (s.recv(4096), time.monotonic() - start)

    def handshake():
        start, s = time.monotonic(), socket.create_connection(("127.0.0.1", api.port))
        s.settimeout(60)
        s.sendall(b"\x16\x03\x01")
        try:
            got = s.recv(100)
        except OSError:
            got = b""
        results["handshake"] = (got, time.monotonic() - start)

    def silent():
        start, s = time.monotonic(), api.raw()
        s.settimeout(60)
        results["silent"] = (s.recv(100), time.monotonic() - start)

    threads = [threading.Thread(target=f, daemon=True) for f in (head, body, handshake, silent)]
    for t in threads:
        t.start()
    return threads, results


# ---- basics ----

@case
def health_needs_no_key(api):
    equal(api.json("GET", "/v1/health", key=None), {"status": "ok"})


@case
def the_openapi_file_lists_every_route(api):
    with open(os.path.join(TOP, "mgmt/api/common.c")) as f:
        routes = set(re.findall(r'\{HTTP_(\w+), "(/v1[^"]*)"', f.read()))
    equal({o for o in SPEC.operations() if o[0] != "HEAD"}, routes)


@case
def console_shows_identity_in_curl_form(api):
    text = api.text()
    assert re.search(r"^bulkhead: API ready on port \d+$", text, re.M), text
    sha = re.search(r"^bulkhead: certificate sha256 ([0-9a-f]{64})$", text, re.M).group(1)
    pin = re.search(r"^bulkhead: public key pin (sha256//[A-Za-z0-9+/=]{44})$", text, re.M).group(1)
    assert "API key" not in text
    with api.raw() as s:
        equal(hashlib.sha256(s.getpeercert(True)).hexdigest(), sha)
        equal(s.version(), "TLSv1.2")
    url = f"https://127.0.0.1:{api.port}/v1/health"
    equal(subprocess.run(["curl", "-sk", "--pinnedpubkey", pin, url],
                         stdout=subprocess.PIPE).stdout, b'{"status":"ok"}')
    wrong = "sha256//" + "A" * 43 + "="
    assert subprocess.run(["curl", "-sk", "--pinnedpubkey", wrong, url],
                          stdout=subprocess.PIPE).returncode != 0


@case
def certificate_is_accepted_when_trusted(api):
    with api.raw() as s:
        pem = ssl.DER_cert_to_PEM_cert(s.getpeercert(True))
    strict = ssl.create_default_context(cadata=pem)
    for name in ("localhost", "bulkhead", "127.0.0.1"):
        with socket.create_connection(("127.0.0.1", api.port)) as plain:
            with strict.wrap_socket(plain, server_hostname=name):
                pass


@case
def a_key_is_made_and_shown_when_none_is_set(api):
    with extra_server() as other:
        time.sleep(0.2)
        key = re.search(r"^bulkhead: API key (bhk_[A-Za-z0-9_-]{43})$", other.text(), re.M).group(1)
        other.json("GET", "/v1/system", key=key)
        other.problem(401, "GET", "/v1/system", key=KEY)


@case
def a_given_tls_key_keeps_the_pin(api):
    pins = set()
    for _ in range(2):
        with extra_server("tls.key=" + "1f" * 32, f"api.key={KEY}") as other:
            pins.add(re.search(r"pin (sha256//\S+)", other.text()).group(1))
    equal(len(pins), 1)


@case
def system_tells_of_the_machine(api):
    s = api.json("GET", "/v1/system")
    equal(s["cpu_vendor"], "amd-v")
    for name in ("version", "cpus", "iommu", "total_frames", "free_frames", "hv_frames", "sessions",
                 "uptime_ms", "mgmt_heap_bytes", "mgmt_pages_free"):
        assert name in s, name


@case
def tls_sessions_resume(api):
    s = api.raw()
    session = s.session
    s.close()
    with socket.create_connection(("127.0.0.1", api.port)) as plain:
        with api.context.wrap_socket(plain, session=session) as again:
            again.sendall(b"GET /v1/health HTTP/1.0\r\n\r\n")
            assert again.recv(100).startswith(b"HTTP/1.1 200")
            equal(again.session_reused, True)


@case
def old_tls_is_refused(api):
    with socket.create_connection(("127.0.0.1", api.port)) as plain:
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
        c.minimum_version = c.maximum_version = ssl.TLSVersion.TLSv1_3
        try:
            c.wrap_socket(plain)
            raise AssertionError("TLS 1.3 only was accepted")
        except ssl.SSLError:
            pass


# ---- keys ----

@case
def keys_are_checked(api):
    for header in (None, "Bearer", "Bearer ", "Bearer x", f"Basic {KEY}", f"Bearer {KEY}x",
                   f"Bearer {KEY[:-1]}", KEY):
        with extra_server(f"api.key={KEY}") as other:
            headers = {"Authorization": header} if header else {}
            h, _ = other.problem(401, "GET", "/v1/system", key=None, headers=headers)
            assert h["WWW-Authenticate"].startswith("Bearer"), h
    api.json("GET", "/v1/system", key=None, headers={"Authorization": f"bearer  {KEY}"})


@case
def guessing_is_slowed_and_does_not_lock_the_owner_out(api):
    with extra_server(f"api.key={KEY}") as other:
        c = other.connection()
        statuses = [other.call("GET", "/v1/system", key="wrong" * 8, connection=c)[0]
                    for _ in range(30)]
        equal(statuses[:10], [401] * 10)
        equal(set(statuses[10:]), {429})
        h, _ = other.problem(429, "GET", "/v1/system", key="wrong" * 8)
        assert 0 < int(h["Retry-After"]) <= 6, h["Retry-After"]
        other.json("GET", "/v1/system")
        fails = [e for e in other.json("GET", "/v1/audit")["entries"] if e["action"] == "auth.fail"]
        equal(len(fails), 10)
        equal(fails[0]["peer"], "127.0.0.1")


@case
def unknown_paths_are_hidden_without_a_key(api):
    api.problem(404, "GET", "/v1/nothing")
    with extra_server(f"api.key={KEY}") as other:
        other.problem(401, "GET", "/v1/nothing", key=None)


# ---- HTTP ----

@case
def head_requests_have_no_body(api):
    status, headers, data = api.call("HEAD", "/v1/health")
    equal((status, headers["Content-Length"], data), (200, "15", b""))


@case
def methods_and_paths_are_checked(api):
    h, _ = api.problem(405, "DELETE", "/v1/health")
    equal(h["Allow"], "GET, HEAD")
    h, _ = api.problem(405, "BREW", "/v1/sessions")
    equal(h["Allow"], "GET, HEAD, POST")
    for path in ("/", "/v1", "/v1/", "/v1/health/", "//v1/health", "/v1/sessions//exec",
                 "/v1/sessions/" + "x" * 400, "/v1/%73ystem"):
        api.problem(404, "GET", path)
    api.problem(400, "GET", "/v1/system?x=1")


@case
def malformed_requests_are_refused(api):
    host = b"Host: x\r\n"
    cases = [
        (b"GET /v1/health HTTP/1.1\r\n\r\n", 400),                        # no Host
        (b"GET /v1/health HTTP/1.1\r\n" + host * 2 + b"\r\n", 400),       # two
        (b"GET /v1/health HTTP/1.1\n" + host + b"\r\n", 400),             # bare LF
        (b"GET /v1/health HTTP/1.1\r\n" + host + b" folded\r\n\r\n", 400),
        (b"GET /v1/health HTTP/1.1\r\n" + host + b"A\x00B: c\r\n\r\n", 400),
        (b"GET health HTTP/1.1\r\n" + host + b"\r\n", 400),
        (b"GET http://x/v1/health HTTP/1.1\r\n" + host + b"\r\n", 400),
        (b"GET /v1/\xff HTTP/1.1\r\n" + host + b"\r\n", 400),
        (b"GET /v1/health HTTP/2.0\r\n" + host + b"\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x00\x01\x02\x03\r\n\r\n", 400),
        (b"GET /v1/health HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n", 400),
        (b"GET /v1/health HTTP/1.1\r\n" + host + b"Content-Length: 1x\r\n\r\n", 400),
        (b"GET /v1/health HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET /v1/health HTTP/1.1\r\n" + host +
         b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /v1/health HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /v1/health HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /" + b"a" * 13000 + b" HTTP/1.1\r\n" + host + b"\r\n", 414),
        (b"GET /" + b"a" * 40000, 414),
        (b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * 17000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + host + b"".join(b"X%d: y\r\n" % i for i in range(120)) + b"\r\n", 431),
    ]
    for request, want in cases:
        got = exchange(api, request)
        assert got.startswith(b"HTTP/1.1 %d " % want), (request[:60], got[:80], want)
        assert b"Connection: close" in got, got[:300]
        head, data = got.split(b"\r\n\r\n", 1)
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        check_problem(want, headers, data)


@case
def a_hundred_headers_are_fine(api):
    got = exchange(api, b"GET /v1/health HTTP/1.1\r\nHost: x\r\n" +
                   b"".join(b"X%d: y\r\n" % i for i in range(99)) + b"\r\n")
    assert got.startswith(b"HTTP/1.1 200"), got[:100]


@case
def ten_megabytes_of_headers_are_cut(api):
    s = api.raw()
    s.settimeout(20)
    line = b"X-Long: " + b"a" * 8000 + b"\r\n"
    try:
        s.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n")
        for _ in range(1300):
            s.sendall(line)
    except OSError:
        pass
    try:
        got = s.recv(4096)
        assert got.startswith(b"HTTP/1.1 431"), got[:80]
    except OSError:
        pass  # cut while we were still sending
    equal(api.json("GET", "/v1/health", key=None), {"status": "ok"})


@case
def connections_are_kept_and_requests_pipelined(api):
    c = api.connection()
    ids = set()
    for _ in range(50):
        status, headers, _ = api.call("GET", "/v1/system", connection=c)
        equal((status, headers["Connection"]), (200, "keep-alive"))
        ids.add(headers["X-Request-Id"])
    equal(len(ids), 50)
    c.close()
    got = exchange(api, b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
    equal(got.count(b"HTTP/1.1 200 OK"), 20)
    got = exchange(api, b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" * 2)
    equal(got.count(b"HTTP/1.1 200 OK"), 1)


@case
def http_1_0_gets_plain_answers(api):
    got = exchange(api, b"GET /v1/health HTTP/1.0\r\n\r\n")
    assert b"Connection: close" in got and got.endswith(b'{"status":"ok"}'), got
    auth = b"Authorization: Bearer " + KEY.encode() + b"\r\n"
    s = api.session()
    body = b'{"shell":"seq 1 20000"}'
    got = exchange(api, b"POST /v1/sessions/" + s.encode() + b"/exec HTTP/1.0\r\n" + auth +
                   b"Content-Length: %d\r\n\r\n" % len(body) + body)
    head, data = got.split(b"\r\n\r\n", 1)
    assert b"chunked" not in head
    equal(json.loads(data)["stdout"].count("\n"), 20000)


@case
def expect_continue_is_answered(api):
    request = (b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
               b"Authorization: Bearer %s\r\nContent-Length: 2\r\n\r\n")
    s = api.raw()
    s.settimeout(10)
    s.sendall(request % KEY.encode())
    equal(s.recv(4096), b"HTTP/1.1 100 Continue\r\n\r\n")
    s.sendall(b"{}")
    assert s.recv(4096).startswith(b"HTTP/1.1 201")
    with extra_server(f"api.key={KEY}") as other:
        got = exchange(other, request % b"wrong-key")
        assert got.startswith(b"HTTP/1.1 401") and b"Connection: close" in got, got[:200]


@case
def chunked_bodies_are_read_and_bad_chunks_refused(api):
    head = (b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + KEY.encode() +
            b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    good = exchange(api, head + b"1;ext=1\r\n{\r\n0A\r\n\"name\":\"x\"\r\n1\r\n}\r\n0\r\nT: r\r\n\r\n" +
                    b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert good.startswith(b"HTTP/1.1 201") and good.endswith(b'{"status":"ok"}'), good
    for bad in (b"x\r\n", b"\r\n", b"1\n{", b"1\r\n{}\r\n", b"-1\r\n", b"1\r\n{\n", b"0x1\r\n{",
                b"ffffffffffffffff1\r\n", b"1;" + b"e" * 9000):
        got = exchange(api, head + bad)
        assert got.startswith(b"HTTP/1.1 400"), (bad[:20], got[:100])


@case
def early_errors_keep_small_and_cut_large_bodies(api):
    c = api.connection()
    status, headers, _ = api.call("POST", "/v1/nothing", b"x" * 1000, connection=c)
    equal((status, headers["Connection"]), (404, "keep-alive"))
    equal(api.call("GET", "/v1/health", connection=c)[0], 200)
    c.close()
    got = exchange(api, b"POST /v1/nothing HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
                   KEY.encode() + b"\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000000)
    assert got.startswith(b"HTTP/1.1 404") and b"Connection: close" in got, got[:200]


# ---- JSON ----

@case
def json_bodies_are_held_to_the_letter(api):
    for bad in (b"", b"{", b"[]", b"null", b'"x"', b"{}x", b"{'name':1}", b'{"name":"a",}',
                b'{"name":"\\u0000"}', b'{"name":"\\ud800"}', b'{"name":"\xff"}', b'{"name":"\n"}',
                b'{"memory_mb":01}', b'{"memory_mb":+1}', b'{"memory_mb":1.}', b'{"memory_mb":NaN}',
                b"[" * 100000, b'{"a":' * 50 + b"1" + b"}" * 50, b"\xef\xbb\xbf{}",
                b"[" + b"0," * 400000 + b"0]"):
        api.problem(400, "POST", "/v1/system/power", bad)
    for bad, field in (({"nam": "x"}, "nam"), ({"name": 5}, "name"), ({"name": None}, "name"),
                       ({"name": "x" * 64}, "name"), ({"name": "a b"}, "name"),
                       ({"memory_mb": "256"}, "memory_mb"), ({"memory_mb": 95}, "memory_mb"),
                       ({"memory_mb": 1e9}, "memory_mb"), ({"memory_mb": 256.5}, "memory_mb"),
                       ({"memory_mb": -256}, "memory_mb"), ({"vcpus": 0}, "vcpus"),
                       ({"vcpus": 5}, "vcpus"), ({"wait": 1}, "wait"), ({"timeout_s": 1e300}, "timeout_s")):
        api.problem(400, "POST", "/v1/sessions", bad, field=field)
    api.problem(400, "POST", "/v1/sessions", b'{"vcpus":1,"vcpus":2}', field="vcpus")
    _, p = api.problem(400, "POST", "/v1/sessions", '{"\u2603\\u0001": 1}'.encode())
    assert all(0x20 < ord(c) < 0x7f for c in p["field"]), p


@case
def json_bodies_are_bounded(api):
    big = b'{"name":"' + b"x" * (2 << 20) + b'"}'
    api.problem(413, "POST", "/v1/sessions", big)
    got = exchange(api, b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
                   KEY.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n" +
                   (b"10000\r\n" + b" " * 65536 + b"\r\n") * 20)
    assert got.startswith(b"HTTP/1.1 413"), got[:100]
    api.problem(413, "POST", "/v1/sessions", None, headers={"Content-Length": str(10 ** 15)})


# ---- sessions ----

@case
def sessions_live_and_die(api):
    status, headers, data = api.call("POST", "/v1/sessions",
                                     {"name": "one", "memory_mb": 128, "vcpus": 2, "timeout_s": 60})
    s = json.loads(data)
    equal((status, headers["Location"]), (201, "/v1/sessions/" + s["id"]))
    equal((s["name"], s["state"], s["memory_mb"], s["vcpus"]), ("one", "ready", 128, 2))
    equal(s["expires_ms"], s["created_ms"] + 60000)
    got = api.json("GET", headers["Location"])
    equal(got["id"], s["id"])
    status, headers, data = api.call("GET", f"/v1/sessions/{s['id']}/console")
    assert headers["Content-Type"].startswith("text/plain") and b"Linux version" in data
    equal(api.call("DELETE", f"/v1/sessions/{s['id']}")[0], 204)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/console"), ("GET", "/files?path=/x")):
        api.problem(404, method, f"/v1/sessions/{s['id']}{path}")
    api.problem(404, "POST", f"/v1/sessions/{s['id']}/exec", {"shell": "true"})
    api.problem(404, "PUT", f"/v1/sessions/{s['id']}/files?path=/x", b"x")


@case
def a_session_can_be_made_without_a_body_or_wait(api):
    s = api.json("POST", "/v1/sessions", want=201)
    equal(s["memory_mb"], 256)
    s = api.json("POST", "/v1/sessions", {"wait": False}, want=201)
    equal(s["state"], "starting")
    api.problem(409, "POST", f"/v1/sessions/{s['id']}/exec", {"shell": "true"})


@case
def failures_of_creation_are_told(api):
    api.problem(504, "POST", "/v1/sessions", {"name": "fail-timeout"})
    api.problem(502, "POST", "/v1/sessions", {"name": "fail-io"})
    api.problem(507, "POST", "/v1/sessions", {"name": "fail-space"})
    _, p = api.problem(400, "POST", "/v1/sessions", {"name": "fail-field"})
    assert "memory_mb" in p["detail"]


@case
def sessions_are_listed_in_pages(api):
    with extra_server(f"api.key={KEY}") as other:
        made = [other.session() for _ in range(7)]
        seen, after = [], ""
        while True:
            page = other.json("GET", "/v1/sessions?limit=3" + after)
            assert len(page["sessions"]) <= 3
            seen += [s["id"] for s in page["sessions"]]
            if seen == made[:3]:
                other.call("DELETE", f"/v1/sessions/{made[2]}")  # the cursor itself goes
            if not page["next"]:
                break
            after = "&after=" + page["next"]
        equal([s for s in dict.fromkeys(seen)], made)
        for bad in ("limit=0", "limit=101", "limit=x", "limit=-1", "after=x", "limit=1&limit=1",
                    "limit", "limit=%zz", "what=1", "limit=1+1"):
            other.problem(400, "GET", "/v1/sessions?" + bad)


# ---- exec ----

@case
def exec_returns_everything(api):
    s = api.session()
    r = api.run(s, {"argv": ["sh", "-c", "echo out; echo err >&2; exit 42"]})
    equal((r["exit_code"], r["stdout"], r["stderr"]), (42, "out\n", "err\n"))
    equal((r["stdout_truncated"], r["stderr_truncated"]), (False, False))
    assert r["wall_ms"] >= 0 and "signal" not in r and "timed_out" not in r
    r = api.run(s, {"shell": "kill -9 $$"})
    equal(r["signal"], 9)
    assert "exit_code" not in r
    r = api.run(s, {"argv": ["/nonexistent/program"]})
    equal(r["error"], "no such program")
    r = api.run(s, {"shell": "echo $A-$B; pwd", "env": {"A": "1", "B": "x y=z"}, "cwd": "/usr"})
    equal(r["stdout"], "1-x y=z\n/usr\n")
    r = api.run(s, {"argv": ["printf", "%s|", "", "a b", "\u2603", "\"\\"]})
    equal(r["stdout"], "|a b|\u2603|\"\\|")


@case
def exec_output_that_is_no_text_comes_as_base64(api):
    s = api.session()
    r = api.run(s, {"shell": "printf '\\377\\000x'; printf 'a\\000b' >&2"})
    equal(base64.b64decode(r["stdout_base64"]), b"\xff\x00x")
    equal(r["stderr"], "a\0b")
    assert "stdout" not in r


@case
def exec_takes_stdin(api):
    s = api.session()
    equal(api.run(s, {"argv": ["cat"], "stdin": "h\u00e9\n"})["stdout"], "h\u00e9\n")
    equal(api.run(s, {"argv": ["cat"], "stdin": ""})["stdout"], "")
    equal(api.run(s, {"argv": ["cat"]})["stdout"], "")
    data = os.urandom(500000)
    r = api.run(s, {"argv": ["sha256sum"], "stdin_base64": base64.b64encode(data).decode()})
    equal(r["stdout"].split()[0], hashlib.sha256(data).hexdigest())
    r = api.run(s, {"argv": ["cat"], "stdin": "x" * 900000})  # output must flow meanwhile
    equal(len(r["stdout"]), 900000)
    equal(api.run(s, {"argv": ["true"], "stdin": "x" * 900000})["exit_code"], 0)
    api.problem(400, "POST", f"/v1/sessions/{s}/exec", {"argv": ["cat"], "stdin_base64": "a=b="},
                field="stdin_base64")


@case
def exec_output_is_capped_and_drained(api):
    s = api.session()
    r = api.run(s, {"shell": "head -c 5000000 /dev/zero | tr '\\0' 'a'; echo done >&2"})
    equal((len(r["stdout"]), r["stdout_truncated"], r["stderr_truncated"]), (1 << 20, True, False))
    equal((r["exit_code"], r["stderr"]), (0, "done\n"))


@case
def exec_times_out(api):
    s = api.session()
    start = time.monotonic()
    r = api.run(s, {"shell": "echo a; sleep 60", "timeout_ms": 300})
    assert time.monotonic() - start < 10
    equal((r["timed_out"], r["stdout"]), (True, "a\n"))


@case
def exec_requests_are_checked(api):
    s = api.session()
    path = f"/v1/sessions/{s}/exec"
    for bad, field in (({}, "argv"), ({"argv": [], }, "argv"), ({"argv": "ls"}, "argv"),
                       ({"argv": [1]}, "argv"), ({"argv": [""]}, "argv"),
                       ({"argv": ["a"], "shell": "b"}, "argv"), ({"shell": ""}, "shell"),
                       ({"shell": "a", "env": {"A": 1}}, "env"), ({"shell": "a", "env": {"": "1"}}, "env"),
                       ({"shell": "a", "env": {"A=B": "1"}}, "env"), ({"shell": "a", "env": []}, "env"),
                       ({"shell": "a", "cwd": "tmp"}, "cwd"), ({"shell": "a", "timeout_ms": 0}, "timeout_ms"),
                       ({"shell": "a", "timeout_ms": 2 ** 32}, "timeout_ms"),
                       ({"shell": "a", "stream": "yes"}, "stream"),
                       ({"shell": "a", "interactive": True, "stream": False}, "interactive"),
                       ({"shell": "a", "interactive": True, "stdin": ""}, "interactive"),
                       ({"shell": "a", "stdin": "", "stdin_base64": ""}, "stdin_base64"),
                       ({"shell": "a", "tty": True}, "tty")):
        api.problem(400, "POST", path, bad, field=field)
    api.problem(400, "POST", path, b'{"shell":"a","env":{"A":"1","A":"2"}}', field="env")
    api.problem(413, "POST", path, {"argv": ["x" * 17000]})


@case
def exec_streams_events(api):
    s = api.session()
    body = {"shell": "echo a; echo b >&2; printf '\\377'; exit 7", "stream": True}
    status, headers, data = api.call("POST", f"/v1/sessions/{s}/exec", body)
    equal((status, headers["Content-Type"]), (200, "text/event-stream"))
    got = events(data.decode())
    equal(got[0][0], "start")
    assert re.fullmatch(r"x-\d+", got[0][1]["exec_id"])
    equal(got[-1][0], "exit")
    equal(got[-1][1]["exit_code"], 7)
    equal((output_of(got, "stdout"), output_of(got, "stderr")), (b"a\n\xff", b"b\n"))
    status, headers, _ = api.call("POST", f"/v1/sessions/{s}/exec", {"shell": "true"},
                                  headers={"Accept": "text/html, text/event-stream;q=0.9"})
    equal(headers["Content-Type"], "text/event-stream")


@case
def streams_cut_characters_never(api):
    s = api.session()
    text = "\u00e9\u2603\U0001f600a" * 20000
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(text)
        f.flush()
        _, _, data = api.call("POST", f"/v1/sessions/{s}/exec",
                              {"argv": ["cat", f.name], "stream": True})
    got = events(data.decode())
    assert all("data" in d for e, d in got if e == "stdout"), "a character was cut"
    equal(output_of(got, "stdout").decode(), text)


@case
def streams_come_as_they_happen(api):
    s = api.session()
    c = api.connection()
    c.request("POST", f"/v1/sessions/{s}/exec", json.dumps(
        {"shell": "echo first; sleep 1.5; echo second", "stream": True}),
        {"Authorization": f"Bearer {KEY}"})
    r = c.getresponse()
    start, times, text = time.monotonic(), {}, b""
    while b"second" not in text:
        text += r.read1(4096)
        for word in (b"first", b"second"):
            if word in text and word not in times:
                times[word] = time.monotonic() - start
    assert times[b"first"] < 1.0 < times[b"second"], times


@case
def interactive_commands_take_input_and_signals(api):
    s = api.session()
    c = api.connection()
    c.request("POST", f"/v1/sessions/{s}/exec", json.dumps(
        {"shell": "while read x; do echo got $x; done; echo end", "interactive": True}),
        {"Authorization": f"Bearer {KEY}"})
    r = c.getresponse()
    exec_id = events(r.read1(4096).decode())[0][1]["exec_id"]
    base = f"/v1/sessions/{s}/execs/{exec_id}"
    equal(api.call("POST", base + "/stdin", b"one\n")[0], 204)
    seen = b""
    while b"got one" not in seen:
        seen += r.read1(4096)
    equal(api.call("POST", base + "/stdin?eof=1", b"two\n")[0], 204)
    rest = events((seen + r.read()).decode())
    equal(output_of(rest, "stdout"), b"got one\ngot two\nend\n")
    equal(rest[-1][1]["exit_code"], 0)
    api.problem(404, "POST", base + "/stdin", b"late")
    api.problem(404, "POST", base + "/signal", {"signal": "TERM"})


@case
def signals_are_delivered(api):
    s = api.session()
    for word, number in (("TERM", 15), ("SIGINT", 2), (9, 9)):
        c = api.connection()
        c.request("POST", f"/v1/sessions/{s}/exec",
                  json.dumps({"argv": ["sleep", "60"], "stream": True}),
                  {"Authorization": f"Bearer {KEY}"})
        r = c.getresponse()
        exec_id = events(r.read1(4096).decode())[0][1]["exec_id"]
        path = f"/v1/sessions/{s}/execs/{exec_id}/signal"
        for bad in ({}, {"signal": "NO"}, {"signal": 0}, {"signal": 65}, {"signal": 1.5}, {"signal": True}):
            api.problem(400, "POST", path, bad)
        equal(api.call("POST", path, {"signal": word})[0], 204)
        equal(events(r.read().decode())[-1][1]["signal"], number)


@case
def input_streams_may_pause_and_last(api):
    s = api.session()
    c = api.connection()
    c.request("POST", f"/v1/sessions/{s}/exec", json.dumps({"argv": ["cat"], "interactive": True}),
              {"Authorization": f"Bearer {KEY}"})
    r = c.getresponse()
    exec_id = events(r.read1(4096).decode())[0][1]["exec_id"]

    def pieces():
        for i in range(3):
            yield b"piece %d\n" % i
            time.sleep(1.2)

    c2 = api.connection()
    c2.request("POST", f"/v1/sessions/{s}/execs/{exec_id}/stdin?eof=1", pieces(),
               {"Authorization": f"Bearer {KEY}"}, encode_chunked=True)
    equal(c2.getresponse().status, 204)
    equal(output_of(events(r.read().decode()), "stdout"), b"piece 0\npiece 1\npiece 2\n")


@case
def disconnects_end_commands(api):
    s = api.session()
    for stream in (True, False):
        mark = f"31415.{int(stream)}{os.getpid() % 1000}"
        c = api.connection()
        c.request("POST", f"/v1/sessions/{s}/exec",
                  json.dumps({"argv": ["sleep", mark], "stream": stream}),
                  {"Authorization": f"Bearer {KEY}"})
        time.sleep(0.3)
        running = lambda: subprocess.run(["pgrep", "-f", f"^sleep {mark}"],
                                         stdout=subprocess.DEVNULL).returncode == 0
        equal(running(), True)
        c.sock.close()
        c.close()
        for _ in range(50):
            if not running():
                break
            time.sleep(0.1)
        equal(running(), False)


@case
def the_end_of_a_session_ends_its_commands(api):
    s = api.session()
    c = api.connection()
    c.request("POST", f"/v1/sessions/{s}/exec", json.dumps({"argv": ["sleep", "60"], "stream": True}),
              {"Authorization": f"Bearer {KEY}"})
    r = c.getresponse()
    r.read1(4096)
    equal(api.call("DELETE", f"/v1/sessions/{s}")[0], 204)
    equal(events(r.read().decode())[-1], ("exit", {"error": "the session ended"}))


# ---- files ----

def file_path(session, path, **more):
    query = "&".join([f"path={urllib.parse.quote(path)}"] + [f"{k}={v}" for k, v in more.items()])
    return f"/v1/sessions/{session}/files?{query}"


@case
def files_go_up_and_down(api):
    s = api.session()
    for data in (b"", b"x", os.urandom(100000), os.urandom(3 << 20)):
        equal(api.call("PUT", file_path(s, "/f"), data)[0], 204)
        status, headers, got = api.call("GET", file_path(s, "/f"))
        equal((status, headers["Content-Type"]), (200, "application/octet-stream"))
        equal((int(headers["Content-Length"]), hashlib.sha256(got).digest()),
              (len(data), hashlib.sha256(data).digest()))
    status, headers, got = api.call("HEAD", file_path(s, "/f"))
    equal((status, int(headers["Content-Length"]), got), (200, 3 << 20, b""))
    assert headers["Last-Modified"].endswith("GMT")


@case
def uploads_may_be_chunked(api):
    s = api.session()
    pieces = [os.urandom(n) for n in (1, 70000, 3, 200000, 16384)]
    c = api.connection()
    c.request("PUT", file_path(s, "/c"), iter(pieces), {"Authorization": f"Bearer {KEY}"},
              encode_chunked=True)
    equal(c.getresponse().status, 204)
    equal(api.call("GET", file_path(s, "/c"))[2], b"".join(pieces))


@case
def file_modes_and_folders_are_made(api):
    s = api.session()
    api.problem(404, "PUT", file_path(s, "/a/b/c"), b"x")
    equal(api.call("PUT", file_path(s, "/a/b/c", mkdirs=1, mode="0755"), b"x")[0], 204)
    equal(api.call("HEAD", file_path(s, "/a/b/c"))[1]["X-File-Mode"], "0755")
    equal(api.call("PUT", file_path(s, "/name with &=+%\u00e9"), b"x")[0], 204)
    equal(api.call("GET", file_path(s, "/name with &=+%\u00e9"))[2], b"x")
    for mode in ("8", "abc", "07777777", "17777", "-1", ""):
        api.problem(400, "PUT", file_path(s, "/m", mode=mode), b"x", field="mode")


@case
def file_paths_are_checked(api):
    s = api.session()
    base = f"/v1/sessions/{s}/files"
    for query in ("", "?path=", "?path=relative", "?path=/a%00b", "?path=/a%zz", "?path=/a%4",
                  "?path=/a+b", "?path=/" + "a" * 4096, "?path=/a&path=/b", "?x=/a", "?path",
                  "?path=/a&mkdirs=1"):
        api.problem(400, "GET", base + query)
    api.problem(404, "GET", base + "?path=/none")
    api.problem(409, "GET", base + "?path=/")
    api.problem(409, "PUT", base + "?path=/", b"x")
    equal(api.call("PUT", file_path(s, "/../../escape"), b"x")[0], 204)
    equal(api.call("GET", file_path(s, "/escape"))[2], b"x")
    assert not os.path.exists("/escape")


@case
def an_upload_that_breaks_off_leaves_nothing(api):
    s = api.session()
    equal(api.call("PUT", file_path(s, "/f"), b"old")[0], 204)
    raw = api.raw()
    raw.sendall(b"PUT " + file_path(s, "/f").encode() + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
                KEY.encode() + b"\r\nContent-Length: 1000000\r\n\r\n" + b"new" * 1000)
    time.sleep(0.3)
    raw.close()
    time.sleep(0.5)
    equal(api.call("GET", file_path(s, "/f"))[2], b"old")
    last = api.json("GET", "/v1/audit?after=0&limit=1000")["entries"]
    assert any(e["action"] == "file.write" and e["outcome"] == "ended" for e in last)


@case
def memory_does_not_grow_with_files(api):
    s = api.session()
    status = f"/proc/{api.process.pid}/status"

    def resident():
        with open(status) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    piece = os.urandom(1 << 20)
    equal(api.call("PUT", file_path(s, "/warm"), piece * 8)[0], 204)
    before = resident()
    c = api.connection()
    c.request("PUT", file_path(s, "/big"), (piece for _ in range(128)),
              {"Authorization": f"Bearer {KEY}"}, encode_chunked=True)
    equal(c.getresponse().status, 204)
    c = api.connection()
    c.request("GET", file_path(s, "/big"), headers={"Authorization": f"Bearer {KEY}"})
    r, digest = c.getresponse(), hashlib.sha256()
    while True:
        got = r.read(1 << 20)
        if not got:
            break
        digest.update(got)
    equal(digest.hexdigest(), hashlib.sha256(piece * 128).hexdigest())
    assert resident() - before < 16384, (before, resident())


# ---- audit, many at once, abuse ----

@case
def the_audit_log_is_paged_and_escaped(api):
    s = api.session()
    api.run(s, {"shell": "echo '\u2603\n\\x'"})
    entries, after = [], 0
    while True:
        page = api.json("GET", f"/v1/audit?after={after}&limit=7")
        if not page["entries"]:
            break
        entries += page["entries"]
        after = page["next"]
    seqs = [e["seq"] for e in entries]
    equal(seqs, list(range(1, len(seqs) + 1)))
    start = [e for e in entries if e["action"] == "exec.start"][-1]
    equal(start["detail"], "echo '\\xe2\\x98\\x83\\x0a\\\\x'")
    for e in entries:
        assert set(e) == {"seq", "time_ms", "actor", "peer", "action", "session", "outcome", "detail"}
    api.problem(400, "GET", "/v1/audit?limit=1001")


@case
def fifty_at_once(api):
    s = api.session()
    failures = []

    def one(i):
        try:
            c = api.connection()
            for k in range(3):
                size = 1000 * i + k
                status, _, data = api.call(
                    "POST", f"/v1/sessions/{s}/exec",
                    {"shell": f"head -c {size} /dev/zero | tr '\\0' x; exit {i}"}, connection=c)
                r = json.loads(data)
                equal((status, r["exit_code"], len(r["stdout"])), (200, i, size))
            c.close()
        except Exception as e:
            failures.append(f"{i}: {e!r}")

    threads = [threading.Thread(target=one, args=(i,)) for i in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures


@case
def captured_output_is_bounded_together(api):
    s = api.session()
    results = []

    def one():
        results.append(api.run(s, {"shell": "head -c 1000000 /dev/zero | tr '\\0' x"}))

    threads = [threading.Thread(target=one) for _ in range(30)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):  # small requests get in meanwhile
        equal(api.run(s, {"shell": "echo x"})["stdout"], "x\n")
    equal(len(results), 30)
    for r in results:
        equal(r["exit_code"], 0)
        assert len(r["stdout"]) == 1000000 or (r["stdout_truncated"] and len(r["stdout"]) >= 65536)
    equal(len(api.run(s, {"shell": "head -c 1000000 /dev/zero | tr '\\0' x"})["stdout"]), 1000000)


@case
def idle_connections_make_room_and_busy_ones_stay(api):
    with extra_server(f"api.key={KEY}", "api.max_connections=8", "api.max_per_peer=8") as other:
        s = other.session()
        busy = other.connection()
        busy.request("POST", f"/v1/sessions/{s}/exec", json.dumps({"shell": "sleep 3; echo alive"}),
                     {"Authorization": f"Bearer {KEY}"})
        time.sleep(0.2)
        held = []
        for _ in range(30):
            c = other.connection()
            equal(other.call("GET", "/v1/health", key=None, connection=c)[0], 200)
            held.append(c)
        equal(json.loads(busy.getresponse().read())["stdout"], "alive\n")


@case
def connections_beyond_the_cap_are_refused(api):
    with extra_server(f"api.key={KEY}", "api.max_connections=6", "api.max_per_peer=4") as other:
        s = other.session()
        time.sleep(0.2)
        busy = []
        for _ in range(4):
            c = other.connection()
            c.request("POST", f"/v1/sessions/{s}/exec", json.dumps({"shell": "sleep 2"}),
                      {"Authorization": f"Bearer {KEY}"})
            busy.append(c)
        time.sleep(0.5)
        try:
            other.json("GET", "/v1/health")
            raise AssertionError("a fifth connection of one peer was served")
        except OSError:
            pass
        for c in busy:
            equal(c.getresponse().status, 200)
            c.close()
        time.sleep(0.3)
        other.json("GET", "/v1/health")


@case
def abrupt_disconnects_do_no_harm(api):
    request = (b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + KEY.encode() +
               b"\r\nContent-Length: 20\r\n\r\n{\"name\":")
    for cut in range(0, len(request), 7):
        s = api.raw()
        s.sendall(request[:cut])
        s.close()
    for n in (0, 1, 5, 50, 200):
        with socket.create_connection(("127.0.0.1", api.port)) as plain:
            plain.sendall(b"\x16\x03\x01\x02\x00\x01" + os.urandom(n))
    with socket.create_connection(("127.0.0.1", api.port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    equal(api.json("GET", "/v1/health", key=None), {"status": "ok"})


@case
def slow_clients_were_cut(api):
    threads, results = api.slow
    for t in threads:
        t.join(60)
    got, took = results["head"]
    assert got.startswith(b"HTTP/1.1 408") and 10 < took < 25, (got[:50], took)
    got, took = results["body"]
    assert got.startswith(b"HTTP/1.1 408") and 15 < took < 30, (got[:50], took)
    got, took = results["handshake"]
    assert 10 < took < 25, took
    got, took = results["silent"]
    assert got == b"" and 10 < took < 25, (got, took)


@case
def a_scan_needs_a_pattern_and_a_test_machine(api):
    equal(api.json("POST", "/v1/system/scan", {"pattern": "0" * 15 + "1"}, want=200), {"found": 0})
    api.problem(403, "POST", "/v1/system/scan", {"pattern": "5ec2e7da7a5eed01"})
    api.problem(400, "POST", "/v1/system/scan", {"pattern": "xyz"}, field="pattern")
    api.problem(400, "POST", "/v1/system/scan", {}, field="pattern")


@case
def power_is_answered_before_it_acts(api):
    other = Api(PROGRAM, f"api.key={KEY}")
    other.problem(400, "POST", "/v1/system/power", {"action": "explode"}, field="action")
    other.problem(400, "POST", "/v1/system/power", {}, field="action")
    other.json("POST", "/v1/system/power", {"action": "off"}, want=202)
    equal(other.process.wait(10), 0)
    assert "power off" in other.text()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv[1]
    sys.exit(run(server, sys.argv[2:]))
