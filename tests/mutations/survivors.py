"""Mutants that no run of their core can tell from it, each with the reason.

A reason holds for every mutant that its pattern matches: `python -m tests.mutations` complains of one that is killed.
"""

import re

__all__ = ["reason"]

IDLE = "no word is due in an idle core, which also loads its counters in every cycle"
LOADED = "nothing but an idle core sees its value after a reset, and that loads it in every cycle"
WITHIN = "the input's rows are among the scan's: its flag rises with `launched` and falls no later"
ALL_ROWS = "the input has all of the scan's rows: its flag and `launched` rise and fall together"
TWINS = "the two ports have the same control, so either flag is enough"
TOGETHER = (
    "where a row has positions without a word, all ports have theirs at the same ones, and nothing stalls there; "
    "in other rows the flag is high already"
)
GAP = (
    "a row has one position without a word at most, the same for all ports: it passes at once, and the flag rises "
    "with the next row in any case"
)
EVERY_ROW = "the output has a row in each of the scan's, and `launched` is in each what it was in the first"
SAME_ROW = "the port's row starts at the scan's column 0: in the whole row of the scan the same value is loaded"
SAME_PLANE = "the port's plane starts at the scan's column and row 0: in the whole plane the same value is loaded"
NO_WORD = "it differs only at the one column of the scan in which the port never has a word, or up to it"
ONE_ROW = (
    "the input's rows end before the scan's only in images of one row, which the value loaded at the start is for; in "
    "others the scan's end ends it"
)
WITHOUT_SIGN = (
    "what reads the coordinate takes its lower bits; before position 0 it is then a number above all ends, and "
    "reaches 0 as soon"
)
EQUALS = "of equal operands either may be taken, and zero is its own negative"
MAGNITUDES = "the greater of two magnitudes and the first of these values, negative or not, are together in 0..255"
BEYOND = "the difference to the image's last position is negative beyond the image only, where no word is due"
REMAINDER = "a remainder is less than the bits of the dividend so far can say: the bits above are not read"
LOW_BITS = "only the lowest eight bits of the sum are used"
PHASE = (
    "a memory delays by its gap wherever its counter starts; one of two bits that runs while the core is idle is "
    "in range two cycles after a launch is accepted, before the first word is written"
)
LAST_COLUMN = (
    "only images of 10 or 11 columns use the last address: for the fourth lane of a word, column 12 of the image"
)

