"""Runs in an environment with PYNQ itself: its Overlay, DefaultIP, MMIO, PynqBuffer on a simulated accelerator.

Arguments: the folder of the module, its name, the accelerator's name, the simulator's socket, the arena's file, and an
.npz file with the inputs ``in0``, ...; the outputs go into ``out0``, ... of ``<inputs>.out.npz``.
"""

import importlib
import json
import mmap
import socket
import struct
import sys
from pathlib import Path

import numpy as np
import pynq
from pynq.buffer import PynqBuffer
from pynqmetadata.frontends import Metadata
from pynqmetadata.views.runtime import RuntimeMetadataParser

HELLO, REG_READ, REG_WRITE, _, FOR_DEVICE, FOR_CPU, BYE = range(1, 8)  # fluorite_sim_protocol.h


class SimulatedDevice(pynq.Device):
    """What PYNQ calls a device: registers and memory of the simulator."""

    _probe_priority_ = 1
    arguments = ()

    @classmethod
    def _probe_(cls):
        return [cls(*cls.arguments)]

    def __init__(self, path, arena):
        super().__init__("simulated")
        self.arch = "armv7l"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.bytes, self.base = self.ask(HELLO, 0, 1)
        with open(arena, "r+b") as file:
            self.arena = mmap.mmap(file.fileno(), self.bytes)
        self.taken = 0
        self.window = 0

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
        return RuntimeMetadataParser(Metadata(input=str(Path(name).with_suffix(".hwh"))))

    def read_registers(self, address, length):
        return struct.pack("<I", self.ask(REG_READ, address - self.window)[0])

    def write_registers(self, address, data):
        self.ask(REG_WRITE, address - self.window, struct.unpack("<I", bytes(data))[0])

    @property
    def default_memory(self):
        return self

    def allocate(self, shape, dtype):
        dtype = np.dtype(dtype)
        size = int(np.prod(shape)) * dtype.itemsize
        memory = memoryview(self.arena)[self.taken : self.taken + size]
        made = PynqBuffer(
            shape, dtype, buffer=memory, bo=self.taken, device=self, device_address=self.base + self.taken
        )
        made.memory, made.pointer, made.return_to = self, 1, None
        self.taken += -(-size // 4096) * 4096
        assert self.taken <= self.bytes
        return made

    def flush(self, bo, offset, address, bytes_):
        self.ask(FOR_DEVICE, bo + offset, bytes_)

    def invalidate(self, bo, offset, address, bytes_):
        self.ask(FOR_CPU, bo + offset, bytes_)


def main():
    folder, name, ip, path, arena, images = sys.argv[1:]
    SimulatedDevice.arguments = (path, arena)
    device = pynq.Device.active_device
    assert type(device) is SimulatedDevice
    sys.path.insert(0, folder)
    module = importlib.import_module(name)
    (Path(folder) / f"{name}.bit").write_bytes(b"")
    overlay = pynq.Overlay(f"{folder}/{name}.bit", download=False)
    device.window = overlay.ip_dict[ip]["phys_addr"]
    accelerator = getattr(overlay, ip)
    assert isinstance(accelerator, module.Accelerator)
    inputs = np.load(images)
    given = [inputs[f"in{n}"] for n in range(len(inputs.files))]
    copied = accelerator(*given)
    shape = copied.shape[: len(accelerator.LOOPS)]
    buffers, result = accelerator.allocate_inputs(*shape), accelerator.allocate_output(*shape)
    for buffer, image in zip(buffers, given, strict=True):
        buffer[...] = image
    taken = device.taken
    assert accelerator(*buffers, out=result) is result
    assert device.taken == taken  # nothing was copied
    np.savez(f"{images}.out", out0=copied, out1=np.asarray(result))
    version = int(accelerator.register_map.version)  # PYNQ's own registers, from the .hwh
    assert version == accelerator.registers.read("version")
    print(json.dumps({"version": pynq.__version__, "registers": version, "counters": accelerator.counters()}))
    device.ask(BYE, 0)


main()
