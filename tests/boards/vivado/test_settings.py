"""Settings of the flow: a logic analyser, strategies, incremental builds, modules that are not packaged."""

import pytest


def test_debug(copy, vivado):
    folder = copy("pynq-z2")
    result = vivado(folder, DEBUG="1")
    assert result.code == 0, result.error
    masters = [
        "vivado_blend_axi/m_axi_left", "vivado_blend_axi/m_axi_right", "vivado_blend_axi/m_axi_vivado_blend",
        "vivado_edges_axi/m_axi_vivado_middle", "vivado_edges_axi/m_axi_vivado_edges",
    ]  # fmt: skip
    assert sorted(result.design["watching"].values()) == sorted(masters)
    assert set(result.design["watching"]) == {f"debug/SLOT_{n}_AXI" for n in range(5)}
    assert (folder / "output" / "vivado_two.ltx").exists()
    # What is watched is as it is without.
    plain = vivado(copy("zcu104"))
    assert plain.design["watching"] == {}
    assert not (folder.parent / "zcu104" / "output" / "vivado_two.ltx").exists()


SEEDED = [
    (
        "block_design.tcl", "    clocked debug clk resetn\n", "",
        "validate_bd_design: clock pin debug/clk is not connected",
    ),
    (
        "block_design.tcl",
        "        connect $accelerator/$bus debug/SLOT_${slot}_AXI\n",
        "",
        "validate_bd_design: debug/SLOT_0_AXI watches nothing",
    ),
    (
        "block_design.tcl",
        "        connect $accelerator/$bus debug/SLOT_${slot}_AXI\n",
        "        connect $accelerator/$bus debug/SLOT_0_AXI\n",
        "connect_bd_intf_net: debug/SLOT_0_AXI watches vivado_blend_axi/m_axi_left already",
    ),
    (
        "block_design.tcl",
        "INTF_TYPE xilinx.com:interface:aximm_rtl:1.0",
        "INTF_TYPE xilinx.com:interface:aximm:1.0",
        "set_property: CONFIG.C_SLOT_0_INTF_TYPE of debug must be choice of xilinx.com:interface:aximm_rtl:1.0 "
        "xilinx.com:interface:axis_rtl:1.0, not 'xilinx.com:interface:aximm:1.0'",
    ),
    (
        "block_design.tcl",
        "    add_memory_ports\n    if {[setting DEBUG 0]} {\n        add_debug\n    }\n",
        "    add_debug\n    add_memory_ports\n",
        "connect_bd_intf_net: debug/SLOT_0_AXI watches one connection that is there, not vivado_blend_axi/m_axi_left",
    ),
    (
        "build.tcl",
        "if {[llength [get_debug_cores -quiet]]}",
        "if {[set ::masters {}] eq {}}",
        None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new", "message"), SEEDED)
def test_seeded_errors_of_debug(copy, vivado, path, old, new, message):
    folder = copy("pynq-z2")
    text = (folder / path).read_text()
    assert old in text
    (folder / path).write_text(text.replace(old, new))
    if message is None:  # probes of a design without any
        assert vivado(folder).error == "write_debug_probes: the design has no debug cores\n"
    else:
        assert vivado(folder, DEBUG="1").error == message + "\n"


def test_debug_of_too_many_masters(copy, vivado):
    folder = copy("pynq-z2")
    text = (folder / "block_design.tcl").read_text()
    (folder / "block_design.tcl").write_text(text.replace("set count [llength $masters]", "set count 17"))
    assert vivado(folder, DEBUG="1").error == (
        "fluorite: DEBUG: a System ILA watches 16 interfaces, not 17: leave masters out in design.tcl's list\n"
    )


def test_strategies(copy, vivado):
    settings = {"SYNTH_STRATEGY": "Flow_PerfOptimized_high", "IMPL_STRATEGY": "Performance_ExplorePostRoutePhysOpt"}
    result = vivado(copy("pynq-z2"), **settings)
    assert result.code == 0, result.error
    assert "synth_1 strategy Flow_PerfOptimized_high" in result.design["steps"]
    assert "impl_1 strategy Performance_ExplorePostRoutePhysOpt" in result.design["steps"]
    result = vivado(copy("zcu104"), IMPL_STRATEGY="")
    assert not any("strategy" in step for step in result.design["steps"])


def test_strategy_too_late(copy, vivado):
    folder = copy("pynq-z2")
    text = (folder / "build.tcl").read_text()
    late = text.replace("    set_runs $here\n", "").replace(
        "    open_run impl_1\n", "    set_runs $here\n    open_run impl_1\n", 1
    )
    (folder / "build.tcl").write_text(late)
    assert vivado(folder, IMPL_STRATEGY="Performance_Explore").error == (
        "set_property: impl_1 has been launched, and strategy comes too late\n"
    )


def test_incremental(copy, vivado):
    folder = copy("pynq-z2")
    result = vivado(folder, INCREMENTAL="1")
    assert result.code == 0, result.error
    steps = result.design["steps"]
    assert "impl_1 AUTO_INCREMENTAL_CHECKPOINT 1" in steps
    # Beside the project, which the next run makes anew.
    assert f"impl_1 AUTO_INCREMENTAL_CHECKPOINT.DIRECTORY {folder}/incremental" in steps
    text = (folder / "build.tcl").read_text()
    (folder / "build.tcl").write_text(text.replace("        file mkdir $folder\n", ""))
    (folder / "incremental").rmdir()
    assert vivado(folder, INCREMENTAL="1").error == (
        f"set_property AUTO_INCREMENTAL_CHECKPOINT.DIRECTORY: there is no folder {folder}/incremental\n"
    )


@pytest.mark.parametrize("board", ["pynq-z2", "zcu104"])
def test_modules_that_are_not_packaged(copy, vivado, board):
    """The fallback for a Vivado that does not read our component.xml: the same nets, the same addresses."""
    folder = copy(board)
    packaged = vivado(folder).design
    for component in folder.glob("ip/*/component.xml"):
        component.write_text("nothing that could be read")
    result = vivado(folder, MODULE_REFERENCE="1")
    assert result.code == 0, result.error
    for part in ("nets", "interfaces", "addresses", "excluded"):
        assert result.design[part] == packaged[part]
    cores = {name: cell["core"] for name, cell in result.design["cells"].items() if name.endswith("_axi")}
    assert cores == {name: f"xilinx.com:module_ref:{name}:1.0" for name in ("vivado_blend_axi", "vivado_edges_axi")}


def test_module_that_is_not_there(copy, vivado):
    folder = copy("pynq-z2")
    (path,) = folder.glob("ip/vivado_edges_axi/hdl/*.v")
    path.unlink()
    assert vivado(folder, MODULE_REFERENCE="1").error == (
        "create_bd_cell: no file of the project has a module vivado_edges_axi\n"
    )
