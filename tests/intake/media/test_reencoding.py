"""Only pixels cross: whatever was in the file besides them is not in ours."""

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from intake.media.reencoding import MAX_EDGE, THUMB_EDGE, prepare
from intake.media.values import NotAPhoto
from tests.intake.media.pictures import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    corners,
    decoded,
    encoded,
    jpeg,
    looks_like,
    png_that_claims,
)

SECRET = b"19.4326,-99.1332 iPhone de Rosa"


def with_everything() -> bytes:
    """A JPEG with a place, a camera, a comment, XMP, a profile, and a script behind its end."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0131] = "iPhone de Rosa", SECRET.decode()
    exif.get_ifd(0x8825)[2] = (19.0, 25.0, 57.0)
    exif.get_ifd(0x8825)[29] = "2026:11:26"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = jpeg(exif=exif, comment=SECRET, xmp=b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>", icc_profile=profile)
    return data + b"<script>" + SECRET + b"</script>"


def test_nothing_but_pixels_is_left() -> None:
    data = with_everything()
    assert data.count(SECRET) == 4
    for made in prepare(data):
        assert SECRET not in made.data
        assert b"iPhone" not in made.data
        picture = decoded(made.data)
        assert picture.format == "JPEG"
        assert not picture.getexif()
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
        assert b"Exif" not in made.data
        assert b"ICC_PROFILE" not in made.data
        assert b"Photoshop" not in made.data


@given(st.binary(min_size=8, max_size=400))
@settings(max_examples=25)
def test_whatever_hangs_on_the_file_stays_behind(payload: bytes) -> None:
    marked = b"MARK" + payload
    text = PngInfo()
    text.add_text("Comment", marked.decode("latin-1"))
    for data in (
        jpeg(comment=marked) + marked,
        encoded(corners(), "PNG", pnginfo=text) + marked,
        encoded(corners(), "WEBP", xmp=marked),
        encoded(corners().quantize(8), "GIF", comment=marked[:250]),
    ):
        for made in prepare(data):
            assert marked[:250] not in made.data


@pytest.mark.parametrize(
    ("orientation", "top_left", "top_right", "bottom_left"),
    [
        (1, RED, GREEN, BLUE),
        (2, GREEN, RED, WHITE),
        (3, WHITE, BLUE, GREEN),
        (4, BLUE, WHITE, RED),
        (5, RED, BLUE, GREEN),
        (6, BLUE, RED, WHITE),
        (7, WHITE, GREEN, BLUE),
        (8, GREEN, WHITE, RED),
        (9, RED, GREEN, BLUE),
        (0, RED, GREEN, BLUE),
    ],
)
def test_a_photo_stands_upright_and_does_not_say_so(
    orientation: int, top_left: object, top_right: object, bottom_left: object
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo, thumb = prepare(jpeg((80, 40), exif=exif))
    wide = orientation in (0, 1, 2, 3, 4, 9)
    assert (photo.width > photo.height) is wide
    for made in (photo, thumb):
        assert looks_like(decoded(made.data), top_left=top_left, top_right=top_right, bottom_left=bottom_left)
        assert not decoded(made.data).getexif()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "HEIF"])
def test_every_kind_becomes_a_jpeg(name: str) -> None:
    options = {"lossless": True} if name == "WEBP" else {"quality": 95} if name in ("JPEG", "HEIF") else {}
    photo, thumb = prepare(encoded(corners(), name, **options))
    assert (photo.width, photo.height, thumb.width) == (64, 48, 64)
    assert looks_like(decoded(photo.data), top_left=RED, top_right=GREEN, bottom_left=BLUE)


@pytest.mark.parametrize(("level", "mode"), [(32_768, "I;16"), (128, "L"), (128, "LA"), (128, "P")])
def test_grey_stays_as_grey_as_it_was(level: int, mode: str) -> None:
    picture = Image.new("L", (40, 30), 128).convert(mode) if mode != "I;16" else Image.new(mode, (40, 30), level)
    pixel = decoded(prepare(encoded(picture, "PNG"))[0].data).getpixel((20, 15))
    assert all(abs(value - 128) <= 3 for value in pixel)  # type: ignore[union-attr]  # RGB


def test_print_colours_become_screen_colours() -> None:
    inks = Image.new("CMYK", (40, 30), (0, 255, 255, 0))
    red, green, blue = decoded(prepare(encoded(inks, "JPEG"))[0].data).getpixel((20, 15))  # type: ignore[misc]  # RGB
    assert red > 200
    assert max(green, blue) < 60


def test_what_one_can_see_through_lies_on_white() -> None:
    picture = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    for name in ("PNG", "WEBP"):
        assert decoded(prepare(encoded(picture, name))[0].data).getpixel((20, 15)) == (255, 255, 255)
    hole = Image.new("P", (40, 30), 0)
    made = prepare(encoded(hole, "GIF", transparency=0))[0]
    assert decoded(made.data).getpixel((20, 15)) == (255, 255, 255)


def test_of_an_animation_the_first_picture_is_kept() -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in (RED, BLUE)]
    for name in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], name, save_all=True, append_images=frames[1:])
        picture = decoded(prepare(data)[0].data)
        assert getattr(picture, "n_frames", 1) == 1
        assert looks_like(picture, top_left=RED, top_right=RED, bottom_left=RED)


def test_another_profile_is_turned_into_ours() -> None:
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    wrong_kind = jpeg(icc_profile=linear.tobytes())
    broken = jpeg(icc_profile=b"not a profile at all")
    for data in (wrong_kind, broken):
        assert looks_like(decoded(prepare(data)[0].data), top_left=RED, top_right=GREEN, bottom_left=BLUE)


@pytest.mark.parametrize(
    ("size", "photo", "thumb"),
    [
        ((3000, 1500), (MAX_EDGE, 1024), (THUMB_EDGE, 160)),
        ((100, 3000), (68, MAX_EDGE), (11, THUMB_EDGE)),
        ((1, 5000), (1, MAX_EDGE), (1, THUMB_EDGE)),
        ((1, 1), (1, 1), (1, 1)),
        ((2048, 10), (2048, 10), (320, 2)),
    ],
)
def test_edges_are_bounded_and_shapes_kept(
    size: tuple[int, int], photo: tuple[int, int], thumb: tuple[int, int]
) -> None:
    for name in ("JPEG", "PNG"):
        made = prepare(encoded(Image.new("RGB", size, GREEN), name))
        for have, want in zip(made, (photo, thumb), strict=True):
            assert abs(have.width - want[0]) <= 1
            assert abs(have.height - want[1]) <= 1
            assert decoded(have.data).size == (have.width, have.height)


@pytest.mark.parametrize("cut", [30, 300, 0.5, 0.9])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "HEIF"])
def test_half_a_photo_is_no_photo(name: str, cut: float) -> None:
    noise = Image.effect_noise((400, 300), 80).convert("RGB")
    data = encoded(noise, name)
    with pytest.raises(NotAPhoto):
        prepare(data[: int(cut if cut > 1 else len(data) * cut)], number=4)


def test_a_picture_that_unfolds_beyond_the_limit_is_never_unfolded() -> None:
    for bomb in (png_that_claims(60_000, 60_000), png_that_claims(8_001, 8_000)):
        with pytest.raises(NotAPhoto):
            prepare(bomb)
    with pytest.raises(NotAPhoto, match="megapixeles"):
        prepare(encoded(corners((200, 200)), "HEIF"), max_pixels=39_999)


@given(st.data())
@settings(max_examples=60)
def test_broken_bytes_give_a_photo_or_say_so(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF"]))
    whole = bytearray(encoded(corners(), name))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        photo, _ = prepare(bytes(whole))
    except NotAPhoto:
        return
    assert Image.open(BytesIO(photo.data)).format == "JPEG"
