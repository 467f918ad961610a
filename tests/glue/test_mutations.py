"""Seeded bugs in the driver: the tests' scenarios notice each."""

import faulthandler
import multiprocessing

import pytest

CACHE, DEVICE, LAUNCH, TICKET, WAIT = (f"fluorite_{n}.c" for n in ("cache", "device", "launch", "ticket", "wait"))
PIXELS, STAGE, SIM = "fluorite_pixels.c", "fluorite_stage.c", "fluorite_io_sim.c"
OVERLAP, PREPARE, REGION = "fluorite_overlap.c", "fluorite_prepare.c", "fluorite_region.c"

MUTANTS = {
    "swapped addresses": (
        LAUNCH, "registers[stream->base_low] = (uint32_t)address;",
        "registers[(stream + 1 - 2 * stream->is_output)->base_low] = (uint32_t)address;",
    ),
    "no flush of inputs": (
        CACHE, "accelerator->streams[i].is_output ? FLUORITE_BOTH : FLUORITE_TO_DEVICE;",
        "accelerator->streams[i].is_output ? FLUORITE_BOTH : FLUORITE_TO_DEVICE;\n"
        "        if (!accelerator->streams[i].is_output) { continue; }",
    ),
    "no flush of outputs": (  # what lies between their rows is lost
        CACHE, "accelerator->streams[i].is_output ? FLUORITE_BOTH : FLUORITE_TO_DEVICE;",
        "accelerator->streams[i].is_output ? FLUORITE_BOTH : FLUORITE_TO_DEVICE;\n"
        "        if (accelerator->streams[i].is_output) { continue; }",
    ),
    "no invalidate": (WAIT, "code = fluorite_sync_for_cpu(device, slot->views);", ""),
    "invalidates a row too few": (CACHE, "if (++at[d] < view->counts[d]) {", "if (++at[d] + 1 < view->counts[d]) {"),
    "flushes too little": (
        CACHE, "((int64_t)view->counts[d] - 1)", "((int64_t)view->counts[d] - (view->counts[d] > 1 ? 2 : 1))",
    ),
    "early done": (WAIT, "if (slot->done) {\n            return", "if (slot->done || 1) {\n            return"),
    "wrong stride": (
        LAUNCH, "(uint32_t)(int32_t)view->strides[d];",
        "(uint32_t)(int32_t)(view->strides[d] + stream->element_bytes);",
    ),
    "wrong row bytes": (LAUNCH, "= view->row_bytes;\n    for", "= view->row_bytes - stream->element_bytes;\n    for"),
    "a row too few": (
        LAUNCH, "registers[stream->counts + 2 * d] = view->counts[d];",
        "registers[stream->counts + 2 * d] = view->counts[d] - (view->counts[d] > 1);",
    ),
    "interrupt never enabled": (
        DEVICE, "FLUORITE_INTERRUPT_ENABLE_DONE_MASK | FLUORITE_INTERRUPT_ENABLE_ERROR_MASK", "0u",
    ),
    "lost interrupt": (  # what comes between the look and the clearing
        WAIT, "    if (fresh == 0) {",
        "    if (put(device, FLUORITE_INTERRUPT_STATUS, 3) == 0 && device->next != device->completed) {\n"
        "        (void)device->io.wait(device->io.context, 2);\n"
        "        (void)put(device, FLUORITE_INTERRUPT_STATUS, 3);\n    }\n    if (fresh == 0) {",
    ),
    "ignored error": (
        WAIT, "if ((errors >> number % 32 & 1) != 0 &&", "if (0 && (errors >> number % 32 & 1) != 0 &&",
    ),
    "error not cleared": (
        WAIT, "return put(device, FLUORITE_ERROR, 0); /* the next", "return FLUORITE_OK; /* the next",
    ),
    "no reset after a timeout": (
        LAUNCH, "if (fluorite_reset(device) == FLUORITE_ERROR_STUCK) {", "if (device->stuck) {",
    ),
    "launch not counted on": (DEVICE, "device->base = device->next;", "device->base = device->next + 1;"),
    "results lost when others come": (TICKET, "slot->next = *first;", "slot->next = NULL;"),
    "which failed, looked at too late": (LAUNCH, "device->next - device->completed >= ERROR_BITS &&", "0 &&"),
    "result not taken": (WAIT, "slot = fluorite_ticket_take(", "slot = fluorite_ticket_find("),
    "ticket kept after a timeout": (
        LAUNCH, "(void)fluorite_wait(device, ticket, 0); /* nobody else has the ticket */", "",
    ),
    "copies of channels swapped": (PIXELS, "+ channel) * bytes;", "+ plan->channels - 1 - channel) * bytes;"),
    "blocks: lanes of rows swapped": (PIXELS, "(int64_t)(at[d] % lanes[d])", "(int64_t)(1 - at[d] % lanes[d])"),
    "the last piece too small": (STAGE, "offset = loop->fixed ? extent - loop->max_extent : offset;", ""),
    "lines shared by launches": (
        PIXELS, "owns_lines(pixels, view, loops, call->alone)", "owns_lines(pixels, view, loops, 1)",
    ),
    "planar taken for interleaved": (PIXELS, "!is_interleaved(plan, pixels, (int64_t)named->element_bytes)", "0"),
    "copies not put back": (
        STAGE, "if (job->copied[i]) {\n            fluorite_pixels_copy", "if (0) {\n            fluorite_pixels_copy",
    ),
    "regions larger than the hardware's": (PREPARE, "&& extent <= loop->max_extent &&", "&&"),
    "values that their type does not hold": (PREPARE, "value > stage->scalars[i].most", "0"),
    "an output over an input": (OVERLAP, "distance < search->above &&", "distance < search->above - 1 &&"),
    "rows of an output over each other": (LAUNCH, "if (fluorite_lattice_overlaps_itself(&written)) {", "if (0) {"),
    "a pixel of an input too few": (REGION, "last[d] - first[d] + 1, 0)", "last[d] - first[d] + (d == 1), 0)"),
    "formulas of another region": (REGION, "= output->mins[stage->loops[i].argument];", "= 0;"),
    "sync of the wrong place": (
        SIM, "FLUORITE_SIM_SYNC_FOR_CPU, offset, size", "FLUORITE_SIM_SYNC_FOR_CPU, offset + 8, size",
    ),
}  # fmt: skip


