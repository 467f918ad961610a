"""Streams as rows and frames: counted, and put right where a sender gets them wrong."""
