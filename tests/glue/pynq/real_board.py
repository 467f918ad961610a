"""Runs in an environment with PYNQ itself: its Overlay, DefaultIP, MMIO, PynqBuffer on a simulated accelerator.

Arguments: the folder of the module, its name, the accelerator's name, the simulator's socket, the arena's file, and an
.npz file with the inputs ``in0``, ...; the outputs go into ``out0``, ... of ``<inputs>.out.npz``.
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pynq
from real_device import BYE, SimulatedDevice


def main():
    folder, name, ip, path, arena, images = sys.argv[1:]
    device = pynq.Device.active_device
    assert type(device) is SimulatedDevice
    device.connect(path, arena)
    sys.path.insert(0, folder)
    module = importlib.import_module(name)
    (Path(folder) / f"{name}.bit").write_bytes(b"")
    device.processor[0xF800_0108] = 20 << 12  # the PLL at 1 GHz
    overlay = module.Overlay()
    assert device.downloads == [f"{name}.bit"]
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
