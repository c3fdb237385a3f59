"""Where the tables go: always to the terminal, and with ATIENDE_BENCH_WRITE=1 also into their block of docs/benchmarks.md."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
_CPUINFO = Path("/proc/cpuinfo")


def machine() -> str:
    """Processor, cores and the load of the last minute: what else ran meanwhile decides half of the wall-clock times."""
    text = _CPUINFO.read_text() if _CPUINFO.exists() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    return (
        f"{found[1].strip() if found else platform.processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


def report(block: str, lines: list[str], document: Path = DOCUMENT) -> None:
    """Prints `lines`, and keeps them in the document's block of that name when asked to write."""
    stamp = f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, Python {platform.python_version()}"
    print("\n" + "\n".join((stamp, *lines)), flush=True)
    if os.environ.get("ATIENDE_BENCH_WRITE"):
        document.write_text(replaced(document.read_text(), block, [stamp, *lines]))


def replaced(document: str, block: str, lines: list[str]) -> str:
    """`document` with the content of one block exchanged. Raises LookupError when it has no such block."""
    pattern = re.compile(rf"(<!-- bench:{re.escape(block)} -->\n).*?(<!-- end -->)", re.S)
    content = "```\n" + "\n".join(lines) + "\n```\n"
    changed, count = pattern.subn(lambda found: found[1] + content + found[2], document)
    if count != 1:
        raise LookupError(f"the document needs one block named {block}")
    return changed
