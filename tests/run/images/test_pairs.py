"""Every kind of file into every type of input: the exact samples, scaled ones and a note, or a refusal."""

import re

import numpy as np
import pytest
import tifffile
from PIL import Image

from fluorite.errors import UsageError
from fluorite.run.images import load_image
from tests.run.images.files import encoded, kinds

INPUTS = ("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64")
FULL_SCALE = {"uint8": 255, "uint16": 65535, "float32": 1}


def samples_of(type_name, channels, full_scale):
    rng = np.random.default_rng(7)
    shape = (5, 7, 3) if channels == 3 else (5, 7)
    if type_name == "bool":
        return rng.random(shape) < 0.5
    if full_scale is None and type_name == "float32":
        return (rng.random(shape) * 3 - 1).astype(np.float32)
    limits = np.iinfo(type_name)
    high = limits.max if full_scale is None else full_scale
    samples = rng.integers(limits.min, high, shape, type_name, endpoint=True)
    samples[0, 0], samples[1, 1] = limits.min, high
    return samples


def written(tmp_path, kind, samples):
    path = tmp_path / f"image.{kind.split()[0]}"
    path.write_bytes(encoded(kind, samples))
    return path


def check(path, samples, type_name, full_scale, target, dimensions):
    """Load it, and compare with what the rules say, computed otherwise."""
    notes = []
    if target != type_name and (full_scale is None or target not in FULL_SCALE):
        with pytest.raises(
            UsageError, match=rf"^{re.escape(str(path))}: holds {type_name} samples and the input takes"
        ):
            load_image(path, target, dimensions)
        return
    loaded = load_image(path, target, dimensions, notes.append)
    assert loaded.dtype.name == target
    assert loaded.flags.c_contiguous
    expected = samples
    if samples.ndim == 3 and dimensions == 2:
        luma = samples @ np.array([0.299, 0.587, 0.114])
        tolerance = 1.0  # of the file's steps
        expected = luma
    else:
        tolerance = 0.0
    as_it_is = target == type_name and full_scale in (None, FULL_SCALE.get(target), 1 if target == "bool" else None)
    if not as_it_is:
        factor = FULL_SCALE[target] / full_scale
        expected, tolerance = expected * factor, tolerance * factor + (1e-6 if target == "float32" else 0.5 + 1e-9)
    if dimensions == 3:
        expected = np.stack([expected] * 3) if expected.ndim == 2 else np.moveaxis(expected, 2, 0)
    if tolerance:
        assert np.abs(loaded.astype(float) - expected).max() <= tolerance
    else:
        np.testing.assert_array_equal(loaded, expected)
    said = [note.removeprefix(f"{path}: ") for note in notes]
    wanted = []
    if samples.ndim == 3 and dimensions == 2:
        wanted.append("colour made grey (Rec. 601 luma)")
    if not as_it_is:
        bits = "0..1" if target == "float32" else f"{FULL_SCALE[target].bit_length()} bits"
        wanted.append(f"{full_scale.bit_length()}-bit samples scaled to {bits}")
    if samples.ndim == 2 and dimensions == 3:
        wanted.append("grey repeated in three channels")
    assert said == wanted


@pytest.mark.parametrize(("kind", "type_name", "channels", "full_scale"), kinds(), ids=[k[0] for k in kinds()])
def test_every_file_into_every_input(tmp_path, kind, type_name, channels, full_scale):
    for channel_count in channels:
        samples = samples_of(type_name, channel_count, full_scale)
        path = written(tmp_path, kind, samples)
        for target in INPUTS:
            for dimensions in (2, 3):
                check(path, samples, type_name, full_scale, target, dimensions)


def test_jpeg_is_what_pillow_decodes(tmp_path):
    grey = samples_of("uint8", 1, 255)
    path = written(tmp_path, "jpg", grey)
    loaded = load_image(path, "uint8", 2)
    check(path, loaded, "uint8", 255, "uint16", 2)
    check(path, loaded, "uint8", 255, "int16", 2)


@pytest.mark.parametrize("kind", ["npy", "npz"])
@pytest.mark.parametrize("type_name", INPUTS)
def test_arrays_are_taken_as_they_are(tmp_path, kind, type_name):
    for shape in ((4,), (3, 4), (2, 3, 4), (2, 2, 3, 4)):
        for order in "CF":
            array = np.arange(np.prod(shape)).reshape(shape).astype(type_name)
            path = written(tmp_path, kind, np.asarray(array, order=order))
            notes = []
            loaded = load_image(path, "uint8", 2, notes.append)
            assert (loaded.dtype, notes) == (array.dtype, [])
            np.testing.assert_array_equal(loaded, array)


def test_colour_of_16_bits_without_its_transparency(tmp_path):
    samples = np.random.default_rng(3).integers(0, 65536, (9, 5, 4), np.uint16)
    for channels, kept in ((2, samples[..., 0]), (4, np.moveaxis(samples[..., :3], 2, 0))):
        path = written(tmp_path, "png 16", samples[..., :channels])
        notes = []
        np.testing.assert_array_equal(load_image(path, "uint16", kept.ndim, notes.append), kept)
        assert notes == [f"{path}: transparency dropped"]


