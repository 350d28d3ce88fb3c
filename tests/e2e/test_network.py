#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a sandbox may do on the network and what not, from inside one: real traffic, then forged
frames, claims and floods by its root. In QEMU; the host plays the outside (10.0.2.2).
usage: test_network.py [CASE-PATTERN...]"""
import hashlib
import http.server
import os
import socket
import sys
import threading
import time

from harness import case, equal, run

from appliance import Appliance

HOST = "10.0.2.2"  # QEMU's name for the host
UPLINK = "10.0.2.15"
SESSION = {}
BIG = os.urandom(8 << 20)

# Sends Ethernet frames: FRAME(src mac, dst mac, src ip, dst ip, payload) is UDP to PORT.
RAW = """
import socket, struct, sys
def csum(b):
    b += b'\\0' * (len(b) % 2)
    s = sum(struct.unpack('>%dH' % (len(b) // 2), b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
def mac(t): return bytes.fromhex(t.replace(':', ''))
def ip4(src, dst, proto, body):
    h = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(body), 7, 0, 64, proto, 0,
                    socket.inet_aton(src), socket.inet_aton(dst))
    return h[:10] + struct.pack('>H', csum(h)) + h[12:] + body
def udp(sport, dport, data): return struct.pack('>HHHH', sport, dport, 8 + len(data), 0) + data
def frame(smac, dmac, body, kind=0x0800): return mac(dmac) + mac(smac) + struct.pack('>H', kind) + body
GW = '02:42:48:00:00:01'
ME = open('/sys/class/net/eth0/address').read().strip()
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(('eth0', 0))
"""


def session(a, name="one"):
    if name not in SESSION:
        SESSION[name] = a.create("--name", name)
        done = a.run(SESSION[name], "for i in $(seq 120); do ip route | grep -q default && exit 0; "
                                    "sleep 0.5; done; exit 1")
        equal(done["exit_code"], 0)
    return SESSION[name]


def address(a, name):
    return a.api("GET", f"/v1/sessions/{session(a, name)}").json["address"]


def python(a, name, program, **fields):
    done = a.api("POST", f"/v1/sessions/{session(a, name)}/exec",
                 {"argv": ["python3", "-c", program], **fields}, timeout=300).json
    assert done["exit_code"] == 0, done
    return done["stdout"]


class Handler(http.server.BaseHTTPRequestHandler):
    got = {}

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BIG)))
        self.end_headers()
        self.wfile.write(BIG)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = hashlib.sha256(body).hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Outside:
    """Servers on the host that a sandbox reaches: HTTP, and UDP that notes and echoes."""

    def __init__(self):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp_port = self.udp.getsockname()[1]
        self.heard = []
        threading.Thread(target=self.echo, daemon=True).start()
        self.url = f"http://{HOST}:{self.http.server_port}/"

    def echo(self):
        while True:
            data, peer = self.udp.recvfrom(2048)
            self.heard.append(data)
            self.udp.sendto(data, peer)


outside = Outside()


def fetch(a, name):
    return python(a, name, "import urllib.request as u, hashlib as h\n"
                  f"print(h.sha256(u.urlopen('{outside.url}', timeout=60).read()).hexdigest())").strip()


# ---- what works ----


@case
def a_download_and_an_upload_arrive_whole(a):
    equal(fetch(a, "one"), hashlib.sha256(BIG).hexdigest())
    done = python(a, "one", "import urllib.request as u, hashlib as h, os\n"
                  "d = os.urandom(4 << 20)\n"
                  f"r = u.urlopen(u.Request('{outside.url}', data=d), timeout=60).read().decode()\n"
                  "print(r == h.sha256(d).hexdigest())")
    equal(done.strip(), "True")


@case
def datagrams_of_every_size_come_back(a):
    done = python(a, "one", "import socket, os\n"
                  "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)\n"
                  "bad = 0\n"
                  "for n in [0, 1, 2, 17, 18, 19, 511, 512, 1000, 1471, 1472]:\n"
                  "    d = os.urandom(n)\n"
                  "    for attempt in range(5):\n"
                  f"        s.sendto(d, ('{HOST}', {outside.udp_port}))\n"
                  "        try:\n"
                  "            if s.recv(2048) == d: break\n"
                  "        except TimeoutError: pass\n"
                  "    else: bad += 1\n"
                  "print(bad)")
    equal(done.strip(), "0")


@case
def the_site_s_dns_server_is_told(a):
    equal(a.run(session(a), "cat /etc/resolv.conf")["stdout"].split(), ["nameserver", "10.0.2.3"])


@case
def the_gateway_and_the_outside_answer_echo(a):
    for target in ("10.77.0.1", HOST):
        done = a.run(session(a), f"ping -c 2 -W 5 {target}")
        equal(done["exit_code"], 0)


@case
def the_interface_can_be_taken_down_and_connected_again(a):
    s = a.create("--name", "rebind")
    try:
        SESSION["rebind"] = s
        done = a.run(s, "cd /sys/bus/xen/drivers/vif && for i in 1 2 3; do echo vif-0 >unbind && "
                        "sleep 0.3; echo vif-0 >bind; sleep 0.3; done; "
                        "for i in $(seq 50); do ip link show eth0 >/dev/null 2>&1 && break; sleep 0.2; "
                        "done; ip link show eth0")
        equal(done["exit_code"], 0)
        done = a.run(s, f"ip link set eth0 up; ip addr add {address(a, 'rebind')}/16 dev eth0; "
                        "ip route add default via 10.77.0.1; ping -c 3 -W 5 10.77.0.1")
        equal(done["exit_code"], 0)
        equal(fetch(a, "rebind"), hashlib.sha256(BIG).hexdigest())
    finally:
        del SESSION["rebind"]
        a.cli("session", "rm", s, check=True)


# ---- what does not ----


@case
def nobody_inside_is_reachable(a):
    one = session(a)
    two = address(a, "two")
    listener = ("import socket\ns = socket.create_server(('0.0.0.0', 7777)); s.settimeout(40)\n"
                "try:\n    s.accept(); print('reached')\n"
                "except TimeoutError: print('alone')")
    heard = []
    t = threading.Thread(target=lambda: heard.append(python(a, "two", listener)))
    t.start()
    time.sleep(3)
    targets = [(two, 7777), ("10.77.0.2", 443), ("10.77.0.1", 443), ("10.77.0.1", 53),
               (UPLINK, 443), ("169.254.169.254", 80)]
    done = python(a, "one", "import socket\n"
                  f"for t in {targets!r}:\n"
                  "    try: socket.create_connection(t, 2); print('reached', t)\n"
                  "    except OSError: pass")
    equal(done, "")
    for target in (two, "10.77.0.2", UPLINK):
        assert a.run(one, f"ping -c 1 -W 2 {target}")["exit_code"] != 0, target
    t.join()
    equal(heard[0].strip(), "alone")


@case
def forged_frames_do_not_leave(a):
    one = session(a)
    mine, two = address(a, "one"), address(a, "two")
    port = outside.udp_port
    outside.heard.clear()
    program = RAW + f"""
def send(what, smac=ME, dmac=GW, src='{mine}'):
    raw.send(frame(smac, dmac, ip4(src, '{HOST}', 17, udp(5000, {port}, what))))
send(b'honest')
send(b'mac', smac='02:42:48:00:00:02')
send(b'gateway mac', smac=GW)
send(b'neighbour ip', src='{two}')
send(b'mgmt ip', src='10.77.0.2')
send(b'uplink ip', src='{UPLINK}')
send(b'host ip', src='{HOST}')
send(b'broadcast', dmac='ff:ff:ff:ff:ff:ff')
send(b'to mgmt mac', dmac='02:42:48:00:00:02')
raw.send(frame(ME, GW, b'\\x60' + bytes(60), 0x86dd))
import random
for i in range(2000):
    raw.send(frame(ME, GW, bytes(random.randrange(256) for b in range(random.randrange(1, 100)))))
send(b'honest again')
"""
    python(a, "one", program)
    deadline = time.monotonic() + 15
    while b"honest again" not in outside.heard and time.monotonic() < deadline:
        time.sleep(0.2)
    equal(set(outside.heard), {b"honest", b"honest again"})
    equal(a.run(one, "ping -c 1 -W 5 10.77.0.1")["exit_code"], 0)


@case
def claims_to_be_the_gateway_are_not_heard(a):
    program = RAW + """
def arp(op, sha, spa, tha, tpa):
    raw.send(frame(ME, 'ff:ff:ff:ff:ff:ff', struct.pack('>HHBBH', 1, 0x800, 6, 4, op) + mac(sha) +
             socket.inet_aton(spa) + mac(tha) + socket.inet_aton(tpa), 0x0806))
for i in range(200):
    arp(2, ME, '10.77.0.1', 'ff:ff:ff:ff:ff:ff', '10.77.1.1')
    arp(1, ME, '10.77.0.1', '00:00:00:00:00:00', '10.77.0.1')
"""
    session(a, "two")
    python(a, "one", program)
    equal(fetch(a, "two"), hashlib.sha256(BIG).hexdigest())


@case
def a_flood_stops_nobody_else(a):
    program = RAW + f"""
import time, random
end = time.time() + 20
big = bytes(1400)
while time.time() < end:
    for i in range(50):
        p = random.randrange(1, 65535)
        raw.send(frame(ME, GW, ip4('{address(a, "one")}', '{HOST}', 17, udp(p, 9, big))))
        raw.send(frame(ME, GW, ip4('{address(a, "one")}', '10.0.2.%d' % random.randrange(3, 250), 17, udp(p, 9, big))))
"""
    session(a, "two")
    t = threading.Thread(target=lambda: python(a, "one", program))
    t.start()
    time.sleep(3)
    start = time.monotonic()
    equal(fetch(a, "two"), hashlib.sha256(BIG).hexdigest())
    equal(a.api("GET", "/v1/health").status, 200)
    print(f"  8 MB beside the flood: {time.monotonic() - start:.1f} s")
    t.join()
    equal(fetch(a, "one"), hashlib.sha256(BIG).hexdigest())


class Ready:
    def __enter__(self):
        self.a = Appliance("qemu", mem=2048, cpus=2)
        self.a.start()
        return self.a.wait_ready(240)

    def __exit__(self, *_):
        self.a.stop()


if __name__ == "__main__":
    sys.exit(run(Ready, sys.argv[1:], on_restart=SESSION.clear))
