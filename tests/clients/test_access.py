"""Users, passwords, tokens and TLS, with the clients that people have."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from conftest import REPOSITORY, Server, binary

PASSWORD = "lovelace's Engine"
TOKEN = "a-token-of-the-nightly-pipeline"


def openssl(*arguments: str, cwd) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True, timeout=60)


def make_certificate(folder, name: str, authority: str = "ca", serial: int = 1) -> None:
    """`name`.pem and `name`.key for localhost, signed by the folder's authority."""
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", f"/CN={name}", cwd=folder)
    (folder / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
            "-set_serial", str(serial), "-days", "2", "-sha256", "-extfile", "extensions", "-out", f"{name}.pem",
            cwd=folder)


def make_authority(folder, name: str = "ca") -> None:
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem",
            "-subj", f"/CN=test authority {name}", "-days", "2", cwd=folder)


def verifier_of(password: str) -> str:
    command = [binary(), "hash-password"]
    hashed = subprocess.run(command, input=password + "\n", capture_output=True, text=True, check=True, timeout=60)
    return hashed.stdout.strip()


@pytest.fixture(scope="module")
def guarded(demo_folder, tmp_path_factory):
    """A server with users, TLS on offer everywhere, and a Unix-domain socket."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the test's certificates, is not installed")
    folder = tmp_path_factory.mktemp("guarded")
    make_authority(folder)
    make_certificate(folder, "server")
    (folder / "bob.secret").write_text("builder\n")
    (folder / "server.toml").write_text(
        f"""
