"""Mutants that no run of their core can tell from it, each with the reason."""

import re

__all__ = ["reason"]

IDLE = "no word is due in an idle core, which also loads its counters in every cycle"
COVERED = "another flag is high whenever this one is: a launch begins all its ports, and the output ends it"
LOADED = "an idle core loads it in every cycle, so its value after a reset is never used"
UNSEEN = "it differs only where the port's row starts anew, a position at which no word of it is due"
ROW = "it differs only in the row in which the port's launch starts, before the column where it starts"
ONE_ROW = "the input's rows end before the scan's only in images of one row, which the value loaded at the start is for"
EQUALS = "of equal operands either may be taken, and nothing is subtracted from zero"
OUTSIDE = "outside the image a coordinate is compared with positions inside it, and any value outside is as good"

GAP = "a row has at most one position without a word, and a flag that rises again behind it rises with the next row"
EVERY_ROW = "the output has a row in each of the scan's, so that its flag may be set again in each"
PHASE = "a memory delays by its gap wherever its counter starts, which is in range before the first word that is read"
LAST_COLUMN = "the fourth lane of a row's last word, which is at the last address, is nobody's left neighbour"

# Designs, what the mutant reads like, why it is the same core.
EQUIVALENT = [
    ("*", r"core: assign advance = running & (\w+)  ->  \1", IDLE),
    ("border tiles channels tables volume", r"core: assign _\d+ = running & (due_\w+|launched)  ->  \1", IDLE),
    ("*", r"core: assign _\d+ = running & (_\d+)  ->  \1", IDLE),
    ("border", r"core: assign _\d+ = launched \| (unfinished_\w+)  ->  launched", COVERED),
    ("lanes", r"core: assign _\d+ = (launched|_\d+) \| unfinished_\w+  ->  .+", COVERED),
    ("channels", r"core: assign _\d+ = launched \| unfinished_\w+  ->  .+", COVERED),
    ("*", r"core: assign _\d+ = rst \? 1'h0 : (_mux\d+_Y)  ->  (\1|rst \? 2'h[13] : \1)", LOADED),
    ("border channels", r"control_image_in: assign _\d+ = rst \? 1'h0 : (_\d+)  ->  (\1|rst \? 2'h[13] : \1)", LOADED),
    ("lanes", r"control_wide: assign _\d+ = rst \? 1'h0 : (_\d+)  ->  (\1|rst \? 2'h[13] : \1)", LOADED),
    ("*", r"control_\w+: assign _\d+ = advance & (scan_at_end_0|\w+_start_0)  ->  \1", UNSEEN),
    (
        "border tiles lanes",
        r"control_(out|f_edge|narrow|sums): assign _[67] = advance & (\w+_start_0)  ->  advance( \| \2)?",
        ROW,
    ),
    ("border", r"control_image_in: assign _7 = advance & scan_at_end_0  ->  1'h0", ONE_ROW),
    ("border", r"control_image_in: assign _8 = _7 \| load  ->  load", ONE_ROW),
    ("border", r"control_image_in: assign _10 = load \? (_9) : image_in_end_1  ->  \1", ONE_ROW),
    ("tiles", r"datapath: assign _\d+ = (\S+) < (\S+)  ->  \1 <= \2", EQUALS),
    ("tiles", r"datapath: assign _\d+ = (\S+) < \$signed\(1'h0\)  ->  \1 < \$signed\(2'h1\)", EQUALS),
    ("tiles", r"datapath: assign _\d+ = \$signed\(1'h0\) < (\S+)  ->  \$signed\(2'h3\) < \1", EQUALS),
    (
        "tiles",
        r"datapath: assign _\d+ = \$signed\(1'h0\) < \$signed\(f_edge_add\d\)  ->  1'h1",
        "the greater of two magnitudes and one of these values, negative or not, are never negative together",
    ),
    ("lanes channels", r"control_(wide|image_in|mixed): assign _\d+ = inside_0 & (_\d+)  ->  \2", GAP),
    ("channels", r"core: assign mixed_start_1 = ! scan_position_1  ->  1'h1", EVERY_ROW),
    ("channels", r"control_mixed: assign _\d+ = (_\d+) & mixed_start_1  ->  \1", EVERY_ROW),
    ("lanes", r"datapath__address_linebuffer_wide_2: assign _\d = load \| (advance|at_end)  ->  \1", PHASE),
    ("lanes", r"datapath__linebuffer_wide_2: reg \[7:0\] memory \[3:0\]  ->  a word shorter", LAST_COLUMN),
    ("border channels", r"scan_\w+_coord1: if \(_\d\) \w+_position_\d <= (_\d\[\d:0\])  ->  \(\1\) & .+", OUTSIDE),
]


def reason(design, mutant):
    """Why a mutant of a design survives; None where that is not known."""
    for designs, pattern, why in EQUIVALENT:
        if (designs == "*" or design in designs.split()) and re.fullmatch(pattern, str(mutant)):
            return why
    return None
