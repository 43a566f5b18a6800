"""A server under load and faults: many connections that ask panels' queries, download, cancel and are killed, while
files are replaced under the server and queries ask for more memory than there is.

    python tests/long/load.py --connections 200 --seconds 600

Every answer is compared with one that Polars computed from the files, or that the server gave before the load; every
error must have the code of its cause. At the end the server must hold no more connections, file handles and memory
than before. Prints the figures; ends with 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import dataclasses
import math
import pathlib
import random
import re
import struct
import sys
import tempfile
import threading
import time
import urllib.request

import polars
import psycopg
import pyarrow.compute
import pyarrow.flight
import pyarrow.parquet

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))
from conftest import Server, generate_demo  # noqa: E402

MIB = 1 << 20

# Queries as dashboards send them. Those over the views are compared with the answers before the load.
VIEW_PANELS = [
    "SELECT channel, platform, measure, latest_version, adjusted_rate FROM channel_summary ORDER BY 1, 2, 3",
    "SELECT application, channel, version, score FROM channel_score ORDER BY 1, 2, 3",
    """SELECT version, rate, rate_lower, rate_upper FROM release_summary WHERE channel = 'release'
       AND platform = 'windows' AND measure = 'main_crashes' ORDER BY 1, 2""",
    """SELECT hour_start, version, usage_share FROM adoption WHERE channel = 'release' AND platform = 'mac'
       ORDER BY 1, 2, 3""",
    """SELECT window_start, version, events, rate FROM measure_timeseries WHERE channel = 'beta'
       AND platform = 'windows' AND measure = 'main_crashes' ORDER BY 1, 2, 3 LIMIT 500""",
]
# The causes that an error may have here, and no others.
PROPER_CODES = {
    "53100": "spill space is used up",
    "53200": "memory is used up",
    "53400": "a limit of the server",
    "57014": "its time was up, or it was cancelled",
    "58030": "a file was replaced while it was read",
}
HOG = "SELECT cardinality(array_agg(a.window_start)) FROM error_aggregates a, error_aggregates b"
# Queries that do not end by themselves in the time of a test.
LONG = {
    "join": """SELECT count(*) FROM error_aggregates a, error_aggregates b, error_aggregates c
               WHERE a.main_crashes > c.main_crashes""",
    "series": "SELECT count(*) FROM generate_series(1, 1000000000000) AS s(value) WHERE value % 7 = 3",
}
DOWNLOAD = "SELECT window_start, channel, os_name, version, usage_hours, main_crashes FROM error_aggregates"
CANCELLED_WITHIN_S = 10


@dataclasses.dataclass
class Level:
    """What the server holds at one moment."""

    resident: int
    handles: int
    threads: int
    connections: int

    @classmethod
    def of(cls, server: Server) -> "Level":
        process = pathlib.Path(f"/proc/{server.process.pid}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
        metrics = urllib.request.urlopen(f"http://{server.http}/metrics", timeout=60).read().decode()
        open_now = re.findall(r"^mission_control_connections\{[^}]*\} (\d+)", metrics, re.MULTILINE)
        return cls(
            resident=int(status["VmRSS"].split()[0]) * 1024,
            handles=len(list((process / "fd").iterdir())),
            threads=int(status["Threads"]),
            connections=sum(map(int, open_now)),
        )

    def __str__(self) -> str:
        return (
            f"{self.resident // MIB} MiB resident, {self.handles} file handles, {self.threads} threads, "
            f"{self.connections} connections"
        )


def same(given, expected) -> bool:
    """Equal, floats but for the order in which they were added up."""
    if isinstance(expected, float) and isinstance(given, float):
        return math.isclose(given, expected, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(given) and math.isnan(expected))
    if isinstance(expected, (tuple, list)):
        return len(given) == len(expected) and all(map(same, given, expected))
    return given == expected


def computed_panels(rows: polars.DataFrame) -> dict[str, list[tuple]]:
    """Panels over the raw rows, with the answers that Polars computes."""
    by_channel = rows.group_by("channel").agg(
        polars.len(), polars.col("usage_hours").sum(), polars.col("main_crashes").fill_null(0).sum()
    )
    days = rows.filter(polars.col("channel") == "release").group_by("submission_date").agg(
        polars.col("content_crashes").fill_null(0).sum()
    )
    return {
        """SELECT channel, count(*), sum(usage_hours), sum(coalesce(main_crashes, 0))::bigint FROM error_aggregates
           GROUP BY channel ORDER BY channel""": by_channel.sort("channel").rows(),
        """SELECT submission_date::text, sum(coalesce(content_crashes, 0))::bigint FROM error_aggregates
           WHERE channel = 'release' GROUP BY 1 ORDER BY 1""": [
            (str(day), count) for day, count in days.sort("submission_date").rows()
        ],
        "SELECT count(DISTINCT build_id), count(DISTINCT version) FROM error_aggregates": [
            (rows["build_id"].drop_nulls().n_unique(), rows["version"].drop_nulls().n_unique())
        ],
    }


class Load:
    def __init__(self, server: Server, folder: pathlib.Path, rows: polars.DataFrame, options: argparse.Namespace):
        self.server, self.folder, self.options = server, folder, options
        self.panels = computed_panels(rows)
        self.download_rows = rows.height
        self.download_crashes = int(rows["main_crashes"].fill_null(0).sum())
        self.counts: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self.cancels: list[float] = []
        self.peak = 0
        self.until = 0.0

    # -- what one client does ----------------------------------------------------------------------------------------

    async def connect(self) -> psycopg.AsyncConnection:
        connection = await psycopg.AsyncConnection.connect(self.server.dsn, autocommit=True)
        await connection.execute(f"SET statement_timeout = '{self.options.statement_timeout_s}s'")
        return connection

    async def client(self, number: int) -> None:
        chance = random.Random(number)
        connection = None
        while time.monotonic() < self.until:
            kind = chance.choices(
                ["panel", "prepared", "download", "cursor", "cancel", "killed", "reconnect"],
                [60, 10, 6, 4, 10, 5, 5],
            )[0]
            try:
                connection = connection or await self.connect()
                patience = self.options.statement_timeout_s * 3 + 60
                await asyncio.wait_for(getattr(self, kind)(connection, chance), patience)
                self.counts[f"{kind}: right"] += 1
            except asyncio.TimeoutError:
                self.wrong.append(f"{kind}: no answer")
                connection = None
            except psycopg.Error as error:
                connection = await self.failed(kind, error, connection)
            except (ValueError, OSError) as error:
                # The driver was given something that it cannot read, or nothing.
                self.wrong.append(f"{kind}: {error!r} {connection and connection.pgconn.error_message!r}")
                connection = None
            if kind == "reconnect" and connection is not None:
                await connection.close()
                connection = None
            await asyncio.sleep(chance.random() * self.options.pause_s)
        if connection is not None:
            await connection.close()

    async def failed(self, kind: str, error: psycopg.Error, connection):
        code = error.sqlstate
        self.counts[f"{kind}: {code}"] += 1
        if code not in PROPER_CODES:
            self.wrong.append(f"{kind}: {code} {str(error).splitlines()[0] if str(error) else error!r}")
        if connection is not None and connection.closed:
            return None
        return connection

    def compare(self, kind: str, sql: str, given: list[tuple]) -> None:
        if not same(given, self.panels[sql]):
            self.wrong.append(f"{kind}: another answer to {' '.join(sql.split())}: {str(given)[:300]}")

    async def panel(self, connection, chance, prepare=False) -> None:
        sql = chance.choice(list(self.panels))
        cursor = await connection.execute(sql, prepare=prepare)
        self.compare("panel", sql, await cursor.fetchall())

    async def prepared(self, connection, chance) -> None:
        await self.panel(connection, chance, prepare=True)

    async def download(self, connection, _chance) -> None:
        blocks = []
        async with connection.cursor() as cursor, cursor.copy(f"COPY ({DOWNLOAD}) TO STDOUT (FORMAT csv)") as copy:
            async for block in copy:
                blocks.append(bytes(block))
        # Read at once and not in Python: this program shares two processors with the server that it measures.
        table = await asyncio.to_thread(polars.read_csv, b"".join(blocks), has_header=False, columns=[5])
        self.check_download("download", table.height, int(table.to_series().fill_null(0).sum()))

    async def cursor(self, connection, _chance) -> None:
        rows = crashes = 0
        async with connection.transaction(), connection.cursor(name="c") as cursor:
            await cursor.execute(f"SELECT coalesce(main_crashes, 0) FROM ({DOWNLOAD}) AS d")
            while batch := await cursor.fetchmany(5000):
                rows += len(batch)
                crashes += sum(row[0] for row in batch)
        self.check_download("cursor", rows, crashes)

    def check_download(self, kind: str, rows: int, crashes: int) -> None:
        if (rows, crashes) != (self.download_rows, self.download_crashes):
            self.wrong.append(f"{kind}: {rows} rows and {crashes} crashes")

    async def cancel(self, connection, chance) -> None:
        running = asyncio.create_task(connection.execute(LONG[self.options.endless]))
        await asyncio.sleep(0.05 + chance.random())
        begun = time.monotonic()
        await connection.cancel_safe(timeout=30)
        try:
            await running
            self.wrong.append("cancel: the query ended by itself")
        except psycopg.errors.QueryCanceled:
            took = time.monotonic() - begun
            self.cancels.append(took)
            if took > CANCELLED_WITHIN_S:
                self.wrong.append(f"cancel: took {took:.1f} s")

    async def killed(self, _connection, chance) -> None:
        """A client that is gone in the middle of its answer: no Terminate, the connection is reset."""
        reader, writer = await asyncio.open_connection(self.server.host, self.server.port)
        parameters = b"user\0killed\0database\0mission_control\0\0"
        writer.write(struct.pack("!ii", len(parameters) + 8, 196608) + parameters)
        sql = chance.choice([DOWNLOAD, LONG[self.options.endless]]).encode() + b"\0"
        writer.write(b"Q" + struct.pack("!i", len(sql) + 4) + sql)
        try:
            await asyncio.wait_for(reader.read(chance.choice([1, 1000, 100_000])), 5)
        except (asyncio.TimeoutError, ConnectionError):
            pass
        writer.transport.abort()

    async def reconnect(self, connection, _chance) -> None:
        cursor = await connection.execute("SHOW TimeZone")
        zone = (await cursor.fetchone())[0]
        if zone != "UTC":
            self.wrong.append(f"reconnect: another client's time zone {zone}")
        await connection.execute("SET TIME ZONE 'Asia/Tokyo'")

    # -- faults and watching ---------------------------------------------------------------------------------------

    async def hog(self, number: int) -> None:
        """Asks for more memory than there is."""
        connection = await self.connect()
        while time.monotonic() < self.until:
            try:
                await connection.execute(HOG)
                self.wrong.append("hog: there was memory enough")
            except psycopg.Error as error:
                if await self.failed("hog", error, connection) is None:
                    connection = await self.connect()
            await asyncio.sleep(0.5 + number % 3)
        await connection.close()

    async def replace_files(self) -> None:
        """The same rows in other bytes, again and again, and now and then a file that is none."""
        files = sorted(self.folder.rglob("*.parquet"))
        chance = random.Random(1)
        junk = self.folder / "junk.parquet"
        while time.monotonic() < self.until:
            file = chance.choice(files)
            compression = chance.choice(["snappy", "zstd", "gzip", "none"])
            await asyncio.to_thread(rewrite, file, compression)
            self.counts["files replaced"] += 1
            if junk.exists():
                junk.unlink()
            elif chance.random() < 0.3:
                junk.write_bytes(chance.randbytes(5000))
            await asyncio.sleep(self.options.replace_every_s)
        junk.unlink(missing_ok=True)

    def flight_downloads(self) -> None:
        """Whole downloads over Flight SQL, on a thread of their own."""
        while time.monotonic() < self.until:
            try:
                client = pyarrow.flight.connect(self.server.flight_uri)
                info = client.get_flight_info(pyarrow.flight.FlightDescriptor.for_command(DOWNLOAD.encode()))
                table = client.do_get(info.endpoints[0].ticket).read_all()
                crashes = pyarrow.compute.sum(table["main_crashes"]).as_py()
                self.check_download("flight", table.num_rows, crashes)
                self.counts["flight: right"] += 1
                client.close()
            except pyarrow.ArrowException as error:
                told = next((code for code in PROPER_CODES if code in str(error)), None)
                # pyarrow has no class for what is exhausted; it says so in words of its own.
                exhausted = "resource exhausted" in str(error) or "ResourceExhausted" in str(error)
                proper = exhausted or isinstance(error, pyarrow.flight.FlightUnavailableError)
                self.counts[f"flight: {told or type(error).__name__}"] += 1
                if not (told or proper):
                    self.wrong.append(f"flight: {type(error).__name__} {str(error)[:300]}")
            time.sleep(0.5)

    async def watch(self) -> None:
        while time.monotonic() < self.until:
            self.peak = max(self.peak, self.server.resident_bytes())
            await asyncio.sleep(0.1)

    # -- the whole ---------------------------------------------------------------------------------------------------

    async def learn(self) -> None:
        """The views' answers from the quiet server; those over the raw rows are known already, and checked."""
        connection = await psycopg.AsyncConnection.connect(self.server.dsn, autocommit=True)
        for sql, expected in self.panels.items():
            given = await (await connection.execute(sql)).fetchall()
            if not same(given, expected):
                self.wrong.append(f"before the load: another answer to {sql}: {str(given)[:300]}")
        for sql in VIEW_PANELS:
            self.panels[sql] = await (await connection.execute(sql)).fetchall()
        await connection.close()

    async def press(self, seconds: float, connections: int) -> None:
        self.until = time.monotonic() + seconds
        threads = [threading.Thread(target=self.flight_downloads) for _ in range(self.options.flight)]
        for thread in threads:
            thread.start()
        clients = [self.client(number) for number in range(connections)]
        hogs = [self.hog(number) for number in range(self.options.hogs)]
        await asyncio.gather(*clients, *hogs, self.replace_files(), self.watch())
        for thread in threads:
            await asyncio.to_thread(thread.join)

    async def settled(self, connections: int) -> Level:
        """The level once the work of clients that have left is over."""
        deadline = time.monotonic() + 60
        level = Level.of(self.server)
        while time.monotonic() < deadline and level.connections > connections:
            await asyncio.sleep(0.5)
            level = Level.of(self.server)
        await asyncio.sleep(3)
        return Level.of(self.server)

    async def run(self) -> None:
        options = self.options
        begun = time.monotonic()
        await self.learn()
        print(f"{len(self.panels)} panels answered one after the other in {time.monotonic() - begun:.1f} s", flush=True)
        idle = Level.of(self.server)
        # A first short press warms caches and threads; what counts is that the level does not go on rising.
        await self.press(options.seconds / 6, options.connections)
        start = await self.settled(idle.connections)
        print(f"warm with {start}", flush=True)
        warm = self.counts.total()
        begun = time.monotonic()
        await self.press(options.seconds, options.connections)
        took = time.monotonic() - begun
        end = await self.settled(idle.connections)
        self.report(idle, start, end, (self.counts.total() - warm) / took)

    def report(self, idle: Level, start: Level, end: Level, per_second: float) -> None:
        options = self.options
        print(f"{options.connections} connections, {options.hogs} hogs and {options.flight} flight downloads "
              f"for {options.seconds} s: {per_second:.1f} pieces of work a second")
        for name, count in sorted(self.counts.items()):
            print(f"{count:>8}  {name}")
        cancels = sorted(self.cancels)
        if cancels:
            at = lambda share: cancels[min(len(cancels) - 1, int(share * len(cancels)))] * 1000  # noqa: E731
            print(f"cancel to error, seen by this busy client: median {at(0.5):.0f} ms, p99 {at(0.99):.0f} ms")
        print(f"at first:  {idle}\nbefore:    {start}\nafter:     {end}")
        print(f"most resident {self.peak // MIB} MiB; queries may take {options.memory_mib} MiB, "
              f"the process {options.resident_mib} MiB")
        if self.peak > options.resident_mib * MIB:
            self.wrong.append(f"{self.peak // MIB} MiB resident")
        if end.connections > idle.connections:
            self.wrong.append(f"{end.connections} connections left")
        if end.handles > start.handles + 10:
            self.wrong.append(f"{end.handles - start.handles} more file handles")
        if end.resident > start.resident * 1.25 + 100 * MIB:
            self.wrong.append(f"the level of memory rose from {start.resident // MIB} to {end.resident // MIB} MiB")
        asked = {name: count for name, count in self.counts.items() if ": " in name and not name.startswith("hog")}
        right = sum(count for name, count in asked.items() if name.endswith("right"))
        if right < sum(asked.values()) / 4:
            self.wrong.append(f"only {right} of {sum(asked.values())} pieces of work were done")
        if options.hogs and not self.counts["hog: 53200"]:
            self.wrong.append("no query was refused for its memory")