[source]
location = "{demo_folder}"
[postgres]
socket = "."
[tls]
certificate = "server.pem"
key = "server.key"
client_ca = "ca.pem"
[[users]]
name = "ada"
scram = "{verifier_of(PASSWORD)}"
role = "admin"
[[users]]
name = "bob"
password_file = "bob.secret"
[[users]]
name = "pipeline"
token_sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"
role = "ingest"
"""
    )
    with Server(["--config", str(folder / "server.toml")], folder) as running:
        yield running


def test_hash_password_asks_twice_and_shows_nothing(tmp_path):
    """On a terminal; what is typed into something else is tested without one."""
    import pty
    import termios

    def typed(*answers: str) -> tuple[str, int]:
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(binary(), [binary(), "hash-password"])
        shown = b""
        for answer in answers:
            prompt = b""
            while not prompt.rstrip().endswith(b":"):
                prompt += os.read(terminal, 1024)
            shown += prompt
            # The prompt comes before the terminal is silent; a person takes longer to type.
            while termios.tcgetattr(terminal)[3] & termios.ECHO:
                time.sleep(0.01)
            os.write(terminal, answer.encode() + b"\n")
        try:
            while chunk := os.read(terminal, 1024):
                shown += chunk
        except OSError:
            pass
        return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    shown, status = typed(PASSWORD, PASSWORD)
    assert status == 0 and "SCRAM-SHA-256$4096:" in shown and PASSWORD not in shown, shown
    shown, status = typed(PASSWORD, "another")
    assert status == 2 and "the two passwords differ" in shown and "SCRAM" not in shown, shown


def psql(server, parameters: str, password: str = PASSWORD, query: str = "SELECT current_user"):
    if shutil.which("psql") is None:
        pytest.skip("psql is not installed")
    connection = f"host={server.host} port={server.port} dbname=mission_control {parameters}"
    environment = os.environ | {"PGPASSWORD": password}
    command = ["psql", "-X", "-At", "-v", "VERBOSITY=verbose", "-c", query, connection]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_psql_with_every_way_of_encryption(guarded):
    ca = guarded.folder / "ca.pem"
    for parameters in (
        "user=ada sslmode=disable",
        "user=ada sslmode=prefer",
        "user=ada sslmode=require",
        "user=ada sslmode=require channel_binding=require",
        f"user=ada sslmode=verify-ca sslrootcert={ca}",
        f"user=ada host=localhost sslmode=verify-full sslrootcert={ca} channel_binding=require",
    ):
        answer = psql(guarded, parameters)
        assert (answer.returncode, answer.stdout.strip()) == (0, "ada"), (parameters, answer.stderr)
    status = psql(guarded, "user=ada sslmode=require", query="\\conninfo")
    assert "TLSv1.3" in status.stdout, status


def test_a_certificate_of_another_authority_is_refused_by_the_client(guarded, tmp_path):
    make_authority(tmp_path)
    answer = psql(guarded, f"user=ada sslmode=verify-full sslrootcert={tmp_path / 'ca.pem'}")
    assert answer.returncode != 0 and "certificate verify failed" in answer.stderr, answer


def test_channel_binding_needs_tls(guarded):
    answer = psql(guarded, "user=ada sslmode=disable channel_binding=require")
    assert answer.returncode != 0 and "channel binding" in answer.stderr, answer


def test_wrong_passwords_and_unknown_users_read_alike_and_take_as_long(guarded):
    durations = []
    for user, password in (("ada", "wrong"), ("ghost", PASSWORD), ("pipeline", "")):
        begun = time.monotonic()
        answer = psql(guarded, f"user={user} sslmode=require", password or "empty")
        durations.append(time.monotonic() - begun)
        assert answer.returncode != 0
        assert f'FATAL:  password authentication failed for user "{user}"' in answer.stderr, answer
    assert min(durations) >= 0.2, durations
    log = (guarded.folder / "server.log").read_text()
    assert log.count("authentication failed") >= 3 and "wrong" not in log.replace("wrong user or password", "")


def test_the_sqlstate_of_a_wrong_password(guarded):
    psycopg = pytest.importorskip("psycopg")
    with pytest.raises(psycopg.OperationalError, match='password authentication failed for user "ada"'):
        psycopg.connect(guarded.dsn.replace("analyst", "ada"), password="wrong")
    asyncpg = pytest.importorskip("asyncpg")

    async def attempt():
        await asyncpg.connect(
            host=guarded.host, port=guarded.port, user="ada", password="wrong", database="mission_control"
        )

    with pytest.raises(asyncpg.InvalidPasswordError) as caught:
        asyncio.run(attempt())
    assert caught.value.sqlstate == "28P01"


def test_a_right_password_and_a_wrong_database(guarded):
    answer = psql(guarded, "user=ada dbname=postgres")
    assert 'database "postgres" does not exist' in answer.stderr
    answer = psql(guarded, "user=ada dbname=postgres", "wrong")
    assert "password authentication failed" in answer.stderr, "who is not let in learns nothing of databases"


def test_psycopg_and_asyncpg_over_tls(guarded):
    psycopg = pytest.importorskip("psycopg")
    ca = guarded.folder / "ca.pem"
    dsn = f"host=localhost port={guarded.port} dbname=mission_control sslmode=verify-full sslrootcert={ca}"
    with psycopg.connect(dsn, user="bob", password="builder", channel_binding="require") as connection:
        assert connection.execute("SELECT current_user, session_user").fetchone() == ("bob", "bob")
    asyncpg = pytest.importorskip("asyncpg")

    async def who():
        connection = await asyncpg.connect(
            host="localhost", port=guarded.port, user="ada", password=PASSWORD, database="mission_control",
            ssl=ssl.create_default_context(cafile=str(ca)),
        )
        name = await connection.fetchval("SELECT current_user")
        await connection.close()
        return name

    assert asyncio.run(who()) == "ada"


def test_the_catalog_knows_the_users_and_what_they_may_do(guarded):
    psycopg = pytest.importorskip("psycopg")
    dsn = f"host={guarded.host} port={guarded.port} dbname=mission_control"
    with psycopg.connect(dsn, user="bob", password="builder", autocommit=True) as connection:
        roles = connection.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper ORDER BY 1")
        assert [name for (name,) in roles] == ["ada", "bob", "pipeline"]

        def may(arguments: str) -> bool:
            return connection.execute(f"SELECT has_table_privilege({arguments})").fetchone()[0]

        assert may("'error_aggregates', 'select'") and may("'ada', 'error_aggregates', 'SELECT, INSERT'")
        # A source is never written to, whoever asks.
        assert not may("'error_aggregates', 'insert'") and not may("'ada', 'error_aggregates', 'insert'")
        assert not may("'error_aggregates', 'select with grant option'")
        for arguments, sqlstate in (
            ("'eve', 'error_aggregates', 'select'", "42704"),
            ("'nowhere', 'select'", "42P01"),
            ("'error_aggregates', 'fly'", "22023"),
        ):
            with pytest.raises(psycopg.Error) as caught:
                may(arguments)
            assert caught.value.sqlstate == sqlstate, arguments
    assert "ada" in psql(guarded, "user=bob", "builder", query="\\du").stdout


def test_the_socket_in_the_file_system(guarded):
    assert (guarded.folder / f".s.PGSQL.{guarded.port}").is_socket()
    answer = psql(guarded, f"host={guarded.folder} user=ada")
    assert (answer.returncode, answer.stdout.strip()) == (0, "ada"), answer.stderr
    answer = psql(guarded, f"host={guarded.folder} user=ada", "wrong")
    assert "password authentication failed" in answer.stderr


def test_adbc_with_a_password_and_with_a_token(guarded):
    flight_sql = pytest.importorskip("adbc_driver_flightsql.dbapi")
    options = {"adbc.flight.sql.client_option.tls_root_certs": (guarded.folder / "ca.pem").read_text()}
    port = guarded.flight.rsplit(":", 1)[1]
    uri = f"grpc+tls://localhost:{port}"

    def who(**more) -> str:
        with flight_sql.connect(uri, db_kwargs=options | more) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            return cursor.fetchone()[0]

    assert who(username="ada", password=PASSWORD) == "ada"
    assert who(**{"adbc.flight.sql.authorization_header": f"Bearer {TOKEN}"}) == "pipeline"
    for wrong in (
        {"username": "ada", "password": "wrong"},
        {"adbc.flight.sql.authorization_header": f"Bearer {TOKEN}x"},
        {},
    ):
        with pytest.raises(Exception, match="(?i)unauthenticated|password authentication failed|UNAUTHENTICATED"):
            who(**wrong)


def test_pyarrow_flight_logs_in_for_a_bearer_token(guarded):
    flight = pytest.importorskip("pyarrow.flight")
    roots = (guarded.folder / "ca.pem").read_bytes()
    port = guarded.flight.rsplit(":", 1)[1]
    with flight.connect(f"grpc+tls://localhost:{port}", tls_root_certs=roots) as client:
        token = client.authenticate_basic_token("bob", "builder")
        assert token[0] == b"authorization" and token[1].startswith(b"Bearer ")
        options = flight.FlightCallOptions(headers=[token])
        names = [info.descriptor.path for info in client.list_flights(options=options)]
        assert names
        bearer = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {TOKEN}".encode())])
        assert list(client.list_flights(options=bearer))
        for headers in ([], [(b"authorization", token[1][:-4] + b"AAAA")]):
            with pytest.raises(flight.FlightUnauthenticatedError):
                list(client.list_flights(options=flight.FlightCallOptions(headers=headers)))
        with pytest.raises(flight.FlightUnauthenticatedError, match="password authentication failed"):
            client.authenticate_basic_token("bob", "wrong")


def test_a_ticket_is_its_users_own(guarded):
    flight = pytest.importorskip("pyarrow.flight")
    with flight.connect(f"grpc://{guarded.flight}") as client:
        ada = flight.FlightCallOptions(headers=[client.authenticate_basic_token("ada", PASSWORD)])
        bob = flight.FlightCallOptions(headers=[client.authenticate_basic_token("bob", "builder")])
        info = next(iter(client.list_flights(options=ada)))
        ticket = client.get_flight_info(info.descriptor, options=ada).endpoints[0].ticket
        assert client.do_get(ticket, options=ada).read_all().num_columns > 0
        with pytest.raises(flight.FlightUnauthorizedError):
            client.do_get(ticket, options=bob).read_all()


def test_health_over_tls_and_without(guarded):
    port = guarded.http.rsplit(":", 1)[1]
    trusting = ssl.create_default_context(cafile=str(guarded.folder / "ca.pem"))
    with urllib.request.urlopen(f"https://localhost:{port}/health", context=trusting, timeout=10) as answer:
        assert answer.read() == b"ok\n"
    with urllib.request.urlopen(f"http://{guarded.http}/health", timeout=10) as answer:
        assert answer.read() == b"ok\n"


def test_client_certificates_are_checked_when_shown(guarded, tmp_path):
    make_certificate(guarded.folder, "ada-client", serial=7)
    make_authority(tmp_path)
    make_certificate(tmp_path, "mallory")
    os.chmod(guarded.folder / "ada-client.key", 0o600)
    os.chmod(tmp_path / "mallory.key", 0o600)
    good = f"sslcert={guarded.folder}/ada-client.pem sslkey={guarded.folder}/ada-client.key"
    answer = psql(guarded, f"user=ada sslmode=require {good}")
    assert (answer.returncode, answer.stdout.strip()) == (0, "ada"), answer.stderr
    bad = f"sslcert={tmp_path}/mallory.pem sslkey={tmp_path}/mallory.key"
    answer = psql(guarded, f"user=ada sslmode=require {bad}")
    assert answer.returncode != 0, answer


def test_bytes_before_the_handshake_end_the_connection(guarded):
    ssl_request = bytes([0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F])
    with socket.create_connection((guarded.host, guarded.port), timeout=20) as connection:
        # A start-up packet behind the request, which whoever sits in the middle would like to see taken as encrypted.
        connection.sendall(ssl_request + b"\0\0\0\x10\0\x03\0\0user\0me\0")
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    assert answer.startswith(b"E") and b"C08P01\0" in answer, answer
    assert b"received unencrypted data after SSL request" in answer
    with socket.create_connection((guarded.host, guarded.port), timeout=20) as connection:
        connection.sendall(ssl_request)
        assert connection.recv(1) == b"S"
        connection.sendall(b"\0\0\0\x10\0\x03\0\0user\0me\0")
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    assert b"28P01" not in answer and b"Z" not in answer, "plain bytes are no handshake"


def presented_certificate(server) -> str:
    command = ["openssl", "s_client", "-connect", f"{server.host}:{server.port}", "-starttls", "postgres"]
    shown = subprocess.run(command, input="", capture_output=True, text=True, timeout=60)
    serial = ["openssl", "x509", "-noout", "-serial"]
    return subprocess.run(serial, input=shown.stdout, capture_output=True, text=True, timeout=60).stdout.strip()


def eventually(holds, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def test_a_new_certificate_is_used_without_a_restart(guarded):
    psycopg = pytest.importorskip("psycopg")
    assert presented_certificate(guarded) == "serial=01"
    dsn = f"host={guarded.host} port={guarded.port} dbname=mission_control user=ada sslmode=require"
    with psycopg.connect(dsn, password=PASSWORD) as old:
        make_certificate(guarded.folder, "server", serial=42)
        assert eventually(lambda: presented_certificate(guarded) == "serial=2A"), "the files are watched"
        assert old.execute("SELECT 1").fetchone() == (1,), "those who are connected stay"
        answer = psql(guarded, "user=ada sslmode=require channel_binding=require")
        assert answer.returncode == 0, "the exchange is bound to the new certificate: " + answer.stderr
        (guarded.folder / "server.pem").write_text("nonsense")
        time.sleep(3)
        assert presented_certificate(guarded) == "serial=2A", "a bad one is not taken"


def test_sighup_takes_users_over_and_a_mistake_changes_nothing(guarded):
    make_certificate(guarded.folder, "server", serial=43)
    file = guarded.folder / "server.toml"
    before = file.read_text()
    log = guarded.folder / "server.log"

    def reload(text: str, says: str) -> None:
        seen = log.stat().st_size
        file.write_text(text)
        guarded.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: says in log.read_text()[seen:]), log.read_text()[seen:]

    flight = pytest.importorskip("pyarrow.flight")
    client = flight.connect(f"grpc://{guarded.flight}")
    token = flight.FlightCallOptions(headers=[client.authenticate_basic_token("ada", PASSWORD)])
    assert list(client.list_flights(options=token))

    changed = before.replace('name = "bob"', 'name = "eve"').replace(
        before.split('scram = "')[1].split('"')[0], verifier_of("a new password")
    )
    reload(changed, "the configuration has been read again")
    assert psql(guarded, "user=eve", "builder").stdout.strip() == "eve"
    assert psql(guarded, "user=ada", "a new password").stdout.strip() == "ada"
    assert psql(guarded, "user=ada", PASSWORD).returncode != 0
    assert psql(guarded, "user=bob", "builder").returncode != 0
    assert presented_certificate(guarded) == "serial=2B", "the certificate is read again too"
    with pytest.raises(flight.FlightUnauthenticatedError):
        list(client.list_flights(options=token))

    long = "SELECT length('" + "x" * 20_000 + "')"
    assert psql(guarded, "user=eve", "builder", query=long).stdout.strip() == "20000"
    reload(changed + "[limits]\nmax_statement_bytes = 1000\n", "the configuration has been read again")
    assert "54000" in psql(guarded, "user=eve", "builder", query=long).stderr
    reload(changed, "the configuration has been read again")
    assert psql(guarded, "user=eve", "builder", query=long).stdout.strip() == "20000"

    reload(changed + '[[users]]\nname = "eve"\n', "the configuration was not taken over")
    assert psql(guarded, "user=eve", "builder").stdout.strip() == "eve"
    reload(before, "the configuration has been read again")
    assert psql(guarded, "user=bob", "builder").stdout.strip() == "bob"


def test_required_tls_refuses_everything_else(demo_folder, tmp_path):
    make_authority(tmp_path)
    make_certificate(tmp_path, "server")
    (tmp_path / "server.toml").write_text(
        f"""
