"""What cannot be undone waits for a second word."""

import pytest

from edge.actions.asking import Ask
from edge.buttons.confirmation import ASK_S, Confirmation
from edge.buttons.gestures import Gesture

ERASE = Ask("factory-reset", b"", confirm=True)


@pytest.mark.parametrize(
    ("button", "gesture", "after_s", "done"),
    [
        (1, "press", 0.5, ERASE),
        (1, "press", ASK_S - 0.01, ERASE),
        (1, "press", ASK_S, None),
        (0, "press", 0.5, None),
        (1, "long", 3.0, None),
        (1, "very_long", 9.0, None),
        (1, "double", 1.0, None),
    ],
)
def test_only_a_press_of_the_same_button_in_time_confirms(
    button: int, gesture: Gesture, after_s: float, done: Ask | None
) -> None:
    confirmation = Confirmation()
    confirmation.open(1, ERASE, 100.0)
    assert confirmation.answer(button, gesture, 100.0 + after_s) == done
    assert confirmation.due_s is None, "whatever the answer was, the question is closed"
    assert confirmation.answer(1, "press", 101.0) is None


def test_a_question_that_nobody_answers_lapses_once() -> None:
    confirmation = Confirmation()
    assert not confirmation.lapses(0.0)
    confirmation.open(0, ERASE, 10.0)
    assert confirmation.due_s == 10.0 + ASK_S
    assert [confirmation.lapses(at_s) for at_s in (10.0, 24.9, 25.0, 25.1)] == [False, False, True, False]
