"""psql 15."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time

from . import LONG, REFUSED, SERIES, TYPES

# The backslash commands that ask the server, as in test_psql_catalog.py.
LISTING = [r"\d", r"\dt+", r"\dv+", r"\dn+", r"\df", r"\dT", r"\du", r"\l", r"\dp", r"\dS pg_class", r"\d+ pg_class"]


def missing() -> str | None:
    return None if shutil.which("psql") else "no psql (Debian: postgresql-client)"


def command(target, *arguments: str) -> list[str]:
    address = ["-h", target.host, "-p", str(target.port), "-U", target.user, "-d", target.database]
    return ["psql", "-X", *address, *arguments]


def psql(target, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(command(target, *arguments), input=stdin, capture_output=True, text=True, timeout=120)


def answer(target, *arguments: str, stdin: str | None = None) -> str:
    done = psql(target, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def lists(target):
    for listing in LISTING:
        answer(target, "-v", "ON_ERROR_STOP=1", "-c", listing)
    rows = []
    for listing in (r"\dt+ public.*", r"\dv+ public.*"):
        shown = psql(target, "-A", "-t", "-F", "\x1f", "-c", listing).stdout
        rows += [line.split("\x1f") for line in shown.splitlines() if "\x1f" in line]
    return [(row[1], row[-1]) for row in rows]


def types(target):
    """The values, and the columns' types; of a numeric PostgreSQL also says the digits."""
    described = answer(target, "-At", stdin=TYPES + " \\gdesc\n")
    return answer(target, "-A", "-c", TYPES) + re.sub(r"\(\d+,\d+\)", "", described)


def pages(target):
    return answer(target, "-At", "-v", "FETCH_COUNT=700", "-c", SERIES)


def cancels(target):
    """Ctrl-C, and then another statement in the same session."""
    script = f"{LONG};\nSELECT 'still here';\n"
    running = subprocess.Popen(
        command(target, "-At", "-v", "VERBOSITY=sqlstate"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    running.stdin.write(script)
    running.stdin.flush()
    time.sleep(1)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    return [out, re.findall(r"\b[0-9A-Z]{5}\b", err)]


def errors(target):
    shown = psql(target, "-v", "VERBOSITY=sqlstate", stdin=";\n".join(REFUSED) + ";\n").stderr
    return re.findall(r"^ERROR:\s+(\w{5})$", shown, re.MULTILINE)


CLIENTS = {
    "psql 15": {
        "connects": lambda target: answer(target, "-At", "-c", "SELECT 1 + 1"),
        "lists": lists,
        "types": types,
        "pages": pages,
        "cancels": cancels,
        "errors": errors,
    },
}
