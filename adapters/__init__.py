"""Translators between the coach and the places it is asked from. They decide nothing."""
