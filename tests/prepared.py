"""A demo's data folder, set up once for a run of the tests: each demo that is not about setting up begins with a copy of it.

`python -m tests.prepared FOLDER` sets one up as the first start of a demo does, without the processes that serve it.
"""

import os
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
# Where the processes of a run share what was made for all of them; tests/conftest.py makes it and removes it.
RUN_FOLDER = "ATIENDE_TEST_FOLDER"


def copy_to(folder: Path) -> None:
    """Leaves a city that is set up in `folder`. The first who asks makes it, the others wait for that."""
    shared = Path(os.environ[RUN_FOLDER]) / "prepared"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            half = shared.with_name("prepared.half")
            subprocess.run([sys.executable, "-m", "tests.prepared", str(half)], cwd=ROOT, check=True)
            half.rename(shared)
    # It keeps whose each file is: PostgreSQL runs as another user where we are root.
    subprocess.run(["cp", "-a", str(shared), str(folder)], check=True)


def prepare(path: Path) -> None:
    from atiende.demo import city
    from atiende.demo.data_folder import open_folder
    from atiende.demo.preparation import remember
    from kernel.embedded.postgres import PostgresServer
    from kernel.settings import load_settings

    with open_folder(path) as folder:
        postgres = PostgresServer(path)
        postgres.start()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ATIENDE_")}
        here = {
            "ATIENDE_DATA": str(path),
            "DATABASE_URL": postgres.url,
            "ATIENDE_WEB_PUBLIC_BASE_URL": "http://127.0.0.1:1",
        }
        remember(folder, city.prepare(folder, load_settings(kept | here)))
        postgres.stop()


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
