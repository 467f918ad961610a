"""The steps for the images that people have on three boards: part of ``linux/README.md``."""

from __future__ import annotations

from collections.abc import Callable

from fluorite.boards.placement import Placement
from fluorite.glue.linux.memory import Arena

__all__ = ["walk"]

_PYNQ = """\
Nobody has tried these steps on the board yet. They were put together from documents and sources of the image; what is
said of interrupts and UIO, a simulated Zynq with the image's device `fabric` does. Where the image is different,
`install` stops and says what it found."""
_KRIA = """\
Nobody has tried these steps on the board yet. They were put together from documents and sources of the image; a
simulated board with another kernel, an application in the FPGA and an imitation of `xmutil` goes through
step 2 and the program."""
_PETALINUX = """\
Nobody has tried these steps on the board yet, nor run PetaLinux for them: they were put together from its documents and
sources. A simulated Zynq, booted as the board is then, with labels and reserved memory in its base tree, goes through
step 5."""


def walk(name: str, placement: Placement, memory: Arena) -> str:
    """A section of the README for the board, empty where no image was looked at.

    Parameters
    ----------
    name : str
        The design as an identifier.
    placement : Placement
    memory : Arena
    """
    steps = _BOARDS.get(placement.board.name)
    return "" if steps is None else "\n" + steps(name, placement.accelerators[0].registers.name, memory.size_bytes)


def _pynq_z2(name: str, device: str, memory_bytes: int) -> str:
    return f"""\
## PYNQ-Z2 with PYNQ's image v3.0.1, step by step

{_PYNQ}

Without a module: UIO, which this image's kernel is told of (`uio_pdrv_genirq.of_id=generic-uio`), and memory of XRT's
driver. For Python there is `../pynq/`, which needs nothing of this folder.

1. On the computer that builds. The image has glibc 2.35, so the C library goes into the program:

       make -C ../vivado                                  # Vivado: the bitstream
       make
       make -C ../software TARGET=arm-32-linux STATIC=1
       scp install udev.rules {name}.bin {name}-uio.dtbo ../software/build-arm-32-linux-uio/{name} xilinx@pynq:

2. On the board (`ssh xilinx@pynq`; the password is `xilinx`):

       sudo ./install --uio

   says that UIO let go of `40000000.fabric`, which holds the FPGA's first interrupt, and that `{device}` is there.
   PYNQ's own overlays in a notebook use that device: `sudo ./install --remove` gives it back.

3. Run. XRT's memory needs no rights, UIO those of the group video, or root:

       export FLUORITE_ARENA=zocl:{memory_bytes}
       sudo -E ./{name} --help

With the kernel driver instead, for buffers of cameras: `make -C driver` on the board, if the kernel's headers are there
(`ls /lib/modules/$(uname -r)/build`), then `fluorite.ko` and `{name}.dtbo` beside `install`, and `sudo ./install`.
"""


