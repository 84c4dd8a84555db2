"""The app's icons, drawn from numbers: a ring with one calm wave in it."""

import struct
import zlib
from collections.abc import Callable
from math import cos, hypot, pi, sin

Pixel = tuple[int, int, int, int]

WHITE = (255, 255, 255)
TEAL = (0x2F, 0x6F, 0x73)


def color_icon() -> bytes:
    """Return the 192 × 192 PNG: the mark in white on the accent colour, within the middle that Teams never crops."""

    def pixel(x: int, y: int) -> Pixel:
        ink = _ink(x - 95.5, y - 95.5, radius=42, stroke=9)
        red, green, blue = (round(paper + (white - paper) * ink) for paper, white in zip(TEAL, WHITE, strict=True))
        return red, green, blue, 255

    return _png(192, pixel)


def outline_icon() -> bytes:
    """Return the 32 × 32 PNG: the mark in white on nothing."""
    return _png(32, lambda x, y: (*WHITE, round(255 * _ink(x - 15.5, y - 15.5, radius=12.5, stroke=2.5))))


def _ink(x: float, y: float, *, radius: float, stroke: float) -> float:
    """Return how much of the pixel at (x, y), from the middle, the mark covers: 0 to 1."""
    from_ring = abs(hypot(x, y) - radius)
    half = radius * 0.55
    inside = min(max(x, -half), half)
    turn = pi * inside / half
    # Seen from a point, a line is nearer than straight up or down by as much as it slopes.
    height, slope = radius / 6 * sin(turn), radius / 6 * pi / half * cos(turn)
    from_line = hypot(x - inside, (y - height) / hypot(1, slope))
    return min(max(stroke / 2 + 0.5 - min(from_ring, from_line), 0.0), 1.0)


def _png(size: int, pixel: Callable[[int, int], Pixel]) -> bytes:
    """Return a square PNG with eight bits each of red, green, blue and alpha."""
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(size)) for y in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
