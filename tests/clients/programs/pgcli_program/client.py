"""One ability of pgcli, as JSON: client.py ABILITY ADDRESS QUERIES. Run by the Python that has pgcli."""

import json
import sys

from pgcli.pgexecute import PGExecute
from pgspecial.main import PGSpecial


def rows(executor, sql):
    answers = []
    for title, found, headers, status, *_rest in executor.run(sql, PGSpecial()):
        answers.append([headers, [list(map(str, row)) for row in found] if found else None])
    return answers


def lists(executor, queries):
    """What completion asks for when pgcli starts, and then its own backslash commands."""
    for ask in ("search_path", "schemata", "tables", "views", "table_columns", "view_columns", "databases",
                "foreignkeys", "functions", "datatypes", "casing"):
        answer = getattr(executor, ask)()
        list(answer)
    for command in (r"\d", r"\dt+", r"\dv+", r"\df", r"\dn+", r"\l", r"\du", r"\dT"):
        rows(executor, command)
    names = [name for _schema, name in executor.tables()] + [name for _schema, name in executor.views()]
    comments = {row[0]: row[1] for row in rows(executor, queries["comments"])[0][1] or []}
    return [[name, comments.get(name)] for name in names]


def errors(executor, queries):
    codes = []
    for sql in queries["refused"]:
        try:
            list(executor.run(sql, PGSpecial()))
        except Exception as error:  # psycopg has a kind for each code
            codes.append(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or str(error))
        else:
            codes.append("answered")
    return codes


def main():
    ability, address, given = sys.argv[1:]
    target, queries = json.loads(address), json.loads(given)
    executor = PGExecute(target["database"], target["user"], "", target["host"], str(target["port"]), "")
    does = {
        "connects": lambda: rows(executor, "SELECT 1 + 1"),
        "lists": lambda: lists(executor, queries),
        "types": lambda: rows(executor, queries["types"]),
        "errors": lambda: errors(executor, queries),
    }
    print(json.dumps(does[ability]()))


main()
