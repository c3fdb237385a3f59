"""A photo to send for whoever has none at hand: a drawn street with a hole in it."""

from functools import cache
from io import BytesIO


@cache
def pothole() -> bytes:
    """A JPEG."""
    from PIL import Image, ImageDraw  # only where somebody sends it

    picture = Image.new("RGB", (960, 720), (122, 124, 128))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 960, 190), fill=(178, 196, 206))
    draw.polygon(((0, 190), (960, 190), (960, 235), (0, 235)), fill=(156, 150, 140))
    for left in range(40, 960, 220):
        draw.polygon(((left, 470), (left + 120, 470), (left + 108, 490), (left - 14, 490)), fill=(232, 214, 120))
    draw.ellipse((310, 500, 690, 650), fill=(70, 66, 62))
    draw.ellipse((340, 516, 660, 636), fill=(46, 43, 41))
    draw.ellipse((390, 560, 600, 622), fill=(84, 104, 116))
    out = BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()
