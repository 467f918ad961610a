"""Components of a core, in Amaranth."""
