"""Works that wait for works: `begin(a, b).then(c)`, `combine(first, second).then(d)`."""

import msgspec

from edge.errors import WorkError
from edge.work.request import Request


class Step(msgspec.Struct, frozen=True):
    """One work of a chain. `after`: positions of the steps before it that must succeed first."""

    request: Request
    after: tuple[int, ...] = ()


class Chain(msgspec.Struct, frozen=True):
    """Steps in an order in which each stands behind those that it waits for. `leaves`: nothing waits for these yet."""

    steps: tuple[Step, ...]
    leaves: tuple[int, ...]

    def then(self, *requests: Request) -> "Chain":
        """Each of these after all leaves."""
        first = len(self.steps)
        steps = tuple(Step(request, self.leaves) for request in requests)
        return Chain(self.steps + steps, tuple(range(first, first + len(steps)))) if steps else self


def begin(*requests: Request) -> Chain:
    """A chain that begins with these, side by side.

    Raises:
        WorkError: there are none.
    """
    if not requests:
        raise WorkError("a chain without work", hint="begin it with at least one request")
    return Chain(tuple(Step(request) for request in requests), tuple(range(len(requests))))


def combine(*chains: Chain) -> Chain:
    """All of them side by side; what comes `then` waits for the leaves of all.

    Raises:
        WorkError: there are none.
    """
    if not chains:
        raise WorkError("a combination without chains", hint="give at least one chain")
    steps: tuple[Step, ...] = ()
    leaves: tuple[int, ...] = ()
    for chain in chains:
        base = len(steps)
        steps += tuple(Step(step.request, tuple(base + at for at in step.after)) for step in chain.steps)
        leaves += tuple(base + at for at in chain.leaves)
    return Chain(steps, leaves)