# Designs, what the mutant reads like, why it is the same core.
EQUIVALENT = [
    ("*", r"core: assign advance = running & (\w+)  ->  \1", IDLE),
    ("border tiles channels tables volume", r"core: assign _\d+ = running & (due_\w+|launched)  ->  \1", IDLE),
    ("*", r"core: assign _\d+ = running & (_\d+)  ->  \1", IDLE),
    ("*", r"core: assign _\d+ = rst \? 1'h0 : (_mux\d+_Y)  ->  (\1|rst \? 2'h[13] : \1)", LOADED),
    (
        "border channels tables lanes",
        r"control_(image_in|wide): assign _\d+ = rst \? 1'h0 : (_\d+)  ->  (\2|rst \? 2'h[13] : \2)",
        LOADED,
    ),
    ("border", r"core: assign _\d+ = launched \| unfinished_image_in  ->  launched", WITHIN),
    (
        "channels tables lanes",
        r"core: assign _\d+ = launched \| (unfinished_(?:image_in|wide))  ->  (launched|\1|launched & \1)",
        ALL_ROWS,
    ),
    ("lanes", r"core: assign _\d+ = (_\d+) \| unfinished_(narrow|sums)  ->  \1", TWINS),
    ("volume", r"core: assign _\d+ = (launched|_\d+) \| unfinished_pair(_1)?  ->  \1", TWINS),
    (
        "channels tables lanes",
        r"control_(image_in|wide): assign _1 = advance & scan_at_end_0  ->  scan_at_end_0",
        TOGETHER,
    ),
    ("channels tables", r"control_(mixed|looked): assign _1 = advance & (\w+_start_0)  ->  \2", TOGETHER),
    ("channels lanes", r"control_(image_in|mixed|wide): assign _\d+ = inside_0 & (_\d+)  ->  \2", GAP),
    ("channels", r"core: assign mixed_start_1 = ! scan_position_1  ->  1'h1", EVERY_ROW),
    ("channels", r"control_mixed: assign _\d+ = (_\d+) & mixed_start_1  ->  \1", EVERY_ROW),
    ("border", r"control_out: assign _[67] = advance & out_start_0  ->  advance", SAME_ROW),
    ("volume", r"control_pair(_1)?: assign _6 = advance & pair_start_0  ->  advance", SAME_ROW),
    ("volume", r"control_pair(_1)?: assign _14 = advance & pair_start_0  ->  advance", SAME_PLANE),
    ("volume", r"control_pair(_1)?: assign _15 = (_14) & pair_start_1  ->  \2", SAME_PLANE),
    (
        "tiles",
        r"control_f_edge: assign _7 = (advance) & (f_edge_start_0)  ->  (\1 \| \2|\1|\2)",
        NO_WORD,
    ),
    ("tiles", r"control_f_edge: assign _9 = advance & (f_edge_start_0)  ->  \1", NO_WORD),
    ("volume", r"control_pair(_1)?: assign _(9|19) = advance & (pair_start_0)  ->  \3", NO_WORD),
    (
        "volume",
        r"control_pair(_1)?: assign _(7|16) = (advance) & (pair_start_0)  ->  (\3 \| \4|\3|\4|1'h1)",
        NO_WORD + "; " + SAME_PLANE,
    ),
    ("volume", r"control_pair(_1)?: assign _(8|18) = _\d+ & (pair_start_[12])  ->  \3", NO_WORD + "; " + SAME_PLANE),
    (
        "volume",
        r"control_pair(_1)?: assign _17 = (_16) & (pair_start_1)  ->  (\2 \| \3|\2|\3|1'h1)",
        NO_WORD + "; " + SAME_PLANE,
    ),
    ("border", r"control_image_in: assign _7 = advance & scan_at_end_0  ->  1'h0", ONE_ROW),
    ("border", r"control_image_in: assign _8 = _7 \| load  ->  load", ONE_ROW),
    ("border", r"control_image_in: assign _10 = load \? (_9) : image_in_end_1  ->  \1", ONE_ROW),
    (
        "border channels",
        r"scan_(out|mixed)_coord1: if \(_1\) (\w+_position_0) <= (_4\[\d:0\])  ->  \(\3\) & .+",
        WITHOUT_SIGN,
    ),
    ("tables", r"scan_looked_coord\d: if \(_1\) (\w+_position_0) <= (_4\[\d:0\])  ->  \(\2\) & .+", WITHOUT_SIGN),
    (
        "border tables",
        r"scan_(rows|looked)_coord1: if \(_6\) (\w+_position_1) <= (_9\[\d:0\])  ->  \(\3\) & .+",
        WITHOUT_SIGN,
    ),
    ("tiles", r"datapath: assign _\d+ = (\S+) < (\S+)  ->  \1 <= \2", EQUALS),
    ("tiles", r"datapath: assign _\d+ = (\S+) < \$signed\(1'h0\)  ->  \1 < \$signed\(2'h1\)", EQUALS),
    ("tiles tables", r"datapath: assign _\d+ = \$signed\(1'h0\) < (\S+)  ->  \$signed\(2'h3\) < \1", EQUALS),
    ("tables", r"datapath: assign _\d+ = (\$signed\((?:5'h08|1'h0)\)) < (\S+)  ->  \1 <= \2", EQUALS),
    ("tables", r"datapath: assign _\d+ = \$signed\(5'h08\) < (\S+)  ->  \$signed\(6'h7\) < \1", EQUALS),
    ("tables", r"datapath: assign _\d+ = (image_in_lane0) < 1'h1  ->  \1 (<= 1'h1|< 2'h2)", EQUALS),
    ("tiles", r"datapath: assign _\d+ = \$signed\(1'h0\) < \$signed\(f_edge_add\d\)  ->  1'h1", MAGNITUDES),
    ("tiles", r"datapath: assign \{ _\d+\[8\], \w+ \} = _\d+ \? (f_edge_add\d) : 9'h000  ->  \1", MAGNITUDES),
    ("tiles", r"datapath: assign \{ _\d+\[9\], f_edge_add\d \} = (.+)  ->  \(\1\) & 10'h2ff", MAGNITUDES),
    (
        "border channels",
        r"datapath: assign \{ _\d+\[\d\], (?:rows|out|mixed)_sub2 \} = (.+_sub1\))  ->  \(\1\) & \d'h[12][7f]",
        BEYOND,
    ),
    (
        "tables",
        r"datapath: assign looked_select\d = (\S+ \? )\{ \d'h00?, (.+) \} : (.+)"
        r"  ->  (\1\{ \d'h\w+, \2 \} : \3|\(\1.+\) & 9'hff)",
        REMAINDER,
    ),
    (
        "tables",
        r"datapath: assign looked_add1 = \$signed\(\{ 1'h0, (.+) \}\) \+ (\S+)"
        r"  ->  (\$signed\(\{ 2'h[13], \1 \}\) \+ \2|\(.+\) & 32'h7fffffff)",
        LOW_BITS,
    ),
    ("tables", r"datapath: if \(advance\) looked_add1_d1 <= (looked_add1)  ->  \(\1\) & 32'h7fffffff", LOW_BITS),
    ("lanes", r"datapath__address_linebuffer_wide_2: assign _\d = load \| (at_end)  ->  \1", PHASE),
    ("lanes", r"datapath__linebuffer_wide_2: reg \[7:0\] memory \[3:0\]  ->  a word shorter", LAST_COLUMN),
]


def reason(design, mutant):
    """Why a mutant of a design survives; None where that is not known."""
    for designs, pattern, why in EQUIVALENT:
        if (designs == "*" or design in designs.split()) and re.fullmatch(pattern, str(mutant)):
            return why
    return None
