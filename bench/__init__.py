"""Measurements: speed against the bare frameworks, and how well plain words are understood."""
