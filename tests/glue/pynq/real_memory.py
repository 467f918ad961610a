"""Runs in an environment with PYNQ itself: what its devices on a board do with buffers. XRT is a stand-in.

Prints what is asked of XRT: for a small cacheable buffer, and for the flush and the invalidate of a part of a buffer.
"""

import inspect
import json
from types import SimpleNamespace

import pynq
from pynq.pl_server import xrt_device

told = []


class Bo:
    """A buffer of the newer interface, which maintains all of it."""

    flags = SimpleNamespace(normal=0, cacheable=1 << 24)

    def __init__(self, handle, size, flags, index):
        told.append(["allocate", size, flags])

    def sync(self, direction):
        told.append([direction, "all"])


class Xrt:
    """The older interface."""

    xclBOSyncDirection = SimpleNamespace(XCL_BO_SYNC_BO_TO_DEVICE="to", XCL_BO_SYNC_BO_FROM_DEVICE="from")
    xclBOKind = SimpleNamespace(XCL_BO_DEVICE_RAM=0)

    def xclAllocBO(self, handle, size, kind, flags):
        told.append(["allocate", size, flags])
        return 1

    def xclSyncBO(self, handle, bo, direction, size, offset):
        told.append([direction, offset, size])
        return 0


def main():
    xrt_device.xrt = Xrt()
    xrt_device.pyxrt = SimpleNamespace(bo=Bo, xclBOSyncDirection=Xrt.xclBOSyncDirection)
    device = object.__new__(xrt_device.XrtDevice)
    device.handle = None
    bo = device.allocate_bo(100, 0, 1)
    device.flush(bo, 128, 0, 64)
    device.invalidate(bo, 128, 0, 64)
    parameter = inspect.signature(xrt_device._xrt_allocate).parameters["cacheable"]
    print(json.dumps({"version": pynq.__version__, "default": parameter.default, "told": told}))


main()
