"""A tree to build modules with, made of a kernel's source: for architectures that no headers are to be had for.

It does not know which functions the kernel has for modules, since that is known when the kernel has been built.
"""

from fluorite.host.toolchain import run_tool

#: How the kernel driver, or a tree, is made for an architecture here.
CROSS = {
    "x86_64": ("CC=gcc",),
    "arm": ("CROSS_COMPILE=arm-linux-gnueabihf-", "CC=arm-linux-gnueabihf-gcc"),
    "arm64": ("CROSS_COMPILE=aarch64-linux-gnu-", "CC=aarch64-linux-gnu-gcc"),
}
_CONFIGURATIONS = {"arm": "multi_v7_defconfig", "arm64": "defconfig"}
_TREE = ("Makefile", "Kbuild", ".config", "include", "scripts", "arch/{arch}/Makefile", "arch/{arch}/include")
#: Most of the archive: what is compiled into a kernel. Configurations are read everywhere.
_LEFT_OUT = (
    *(f"{folder}{'/*' * depth}/*.[ch]" for folder in ("drivers", "fs", "net", "sound") for depth in (1, 2, 3)),
    "*.rst", "*.dts", "*.dtsi", "tools/testing/*", "Documentation/*/*",
)  # fmt: skip


def made_of_source(packages, arch, work):
    """Make the tree in ``work/tree``, of the source that was unpacked there."""
    sources = packages / "usr/src"
    archive = next(path for path in sources.rglob("linux-source-*.tar.*") if not path.is_symlink())
    run_tool(["tar", "-C", str(work), "-xf", str(archive), *(f"--exclude=linux-*/{name}" for name in _LEFT_OUT)])
    (folder,) = work.glob("linux-source-*")
    command = ["make", "-s", f"ARCH={arch}", *CROSS[arch]]
    run_tool([*command, _CONFIGURATIONS[arch]], cwd=folder)
    run_tool([*command, "-j2", "modules_prepare"], cwd=folder)
    made = work / "tree/usr/src/linux-headers-made"
    (made / "ubuntu/include").mkdir(parents=True)  # Ubuntu's has it, and its Makefile asks for it
    for name in (name.format(arch=arch) for name in _TREE):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(made / name)
