"""Leads pgAdmin 4 by its own HTTP interface, in one process and without a browser: its connection manager, its tree, its
query tool. Run by the Python that has pgAdmin, with an ability, an address and the queries; prints JSON.

    python pgadmin_program.py ABILITY ADDRESS QUERIES
"""

from __future__ import annotations

import builtins
import json
import os
import pathlib
import sys
import tempfile
import threading
import time

FOLDER = pathlib.Path(os.environ.get("PGADMIN_DATA") or tempfile.mkdtemp(prefix="pgadmin-"))
TRANSACTION = 4711


def application():
    """pgAdmin as it runs on a desktop, with its own data in a folder of ours."""
    import importlib.util

    package = pathlib.Path(importlib.util.find_spec("pgadmin4").submodule_search_locations[0])
    sys.path.insert(0, str(package))
    builtins.SERVER_MODE = False
    os.environ["PGADMIN_SERVER_MODE"] = "OFF"
    import config

    changed = {
        "DATA_DIR": str(FOLDER), "LOG_FILE": str(FOLDER / "log"), "SQLITE_PATH": str(FOLDER / "pgadmin4.db"),
        "SESSION_DB_PATH": str(FOLDER / "sessions"), "STORAGE_DIR": str(FOLDER / "storage"),
        "AZURE_CREDENTIAL_CACHE_DIR": str(FOLDER / "azure"), "KERBEROS_CCACHE_DIR": str(FOLDER / "kerberos"),
        "MASTER_PASSWORD_REQUIRED": False, "UPGRADE_CHECK_ENABLED": False, "WTF_CSRF_ENABLED": False,
        "USE_OS_SECRET_STORAGE": False, "ENHANCED_COOKIE_PROTECTION": False,
    }
    for name, value in changed.items():
        setattr(config, name, value)
    import pgAdmin4

    pgAdmin4.app.config["WTF_CSRF_ENABLED"] = False
    return pgAdmin4.app


class Refused(Exception):
    """An answer that pgAdmin shows as an error."""

    def __init__(self, message: str, text: str):
        super().__init__(message)
        self.shown = json.loads(text)["errormsg"] if text.startswith("{") else text


class PgAdmin:
    """One user in front of one server's tree."""

    def __init__(self, address: dict):
        self.browser = application().test_client()
        self.browser.get("/browser/")
        server = {
            "name": f"{address['port']}", "host": address["host"], "port": address["port"], "username": address["user"],
            "db": address["database"], "gid": 1, "connect_now": True, "password": "unused", "save_password": False,
            "connection_params": [{"name": "sslmode", "keyword": "sslmode", "value": "prefer"}],
        }
        node = self.post("/browser/server/obj/1/", server)["node"]
        self.server = node["_id"]
        if not node.get("connected"):
            self.post(f"/browser/server/connect/1/{self.server}", {"password": "unused"})
        databases = self.get(f"/browser/database/nodes/1/{self.server}/")["data"]
        self.database = next(one["_id"] for one in databases if one["label"] == address["database"])
        self.post(f"/browser/database/connect/1/{self.server}/{self.database}", {})
        self.place = f"1/{self.server}/{self.database}"

    def answer(self, response):
        text = response.get_data(as_text=True)
        if response.status_code >= 400:
            raise Refused(f"{response.request.path}: {response.status_code}: {text[:600]}", text)
        return json.loads(text)

    def get(self, path: str):
        return self.answer(self.browser.get(path))

    def post(self, path: str, body):
        return self.answer(self.browser.post(path, json=body))

    def nodes(self, kind: str, *inside) -> dict[str, int]:
        """The children of one kind by their labels."""
        where = "/".join(map(str, [self.place, *inside]))
        found = self.get(f"/browser/{kind}/nodes/{where}/")["data"]
        return {one["label"]: one["_id"] for one in found}

    def properties(self, kind: str, *inside) -> dict:
        return self.get(f"/browser/{kind}/obj/{'/'.join(map(str, [self.place, *inside]))}")

    def open_query_tool(self) -> None:
        self.post(f"/sqleditor/initialize/sqleditor/{TRANSACTION}/{self.place}", {"user": None, "dbname": None})

    def start(self, sql: str, plan=None) -> None:
        body = {"sql": sql, "explain_plan": plan}
        self.post(f"/sqleditor/query_tool/start/{TRANSACTION}", body)

    def result(self) -> dict:
        """What the query tool shows once it is done."""
        while True:
            data = self.get(f"/sqleditor/poll/{TRANSACTION}")["data"]
            if data["status"] != "Busy":
                return data
            time.sleep(0.1)

    def sqlstate(self) -> str:
        """The code of the error that the query tool shows once it is done."""
        try:
            self.result()
        except Refused as refused:
            return refused.shown.partition("SQL state: ")[2][:5]
        return "answered"

    def query(self, sql: str, plan=None) -> dict:
        self.start(sql, plan)
        return self.result()


