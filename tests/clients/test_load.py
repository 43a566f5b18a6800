"""The load of `tests/long/load.py` in its short form: few connections, a little data, half a minute."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "long"))
import load  # noqa: E402

SHORT = """--connections 12 --seconds 18 --hogs 1 --flight 1 --days 4 --rows-per-day 2000 --memory-mib 64
           --replace-every-s 8 --statement-timeout-s 8 --endless series"""


def test_a_short_load_with_faults_is_answered_rightly_and_leaves_nothing_behind(capsys):
    wrong = load.main(SHORT.split())
    assert not wrong, capsys.readouterr().out
