"""The appliance in a thread of this process, so that a test can reach its simulated pins."""

import asyncio
import threading
import uuid
from typing import Any

from edge import config, wiring
from edge.actions.port import Answer, Request
from edge.runtime import Appliance, Report
from tests.support import until


class Running:
    def __init__(self, settings: config.Config) -> None:
        self.appliance: Appliance = wiring.build(settings)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self.reports: list[Report] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.reports.append(self._loop.run_until_complete(self.appliance.run(self._stop)))
        self._loop.close()

    def pin(self, number: int) -> Any:
        assert self.appliance.board is not None
        assert self.appliance.board.pins is not None
        return self.appliance.board.pins.factory.pin(number)  # type: ignore[attr-defined]

    def ask(self, action: str) -> Answer:
        """As a person with every right, and wait for the answer."""
        answers: list[Answer] = []
        request = Request(id=str(uuid.uuid4()), action=action, origin="test", granted="admin")
        self.appliance._performer.ask(request, answers.append)
        return until(lambda: answers, 30, f"the answer to {action}")[0]

    def encodes(self, camera: str) -> bool:
        """Whether there are pictures to make a clip of; the encoder takes its time to begin."""
        return self.appliance._clips._rings[camera].newest_s is not None

    def ended(self) -> Report:
        """Wait until it has ended by itself."""
        self._thread.join(60)
        (report,) = self.reports
        return report

    def stop(self) -> None:
        if not self.reports:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        assert self.reports
