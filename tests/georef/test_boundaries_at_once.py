"""Many threads that look up a layer for the first time: in a process of its own, since what may go wrong ends the process."""

import subprocess
import sys

ASKING = """
import math, sys, threading
import numpy as np
import shapely
from datetime import date
from georef.boundaries import Area, PointColumns, Snapshot

ROUNDS, THREADS, LOOKS = 12, 8, 150

def star(cx, cy):
    turn = np.linspace(0, 2 * math.pi, 900, endpoint=False)
    out = 1 + 0.3 * np.sin(17 * turn) + 0.02 * np.sin(211 * turn)
    return shapely.polygons(np.column_stack([cx + out * np.cos(turn), cy + out * np.sin(turn)]))

areas = [Area(str(n), str(n), star(0.1 * n, 0.0), date(2020, 1, 1)) for n in range(5)]
spots = np.random.default_rng(7).uniform(-1.4, 1.8, (THREADS, LOOKS, 2))

def codes(held):
    return [area.code for area in held]

for _ in range(ROUNDS):
    fresh = [Area(a.code, a.name, shapely.from_wkb(shapely.to_wkb(a.geometry)), a.valid_from) for a in areas]
    shared, gate, said = Snapshot(fresh), threading.Barrier(THREADS), {}

    def look(number):
        gate.wait()
        if number == 0:
            many = PointColumns(spots[0, :, 0].copy(), spots[0, :, 1].copy())
            sets, numbers = shared.sets_at(many)
            said[0] = [codes(sets[one]) for one in numbers]
        else:
            said[number] = [codes(shared.at(lon, lat)) for lon, lat in spots[number].tolist()]

    threads = [threading.Thread(target=look, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = Snapshot([Area(a.code, a.name, shapely.from_wkb(shapely.to_wkb(a.geometry)), a.valid_from) for a in areas])
    for number in range(THREADS):
        assert said[number] == [codes(alone.at(lon, lat)) for lon, lat in spots[number].tolist()], number
"""


def test_threads_that_survey_the_same_cells_agree_and_nothing_crashes() -> None:
    done = subprocess.run([sys.executable, "-c", ASKING], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
