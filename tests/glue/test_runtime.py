"""The driver without Halide: opening, launches in flight, errors."""

import ctypes as ct
import os
import threading
import time

import numpy as np
import pytest


@pytest.fixture
def scenarios(load):
    return load("scenarios")


@pytest.fixture
def sums(examples):
    return examples["sums"]


@pytest.fixture
def sums_device(devices):
    return devices["sums"]


def test_launches_in_flight(driver, sums_device, sums, scenarios):
    scenarios.queue(driver, sums, sums_device)


def test_an_error_of_the_hardware(driver, sums_device, sums, scenarios):
    scenarios.errors(driver, sums, sums_device, driver.codes)


def test_a_launch_that_does_not_end(driver, sums_device, sums, scenarios):
    scenarios.timeout(driver, sums, sums_device, driver.codes)


def test_results_are_kept_until_they_are_waited_for(driver, sums_device, sums, scenarios):
    scenarios.unclaimed(driver, sums, sums_device, driver.codes)


@pytest.mark.parametrize(
    ("register", "value", "code", "text"),
    [
        ("id", 0xDEADBEEF, "WRONG_ID", "sums: the id register must be 0x464c5254, not 0xdeadbeef"),
        ("version", 0x2_0000, "WRONG_VERSION", "sums: the register map must be version 1, not 2"),
        ("design_hash", 1, "WRONG_DESIGN", "driver and bitstream are not of one build"),
    ],
)  # fmt: skip
def test_another_design(driver, sums_device, sums, register, value, code, text):
    sums_device.override[register] = value
    _, arena, _ = driver.open_arena()
    found, device, message = driver.open(sums, arena)
    assert found == driver.codes[code] and text in message
    assert not device and driver.library.fluorite_arena_close(arena) == 0
    sums_device.override.clear()
    _, arena, _ = driver.open_arena()  # a failed open does not keep the accelerator
    found, device, _ = driver.open(sums, arena)
    assert found == 0 and driver.library.fluorite_close(device) == 0
    assert driver.library.fluorite_arena_close(arena) == 0


def test_no_simulator_and_no_arena(driver, sums_device, sums, monkeypatch):
    _, arena, _ = driver.open_arena()
    monkeypatch.setenv("FLUORITE_SIM_SOCKET_SUMS", "/nonexistent/socket")
    code, _, text = driver.open(sums, arena)
    assert code == driver.codes["NO_DEVICE"] and "No such file" in text
    monkeypatch.delenv("FLUORITE_SIM_SOCKET_SUMS")
    code, _, text = driver.open(sums, arena)
    assert code == driver.codes["NO_DEVICE"] and "FLUORITE_SIM_SOCKET must name" in text
    assert driver.library.fluorite_arena_close(arena) == 0
    monkeypatch.setenv("FLUORITE_SIM_ARENA", "/nonexistent/arena")
    code, arena, text = driver.open_arena()
    assert (code, bool(arena)) == (driver.codes["NO_ARENA"], False) and "No such file" in text


def test_a_second_open_is_refused(driver, sums_device, sums, scenarios):
    with scenarios.opened(driver, sums) as (arena, device):
        code, second, text = driver.open(sums, arena)
        assert code == driver.codes["BUSY"] and not second and "already in use" in text
        settings, views, arrays = scenarios.plain_launch(driver, sums, arena)
        assert driver.run(device, settings, views) == 0  # the first one does not notice
        assert driver.library.fluorite_arena_close(arena) == driver.codes["BUSY"]
        scenarios.release(driver, arena, arrays)


def test_a_second_arena_over_the_same_memory_is_refused(driver, sums_device):
    """By this program or another: both would give away the same bytes."""
    code, arena, _ = driver.open_arena()
    assert code == 0
    code, second, text = driver.open_arena()
    assert code == driver.codes["BUSY"] and not second and text.endswith("arena is already in use")
    assert driver.library.fluorite_arena_close(arena) == 0
    code, arena, _ = driver.open_arena()
    assert code == 0 and driver.library.fluorite_arena_close(arena) == 0


