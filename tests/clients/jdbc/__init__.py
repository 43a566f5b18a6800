"""pgjdbc for the tests: a Java program that keeps one connection and does what it is told, and its caller in Python."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from dataclasses import dataclass, field

SOURCE = pathlib.Path(__file__).with_name("Jdbc.java")
# Debian's package libpostgresql-jdbc-java.
DRIVER = pathlib.Path("/usr/share/java/postgresql.jar")


class JdbcError(Exception):
    """What the driver threw, with its SQLSTATE."""

    def __init__(self, sqlstate: str, message: str):
        super().__init__(f"{sqlstate}: {message}")
        self.sqlstate, self.message = sqlstate, message


@dataclass
class Answer:
    """What one command gave: a result set, a single value, or a count of changed rows."""

    columns: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    value: str | None = None
    count: int | None = None
    kept: bool | None = None

    def dicts(self) -> list[dict[str, str | None]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def missing() -> str | None:
    """Why pgjdbc cannot be run here, if it cannot."""
    if shutil.which("javac") is None:
        return "no javac (Debian: default-jdk-headless)"
    if not DRIVER.exists():
        return "no pgjdbc (Debian: libpostgresql-jdbc-java)"
    return None


def compiled(folder: pathlib.Path) -> pathlib.Path:
    """Compiles the program; the folder of its classes."""
    command = ["javac", "-classpath", str(DRIVER), "-d", str(folder), str(SOURCE)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


class Jdbc:
    """One JDBC connection. `url` is what follows `jdbc:postgresql://`, such as `127.0.0.1:7432/mission_control`."""

    def __init__(self, classes: pathlib.Path, url: str, user: str = "analyst"):
        classpath = f"{DRIVER}:{classes}"
        # A small heap and the simplest compiler: it starts fast and leaves the machine to the server.
        command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-classpath", classpath, "Jdbc"]
        self.process = subprocess.Popen(
            [*command, f"jdbc:postgresql://{url}", user],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        try:
            self._answer()
        except JdbcError:
            self.close()
            raise

    def __enter__(self) -> Jdbc:
        return self

    def __exit__(self, *_exception) -> None:
        self.close()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def query(self, sql: str, fetch_size: int = 0, timeout_s: int = 0) -> Answer:
        """A Statement; a fetch size has an effect only in a transaction (`connection("setAutoCommit", "false")`)."""
        return self._call("query", sql, str(fetch_size), str(timeout_s))

    def prepared(self, sql: str, *parameters: str, times: int = 1) -> Answer:
        """A PreparedStatement run so many times; parameters such as `int:5`, `text:beta`, `double:1.5`."""
        return self._call("prepared", sql, str(times), *parameters)

    def cancelled(self, sql: str, after_ms: int) -> Answer:
        """A statement that `Statement.cancel` ends."""
        return self._call("cancelled", sql, str(after_ms))

    def metadata(self, method: str, *arguments: str | None) -> Answer:
        """A method of DatabaseMetaData; None is Java's null, and a list of texts is written `TABLE,VIEW`."""
        return self._call("metadata", method, *(argument or "null" for argument in arguments))

    def connection(self, method: str, *arguments: str) -> Answer:
        """A method of Connection, such as `setReadOnly` with `true`."""
        return self._call("connection", method, *arguments)

    def _call(self, *words: str) -> Answer:
        self.process.stdin.write("\t".join(escaped(word) for word in words) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Answer:
        answer = Answer()
        for line in self.process.stdout:
            kind, *words = line.rstrip("\n").split("\t")
            words = [unescaped(word) for word in words]
            if kind == "end":
                return answer
            if kind == "error":
                raise JdbcError(*words)
            if kind == "row":
                answer.rows.append(words)
            elif kind == "value":
                answer.value = words[0]
            elif kind == "count":
                answer.count = int(words[0])
            elif kind == "kept":
                answer.kept = words[0] == "true"
            else:
                setattr(answer, kind, words)
        raise RuntimeError("the Java program ended; its errors are above")


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def unescaped(word: str) -> str | None:
    if word == "\\N":
        return None
    plain = {"t": "\t", "n": "\n", "r": "\r"}
    parts, letters = [], iter(word)
    for letter in letters:
        if letter == "\\":
            following = next(letters)
            parts.append(plain.get(following, following))
        else:
            parts.append(letter)
    return "".join(parts)