def exercise(driver, load, examples, devices):
    """All scenarios, shortest first."""
    scenarios, buffer = load("scenarios"), load("driver").buffer
    sums = devices["sums"]
    scenarios.errors(driver, examples["sums"], sums, driver.codes)
    sums.defaults()
    scenarios.timeout(driver, examples["sums"], sums, driver.codes)
    sums.defaults()
    scenarios.queue(driver, examples["sums"], sums)
    sums.defaults()
    scenarios.refused(driver, examples, driver.codes)
    sums.defaults()
    scenarios.unclaimed(driver, examples["sums"], sums, driver.codes, 130)
    sums.defaults()
    for name, layout, extents in (
        ("fixed", "lines", [48, 24]), ("fixed", "alone", [33, 20]), ("sums", "alone", [80, 50]),
        ("sums", "padded", [40, 30]), ("scaled", "alone", [30, 20]), ("scaled", "interleaved", [30, 20]),
    ):  # fmt: skip
        for eager in (False, True):
            devices[name].eager = eager
            scenarios.stage_once(driver, buffer, examples[name], devices[name], 1, layout, extents)
    for seed in range(8):
        for name, example in ((name, example) for name, example in examples.items() if name not in ("flat", "beside")):
            scenarios.stage_once(driver, buffer, example, devices[name], seed)
    for example in examples.values():
        assert driver.process_counters(example).interrupts_missed == 0


def test_the_driver_itself(driver, load, examples, devices):
    exercise(driver, load, examples, devices)


def _run(path, load, examples, folder):
    """In a process of its own, with devices of its own: a bug may end it, or never end."""
    faulthandler.disable()  # what a mutant dies of is nobody's business
    fake, module = load("fake_device"), load("driver")
    arena = folder / "arena"
    arena.write_bytes(bytes(1 << 20))
    devices = {}
    for name, example in examples.items():
        devices[name] = fake.FakeDevice(example.map, example.words, folder / name, arena, 1 << 20)
        fake.environment(name, folder / name, arena)
    exercise(module.Driver(path), load, examples, devices)


@pytest.mark.parametrize("name", MUTANTS)
def test_each_is_caught(name, load, examples, objects, tmp_path, monkeypatch):
    module = load("driver")
    file, old, new = MUTANTS[name]
    text = (module.RUNTIME / file).read_text()
    assert text.count(old) == 1
    (tmp_path / file).write_text(text.replace(old, new))
    folder = next(iter(objects.values())).parent
    (mutant,) = module.compile_objects([tmp_path / file], tmp_path, f"-I{folder}", "-Wno-error")
    path = module.link([mutant if n == file else o for n, o in objects.items()], tmp_path / "mutant.so")
    monkeypatch.setenv("FLUORITE_TIMEOUT_MS", "500")
    process = multiprocessing.get_context("fork").Process(target=_run, args=(path, load, examples, tmp_path))
    process.start()
    process.join(15)
    if process.is_alive():
        process.kill()
        process.join()
    assert process.exitcode != 0
