"""Names that a language, a file system or fluorite's own names are in the way of."""

__all__ = ["NAMES"]

_KEYWORDS = """
edge time table always final module output reg wire begin int double float register volatile errno stdin main printf
NULL class def from lambda None self images out origin pad run close start timeout_s async import print signal process
entity semaphore mailbox std
"""
_FLUORITES = """
clk rst busy launch launch_valid launch_ready datapath scan shared image image_last_x extent_x scan_last_x min_x
origin_x
param_gain linebuffer_last_0 a_valid a_last m_axi s_axi_control aclk aresetn interrupt core shell design fluorite stdio
string con aux stage submit runtime setting_a in_a_rows result_pipeline
"""
_ODD = (
    "é", "日本", "a b", "a*/b", "*/", 'a"b', 'a"""b', "a\\b", "a\nb", "a\tb", "a'b", "a|b", "<a>", "a&b", "a-b", "a%d",
    "a{b}", "$(a)", "`a`", "[a]", "#a", ";a", "//", "--", "a;b", "@", "1x", "7", "_x", "__x", "x_", "x__", "a__b", "_",
    "A", "a", "aB", "Ab", "a_b", "a_B", "x" * 300, "x" * 299 + "y", "long_" * 9 + "1", "long_" * 9 + "2",
)  # fmt: skip
#: No two are equal; Halide itself refuses a dot in a Func and an ImageParam.
NAMES = tuple(dict.fromkeys((*_KEYWORDS.split(), *_FLUORITES.split(), *_ODD)))