def rewrite(file: pathlib.Path, compression: str) -> None:
    table = pyarrow.parquet.ParquetFile(file).read()
    beside = file.with_name(f"_{file.name}.new")
    pyarrow.parquet.write_table(table, beside, compression=compression)
    beside.rename(file)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--hogs", type=int, default=4, help="clients whose queries need more memory than there is")
    parser.add_argument("--flight", type=int, default=4, help="downloads over Flight SQL at a time")
    parser.add_argument("--endless", choices=LONG, default="join", help="what is cancelled")
    parser.add_argument("--pause-s", type=float, default=1.0, help="the longest pause between a client's statements")
    parser.add_argument("--replace-every-s", type=float, default=20.0)
    parser.add_argument("--statement-timeout-s", type=int, default=60)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--rows-per-day", type=int, default=10_000)
    parser.add_argument("--memory-mib", type=int, default=512, help="limits.memory_bytes")
    parser.add_argument("--resident-mib", type=int, default=2048, help="the most that the process may hold")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> list[str]:
    """Runs a server under load. Returns what was wrong."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "data"
        generate_demo(folder, options.days, options.rows_per_day, seed=5)
        rows = polars.read_parquet(str(folder) + "/**/*.parquet", hive_partitioning=True)
        limits = {
            "MISSION_CONTROL_LIMITS__MEMORY_BYTES": str(options.memory_mib * MIB),
            "MISSION_CONTROL_LIMITS__SPILL_BYTES": str(options.memory_mib * MIB),
            "MISSION_CONTROL_LIMITS__MAX_RESIDENT_BYTES": str(options.resident_mib * MIB * 3 // 4),
            "MISSION_CONTROL_SOURCE__REFRESH_SECONDS": "1",
        }
        with Server(["--source", str(folder)], pathlib.Path(temporary), limits) as server:
            load = Load(server, folder, rows, options)
            asyncio.run(load.run())
            if server.process.poll() is not None:
                load.wrong.append(f"the server ended with {server.process.returncode}")
            log = (pathlib.Path(temporary) / "server.log").read_text(errors="replace").splitlines()
            load.wrong += [f"in the log: {line[:400]}" for line in log if " ERROR " in line or "panicked" in line]
    for line, count in collections.Counter(load.wrong).most_common(20):
        print(f"WRONG ({count} times): {line}")
    print(f"{len(load.wrong)} wrong")
    return load.wrong


if __name__ == "__main__":
    sys.exit(bool(main()))
