# SPDX-License-Identifier: MIT
"""A Bulkhead appliance in an emulator, driven from outside as a user would: by its console, its API
and the bulkhead command line. Used by the demo, `make run` and the end-to-end tests."""
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

import rig

CLI = os.path.join(rig.BUILD, "tools", "bulkhead")
READY = re.compile(rb"bulkhead: API ready on port (\d+)\s")
PIN = re.compile(rb"bulkhead: public key pin (sha256//[A-Za-z0-9+/=]+)\s")
KEY = re.compile(rb"bulkhead: API key (bhk_[A-Za-z0-9_-]+)\s")
TROUBLE = re.compile(rb"hv: panic|PANIC|guest: shutdown|domain [01] vcpu")


class NotReady(Exception):
    pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def image_with(options, folder):
    """A copy of the appliance's image whose ESP carries these option lines."""
    config = os.path.join(folder, "bulkhead.cfg")
    with open(config, "w") as f:
        f.write("".join(f"{k}={v}\n" for k, v in options.items()))
    image = os.path.join(folder, "bulkhead.img")
    base = os.path.join(rig.BUILD, "sandbox", "base.squashfs")
    subprocess.run([os.path.join(rig.TOP, "tools/image/mkimage"), image,
                    os.path.join(rig.BUILD, "bulkhead.efi"), f"{config}=bulkhead/bulkhead.cfg",
                    f"{base}=bulkhead/base.img", f"{base}.hash=bulkhead/base.tree"], check=True)
    return image


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Appliance:
    """kind: 'qemu' (AMD-V) or 'bochs' (VT-x)."""

    deaths = 0  # machines that ended by themselves; their consoles are kept in build/tests

    def __init__(self, kind="qemu", mem=None, cpus=2, options=None, icount=False, port=None,
                 extra=()):
        self.dir = tempfile.mkdtemp(prefix="bulkhead-run-")
        self.serial = os.path.join(self.dir, "console.txt")
        self.port = port or free_port()
        image = (image_with(options, self.dir) if options
                 else os.path.join(rig.BUILD, "bulkhead.img"))
        if kind == "qemu":
            self.rig = rig.Qemu(image, mem=mem or 2048, cpus=cpus, serial=self.serial,
                                hostfwd=self.port, icount=icount,
                                kvm=os.environ.get("ACCEL") == "kvm", extra=extra)
        else:
            self.rig = rig.Bochs(image, mem=mem or 1024, cpus=cpus, serial=self.serial,
                                 hostfwd=self.port)
        self.kind = kind
        self.pin = self.key = None
        self.env = {**os.environ, "BULKHEAD_CONFIG": os.path.join(self.dir, "config")}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.rig.start()

    def died(self):
        return self.rig.process is not None and self.rig.process.poll() is not None

    def stop(self):
        if self.died():
            Appliance.deaths += 1
            os.makedirs(os.path.join(rig.BUILD, "tests"), exist_ok=True)
            shutil.copy(self.serial, os.path.join(rig.BUILD, "tests", f"died-{self.port}.txt"))
        self.rig.stop()
        keep = os.environ.get("BULKHEAD_KEEP_CONSOLE")
        if keep and os.path.exists(self.serial):
            shutil.copy(self.serial, keep)
        shutil.rmtree(self.dir, ignore_errors=True)

    def console(self):
        try:
            with open(self.serial, "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def wait_console(self, pattern, timeout):
        """Waits for a console line; raises NotReady with the console's end if it does not come."""
        deadline = time.monotonic() + timeout
        while True:
            text = self.console()
            found = re.search(pattern, text)
            if found:
                return found
            ended = self.rig.process.poll() is not None
            if ended or time.monotonic() > deadline or TROUBLE.search(text):
                tail = text[-3000:].decode(errors="replace")
                why = "the emulator ended" if ended else "not seen in time"
                raise NotReady(f"{pattern!r}: {why}; console ends:\n{tail}")
            time.sleep(0.05)

    def wait_ready(self, timeout=120):
        """Waits until the API answers, takes pin and key from the console and logs the CLI in."""
        self.wait_console(READY, timeout)
        self.pin = self.wait_console(PIN, 10).group(1).decode()
        self.key = self.wait_console(KEY, 10).group(1).decode()
        deadline = time.monotonic() + timeout
        while True:
            try:
                if self.api("GET", "/v1/health", timeout=20).status == 200:
                    break
            except (OSError, http.client.HTTPException):
                pass
            if time.monotonic() > deadline:
                raise NotReady("the API does not answer; console ends:\n" +
                               self.console()[-3000:].decode(errors="replace"))
            time.sleep(0.2)
        self.cli("login", self.url, "--pin", self.pin, "--key", self.key, check=True)
        return self

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    # ---- the command line ----

    def cli(self, *args, check=False, stdin=None, timeout=300):
        done = subprocess.run([CLI, *args], env=self.env, input=stdin, capture_output=True,
                              timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"bulkhead {' '.join(args)}: exit {done.returncode}: "
                                 f"{done.stderr.decode(errors='replace')}")
        return done

    def create(self, *args, timeout=300):
        return self.cli("session", "create", *args, check=True, timeout=timeout).stdout.decode().strip()

    # ---- the API ----

    def connect(self, timeout=60):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # tests of the pin use the command line
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)

    def api(self, method, path, body=None, headers=None, timeout=60, connection=None, key=None):
        c = connection or self.connect(timeout)
        headers = dict(headers or {})
        key = self.key if key is None else key
        if key:
            headers.setdefault("Authorization", f"Bearer {key}")
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            c.request(method, path, body, headers)
            response = c.getresponse()
            return Answer(response, response.read())
        finally:
            if not connection:
                c.close()

    def system(self):
        return self.api("GET", "/v1/system").json

    def run(self, session, shell, **fields):
        """A shell line through the API in complete mode."""
        return self.api("POST", f"/v1/sessions/{session}/exec", {"shell": shell, **fields},
                        timeout=300).json
