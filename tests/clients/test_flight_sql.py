"""Arrow Flight SQL: pyarrow.flight, ADBC and Polars."""

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import polars
import pyarrow
import pyarrow.flight
import pytest


@pytest.fixture()
def connection(server):
    with flight_sql.connect(server.flight_uri) as connected:
        yield connected


def fetch(connection, query, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetch_arrow_table()


def test_adbc_reads_the_whole_table(connection, truth):
    table = fetch(connection, "SELECT * FROM error_aggregates")
    assert table.num_rows == truth.height
    ours, theirs = polars.from_arrow(table), truth
    for column in ("usage_hours", "count", "main_crashes", "content_crashes"):
        assert ours[column].sum() == pytest.approx(theirs[column].sum(), rel=1e-9)
        assert ours[column].null_count() == theirs[column].null_count()


def test_text_is_plain_and_times_are_utc_microseconds(connection):
    schema = fetch(connection, "SELECT channel, window_start, submission_date, count, usage_hours "
                               "FROM error_aggregates LIMIT 1").schema
    assert schema.types == [
        pyarrow.string(), pyarrow.timestamp("us", "UTC"), pyarrow.date32(), pyarrow.int64(), pyarrow.float64()
    ]


@pytest.mark.parametrize("query", [
    "SELECT * FROM error_aggregates",
    "SELECT * FROM usage_windows",
    "SELECT * FROM measure_timeseries WHERE measure = 'main_crashes'",
    "SELECT channel, count(*), avg(usage_hours), max(window_start) FROM error_aggregates GROUP BY channel",
    "SELECT 1 AS one, 'a' AS letter, NULL AS nothing, now() AS moment, ARRAY[1, 2] AS list",
    "SELECT rate_ci(5, 100.0) AS interval",
    "SELECT * FROM error_aggregates WHERE false",
    "EXPLAIN SELECT 1",
    "SHOW timezone",
])
def test_the_announced_schema_is_the_streams(server, query):
    client = pyarrow.flight.connect(server.flight_uri)
    # CommandStatementQuery in an Any, as Flight SQL clients send it.
    def field(number, data):
        return bytes([number << 3 | 2]) + varint(len(data)) + data

    def varint(value):
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])

    command = field(1, b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery")
    command += field(2, field(1, query.encode()))
    info = client.get_flight_info(pyarrow.flight.FlightDescriptor.for_command(command))
    reader = client.do_get(info.endpoints[0].ticket)
    assert reader.schema.equals(info.schema, check_metadata=True)
    reader.read_all()


def test_adbc_prepares_with_several_parameters(connection, truth):
    query = "SELECT count(*) AS rows FROM error_aggregates WHERE channel = $1 AND usage_hours > $2"
    expected = truth.filter((polars.col("channel") == "release") & (polars.col("usage_hours") > 2.0)).height
    assert fetch(connection, query, ("release", 2.0)).column("rows").to_pylist() == [expected]


def test_parameters_are_ordered_by_number(connection):
    names = ", ".join(f"${number} AS p{number}" for number in range(1, 12))
    table = fetch(connection, f"SELECT {names}", tuple(f"v{number}" for number in range(1, 12)))
    assert table.to_pylist() == [{f"p{number}": f"v{number}" for number in range(1, 12)}]


@pytest.mark.parametrize("depth", ["all", "catalogs", "db_schemas", "tables", "columns"])
def test_objects_are_listed_at_every_depth_without_a_catalog(connection, depth):
    table = connection.adbc_get_objects(depth=depth).read_all().to_pylist()
    assert [row["catalog_name"] for row in table] == ["mission_control"]
    if depth in ("all", "columns", "tables"):
        schemas = {schema["db_schema_name"]: schema for schema in table[0]["catalog_db_schemas"]}
        names = {one["table_name"] for one in schemas["public"]["db_schema_tables"]}
        assert {"error_aggregates", "usage_windows", "measure_windows", "measure_timeseries"} <= names


def test_a_tables_schema_is_that_of_its_rows(connection):
    announced = connection.adbc_get_table_schema("error_aggregates")
    rows = fetch(connection, "SELECT * FROM error_aggregates LIMIT 1").schema
    assert announced.names == rows.names and announced.types == rows.types


def test_server_information_is_given(connection):
    info = connection.adbc_get_info()
    assert "mission" in str(info["vendor_name"]).lower()


def test_polars_reads_through_adbc(server, truth):
    with flight_sql.connect(server.flight_uri) as connected:
        frame = polars.read_database("SELECT channel, count(*) AS rows FROM error_aggregates GROUP BY channel",
                                     connection=connected)
    expected = dict(truth.group_by("channel").len().rows())
    assert dict(frame.rows()) == expected


def test_writing_is_refused(connection):
    with pytest.raises(adbc_driver_manager.Error) as caught:
        fetch(connection, "DROP TABLE error_aggregates")
    assert caught.value.status_code == adbc_driver_manager.AdbcStatusCode.UNAUTHORIZED
    assert "read-only" in str(caught.value)


def test_errors_come_before_the_first_batch(connection):
    for query, wanted in [("SELECT * FROM nowhere", "does not exist"), ("SELECT 1/0", "division by zero")]:
        with pytest.raises(adbc_driver_manager.Error, match=wanted):
            fetch(connection, query)


def test_pyarrow_lists_and_reads_a_table(server, truth):
    client = pyarrow.flight.connect(server.flight_uri)
    listed = {b"/".join(info.descriptor.path).decode() for info in client.list_flights()}
    assert any(name.endswith("error_aggregates") for name in listed)
    info = client.get_flight_info(pyarrow.flight.FlightDescriptor.for_path("error_aggregates"))
    assert client.do_get(info.endpoints[0].ticket).read_all().num_rows == truth.height


def test_a_forged_ticket_is_refused(server):
    client = pyarrow.flight.connect(server.flight_uri)
    with pytest.raises(pyarrow.ArrowException):
        client.do_get(pyarrow.flight.Ticket(b"SELECT 1")).read_all()