def test_buffers_that_do_not_fit(driver, sums_device, sums, scenarios, examples):
    with scenarios.opened(driver, sums) as (arena, device):
        settings, views, arrays = scenarios.plain_launch(driver, sums, arena)
        views[1].counts[0] += 1
        assert driver.run(device, settings, views) == driver.codes["TOO_SMALL"]
        views[1].counts[0] -= 1
        first = views[0].first
        views[0].first = np.zeros(4096, np.uint8).ctypes.data
        assert driver.run(device, settings, views) == driver.codes["NOT_IN_ARENA"]
        views[0].first, views[0].row_bytes = first, 0
        assert driver.run(device, settings, views) == driver.codes["ARGUMENT"]
        assert not sums_device.launches
        scenarios.release(driver, arena, arrays)
    with scenarios.opened(driver, examples["fixed"]) as (arena, device):
        settings, views = driver.prepare(examples["fixed"], [0, 16, 0, 8])
        block = driver.alloc(arena, 4096)
        for view in views:
            view.first, view.strides[0] = block, 64
        views[1].first = block + 2049
        assert driver.run(device, settings, views) == driver.codes["UNALIGNED"]
        driver.library.fluorite_free(arena, ct.c_void_p(block))


def test_a_full_queue(driver, sums_device, sums, scenarios):
    sums_device.hang = True
    with scenarios.opened(driver, sums) as (arena, device):
        settings, views, arrays = scenarios.plain_launch(driver, sums, arena)
        depth = driver.library.fluorite_queue_depth(device)
        tickets = [driver.submit(device, settings, views, 0)[1] for _ in range(depth)]
        assert driver.submit(device, settings, views, 0)[0] == driver.codes["QUEUE_FULL"]
        start = time.monotonic()
        assert driver.submit(device, settings, views, 20)[0] == driver.codes["QUEUE_FULL"]
        assert 0.02 <= time.monotonic() - start < 5
        sums_device.hang = False
        code, last = driver.submit(device, settings, views, 1000)
        assert code == 0
        assert [driver.library.fluorite_wait(device, t, 1000) for t in [*tickets, last]] == [0] * (depth + 1)
        scenarios.release(driver, arena, arrays)


def test_a_refused_start(driver, sums_device, sums, scenarios):
    sums_device.override["status"] = 0x100  # it claims to have room
    sums_device.hang = True
    with scenarios.opened(driver, sums) as (arena, device):
        settings, views, arrays = scenarios.plain_launch(driver, sums, arena)
        codes = [driver.submit(device, settings, views, 0)[0] for _ in range(5)]
        assert codes == [0, 0, 0, 0, driver.codes["BAD_CONFIGURATION"]]
        sums_device.override.clear()
        scenarios.release(driver, arena, arrays)


def test_tickets_and_reset(driver, sums_device, sums, scenarios):
    with scenarios.opened(driver, sums) as (arena, device):
        settings, views, arrays = scenarios.plain_launch(driver, sums, arena)
        assert driver.run(device, settings, views) == 0
        sums_device.hang = True
        _, ticket = driver.submit(device, settings, views)
        result = []
        waiting = threading.Thread(
            target=lambda: result.append(driver.library.fluorite_wait(device, ticket, 20_000))
        )  # fmt: skip
        waiting.start()
        time.sleep(0.02)
        assert driver.library.fluorite_reset(device) == 0
        waiting.join(5)
        assert result == [driver.codes["CANCELLED"]]
        sums_device.hang = False
        code, last = driver.submit(device, settings, views)  # numbers go on
        assert code == 0 and driver.library.fluorite_wait(device, last, 1000) == 0
        assert driver.library.fluorite_wait(device, ticket, 0) == driver.codes["TICKET"]
        assert driver.library.fluorite_wait(device, ct.c_uint64(last.value + 1), 0) == driver.codes["TICKET"]
        assert driver.counters(device).interrupts_missed == 0
        scenarios.release(driver, arena, arrays)


def test_a_reset_that_does_not_end(driver, sums_device, sums, scenarios):
    """Memory that the hardware may still write to is not used again."""
    _, arena, _ = driver.open_arena()
    _, device, _ = driver.open(sums, arena)
    sums_device.stuck = True
    assert driver.library.fluorite_reset(device) == driver.codes["STUCK"]
    assert not driver.alloc(arena, 64)
    assert driver.library.fluorite_close(device) == driver.codes["STUCK"]
    assert driver.library.fluorite_arena_close(arena) == 0


