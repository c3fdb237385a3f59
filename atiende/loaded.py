"""Everything that the processes of an installation work with, loaded by being imported: for the process they are forked from."""

import os

from kernel.jobs import load
from kernel.loading import loading

# Of a process with threads a fork has one only. numpy would have one for each processor, for sums that nobody here does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

with loading():
    import redis  # noqa: F401
    import rq  # noqa: F401
    from sqlalchemy.orm import configure_mappers

    import atiende.cli
    import atiende.commands.serve
    import atiende.commands.standin
    import atiende.commands.worker  # noqa: F401
    from atiende.subscriptions import job_paths

    load(job_paths())
    configure_mappers()