[source]
location = "{demo_folder}"
[postgres]
socket = "."
[tls]
certificate = "server.pem"
key = "server.key"
require = true
"""
    )
    with Server(["--config", str(tmp_path / "server.toml")], tmp_path) as server:
        answer = psql(server, "user=ada sslmode=disable")
        assert "no pg_hba.conf entry for host" in answer.stderr and "no encryption" in answer.stderr, answer
        assert psql(server, "user=ada sslmode=allow").stdout.strip() == "ada"
        assert psql(server, "user=ada sslmode=require").stdout.strip() == "ada"
        assert psql(server, f"user=ada host={tmp_path}").stdout.strip() == "ada", "the socket needs no TLS"
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            urllib.request.urlopen(f"http://{server.http}/health", timeout=10)
        flight = pytest.importorskip("pyarrow.flight")
        with flight.connect(f"grpc://{server.flight}") as client, pytest.raises(flight.FlightUnavailableError):
            list(client.list_flights())
        file = tmp_path / f".s.PGSQL.{server.port}"
        assert file.is_socket()
    assert not file.exists(), "removed at the end"


def address_of_this_machine() -> str:
    """The address that other machines would use; asking for a route sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return probe.getsockname()[0]


def test_other_machines_get_in_with_tls_and_a_password_only(guarded, demo_folder, tmp_path):
    address = address_of_this_machine()
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    (tmp_path / "server.toml").write_text((guarded.folder / "server.toml").read_text().replace(
        '= "server', f'= "{guarded.folder}/server').replace('"ca.pem"', f'"{guarded.folder}/ca.pem"').replace(
        '"bob.secret"', f'"{guarded.folder}/bob.secret"'))
    with Server(["--config", str(tmp_path / "server.toml")], tmp_path, address="0.0.0.0") as server:
        assert psql(server, f"user=ada host={address} sslmode=require").stdout.strip() == "ada"
        answer = psql(server, f"user=ada host={address} sslmode=disable")
        assert f'no pg_hba.conf entry for host "{address}"' in answer.stderr, answer
        answer = psql(server, f"user=ada host={address} sslmode=require", "wrong")
        assert "password authentication failed" in answer.stderr, answer


