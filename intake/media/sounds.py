"""Which kind of sound some bytes are, by themselves. Pure; nothing is decoded, and nothing is made anew."""

# What a browser plays in a page; the rest can be saved.
PLAYABLE = frozenset(("audio/ogg", "audio/mpeg", "audio/mp4", "audio/wav", "audio/webm"))
_MP4_BRANDS = (b"M4A ", b"M4B ", b"isom", b"iso2", b"mp41", b"mp42", b"dash")


def sound_type(data: memoryview | bytes) -> str | None:
    """The media type; None for what is no sound that we know."""
    head = bytes(data[:64])
    if head.startswith(b"OggS") and (b"OpusHead" in head or b"\x01vorbis" in head):
        return "audio/ogg"
    if head.startswith(b"#!AMR"):
        return "audio/amr"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[4:8] == b"ftyp" and head[8:12] in _MP4_BRANDS:
        return "audio/mp4"
    if head.startswith(b"\x1aE\xdf\xa3") and b"webm" in head:
        return "audio/webm"
    if head.startswith(b"ID3") or (len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6)):
        return "audio/mpeg"
    return None
