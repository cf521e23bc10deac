"""Which workers there are: those that ship, a user's own from a Python file, and those of installed packages (entry points)."""

import importlib.util
import inspect
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType

from edge.errors import WorkError
from edge.work.worker import Worker, WorkerSpec

ENTRY_POINTS = "edge.workers"


class Registry:
    """Workers by name. Thread: any, once it is filled."""

    def __init__(self, workers: Iterable[Worker] = ()) -> None:
        self._workers: dict[str, Worker] = {}
        for worker in workers:
            self.add(worker)

    def add(self, worker: Worker) -> None:
        """Raises:
        WorkError: the name is taken.
        """
        if worker.name in self._workers:
            other = self._workers[worker.name].place
            raise WorkError(f"worker {worker.name!r}: at {worker.place} and at {other}", hint="rename one of them")
        self._workers[worker.name] = worker

    def add_module(self, module: ModuleType, place: str | None = None) -> None:
        """All functions of a module that carry `@worker`.

        Raises:
            WorkError: one of them is wrong.
        """
        for worker in _workers_of(module, place or module.__name__):
            self.add(worker)

    def add_file(self, path: Path) -> None:
        """All workers of a user's Python file.

        Raises:
            WorkError: it cannot be imported, or holds no worker.
        """
        module = load_file(path)
        before = len(self._workers)
        self.add_module(module, str(path))
        if len(self._workers) == before:
            raise WorkError(f"{path}: no function in it has @worker", hint="see docs/work.md")

    def add_entry_points(self) -> None:
        """All workers of the modules that installed packages name under `edge.workers`."""
        for point in metadata.entry_points(group=ENTRY_POINTS):
            try:
                module = point.load()
            except Exception as error:
                raise WorkError(
                    f"entry point {point.name} = {point.value}: {error}", hint="mend or remove that package"
                ) from error
            self.add_module(module)

    def get(self, name: str) -> Worker | None:
        return self._workers.get(name)

    def required(self, name: str) -> Worker:
        """Raises:
        WorkError: there is none of that name.
        """
        if name not in self._workers:
            raise WorkError(
                f"worker {name!r}: there is none of that name", hint=f"known: {', '.join(sorted(self._workers))}"
            )
        return self._workers[name]

    @property
    def all(self) -> list[Worker]:
        return sorted(self._workers.values(), key=lambda worker: worker.name)

    @property
    def heavy(self) -> tuple[str, ...]:
        return tuple(worker.name for worker in self._workers.values() if worker.heavy)


def load_file(path: Path) -> ModuleType:
    """A Python file as a module.

    Raises:
        WorkError: it cannot be read or raises when it is run.
    """
    name = f"edge_workers_of_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise WorkError(f"{path}: no Python file that can be read", hint="name a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise WorkError(f"{path}: {type(error).__name__}: {error}", hint="mend the file") from error
    return module


def _workers_of(module: ModuleType, place: str) -> Iterator[Worker]:
    for name, function in vars(module).items():
        spec = getattr(function, "edge_worker", None)
        if not isinstance(spec, WorkerSpec) or function.__module__ != module.__name__:
            continue
        if not spec.heavy and not inspect.iscoroutinefunction(function):
            raise WorkError(
                f"{place}: worker {spec.name!r} is light and no coroutine function",
                hint="write async def, or heavy=True",
            )
        if spec.heavy and inspect.iscoroutinefunction(function):
            raise WorkError(f"{place}: worker {spec.name!r} is heavy and a coroutine function", hint="write def")
        yield Worker(
            name=spec.name,
            function=function,
            place=f"{place}:{name}",
            heavy=spec.heavy,
            memory_mb=spec.memory_mb,
            nice=spec.nice,
        )