@pytest.mark.parametrize(
    ("kind", "type_name", "target", "expected"),
    [
        ("tif float32 little", "float32", "uint8", lambda s: np.uint8(s * 255 + 0.5)),
        ("tif float32 little", "float32", "int16", lambda s: np.int16(s)),
        ("tif int32 little", "int32", "uint16", lambda s: s.astype(np.uint16)),
        ("png 16", "uint16", "int32", lambda s: s.astype(np.int32)),
        ("png 1", "bool", "int8", lambda s: s.astype(np.int8)),
    ],
)
def test_the_way_out_of_a_refusal_works(tmp_path, kind, type_name, target, expected):
    samples = samples_of(type_name, 1, {"uint16": 65535, "bool": 1}.get(type_name))
    if type_name == "float32":
        samples = samples.clip(0, 1)
    path = written(tmp_path, kind, samples)
    with pytest.raises(UsageError) as refused:
        load_image(path, target, 2)
    follow(str(refused.value))
    loaded = load_image(path.with_suffix(".npy"), target, 2)
    np.testing.assert_array_equal(loaded, expected(samples))
    assert loaded.dtype.name == target


def follow(message):
    """Run the command that a message ends in; here, as a new Python takes seconds to import Halide."""
    command = re.search(r'python -c "([^"$`\\]*)"$', message)
    exec(compile(command[1], "command", "exec"), {})


def test_a_tiff_that_pillow_does_not_read(tmp_path):
    samples = np.random.default_rng(5).random((5, 7))
    path = written(tmp_path, "tif float64 little", samples)
    with pytest.raises(UsageError) as refused:
        load_image(path, "float64", 2)
    assert str(refused.value).startswith(
        f"{path}: Pillow reads no TIFF like this one; if it is not damaged, convert it "
    )
    follow(str(refused.value))
    np.testing.assert_array_equal(load_image(path.with_suffix(".npy"), "float64", 2), samples)


def test_the_refusal_says_what_to_do(tmp_path):
    path = written(tmp_path, "tif float32 little", samples_of("float32", 1, None))
    array = path.with_suffix(".npy")
    message = (
        f"{path}: holds float32 samples and the input takes uint8; float32 samples have no full scale: convert them as "
        "you mean them and give the array, such as by python -c "
        f'"import numpy; from fluorite.run.images import load_image; numpy.save({str(array)!r}, '
        f"(load_image({str(path)!r}, 'float32', 2) * 255 + 0.5).astype('uint8'))\""
    )
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        load_image(path, "uint8", 2)
    path = written(tmp_path, "png 8", samples_of("uint8", 1, 255))
    message = (
        f"{path}: holds uint8 samples and the input takes int16; samples are scaled to uint8, uint16, float32 only: "
    )
    with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
        load_image(path, "int16", 2)


@pytest.mark.parametrize(
    "kind",
    [
        "png",
        "jpg",
        "tif",
        "tif zlib",
        "tif 16",
        "tif 16 zlib",
        "tif grey",
        "tif grey 16",
        "tif grey 16 zlib",
        "tif float",
    ],
)
def test_photographs_are_turned_upright(tmp_path, kind):
    """Orientation 6: the camera was turned, the first row is the right side."""
    rng = np.random.default_rng(9)
    words = kind.split()
    type_name = "float32" if "float" in words else "uint16" if "16" in words else "uint8"
    shape = (4, 6) if "grey" in words or "float" in words else (4, 6, 3)
    samples = (
        (rng.random(shape) * 65535).astype(type_name) if "16" in words else (rng.random(shape) * 255).astype(type_name)
    )
    path = tmp_path / f"image.{words[0]}"
    if words[0] == "tif":
        compression = "zlib" if "zlib" in words else None
        photometric = "rgb" if len(shape) == 3 else "minisblack"
        orientation = [(274, 3, 1, 6, True)]
        tifffile.imwrite(path, samples, photometric=photometric, compression=compression, extratags=orientation)
    else:
        exif = Image.Exif()
        exif[274] = 6
        Image.fromarray(samples).save(path, exif=exif)
        samples = np.asarray(Image.open(path))
    notes = []
    loaded = load_image(path, type_name, len(shape), notes.append)
    expected = np.rot90(samples, -1)
    np.testing.assert_array_equal(loaded, expected if len(shape) == 2 else np.moveaxis(expected, 2, 0))
    assert notes == [f"{path}: turned upright, as its Exif orientation says"]


def test_the_first_of_several_images(tmp_path):
    first = samples_of("uint8", 1, 255)
    path = tmp_path / "pages.tif"
    tifffile.imwrite(path, np.stack([first, 255 - first]), photometric="minisblack")
    notes = []
    np.testing.assert_array_equal(load_image(path, "uint8", 2, notes.append), first)
    assert notes == [f"{path}: the first of its 2 images is taken"]
    path = tmp_path / "more.pgm"
    path.write_bytes(encoded("pgm 255", first) * 2)
    notes = []
    np.testing.assert_array_equal(load_image(path, "uint8", 2, notes.append), first)
    assert notes == [f"{path}: more follows its first image, which is taken"]
