# SPDX-License-Identifier: MIT
"""The two emulators Bulkhead is tested in. Used by run-qemu, run-bochs, run-guest and the tests.

Every run is independent: a folder of its own, the disk image never written (a snapshot in QEMU, a
copy in Bochs), and the emulator dies with the process that started it.
"""
import ctypes
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("O", os.path.join(TOP, "build"))
TIMED_OUT = 124
OVMF_QEMU = "/usr/share/OVMF/OVMF_CODE.fd"
OVMF_BOCHS = "/usr/share/ovmf/OVMF.fd"
CYLINDER = 16 * 63 * 512


def die_with_parent():
    """In the child: PR_SET_PDEATHSIG, so that no emulator outlives a killed runner."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def add_common_arguments(parser):
    parser.add_argument("--img", default=os.path.join(BUILD, "bulkhead.img"), help="disk image")
    parser.add_argument("--mem", type=int, help="MB of RAM")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--serial", default="stdio", help="'stdio' or a file for the serial log")
    parser.add_argument("--hostfwd", type=int, metavar="PORT",
                        help="127.0.0.1:PORT reaches the API; 0 or absent: a NIC without it")
    parser.add_argument("--timeout", type=float, help="seconds; exit status 124 when they are over")


class Qemu:
    """AMD-V by TCG; either vendor with kvm=True on a host that nests."""

    def __init__(self, img, mem=None, cpus=2, serial="stdio", hostfwd=0, icount=False, kvm=False,
                 debug=None, debug_exit=False, net=True, extra=()):
        netdev = "user,id=n0"
        if hostfwd:
            netdev += f",hostfwd=tcp:127.0.0.1:{hostfwd}-:443"
        self.command = [
            "qemu-system-x86_64", "-machine", "q35", "-m", str(mem or 2048), "-smp", str(cpus),
            "-nodefaults", "-no-reboot", "-display", "none", "-vga", "none",
            "-drive", f"if=pflash,format=raw,readonly=on,file={OVMF_QEMU}",
            "-drive", f"if=none,id=d0,format=raw,snapshot=on,file={img}",
            "-device", "ide-hd,drive=d0,bus=ide.0,bootindex=0",
            "-chardev", "stdio,id=s0,signal=on" if serial == "stdio" else f"file,id=s0,path={serial}",
            "-serial", "chardev:s0"]
        if net:
            self.command += ["-netdev", netdev, "-device", "virtio-net-pci,netdev=n0,romfile="]
        if kvm:
            self.command += ["-accel", "kvm", "-cpu", "host"]
        else:
            # docs/limits.md, known defect 1: with a thread a CPU the appliance dies now and then
            threads = "single" if icount else os.environ.get("BULKHEAD_TCG_THREADS", "single")
            self.command += ["-accel", f"tcg,thread={threads}", "-cpu", "max"]
        if icount:
            self.command += ["-icount", "shift=0,sleep=off"]
        if debug:
            self.command += ["-d", "int,cpu_reset", "-D", debug]
        if debug_exit:
            self.command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
        self.command += extra
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, preexec_fn=die_with_parent)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()  # nothing to save: the disk is a snapshot
            self.process.wait()


BOCHSRC = """\
plugin_ctrl: unmapped=true, biosdev=true, speaker=false, extfpuirq=true, parallel=false, serial=true, iodebug=true, e1000=true
config_interface: textconfig
display_library: term
memory: guest={mem}, host={mem}
romimage: file={ovmf}, address=0xffe00000
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model=corei7_skylake_x, count={cpus}, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
clock: sync=none
pci: enabled=1, chipset=i440fx{slot}
{nic}
vga: extension=vbe, update_freq=5
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path={disk}, mode=flat, cylinders={cylinders}, heads=16, spt=63
com1: enabled=1, mode=file, dev={serial}
log: {log}
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""


class Bochs:
    """VT-x. The serial log is a file; with serial='stdio' it is copied to standard output."""

    def __init__(self, img, mem=None, cpus=2, serial="stdio", hostfwd=0, net=True, debug=None):
        self.dir = tempfile.mkdtemp(prefix="bulkhead-bochs-")
        self.echo = serial == "stdio"
        self.serial = self.path("com1.txt") if self.echo else os.path.abspath(serial)
        self.log = os.path.abspath(debug) if debug else self.path("bochs.log")
        self.process = None
        self.threads = []

        # cp makes a sparse copy, by reflink where the file system can
        subprocess.run(["cp", "--reflink=auto", "--sparse=always", img, self.path("disk.img")],
                       check=True)
        open(self.serial, "wb").close()
        with open(self.path("slirp.conf"), "w") as f:
            f.write("# slirp config\n")
            if hostfwd:
                f.write(f"hostfwd = tcp:127.0.0.1:{hostfwd}-10.0.2.15:443\n")
        nic = ("e1000: enabled=1, mac=52:54:00:12:34:56, ethmod=slirp, "
               f"script={self.path('slirp.conf')}")
        with open(self.path("bochsrc"), "w") as f:
            f.write(BOCHSRC.format(
                mem=mem or 1024, cpus=cpus, ovmf=OVMF_BOCHS, disk=self.path("disk.img"),
                cylinders=os.path.getsize(img) // CYLINDER, serial=self.serial, log=self.log,
                slot=", slot2=e1000" if net else "", nic=nic if net else ""))
        with open(self.path("rc"), "w") as f:
            f.write("c\n")

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self):
        # Bochs's text display insists on a terminal; nobody looks at it.
        master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["bochs", "-q", "-f", self.path("bochsrc"), "-rc", self.path("rc")],
            stdin=slave, stdout=slave, stderr=slave, cwd=self.dir, start_new_session=True,
            env={**os.environ, "TERM": "xterm"}, preexec_fn=die_with_parent)
        os.close(slave)
        self.spawn(self.drain, master)
        if self.echo:
            self.spawn(self.copy_serial)

    def spawn(self, work, *args):
        thread = threading.Thread(target=work, args=args, daemon=True)
        thread.start()
        self.threads.append(thread)

    @staticmethod
    def drain(master):
        try:
            while os.read(master, 65536):
                pass
        except OSError:
            pass
        os.close(master)

    def copy_serial(self):
        with open(self.serial, "rb") as f:
            while True:
                ended = self.process.poll() is not None
                data = f.read()
                if data:
                    sys.stdout.buffer.write(data)
                    sys.stdout.buffer.flush()
                elif ended:
                    return
                else:
                    time.sleep(0.05)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join(2)
        shutil.rmtree(self.dir, ignore_errors=True)


def run_to_end(rig, timeout, watch=None):
    """Start, wait and clean up. Exit status of the emulator, TIMED_OUT, or what `watch` returns:
    it is called often and ends the run by returning a number."""
    # Only unwinds: the wait that a signal interrupts holds a lock that stop() needs.
    def on_signal(number, _frame):
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    deadline = time.monotonic() + timeout if timeout else None
    try:
        rig.start()
        while True:
            status = watch() if watch else None
            if status is not None:
                return status
            try:
                return rig.process.wait(0.1 if watch else 0.5)
            except subprocess.TimeoutExpired:
                pass
            if deadline and time.monotonic() > deadline:
                return TIMED_OUT
    finally:
        rig.stop()