@pytest.mark.skipif(os.environ.get("MISSION_CONTROL_PGBOUNCER") == "no", reason="switched off")
def test_pgbouncer_in_transaction_mode(guarded, tmp_path):
    pgbouncer = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if pgbouncer is None:
        pytest.skip("pgbouncer is not installed")
    psycopg = pytest.importorskip("psycopg")
    port = 20_000 + os.getpid() % 20_000
    (tmp_path / "users.txt").write_text(f'"ada" "{PASSWORD}"\n')
    (tmp_path / "pgbouncer.ini").write_text(
        f"""
[databases]
mission_control = host={guarded.host} port={guarded.port} dbname=mission_control
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {tmp_path}/users.txt
pool_mode = transaction
default_pool_size = 2
server_tls_sslmode = verify-ca
server_tls_ca_file = {guarded.folder}/ca.pem
ignore_startup_parameters = extra_float_digits
"""
    )
    command = [pgbouncer, str(tmp_path / "pgbouncer.ini")]
    if os.getuid() == 0:
        shutil.chown(tmp_path, "nobody")
        for folder in [guarded.folder, *guarded.folder.parents, *tmp_path.parents]:
            if str(folder).startswith("/tmp/"):
                os.chmod(folder, 0o755)
        command[1:1] = ["--user", "nobody"]
    log = open(tmp_path / "log", "wb")
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        dsn = f"host=127.0.0.1 port={port} dbname=mission_control user=ada"
        connections = []

        def connected() -> bool:
            try:
                connections.append(psycopg.connect(dsn, password=PASSWORD, prepare_threshold=None))
                return True
            except psycopg.OperationalError:
                return False

        assert eventually(connected), (tmp_path / "log").read_text()
        connections += [psycopg.connect(dsn, password=PASSWORD, prepare_threshold=None) for _ in range(5)]
        # Six clients take turns on two connections of the server, a transaction each.
        for turn in range(20):
            for number, connection in enumerate(connections):
                with connection.transaction():
                    assert connection.execute("SELECT current_user, %s::int", (turn + number,)).fetchone() == (
                        "ada",
                        turn + number,
                    )
        with connections[0].transaction():
            connections[0].execute("SET LOCAL TIME ZONE 'Europe/Berlin'")
            assert connections[0].execute("SHOW timezone").fetchone() == ("Europe/Berlin",)
        for connection in connections:
            assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
            connection.commit()
            connection.close()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(dsn, password="wrong")
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_the_systemd_unit_is_sound(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = (REPOSITORY / "examples/systemd/mission-control.service").read_text()
    file = tmp_path / "mission-control.service"
    file.write_text(unit.replace("/usr/local/bin/mission-control", binary()))
    verified = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, timeout=60)
    complaints = [line for line in verified.stderr.splitlines() if "mission-control.service" in line]
    assert verified.returncode == 0 and not complaints, verified.stderr
