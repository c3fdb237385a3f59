"""What a photo costs: decoding it in the worker, looking at it in the web process."""

import statistics
import time
from collections.abc import Callable

import pytest
from PIL import Image

from intake.media.reencoding import prepare
from intake.media.sniffing import sniff
from tests.benchmarks.report import report
from tests.intake.media.pictures import encoded

SIZE = (4000, 3000)
RUNS = 7
LOOKS = 200


def like_a_photo() -> Image.Image:
    """Soft noise: about as hard to compress as a street."""
    small = (SIZE[0] // 4, SIZE[1] // 4)
    bands = [Image.effect_noise(small, 80).resize(SIZE, Image.Resampling.BICUBIC) for _ in range(3)]
    return Image.merge("RGB", bands)


def cpu_ms(work: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) * 1000 / times


@pytest.mark.benchmark
def test_what_a_photo_costs() -> None:
    picture = like_a_photo()
    lines = [f"{'12 megapixels as':18} {'MB sent':>8} {'kB kept':>8} {'decode ms':>10} {'worst ms':>9} {'look ms':>8}"]
    for name, options in (("JPEG", {"quality": 90}), ("PNG", {}), ("WEBP", {"quality": 80}), ("HEIF", {"quality": 60})):
        data = encoded(picture, name, **options)
        photo, thumb = prepare(data)
        taken = [cpu_ms(lambda data=data: prepare(data), 1) for _ in range(RUNS)]  # type: ignore[misc]  # bound per round
        look = cpu_ms(lambda data=data: sniff(data, number=1, max_bytes=1 << 30), LOOKS)  # type: ignore[misc]  # as above
        kept = (len(photo.data) + len(thumb.data)) / 1000
        lines.append(
            f"{name:18} {len(data) / 1e6:8.1f} {kept:8.0f} {statistics.median(taken):10.0f} {max(taken):9.0f} {look:8.3f}"
        )
    report("photos", lines)
