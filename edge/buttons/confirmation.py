"""What cannot be undone is done only if the same button is pressed once more while the light asks. Pure: time is an argument."""

from typing import NamedTuple

from edge.actions.asking import Ask
from edge.buttons.gestures import Gesture

ASK_S = 15.0
"""For so long the light asks; then the answer is no."""


class _Question(NamedTuple):
    button: int
    ask: Ask
    until_s: float


class Confirmation:
    """Thread: one caller at a time; times never go back."""

    def __init__(self) -> None:
        self._question: _Question | None = None

    @property
    def due_s(self) -> float | None:
        """When the question lapses; None: none is open."""
        return self._question.until_s if self._question is not None else None

    def open(self, button: int, ask: Ask, at_s: float) -> None:
        self._question = _Question(button, ask, at_s + ASK_S)

    def answer(self, button: int, gesture: Gesture, at_s: float) -> Ask | None:
        """What is to be done now that this was pressed; None: nothing. The question is closed."""
        question, self._question = self._question, None
        if question is None or at_s >= question.until_s:
            return None
        return question.ask if (button, gesture) == (question.button, "press") else None

    def lapses(self, at_s: float) -> bool:
        """Whether nobody answered in time; closes the question."""
        if self._question is None or at_s < self._question.until_s:
            return False
        self._question = None
        return True