def connects(pgadmin, queries):
    pgadmin.get(f"/browser/server/obj/1/{pgadmin.server}")
    for page in ("dashboard_stats", "activity", "locks", "prepared"):
        charts = "?chart_names=session_stats,tps_stats,ti_stats,to_stats,bio_stats" if page == "dashboard_stats" else ""
        pgadmin.get(f"/dashboard/{page}/{pgadmin.server}/{pgadmin.database}{charts}")
    pgadmin.open_query_tool()
    plan = {"verbose": False, "analyze": True, "buffers": False, "timing": False, "costs": True, "format": "json"}
    [[explained]] = pgadmin.query("SELECT 2 AS two", plan)["result"]
    steps = json.loads(explained) if isinstance(explained, str) else explained
    return [pgadmin.query("SELECT 2 AS two")["result"], list(steps[0]), steps[0]["Plan"]["Actual Rows"]]


def lists(pgadmin, queries):
    schema = pgadmin.nodes("schema")["public"]
    for kind in ("function", "sequence", "type", "domain", "mview", "foreign_table"):
        pgadmin.nodes(kind, schema)
    found = []
    for kind in ("table", "view"):
        for label, relation in pgadmin.nodes(kind, schema).items():
            # Of a view it looks for the rule that makes it one, which there is none of here.
            comment = pgadmin.properties(kind, schema, relation)["description"] if kind == "table" else None
            found.append((label, comment))
            pgadmin.nodes("column", schema, relation)
            if kind == "table":
                pgadmin.nodes("index", schema, relation)
                pgadmin.nodes("constraints", schema, relation)
    return found


def types(pgadmin, queries):
    pgadmin.open_query_tool()
    read = pgadmin.query(queries["types"])
    columns = [(one["name"], one["display_name"], one["type_code"]) for one in read["colinfo"]]
    return [read["result"], columns]


def pages(pgadmin, queries):
    pgadmin.open_query_tool()
    first = pgadmin.query(queries["series"])
    rows = [row[0] for row in first["result"]]
    while len(rows) < first["rows_affected"]:
        window = pgadmin.get(f"/sqleditor/fetch_window/{TRANSACTION}/{len(rows)}/{len(rows) + 999}")["data"]
        rows += [row[0] for row in window["result"]]
    return rows


def cancels(pgadmin, queries):
    pgadmin.open_query_tool()
    begun = time.monotonic()
    pgadmin.start(queries["long"])
    time.sleep(1)
    pgadmin.post(f"/sqleditor/cancel/{TRANSACTION}", {})
    code = pgadmin.sqlstate()
    return [code, time.monotonic() - begun < 30, pgadmin.query("SELECT 1::int8 AS one")["result"]]


def errors(pgadmin, queries):
    pgadmin.open_query_tool()
    codes = []
    for sql in queries["refused"]:
        pgadmin.start(sql)
        codes.append(pgadmin.sqlstate())
    return codes


def main() -> None:
    ability, address, queries = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
    out, sys.stdout = sys.stdout, sys.stderr
    shown = globals()[ability](PgAdmin(address), queries)
    print(json.dumps(shown, default=str), file=out, flush=True)
    # Its own threads would keep the process.
    os._exit(0)


if __name__ == "__main__":
    threading.current_thread().name = "pgadmin"
    main()
