"""The register map as text: C, Python, Markdown."""
