"""Drives an accelerator from PYNQ: numpy arrays in and out.

Part of every module that `fluorite.glue.pynq.write` makes, from the marker on. It runs on PYNQ's Python, 3.8 or newer.
"""

from __future__ import annotations

import operator
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fluorite.glue.pynq.driver_images import Border, PlacedImage
from fluorite.glue.pynq.driver_launch import AcceleratorError, Hardware, finish, nap, sleep
from fluorite.glue.pynq.driver_memory import SMALL_BYTES, Rows, Words, make_buffer
from fluorite.glue.pynq.driver_region import Box, Stream

# --- calls: the same for every accelerator ------------------------------------------------------------------------


class Scalar(NamedTuple):
    """A keyword of a call, and the formulas' name of it; ``source`` where an image tells it.

    ``source`` is the number of the stream, that of the loop, and ``"min"`` or ``"extent"``.
    """

    variable: str
    lo: int
    hi: int
    source: tuple[int, int, str] | None


class Accelerator(Hardware):
    """An accelerator: call it with images as numpy arrays.

    Axes are those of an image as PIL and OpenCV give it: rows, columns, then channels. An input has what the hardware
    reads for the output, also around it; ``pad`` adds that to a plain image. Larger images than a launch takes are cut
    up.

    Buffers of ``pynq.allocate`` are used where they lie if they are C-contiguous; other arrays are copied.

    Attributes
    ----------
    cacheable : bool
        Whether buffers allocated here are cached by the processor, which then reads them several times faster. Caches
        are maintained around every call.
    """

    cacheable: bool = True

    SCALARS: ClassVar[dict[str, Scalar]]
    BORDERS: ClassVar[tuple[Border, ...]]
    IMAGES: ClassVar[tuple[PlacedImage, ...]]

    def __init__(self, description: Any) -> None:
        super().__init__(description)
        self._scratch: dict[int, Any] = {}

    # --- what users call ------------------------------------------------------------------------------------------

    def __call__(self, *images: Any, **options: Any) -> Any:
        """Compute the output of whole images.

        Parameters
        ----------
        *images : array_like
            The inputs, in order.
        out : ndarray, or tuple of ndarray where there are several outputs, optional
            Filled in and returned; without copies if it is a buffer of ``pynq.allocate``.
        origin : dict of str to int, optional
            Coordinates of the output's first pixel, by loop; 0 if the schedule gives no other.
        pad : str, optional
            Make the inputs larger by what the hardware reads around each pixel, with this mode of ``numpy.pad``.
        timeout_s : float
            How long a launch may take.
        **options
            The Params of the pipeline.

        Raises
        ------
        TypeError, ValueError
            An argument is missing, of another type, or of a size that the hardware is not made for.
        AcceleratorError
            The hardware reports a failed transfer.
        TimeoutError
            A launch did not end in time; the accelerator was reset.
        RuntimeError
            Another call is under way, or the accelerator does not end a reset.
        """
        if self._pin is None or self._loop is None or self._loop.is_running():
            return finish(self._run(images, nap, **options))
        return self._loop.run_until_complete(self._run(images, self._interrupted, **options))

    async def run(self, *images: Any, **options: Any) -> Any:
        """As a call, for ``await``: other tasks go on until the interrupt (without one, the registers are polled)."""
        return await self._run(images, sleep if self._pin is None else self._interrupted, **options)

    def input_shapes(self, *shape: int, origin: dict[str, int] | None = None) -> tuple[tuple[int, ...], ...]:
        """Shapes of the inputs for an output of so many rows and columns, from these coordinates on (as in a call)."""
        region = self._region(shape, origin)
        return tuple(stream.own_shape(region) for stream in self.STREAMS if not stream.is_output)

    def allocate_inputs(self, *shape: int, origin: dict[str, int] | None = None) -> tuple[Any, ...]:
        """Buffers of ``pynq.allocate`` for the inputs, for an output of so many rows and columns."""
        inputs = [stream for stream in self.STREAMS if not stream.is_output]
        shapes = self.input_shapes(*shape, origin=origin)
        return tuple(make_buffer(s, i.dtype, self.cacheable) for i, s in zip(inputs, shapes))

    def allocate_output(self, *shape: int) -> Any:
        """A buffer of ``pynq.allocate`` for an output of so many rows and columns; a tuple where there are several."""
        region = self._region(shape, None)
        made = [make_buffer(s.shape(region), s.dtype, self.cacheable) for s in self.STREAMS if s.is_output]
        return made[0] if len(made) == 1 else tuple(made)

    def free(self) -> None:
        """Give back the memory that is kept for copies."""
        self._scratch.clear()

    # --- a call ---------------------------------------------------------------------------------------------------

    async def _run(
        self,
        images: Sequence[Any],
        pause: Callable[[float], Awaitable[None]],
        out: Any = None,
        origin: dict[str, int] | None = None,
        pad: str | None = None,
        timeout_s: float = 60.0,
        **scalars: Any,
    ) -> Any:
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(f"{self.FUNC}: a call is under way: wait for it first")
        try:
            if self._stuck:
                raise RuntimeError(self._stuck_text)
            arrays = self._inputs(images)
            mins = self._mins(origin or {})
            given = self._given(out)
            region = Box(mins, self._extents(arrays, mins, given, pad is not None))
            if pad is not None:
                arrays = [stream.padded(array, region, pad) for stream, array in zip(self.STREAMS, arrays)]
            arrays += self._outputs(given, region)
            values = self._scalars(scalars, arrays, region)
            pieces = list(self._pieces(region))
            self._check_borders(region, values)
            self._check_images(pieces, values)
            memories = [self._memory(n, array, region, pieces, values) for n, array in enumerate(arrays)]
            try:
                await self._launches(pieces, values, memories, pause, timeout_s)
            except AcceleratorError:
                raise  # nothing is under way
            except BaseException:  # a timeout, Ctrl-C, a cancelled task: the hardware still writes to memory
                self._held = memories  # for good, if the reset does not end
                self.reset()
                self._held = []
                raise
            for stream, memory in zip(self.STREAMS, memories):
                if stream.is_output:
                    memory.take()
        finally:
            self._lock.release()
        results = tuple(array for stream, array in zip(self.STREAMS, arrays) if stream.is_output)
        return results[0] if len(results) == 1 else results

    def _inputs(self, images: Sequence[Any]) -> list[Any]:
        inputs = [stream for stream in self.STREAMS if not stream.is_output]
        if len(images) != len(inputs):
            names = ", ".join(stream.name for stream in inputs)
            raise TypeError(f"{self.FUNC} takes {len(inputs)} images ({names}), not {len(images)}")
        arrays = []
        for stream, image in zip(inputs, images):
            array = np.asanyarray(image)
            self._check_array(stream, array)
            arrays.append(np.expand_dims(array, stream.lacking) if stream.lacking else array)
        return arrays

    def _check_array(self, stream: Stream, array: Any) -> None:
        if array.dtype != np.dtype(stream.dtype):
            raise TypeError(f"{self.FUNC}: {stream.name} must be an array of {stream.dtype}, not {array.dtype}")
        loops = [loop.name for axis, loop in enumerate(reversed(self.LOOPS)) if axis not in stream.lacking]
        axes = loops + [c.name for c in reversed(stream.channels)]
        if array.ndim != len(axes):
            names = f" ({', '.join(axes)})" if axes else ""
            raise ValueError(f"{self.FUNC}: {stream.name} must have {len(axes)} axes{names}, not {array.ndim}")
        for axis, channel in enumerate(reversed(stream.channels), len(loops)):
            if array.shape[axis] != channel.extent:
                raise ValueError(
                    f"{self.FUNC}: {stream.name} must have {channel.extent} values along {channel.name}, "
                    f"not {array.shape[axis]}"
                )

    def _mins(self, origin: dict[str, int]) -> tuple[int, ...]:
        for name in origin:
            if name not in [loop.name for loop in self.LOOPS]:
                known = ", ".join(loop.name for loop in self.LOOPS)
                raise ValueError(f"{self.FUNC}: origin must be given along {known}, not {name}")
        return tuple(self._whole("origin", origin.get(loop.name, loop.min or 0)) for loop in self.LOOPS)

    def _whole(self, name: str, value: Any) -> int:
        try:
            return int(value) if isinstance(value, np.bool_) else operator.index(value)
        except TypeError:
            raise TypeError(f"{self.FUNC}: {name} must be a whole number, not {value!r}") from None

    def _region(self, shape: Sequence[int], origin: dict[str, int] | None) -> Box:
        return Box(self._mins(origin or {}), tuple(reversed(shape[: len(self.LOOPS)])))

    def _extents(
        self, arrays: Sequence[Any], mins: tuple[int, ...], given: Sequence[Any] | None, placed: bool
    ) -> tuple[int, ...]:
        """Extents of the output, from those of the inputs: the given output's, or the greatest, where several fit.

        Inputs of ``placed`` pixels have none around the output's region.
        """
        extents, region = [], Box(mins, (1,) * len(mins))
        for number, loop in enumerate(self.LOOPS):
            found: list[tuple[int, int]] = []
            least, most = 1, (1 << 31) - 1
            for stream, array in zip(self.STREAMS, arrays):
                pixels = array.shape[len(self.LOOPS) - 1 - number]
                found.append(stream.extents(number, region, pixels, placed))
                if not found[-1][1]:
                    _, one = (stream.place if placed else stream.span)(number, region)
                    raise ValueError(
                        f"{self.FUNC}: {stream.name} must have more than {one - 1} pixels along {loop.name}, "
                        f"not {pixels}"
                    )
            for stream, (low, high) in zip(self.STREAMS, found):
                least, most = max(least, low), min(most, high)
                if least > most:
                    raise ValueError(
                        f"{self.FUNC}: {stream.name} is for {high} pixels of output along {loop.name}, "
                        f"{self.STREAMS[0].name} for {found[0][1]}"
                    )
            wanted = given[0].shape[len(self.LOOPS) - 1 - number] if given else most
            extents.append(min(max(wanted, least), most))
        return tuple(extents)

    def _given(self, out: Any) -> list[Any] | None:
        """The outputs that the caller has, if he has."""
        if out is None:
            return None
        outputs = [stream for stream in self.STREAMS if stream.is_output]
        given = list(out) if isinstance(out, (tuple, list)) else [out]
        if len(given) != len(outputs):
            raise TypeError(f"{self.FUNC} has {len(outputs)} outputs, but out is {len(given)} arrays")
        for stream, array in zip(outputs, given):
            self._check_array(stream, array)
        return given

    def _outputs(self, given: list[Any] | None, region: Box) -> list[Any]:
        outputs = [stream for stream in self.STREAMS if stream.is_output]
        if given is None:
            return [np.empty(stream.shape(region), np.dtype(stream.dtype)) for stream in outputs]
        for stream, array in zip(outputs, given):
            if array.shape != stream.shape(region):
                raise ValueError(f"{self.FUNC}: out must have shape {stream.shape(region)}, not {array.shape}")
        return given

    def _scalars(self, given: dict[str, Any], arrays: Sequence[Any], region: Box) -> dict[str, int]:
        for name in given:
            if name not in self.SCALARS:
                known = ", ".join(self.SCALARS) or "none"
                raise TypeError(f"{self.FUNC} has no Param {name}; it has {known}")
        values = {}
        for name, scalar in self.SCALARS.items():
            if name in given:
                value = self._whole(name, given[name])
            elif scalar.source is not None:
                number, loop, what = scalar.source
                shape = arrays[number].shape
                least, _ = self.STREAMS[number].span(loop, region)
                value = least if what == "min" else shape[len(self.LOOPS) - 1 - loop]
            else:
                raise TypeError(f"{self.FUNC}: {name} is missing: give it as a keyword")
            if not scalar.lo <= value <= scalar.hi:
                raise ValueError(f"{self.FUNC}: {name} must be in {scalar.lo}..{scalar.hi}, not {value}")
            values[scalar.variable] = value
        return values

    # --- regions --------------------------------------------------------------------------------------------------

    def _pieces(self, region: Box) -> Iterator[Box]:
        """Cut a region into launches; of fixed extents the last is shifted inwards, of others it is smaller."""
        pieces: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((), ())]
        for loop, start, extent in reversed(list(zip(self.LOOPS, *region))):
            if loop.fixed and extent < loop.max_extent:
                raise ValueError(
                    f"{self.FUNC}: {extent} pixels along {loop.name} are asked for, less than a launch of "
                    f"{loop.max_extent}; use a larger image"
                )
            if loop.min is not None and (start, extent) != (loop.min, loop.max_extent):
                raise ValueError(
                    f"{self.FUNC}: {loop.name} from {start} over {extent} pixels is asked for, but bound() promised "
                    f"{loop.min} over {loop.max_extent}"
                )
            steps, offset = [], 0
            while offset < extent:
                length = loop.cut if loop.fixed or extent - offset > loop.max_extent else extent - offset
                steps.append((start + min(offset, extent - length), length))
                offset += length
            for least, _ in steps:
                if least % loop.step and loop.lanes == 1:
                    raise ValueError(
                        f"{self.FUNC}: a launch begins at {loop.name} = {least}, and with a border and streams at "
                        f"different rates it must begin at a multiple of {loop.step}; let the image begin there, or "
                        "pad in software"
                    )
                if least % loop.step:
                    raise ValueError(
                        f"{self.FUNC}: a launch begins at {loop.name} = {least}, and with {loop.lanes} lanes and "
                        f"streams at different rates it must begin at a multiple of {loop.step}; give another "
                        "origin or size"
                    )
            pieces = [((least, *mins), (n, *extents)) for mins, extents in pieces for least, n in steps]
        return (Box(*piece) for piece in pieces)

    def _check_borders(self, region: Box, values: dict[str, int]) -> None:
        """A border is computed only around the very image it is for."""
        for border in self.BORDERS:
            loop, start, extent = self.LOOPS[border.loop], region.mins[border.loop], region.extents[border.loop]
            if extent > loop.max_extent:
                why = (
                    "a recursion does not begin anew" if border.is_recursion else "a border is only where an image ends"
                )
                raise ValueError(
                    f"{self.FUNC}: {extent} pixels along {loop.name} are asked for, more than the {loop.max_extent} of "
                    f"a launch, and {why}; compile for larger extents"
                )
            if extent < border.least_extent:
                raise ValueError(
                    f"{self.FUNC}: {extent} pixels along {loop.name} are asked for, and the hardware of the border "
                    f"condition is for images of {border.least_extent} and more; use a larger image, or pad in software"
                )
            if not border.holds(start, extent, values):
                if border.is_recursion:
                    raise ValueError(
                        f"{self.FUNC}: {loop.name} from {start} over {extent} pixels is asked for, and a recursion "
                        "goes over others; begin where it begins, and end no later"
                    )
                raise ValueError(
                    f"{self.FUNC}: {loop.name} from {start} over {extent} pixels is asked for, which is not the image "
                    f"that the border condition is for; give the whole image, or pad in software"
                )

    def _check_images(self, pieces: Sequence[Box], values: dict[str, int]) -> None:
        """A launch is computed only where hardware can do the borders of images."""
        for image in self.IMAGES:
            number = image.border.loop
            for piece in pieces:
                start, extent = piece.mins[number], piece.extents[number]
                image.check(self.FUNC, self.LOOPS[number].name, start, extent, self._variables(piece, values))

    # --- memory ---------------------------------------------------------------------------------------------------

    def _memory(
        self, number: int, array: Any, region: Box, pieces: Sequence[Box], values: dict[str, int]
    ) -> Rows | Words:
        stream = self.STREAMS[number]
        if stream.reads is not None:
            stream = stream.with_values(values)
            for piece in pieces:
                self._check_held(stream, array, region, piece)

        def room(bytes_: int) -> Any:
            if number not in self._scratch or self._scratch[number].nbytes < bytes_:
                self._scratch.pop(number, None)  # its memory may be what the new one needs
                self._scratch[number] = make_buffer((bytes_,), np.uint8, self.cacheable)
            return self._scratch[number][:bytes_]

        bits = self.registers.read("capabilities", "address_bits")
        if array.nbytes <= SMALL_BYTES and _end(array) - 1 >> bits:
            array = np.asarray(array)  # one with no address, so that it is copied
        kind = Rows if stream.in_rows else Words
        memory = kind(stream, array, region, pieces, room)
        end = _end(memory.buffer)
        if end - 1 >> bits:
            raise ValueError(f"{self.FUNC}: {stream.name} ends at {end:#x}, beyond the hardware's {bits} address bits")
        return memory

    def _check_held(self, stream: Stream, array: Any, region: Box, piece: Box) -> None:
        """Refuse an image that has not all that a launch reads of it."""
        for number, (loop, start) in enumerate(zip(self.LOOPS, stream.starts(piece, region))):
            pixels = array.shape[len(self.LOOPS) - 1 - number]
            least, extent = stream.part(number, piece)
            if start < 0 or start + extent > pixels:
                begin = least - start
                raise ValueError(
                    f"{self.FUNC}: {stream.name} is read from {least} to {least + extent - 1} along {loop.name}, and "
                    f"is there from {begin} to {begin + pixels - 1}"
                )


def _end(array: Any) -> int:
    """The address behind an array in memory that hardware reaches; of others, one that is no reason to refuse them."""
    return (getattr(array, "device_address", None) or 0) + int(array.nbytes)
