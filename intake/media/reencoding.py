"""From a stranger's file to a JPEG of ours: decoded, turned upright, made sRGB, made small, written anew. Pure.

Only pixels cross. What else the file carried (EXIF with its place, XMP, IPTC, comments, profiles, previews, whatever was hung on
behind the picture) has no way into the new one. CPU-heavy: see docs/media.md.
"""

from io import BytesIO

from PIL import Image, ImageCms

from intake.media.sniffing import BOMBS, BROKEN, HEIF, MAX_PIXELS, check_size, format_of, too_large, unreadable
from intake.media.values import NotAPhoto, Rendition

MAX_EDGE = 2048
THUMB_EDGE = 320
_QUALITY = 85
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
_WHITE = (255, 255, 255)
_SRGB = ImageCms.createProfile("sRGB")


def prepare(
    data: bytes,
    *,
    number: int = 1,
    max_pixels: int = MAX_PIXELS,
    max_edge: int = MAX_EDGE,
    thumb_edge: int = THUMB_EDGE,
) -> tuple[Rendition, Rendition]:
    """The photo and its thumbnail, longest edges as given; of an animation, its first picture.

    Raises NotAPhoto for whatever cannot be decoded whole: half a photo is told, not shown.
    """
    name = format_of(data)
    if name is None:
        raise unreadable(number)
    if name == HEIF:
        from pillow_heif import register_heif_opener  # 0.1 s, and only where one is decoded

        register_heif_opener(thumbnails=False)
    try:
        with Image.open(BytesIO(data), formats=(name,)) as image:
            check_size(*image.size, number=number, max_pixels=max_pixels)
            photo = _clean(image, max_edge)
        thumb = photo.copy()
        thumb.thumbnail((thumb_edge, thumb_edge), Image.Resampling.LANCZOS)
        return _written(photo), _written(thumb)
    except NotAPhoto:
        raise
    except BOMBS:
        raise too_large(number, max_pixels) from None
    except BROKEN:
        raise unreadable(number) from None


def _clean(image: Image.Image, max_edge: int) -> Image.Image:
    """A new RGB picture with nothing but these pixels."""
    orientation, profile = _orientation(image), image.info.get("icc_profile")
    # A JPEG is decoded at a half or a quarter where that is still large enough.
    image.draft(None, (max_edge, max_edge))
    image.load()
    pixels = _eight_bits(image)
    if max(pixels.size) > max_edge:
        pixels.thumbnail((max_edge, max_edge), Image.Resampling.LANCZOS, reducing_gap=2.0)
    pixels = _flat(_in_srgb(pixels, profile))
    for turn in _UPRIGHT.get(orientation, ()):
        pixels = pixels.transpose(turn)
    clean = Image.new("RGB", pixels.size)
    clean.paste(pixels)
    return clean


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except BROKEN:
        return 1  # EXIF that cannot be read turns nothing


def _eight_bits(image: Image.Image) -> Image.Image:
    """The same picture in L, RGB, RGBA or CMYK: what resizing and profiles understand."""
    if image.mode.startswith("I"):
        # 16 bits of grey: Pillow's own conversion would cut everything above 255.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("P", "PA") or "transparency" in image.info or image.mode in ("LA", "La", "RGBa"):
        return image.convert("RGBA")
    return image.copy() if image.mode in ("L", "RGB", "RGBA", "CMYK") else image.convert("RGB")


def _in_srgb(pixels: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile or pixels.mode == "L":
        return pixels
    alpha = pixels.getchannel("A") if pixels.mode == "RGBA" else None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        colours = pixels.convert("RGB") if alpha else pixels
        converted = ImageCms.profileToProfile(colours, source, _SRGB, outputMode="RGB")
    except (*BROKEN, ImageCms.PyCMSError):
        return pixels  # a profile that is broken, or of another kind of colours: the numbers are taken as they are
    assert converted is not None
    if alpha:
        converted.putalpha(alpha)
    return converted


def _flat(pixels: Image.Image) -> Image.Image:
    """On white where one could see through."""
    if pixels.mode != "RGBA":
        return pixels.convert("RGB")
    ground = Image.new("RGB", pixels.size, _WHITE)
    ground.paste(pixels, mask=pixels.getchannel("A"))
    return ground


def _written(picture: Image.Image) -> Rendition:
    out = BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY, progressive=True)
    return Rendition(out.getvalue(), *picture.size)
