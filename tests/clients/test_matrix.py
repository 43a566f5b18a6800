"""Every client does what the README's table says it can."""

from __future__ import annotations

import pytest
from conftest import REPOSITORY
from matrix import ABILITIES, CLIENTS, check, promised, targets

CELLS = [(client, ability) for client in CLIENTS for ability in ABILITIES if ability in client.does]


@pytest.mark.parametrize("client, ability", CELLS, ids=lambda value: getattr(value, "name", value))
def test_the_client_reads_what_it_reads_from_postgresql(client, ability, server, postgresql):
    if reason := client.missing():
        pytest.skip(reason)
    check(client, ability, *targets(server, postgresql))


def test_the_readme_shows_the_table():
    assert promised() in (REPOSITORY / "README.md").read_text(), f"the README's table should be:\n{promised()}"
