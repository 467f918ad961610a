"""What real PYNQ takes for a device: the simulator's registers and memory, and the processor's clock registers.

Imported in an environment with PYNQ, of any version from 2.7 on. A PYNQ older than 3.0 parses metadata itself.
"""

import mmap
import os
import socket
import struct
from pathlib import Path

import numpy as np
import pynq
from pynq.buffer import PynqBuffer

VERSION = tuple(int(part) for part in pynq.__version__.split(".")[:2])

HELLO, REG_READ, REG_WRITE, _, FOR_DEVICE, FOR_CPU, BYE = range(1, 8)  # fluorite_sim_protocol.h


class SimulatedDevice(pynq.Device):
    """What PYNQ calls a device: registers and memory of the simulator."""

    _probe_priority_ = 1
    arch_given = "armv7l"

    @classmethod
    def _probe_(cls):
        return [cls(cls.arch_given)]

    def __init__(self, arch="armv7l"):
        super().__init__("simulated")
        self.arch = arch
        pynq.ps.CPU_ARCH = arch  # before 3.1 there
        self.processor = {}  # its registers, by address
        self.downloads = []
        self.window = 0

    def connect(self, path, arena):
        """To the simulator."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.bytes, self.base = self.ask(HELLO, 0, 1)
        with open(arena, "r+b") as file:
            self.arena = mmap.mmap(file.fileno(), self.bytes)
        self.taken = 0
        self.sizes = {}

    def ask(self, operation, address, value=0):
        self.socket.sendall(struct.pack("<IIQQQ", operation, 0, address, value, 0))
        reply = b""
        while len(reply) < 32:
            reply += self.socket.recv(32 - len(reply))
        status, _, value, value2, _ = struct.unpack("<IIQQQ", reply)
        assert status == 0
        return value, value2

    def has_capability(self, name):
        return name == "REGISTER_RW"

    def get_bitfile_metadata(self, name, partial=False):
        path = str(Path(name).with_suffix(".hwh"))
        if VERSION < (3, 0):
            from pynq.pl_server.hwh_parser import _HWHUltrascale, _HWHZynq

            return {"armv7l": _HWHZynq, "aarch64": _HWHUltrascale}[self.arch](hwh_name=path)
        from pynqmetadata.frontends import Metadata
        from pynqmetadata.views.runtime import RuntimeMetadataParser

        return RuntimeMetadataParser(Metadata(input=path))

    def download(self, bitstream, parser=None):
        self.downloads.append(os.path.basename(bitstream.bitfile_name))
        if VERSION < (3, 0):
            super().post_download(bitstream, parser)  # it tells the server what is loaded

    def read_registers(self, address, length):
        if address >> 24 in (0xF8, 0xFD, 0xFF):
            return struct.pack("<I", self.processor.get(address, 0))
        return struct.pack("<I", self.ask(REG_READ, address - self.window)[0])

    def write_registers(self, address, data):
        if address >> 24 in (0xF8, 0xFD, 0xFF):
            self.processor[address] = struct.unpack("<I", bytes(data))[0]
            return
        self.ask(REG_WRITE, address - self.window, struct.unpack("<I", bytes(data))[0])

    @property
    def default_memory(self):
        return self

    def allocate(self, shape, dtype, cacheable=0):
        dtype = np.dtype(dtype)
        size = int(np.prod(shape)) * dtype.itemsize
        memory = memoryview(self.arena)[self.taken : self.taken + size]
        made = PynqBuffer(
            shape, dtype, buffer=memory, bo=self.taken, device=self, device_address=self.base + self.taken
        )
        self.sizes[self.taken] = size
        made.memory, made.pointer, made.return_to = self, 1, None
        self.taken += -(-size // 4096) * 4096
        assert self.taken <= self.bytes
        return made

    def flush(self, bo, offset, address, bytes_):
        self.maintain(FOR_DEVICE, bo, offset, bytes_)

    def invalidate(self, bo, offset, address, bytes_):
        self.maintain(FOR_CPU, bo, offset, bytes_)

    def maintain(self, operation, bo, offset, bytes_):
        """As PYNQ's XRT devices: from 3.1 on the whole buffer."""
        if VERSION >= (3, 1):
            offset, bytes_ = 0, self.sizes[bo]
        self.ask(operation, bo + offset, bytes_)
