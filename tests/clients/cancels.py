"""Cancels queries on a busy server and measures how long each takes to end: from the cancel to the error.

    python tests/clients/cancels.py 127.0.0.1:7432 [CANCELS]
"""

from __future__ import annotations

import itertools
import select
import statistics
import sys
import threading
import time

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus

BUSY_CONNECTIONS = 4
# What is cancelled: rows on their way, a join, a sort, a function of our own in the middle of a batch, an aggregate.
CANCELLED = [
    "SELECT * FROM generate_series(1, 100000000) AS t(a)",
    "SELECT count(*) FROM generate_series(1, 1000000) AS a(x), generate_series(1, 1000000) AS b(y)",
    "SELECT * FROM generate_series(1, 20000000) AS t(a) ORDER BY md5(a::text) OFFSET 19000000",
    """SELECT sum(rate_ratio_test(250000 + a, 1000, 250000, 1000, 1, 'two-sided', 'etest'))
       FROM generate_series(1, 100000) AS t(a)""",
    "SELECT a % 1000003, count(*) FROM generate_series(1, 100000000) AS t(a) GROUP BY 1",
]
BUSY = "SELECT count(*), sum(rate_upper(a, 1000)) FROM generate_series(1, 300000) AS t(a)"


def busy(dsn: str, done: threading.Event) -> None:
    """A client that keeps the server at work until it is told to stop."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        while not done.is_set():
            connection.execute(BUSY).fetchone()


def next_result(raw):
    """Waits outside the library, which would keep the thread that cancels from running."""
    while raw.is_busy():
        select.select([raw.socket], [], [])
        raw.consume_input()
    return raw.get_result()


def one_cancel(connection: psycopg.Connection, sql: str, after_s: float) -> float:
    """Seconds from the cancel to the error."""
    sent = []

    def cancel() -> None:
        time.sleep(after_s)
        sent.append(time.monotonic())
        connection.cancel()

    canceller = threading.Thread(target=cancel)
    # Beneath the driver's cursor, and with the rows gathered by libpq as psql does: at one row at a time this program
    # would need longer for the megabytes that wait in the socket than the server needs to stop.
    raw = connection.pgconn
    raw.send_query(sql.encode())
    raw.flush()
    canceller.start()
    state = None
    while result := next_result(raw):
        if result.status == ExecStatus.FATAL_ERROR:
            state = result.error_field(DiagnosticField.SQLSTATE)
    ended = time.monotonic()
    canceller.join()
    assert state == b"57014", f"it ended with {state} rather than because it was cancelled"
    return ended - sent[0]


def measure(dsn: str, cancels: int) -> list[float]:
    done = threading.Event()
    load = [threading.Thread(target=busy, args=(dsn, done)) for _ in range(BUSY_CONNECTIONS)]
    for thread in load:
        thread.start()
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            waits = itertools.cycle([0.1, 0.2, 0.3])
            queries = itertools.cycle(CANCELLED)
            return [one_cancel(connection, next(queries), next(waits)) for _ in range(cancels)]
    finally:
        done.set()
        for thread in load:
            thread.join()


def summary(seconds: list[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100)
    return (
        f"{len(seconds)} cancels: p50 {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} ms, "
        f"longest {max(seconds) * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    host, port = sys.argv[1].rsplit(":", 1)
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    print(summary(measure(f"host={host} port={port} user=analyst dbname=mission_control", number)))