def _kv260(name: str, device: str, memory_bytes: int) -> str:
    del memory_bytes
    return f"""\
## KV260 with Ubuntu 22.04 or 24.04, step by step

{_KRIA}

Without a module: UIO, and a huge page for memory.

1. On the computer that builds:

       make -C ../vivado                                  # Vivado: the bitstream
       make firmware DRIVER=-uio
       make -C ../software TARGET=arm-64-linux STATIC=1
       scp -r firmware/{name} ubuntu@kria:
       scp ../software/build-arm-64-linux-uio/{name} ubuntu@kria:{name}-program

2. On the board (`ssh ubuntu@kria`). dfx-mgr loads one application at a time, and one is loaded after a boot:

       sudo cp -r {name} /lib/firmware/xilinx/
       sudo modprobe uio_pdrv_genirq of_id=generic-uio    # where it is a module
       sudo xmutil listapps
       sudo xmutil unloadapp
       sudo xmutil loadapp {name}
       grep . /sys/class/uio/uio*/name                    # {device}

   With Kria-PYNQ on the image, free the FPGA's first interrupt before `loadapp` (*Where the interrupt is taken*).
   dfx-mgr takes a folder with a `.bit.bin`, a `.dtbo` and `shell.json`, and nothing else in it. If UIO names no device,
   look for `uio_pdrv_genirq.of_id=generic-uio` in `/proc/cmdline`.

3. Run; a huge page is for root:

       echo 1 | sudo tee /sys/kernel/mm/hugepages/hugepages-32768kB/nr_hugepages
       sudo FLUORITE_ARENA=hugepage:33554432 ./{name}-program --help

   The page needs 32 MiB in one piece: soon after the boot there is one. Larger images take several launches, or
   `hugepagesz=1G hugepages=1` among the kernel's arguments and `FLUORITE_ARENA=hugepage:1073741824`.

Without dfx-mgr, `install` does the same as on other boards: `make`, copy `install`, `udev.rules`, `{name}.bin`
and `{name}-uio.dtbo`, then `sudo xmutil unloadapp` and `sudo ./install --uio`. With the kernel driver: Ubuntu has its
kernel's headers (`sudo apt install linux-headers-$(uname -r)`), so that `make -C driver` and `sudo make -C driver
install` work on the board, and `driver/dkms.conf` builds it again for every new kernel.
"""


def _zedboard(name: str, device: str, memory_bytes: int) -> str:
    mib = memory_bytes >> 20
    return f"""\
## ZedBoard with PetaLinux 2022.2, step by step

{_PETALINUX}

PetaLinux builds kernel and base device tree, so that both can be as they should be, the kernel driver comes with them,
and memory is reserved.

1. A project of the hardware that Vivado exported (`make -C ../vivado`):

       petalinux-create -t project --template zynq -n zed && cd zed
       petalinux-config --get-hw-description /path/to/vivado/output/{name}.xsa

   and in its menu: *FPGA Manager* on (then the FPGA's part is not in the base tree, and the kernel has
   `CONFIG_OF_OVERLAY`, `CONFIG_OF_FPGA_REGION`, `CONFIG_FPGA_MGR_ZYNQ_FPGA`); *DTG Settings*, *Devicetree overlay* on:
   the base tree is built with labels (`-@`). Its *Kernel Bootargs* need nothing for the kernel driver; for UIO add
   `uio_pdrv_genirq.of_id=generic-uio`.

2. Memory, {mib} MiB of it: copy `reserved/reserved-memory.dtsi` to
   `project-spec/meta-user/recipes-bsp/device-tree/files/`, and add to `system-user.dtsi` there

       /include/ "reserved-memory.dtsi"

   and to `device-tree.bbappend` in the folder above

       SRC_URI:append = " file://reserved-memory.dtsi"

3. The driver as a recipe, and the program:

       petalinux-create -t modules --name fluorite --enable
       cp /path/to/linux/driver/* project-spec/meta-user/recipes-modules/fluorite/files/

   List these files in `SRC_URI` of `fluorite.bb`, as `file://NAME` each. Our Makefile replaces the one that came with
   the recipe, and takes the kernel that the recipe names (`KERNEL_SRC`). Then

       petalinux-build && petalinux-package --boot --fsbl --u-boot
       make -C ../software TARGET=arm-32-linux STATIC=1

4. What the board loads, with the overlay of `reserved/`:

       cp reserved/{name}.dtso . && make
       scp install udev.rules {name}.bin {name}.dtbo ../software/build-arm-32-linux-uio/{name} petalinux@zedboard:

5. On the board (`ssh petalinux@zedboard`):

       sudo modprobe fluorite
       sudo ./install
       ls /dev/fluorite-{device}
       ./{name} --help
"""


_BOARDS: dict[str, Callable[[str, str, int], str]] = {"pynq-z2": _pynq_z2, "kv260": _kv260, "zedboard": _zedboard}
