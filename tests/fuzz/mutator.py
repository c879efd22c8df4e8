"""A mutator of bytes: from valid samples it makes inputs that are almost valid."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

MAX_BYTES = 1 << 20  # of a mutated input
NUM_MUTATIONS = (1, 1, 1, 2, 4)  # applied to one input
MAX_COPIES = 64  # of a repeated chunk
EXTREME_TEXTS = (
    *(b"0", b"-1", b"1", b"255", b"65536", b"2147483647", b"-2147483648", b"4294967296", b"18446744073709551616"),
    *(b"1e308", b"-1e-308", b"1e999", b"nan", b"inf", b"0x7fffffff", b"9" * 400, b"0.0000001", b"\xc2\xb2", b""),
)
CONTROLS = (b"\0", b"\n", b"\r\n", b"\x1b[2J", b"\xff\xfe", b"\xe2\x80\xae", b'"', b"'", b"\\", b"{" * 300, b"[" * 300)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")

Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def mutate(rng: random.Random, samples: Sequence[bytes]) -> bytes:
    """Return one of the samples after one to four random mutations."""
    data = rng.choice(samples)
    for _ in range(rng.choice(NUM_MUTATIONS)):
        data = rng.choice(MUTATIONS)(rng, data, samples)[:MAX_BYTES]
    return data


def flip_bits(rng: random.Random, data: bytes, samples: Sequence[bytes]) -> bytes:
    """Flip 1 to 16 bits."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16)) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Cut off the end, or now and then the beginning."""
    position = rng.randint(0, len(data))
    return data[position:] if rng.random() < 0.2 else data[:position]


def splice(rng: random.Random, data: bytes, samples: Sequence[bytes]) -> bytes:
    """Replace a chunk by a chunk of a sample."""
    start, end = _chunk(rng, data)
    other = rng.choice(samples)
    other_start, other_end = _chunk(rng, other)
    return data[:start] + other[other_start:other_end] + data[end:]


def repeat(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Repeat a chunk, or leave it out."""
    start, end = _chunk(rng, data)
    return data[:start] + data[start:end] * rng.choice((0, 2, 3, MAX_COPIES)) + data[end:]


def overwrite_number(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Overwrite 1, 2, 4 or 8 bytes with an extreme number of either byte order."""
    size = rng.choice((1, 2, 4, 8))
    if len(data) < size:
        return data
    position, bits = rng.randint(0, len(data) - size), 8 * size
    number = rng.choice((0, 1, 2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1, 2 ** (bits // 2), 2**bits - 2))
    encoded = number.to_bytes(size, "little")
    return data[:position] + (encoded if rng.random() < 0.5 else encoded[::-1]) + data[position + size :]


def replace_number(rng: random.Random, data: bytes, samples: Sequence[bytes]) -> bytes:
    """Replace a number that is written in digits by an extreme one."""
    matches = list(_NUMBER.finditer(data[:65536]))
    if not matches:
        return overwrite_number(rng, data, samples)
    match = rng.choice(matches)
    return data[: match.start()] + rng.choice(EXTREME_TEXTS) + data[match.end() :]


def insert_controls(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Insert control characters, quotes or brackets."""
    position = rng.randint(0, len(data))
    return data[:position] + rng.choice(CONTROLS) + data[position:]


MUTATIONS: tuple[Mutation, ...] = (
    *(flip_bits, flip_bits, truncate, splice, repeat),
    *(overwrite_number, overwrite_number, replace_number, replace_number, insert_controls),
)


def _chunk(rng: random.Random, data: bytes) -> tuple[int, int]:
    """Return the ends of a chunk, which is short more often than long."""
    start = rng.randint(0, len(data))
    return start, min(len(data), start + rng.choice((1, 4, 16, 64, 256, max(1, len(data) // 4))))
