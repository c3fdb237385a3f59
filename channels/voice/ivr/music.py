"""What is heard while waiting: twenty quiet seconds, made by arithmetic, so that no file and no right of anybody is needed."""

import math
import struct
from functools import cache

RATE = 8000
SECONDS = 20
# Two slow chords, a note every half second: a c e g, f a c e.
_NOTES_HZ = (220.0, 261.63, 329.63, 392.0, 329.63, 261.63, 174.61, 220.0, 261.63, 329.63, 261.63, 220.0)
_NOTE_S = 0.5
_LOUDNESS = 0.18


@cache
def wav() -> bytes:
    """A WAV file: 8 kHz, 16 bits, one channel, as telephones carry it."""
    samples = bytearray()
    per_note = int(RATE * _NOTE_S)
    for index in range(RATE * SECONDS):
        at = index % per_note / RATE
        pitch = _NOTES_HZ[index // per_note % len(_NOTES_HZ)]
        swell = min(1.0, at / 0.04) * math.exp(-3.0 * at)
        value = math.sin(2 * math.pi * pitch * at) + 0.3 * math.sin(4 * math.pi * pitch * at)
        samples += struct.pack("<h", int(32767 * _LOUDNESS * swell * value / 1.3))
    head = (
        b"RIFF"
        + struct.pack("<I", 36 + len(samples))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE * 2, 2, 16)
    )
    return head + b"data" + struct.pack("<I", len(samples)) + bytes(samples)
