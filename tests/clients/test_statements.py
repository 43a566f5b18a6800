"""The statements that clients send (statements/, recorded from a PostgreSQL 15), sent to both servers: of those that
PostgreSQL answers, at least 97 in 100 must be answered here."""

from __future__ import annotations

import psycopg
import pytest
from statements import statements

LEAST_SHARE = 0.97
SENT = statements()


def answer(connection, statement: str) -> None:
    with connection.cursor() as cursor:
        if statement.upper().startswith("COPY"):
            with cursor.copy(statement.encode()) as copied:
                for _ in copied:
                    pass
        else:
            cursor.execute(statement.encode(), prepare=False)


def outcome(dsn: str, sent: list[str]) -> dict[str, str | None]:
    """For each statement the code with which it is refused, or None."""
    codes = {}
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in sent:
            try:
                answer(connection, statement)
                codes[statement] = None
            except psycopg.Error as error:
                codes[statement] = error.sqlstate or str(error)
    return codes


def test_nearly_all_that_postgresql_answers_is_answered_here(server, postgresql):
    answered, refused = 0, []
    for client, sent in SENT.items():
        own, theirs = outcome(server.dsn, sent), outcome(postgresql.dsn, sent)
        for statement in sent:
            if theirs[statement] is None:
                answered += 1
                if own[statement] is not None:
                    refused.append(f"{client}: {own[statement]}: {' '.join(statement.split())}")
    share = 1 - len(refused) / answered
    print(f"{answered - len(refused)} of {answered} statements that PostgreSQL answers are answered: {share:.1%}")
    print("\n".join(refused))
    assert share >= LEAST_SHARE, "\n".join(refused)


@pytest.mark.parametrize("client", sorted(SENT))
def test_a_client_s_statements_are_there(client):
    assert SENT[client]


def test_enough_statements_are_compared():
    assert len(SENT) >= 12 and sum(map(len, SENT.values())) >= 200
