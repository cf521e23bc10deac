"""What `edge bench` cannot do is said before it begins."""

import pytest

from edge.cli import main


@pytest.mark.parametrize(
    "words",
    [
        ("pipeline", "--rounds", "0"),
        ("pipeline", "--frames", "-1"),
        ("latency", "--events", "x"),
        ("soak", "--minutes", "nan"),
        ("idle", "--seconds", "0"),
        ("web", "--seconds", "inf"),
        ("peers", "--threads", "0"),
        ("storage", "--events", "0"),
    ],
)
def test_a_number_that_cannot_be_is_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", *words])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"argument {words[1]}: '{words[2]}': give a " in said


def test_the_version_needs_no_verb_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("edge ")
