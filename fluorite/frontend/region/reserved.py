"""Words that a name in generated files must not be."""

from __future__ import annotations

__all__ = ["DRIVER", "FILES", "SIGNALS"]

# Keywords of SystemVerilog (IEEE 1800-2017, those of Verilog among them), then of C, then what the package std of
# SystemVerilog holds, then the core's own.
_SIGNALS = """
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins
binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const
constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge
else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule
endpackage endprimitive endprogram endproperty endspecify endsequence endtable endtask enum event eventually expect
export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global
highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input
inside instance int integer interconnect interface intersect join join_any join_none large let liblist library local
localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor
noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program
property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0
rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
signed small soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1
sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri
tri0 tri1 triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var
vectored virtual void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor

auto char double float goto inline long register short sizeof switch volatile

mailbox process randomize semaphore std weak_reference

clk rst busy launch launch_valid launch_ready datapath
"""
#: What no signal, and no stream's ports, may be called.
SIGNALS = frozenset(_SIGNALS.split())

# Headers of C and POSIX, which `-I.` would hide, the software folder's own files, and DOS's devices.
_FILES = """
aio assert complex cpio ctype dirent dlfcn errno fcntl fenv float fmtmsg fnmatch ftw glob grp iconv inttypes iso646
langinfo libgen limits link locale math memory monetary mqueue ndbm netdb nl_types poll pthread pwd regex sched search
semaphore setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings
stropts syslog tar termios tgmath threads time trace uchar ulimit unistd utime utmpx wchar wctype wordexp
design fluorite main
aux con nul prn com0 com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt0 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9
"""
#: What no accelerator's files may be called.
FILES = frozenset(_FILES.split())

# `fluorite_<word>` in the runtime's C.
_DRIVER = """
abs accelerator alloc allow_cancel arena arena_block arena_close arena_import arena_memory arena_open arena_quarantine
arena_size arena_use arena_used argument border buffer_answer ceil_div channel close code copies count_copy counters
deadline_in deadline_left device device_accelerator device_arena device_finish device_harvest device_reset device_slot
device_step direction div error error_text fail failure free hold_cancel hugepage_memory image image_count image_free
image_load image_room image_save imported in_arena io io_memory io_open kept kept_drop kept_forget kept_give kept_new
kernel_arena kernel_claim kernel_import kernel_info kernel_is_there kernel_memory kernel_release kernel_sync lattice
lattice_overlaps_itself lattices_overlap launch less_memory loop max memory min mod npy_load npy_save open open_io
output_sizes pixels_check pixels_copy pixels_dense pixels_direct pixels_locate placed placed_check placed_fits plan
process_arena process_close process_copies process_device program_call program_complain program_free program_prepare
program_save queue_depth reset run scalar side side_call sim_op sim_reply sim_request stage stage_answer stage_asked
stage_border_holds stage_call stage_check stage_needs stage_place stage_prepare stream submit sync_for_cpu
sync_for_device sysfs_line sysfs_number ticket_drop_all ticket_find ticket_finish ticket_give ticket_new ticket_take
view view_span wait wait_failure zocl_memory
"""
#: What no accelerator's functions and types, ``fluorite_<word>``, may be called.
DRIVER = frozenset(_DRIVER.split())
