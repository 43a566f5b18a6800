"""Writes data/sessions.parquet: twenty days of Harbor, an hour a row for each ring and system.

The stable ring moves from 1.0 to 2.0 on 2024-03-11 and has 4 failures per 1000 hours before, 5 after; the preview ring
moves from 2.0b1 to 2.0b2 on 2024-03-06 and has 10 throughout. Needs pyarrow.
"""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

FIRST_HOUR = 1709251200  # 2024-03-01 00:00 UTC
HOURS = 20 * 24

rows = []
for hour in range(HOURS):
    stable = ("1.0", 4) if hour < 10 * 24 else ("2.0", 5)
    preview = ("2.0b1", 1) if hour < 5 * 24 else ("2.0b2", 1)
    for system in ("Linux", "HarmonyOS"):
        bucket = FIRST_HOUR + hour * 3600
        rows.append((bucket, "stable", stable[0], system, 60_000, stable[1], 1))
        rows.append((bucket, "preview", preview[0], system, 6_000, preview[1], 0))

names = ["bucket", "ring", "release", "system", "session_minutes", "n_failures", "n_timeouts"]
columns = [pa.array(values) for values in zip(*rows)]
folder = pathlib.Path(__file__).with_name("data")
folder.mkdir(exist_ok=True)
pq.write_table(pa.table(dict(zip(names, columns))), folder / "sessions.parquet")
