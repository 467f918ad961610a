"""A built driver and fake devices, one set per worker."""

import importlib
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def _load(name):
    """A module beside this file."""
    return importlib.import_module(f"tests.glue.{name}")


designs, driver_module, fake = _load("designs"), _load("driver"), _load("fake_device")
ARENA_BYTES = 1 << 20


@pytest.fixture(scope="session")
def load():
    return _load


@pytest.fixture(scope="session")
def buffer():
    return driver_module.buffer


@pytest.fixture(scope="session")
def examples():
    return {name: designs.example(name) for name in designs.NAMES}


@pytest.fixture(scope="session")
def objects(examples, tmp_path_factory):
    """Object files by source name."""
    folder = tmp_path_factory.mktemp("driver")
    driver_module.write_sources(list(examples.values()), folder)
    sources = [driver_module.RUNTIME / name for name in driver_module.SOURCES]
    sources += [folder / f"{name}.c" for name in examples] + [HERE / "stub.c"]
    made = driver_module.compile_objects(sources, folder)
    return {source.name: path for source, path in zip(sources, made, strict=True)}


@pytest.fixture(scope="session")
def driver(objects):
    folder = next(iter(objects.values())).parent
    return driver_module.Driver(driver_module.link(objects.values(), folder / "driver.so"))


@pytest.fixture(scope="session")
def served(examples, tmp_path_factory):
    """Fake devices by name, and the arena's file."""
    folder = tmp_path_factory.mktemp("sim")
    arena = folder / "arena"
    arena.write_bytes(bytes(ARENA_BYTES))
    found = {}
    for name, example in examples.items():
        found[name] = fake.FakeDevice(example.map, example.words, folder / name, arena, ARENA_BYTES)
        fake.environment(name, folder / name, arena)
    return found


@pytest.fixture
def devices(served, driver):
    for device in served.values():
        device.defaults()
    yield served
    for device in served.values():
        device.hang = device.stuck = False
    assert driver.clean_up() == 0
