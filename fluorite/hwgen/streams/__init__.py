"""The stream graph: its nodes, their operations, and how a graph is rewritten."""
