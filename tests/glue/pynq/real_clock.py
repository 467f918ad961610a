"""Runs in an environment with PYNQ itself: which clock its Overlay sets, and which ours.

Arguments: the folder of the module, its name, the processor's architecture, and multiples of the crystal at which its
IO PLL runs. Prints, for each, the rates in MHz of ``pynq.Overlay`` (or the error) and of the module's ``Overlay``.
"""

import importlib
import json
import sys
import warnings
from pathlib import Path

import pynq
from real_device import SimulatedDevice

#: By architecture: the IO PLL's control register, where its multiple is, and that of the fabric's first clock.
REGISTERS = {"armv7l": (0xF800_0108, 12, 0xF800_0170), "aarch64": (0xFF5E_0020, 8, 0xFF5E_00C0)}


def main():
    folder, name, arch, *multiples = sys.argv[1:]
    SimulatedDevice.arch_given = arch
    device = pynq.Device.active_device
    sys.path.insert(0, folder)
    module = importlib.import_module(name)
    path = Path(folder) / f"{name}.bit"
    path.write_bytes(b"")
    told = []
    warnings.simplefilter("ignore")
    for multiple in multiples:
        rates = []
        for overlay in (pynq.Overlay, module.Overlay):
            pll, shift, clock = REGISTERS[arch]
            device.processor.clear()
            device.processor[pll] = int(multiple) << shift
            try:
                overlay(str(path))
            except TypeError:
                rates.append("TypeError")
                continue
            control = device.processor[clock]
            product = (control >> 8 & 63) * (control >> 16 + 4 * (arch == "armv7l") & 63)
            assert device.downloads.pop() == path.name
            assert pynq.Clocks.fclk0_mhz * product > 900
            rates.append(pynq.Clocks.fclk0_mhz)
        told.append(rates)
    print(json.dumps({"version": pynq.__version__, "rates": told}))


main()
