"""Fixtures that several kinds of tests share."""

import asyncio
import inspect
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.demo.broker import Broker
from edge.demo.samples import samples_dir
from tests import fakedelegate
from tests.nspawn import PACKING_S, debian_root, script

collect_ignore = ["trixie"]  # run inside another root file system, by integration/test_picamera.py

try:
    import hypothesis
except ModuleNotFoundError:  # inside that other root file system
    pass
else:
    hypothesis.settings.register_profile("busy", deadline=None)  # other tests run on the same cores
    hypothesis.settings.load_profile("busy")

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def base_dir() -> Path:
    """Where scripts/setup put the default model and the samples."""
    base = Path(os.environ.get("EDGE_DATA", ROOT / "var"))
    if not (base / "models").is_dir():
        pytest.fail(f"{base / 'models'} is missing: run the tests with scripts/test, or scripts/setup --dev first")
    return base


@pytest.fixture(scope="session")
def models_dir(base_dir: Path) -> Path:
    return base_dir / "models"


@pytest.fixture(scope="session")
def samples(base_dir: Path) -> Path:
    return samples_dir(base_dir)


@pytest.fixture(scope="session")
def trixie_package(base_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package of this checkout."""
    debian_root("trixie", base_dir)  # where there can be none, there is nothing to pack for
    out = tmp_path_factory.mktemp("package")
    return Path(script("package", "--suite", "trixie", "--out", out, base_dir=base_dir, timeout_s=PACKING_S))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Models and pictures beside the checkout, which not every machine has."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data (models and pictures for tests), which is not here")
    return SHARED


@pytest.fixture(scope="session")
def fake_edgetpu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that stands in for libedgetpu; its options are in tests/fakedelegate/fake_edgetpu.c."""
    return fakedelegate.build(tmp_path_factory.mktemp("fakedelegate"))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture(autouse=True)
def no_secret_is_seen(request: pytest.FixtureRequest) -> Iterator[None]:
    """In every test of the backup: on no command line, in no environment, in no log."""
    if ".test_backup" not in request.module.__name__:
        yield
        return
    from tests.backup_watch import SECRETS, watching  # not in that other root file system

    caplog = request.getfixturevalue("caplog")
    with watching() as seen:
        yield
    assert seen.leaks() == []
    assert not [secret for secret in SECRETS if secret in caplog.text]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test that is a coroutine function runs in a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True