def test_threads_share_a_device(driver, sums_device, sums, scenarios):
    with scenarios.opened(driver, sums) as (arena, device):
        failures = []

        def work():
            for _ in range(10):
                settings, views, arrays = scenarios.plain_launch(driver, sums, arena)
                code = driver.run(device, settings, views, 5000)
                if code or not np.array_equal(arrays[1], arrays[0][:-1, :-2] + arrays[0][1:, 2:]):
                    failures.append(code)
                scenarios.release(driver, arena, arrays)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not failures and len(sums_device.launches) == 60
        counters = driver.counters(device)
        assert (counters.launches_started, counters.launches_completed) == (60, 60)
        assert counters.interrupts_missed == 0


def test_counters(driver, sums_device, sums, scenarios):
    with scenarios.opened(driver, sums) as (_, device):
        sums_device.override |= {"in_source_stalls": 11, "out_sums_stalls": 22}
        counters = driver.counters(device)
        assert (counters.cycles, counters.stalls[0], counters.stalls[1]) == (1000, 11, 22)


def test_launches_in_flight_are_counted(driver, sums_device, sums, scenarios):
    with scenarios.opened(driver, sums) as (arena, device):
        assert driver.counters(device).most_in_flight == 0
        settings, views, arrays = scenarios.plain_launch(driver, sums, arena)
        sums_device.hang = True
        tickets = [driver.submit(device, settings, views, 0)[1] for _ in range(3)]
        assert driver.counters(device).most_in_flight == 3
        sums_device.hang = False
        for ticket in tickets:
            assert driver.library.fluorite_wait(device, ticket, 1000) == 0
        assert driver.run(device, settings, views) == 0
        assert driver.counters(device).most_in_flight == 3
        scenarios.release(driver, arena, arrays)


def test_the_arena_is_first_fit(driver, sums_device):
    _, arena, _ = driver.open_arena()
    random = np.random.default_rng(0)
    blocks = {}
    for _ in range(500):
        if blocks and random.random() < 0.45:
            address = list(blocks)[int(random.integers(len(blocks)))]
            assert driver.library.fluorite_free(arena, ct.c_void_p(address)) == 0
            del blocks[address]
        else:
            size, alignment = int(random.integers(1, 60_000)), 1 << int(random.integers(0, 8))
            address = driver.alloc(arena, size, alignment)
            if address:
                assert address % alignment == 0
                assert all(address + size <= a or a + s <= address for a, s in blocks.items())
                blocks[address] = size
        assert driver.library.fluorite_arena_used(arena) == sum(blocks.values())
    assert driver.library.fluorite_arena_close(arena) == driver.codes["BUSY"]
    for address in blocks:
        assert driver.library.fluorite_free(arena, ct.c_void_p(address + 1)) == driver.codes["NOT_IN_ARENA"]
        assert driver.library.fluorite_free(arena, ct.c_void_p(address)) == 0
    whole = driver.library.fluorite_arena_size(arena)
    address = driver.alloc(arena, whole)
    assert address and not driver.alloc(arena, 1)
    assert driver.library.fluorite_free(arena, ct.c_void_p(address)) == 0
    assert driver.library.fluorite_arena_close(arena) == 0


def test_every_code_has_a_text(driver):
    from fluorite.hwgen.shell.registers import ERROR_TEXTS

    texts = {code: driver.library.fluorite_error_text(number).decode() for code, number in driver.codes.items()}
    assert len(set(texts.values())) == len(texts) and "unknown error" not in texts.values()
    for code, text in ERROR_TEXTS.items():
        if code.value:
            assert driver.codes[code.name] == -code.value and texts[code.name] == text


def test_nothing_is_left_open(driver, sums_device, sums):
    def files():
        return sorted(
            os.readlink(f"/proc/self/fd/{n}")
            for n in os.listdir("/proc/self/fd")
            if os.path.exists(f"/proc/self/fd/{n}")
        )

    _, arena, _ = driver.open_arena()
    before = [f for f in files() if "sim" in f]
    for override in ({"id": 0}, {"design_hash": 0}, {}):
        sums_device.override = dict(override)
        code, device, _ = driver.open(sums, arena)
        if code == 0:
            driver.library.fluorite_close(device)
    assert [f for f in files() if "sim" in f] == before
    assert driver.library.fluorite_arena_close(arena) == 0
