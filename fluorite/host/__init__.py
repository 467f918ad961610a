"""The machine that fluorite runs on: its files, its caches, the programs that it has."""
