"""What the host's bytes ask for."""

from __future__ import annotations

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal

from fluorite.boards.ecp5.protocol import Command

__all__ = ["CommandDecoder"]


class CommandDecoder(Elaboratable):
    """Turns the host's bytes into register accesses, words, grants and resets.

    It takes a byte in any cycle: whoever gets what it decodes must have room for it, which is the host's business.

    Attributes
    ----------
    i_valid, i_data : Signal, in
        Bytes.
    read, write : Signal
        A register is to be read; written. High for one cycle, as are all the following.
    address, value : Signal
        Of the register; stay until the next command.
    hello : Signal
        Everything is to be reset.
    grant : Signal
        ``amount`` more packets may be sent.
    amount : Signal
    byte : Signal
        A byte has come for input ``stream``: ``data``, with ``first`` (a frame starts) and ``last`` (a line ends).
    stream, data, first, last : Signal
    """

    def __init__(self) -> None:
        self.i_valid = Signal(name="command_i_valid")
        self.i_data = Signal(8, name="command_i_data")
        self.read = Signal(name="command_read")
        self.write = Signal(name="command_write")
        self.address = Signal(16, name="command_address")
        self.value = Signal(32, name="command_value")
        self.hello = Signal(name="command_hello")
        self.grant = Signal(name="command_grant")
        self.amount = Signal(8, name="command_amount")
        self.byte = Signal(name="command_byte")
        self.stream = Signal(6, name="command_stream")
        self.data = Signal(8, name="command_data")
        self.first = Signal(name="command_first")
        self.last = Signal(name="command_last")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        command = Signal(8)
        arguments = Signal(48)  # the last six bytes, the last of them on top
        left = Signal(3)  # bytes of arguments to come
        bytes_left = Signal(7)  # bytes of data to come
        start = Signal()
        row_end = Signal()
        now = Signal()  # the command is complete
        m.d.sync += now.eq(0)
        with m.If(self.i_valid):
            m.d.sync += arguments.eq(Cat(arguments[8:], self.i_data))
            with m.If(bytes_left.any()):
                m.d.sync += [bytes_left.eq(bytes_left - 1), start.eq(0)]
            with m.Elif(left.any()):
                m.d.sync += [left.eq(left - 1), now.eq(left == 1)]
                with m.If((left == 1) & command[7]):
                    m.d.sync += [bytes_left.eq(self.i_data[:6] + 1), start.eq(self.i_data[6])]
                    m.d.sync += row_end.eq(self.i_data[7])
            with m.Else():
                m.d.sync += [
                    command.eq(self.i_data),
                    now.eq(self.i_data == Command.HELLO),
                    left.eq(
                        Mux(self.i_data == Command.READ, 2, 0)
                        | Mux(self.i_data == Command.WRITE, 6, 0)
                        | Mux((self.i_data == Command.GRANT) | self.i_data[7], 1, 0)
                    ),
                ]
        with m.If(now & (command == Command.READ)):
            m.d.sync += self.address.eq(arguments[32:])
        with m.If(now & (command == Command.WRITE)):
            m.d.sync += Cat(self.address, self.value).eq(arguments)
        m.d.sync += [
            self.read.eq(now & (command == Command.READ)),
            self.write.eq(now & (command == Command.WRITE)),
            self.hello.eq(now & (command == Command.HELLO)),
            self.grant.eq(now & (command == Command.GRANT)),
            self.amount.eq(arguments[40:]),
            self.byte.eq(self.i_valid & bytes_left.any()),
            self.stream.eq(command),
            self.data.eq(self.i_data),
            self.first.eq(start),
            self.last.eq(row_end & (bytes_left == 1)),
        ]
        return m
