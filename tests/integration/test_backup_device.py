"""A new card is the same device again: configuration, secrets, models and workers come back beside the events."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.backup.belongings import without_secrets
from edge.backup.restore import restore_database
from edge.backup.room import Room
from edge.backup.settings import NAMES, Identity, Place, put_settings
from edge.backup.snapshot import Taken
from edge.errors import BackupError
from edge.recognition.added import keep_model
from edge.recognition.adding import asset_of
from edge.recognition.catalogue import Model, added
from tests.backup_rig import Card, set_up
from tests.support import edge

NAME = "own"
MODEL = b"\x1c\x00\x00\x00TFL3" + bytes(range(256)) * 40
PASSWORD = "a-broker's-password"


class Device:
    """A card with a configuration, in a folder that stands for /etc, and what this names."""

    def __init__(self, folder: Path) -> None:
        self.etc = folder / "etc"
        self.card = Card(folder / "data")
        self.config = self.etc / "edge.toml"
        self.etc.mkdir()
        (self.etc / "broker-password").write_text(f"{PASSWORD}\n")
        (self.etc / "own.py").write_text("# a worker of one's own\n")
        (self.card.data_dir / "device-id").write_text("edge-old\n")
        (self.card.data_dir / "web" / "tls").mkdir(parents=True)
        (self.card.data_dir / "web" / "access.json").write_text('{"hash": "an-account"}')
        for name in ("certificate", "key"):
            (self.card.data_dir / "web" / "tls" / f"{name}.pem").write_text(f"the page's {name}")
        self.write(
            "[mqtt]\nhost = 'b'\nusername = 'u'\npassword_file = 'broker-password'\n[workers]\nfiles = ['own.py']\n"
        )
        model = Model(
            summary="s", task="detection", family="yolov8", file=asset_of(MODEL, f"added/{NAME}.tflite", "MIT")
        )
        (folder / "model").write_bytes(MODEL)
        keep_model(NAME, model, {model.file.file: folder / "model"}, self.models)

    @property
    def models(self) -> Path:
        return self.card.data_dir / "models"

    def write(self, text: str) -> None:
        self.config.write_text(text)

    def back_up(self, room: Room, *, rows_only: bool = False) -> Taken:
        with room.repository() as repository:
            return room.take(repository, self.card.clock, self.config, rows_only=rows_only)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    made = Device(tmp_path)
    made.card.add(2)
    yield made
    made.card.close()


def restore(room: Room, target: Path, identity: Identity) -> tuple[Path, ...]:
    with room.repository() as repository:
        name = repository.heads().snapshots[-1]
        placed = restore_database(repository, name, repository.manifest(name), target, identity=identity)
    assert placed is not None
    return placed.files


def test_everything_is_where_it_was(device: Device, tmp_path: Path) -> None:
    room = set_up(device.card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    device.back_up(room)
    before = {path: path.read_bytes() for path in device.etc.iterdir()}
    shutil.rmtree(device.etc)
    new = tmp_path / "new"
    files = restore(room, new, Identity(takes_over=True, old_places=True))
    assert {path: path.read_bytes() for path in device.etc.iterdir()} == before
    assert set(files) == set(before)
    assert (device.etc / "broker-password").stat().st_mode & 0o777 == 0o600
    assert (new / "device-id").read_text() == "edge-old\n"
    for name in ("access.json", "tls/certificate.pem", "tls/key.pem"):
        assert (new / "web" / name).read_bytes() == (device.card.data_dir / "web" / name).read_bytes()
        assert (new / "web" / name).stat().st_mode & 0o777 == 0o600
    assert (new / "models" / "added" / f"{NAME}.tflite").read_bytes() == MODEL
    assert added(new / "models") == added(device.models)


def test_nothing_is_written_over_and_what_is_restored_elsewhere_lies_beside(device: Device, tmp_path: Path) -> None:
    room = set_up(device.card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    device.back_up(room)
    device.write("# another one by now\n")
    for old_places in (True, False):
        new = tmp_path / f"new-{old_places}"
        restore(room, new, Identity(takes_over=True, old_places=old_places))
        assert device.config.read_text() == "# another one by now\n"
        assert "password_file" in (new / "restored" / "edge.toml").read_text()
        secret = new / "restored" / str(device.etc)[1:] / "broker-password"
        assert (secret.read_text(), secret.stat().st_mode & 0o777) == (f"{PASSWORD}\n", 0o600)


def test_a_backup_that_is_not_encrypted_holds_no_secret(device: Device, tmp_path: Path) -> None:
    device.write(
        f"{device.config.read_text()}[[camera]]\nname = 'yard'\nsource = 'rtsp://me:address-password@yard/1'\n"
    )
    room = set_up(device.card.data_dir, {"type": "local"}, str(tmp_path / "remote"), encrypted=False)
    device.back_up(room)
    everything = b"".join(path.read_bytes() for path in (tmp_path / "remote").rglob("*") if path.is_file())
    assert b"rtsp://yard/1" in everything
    assert b"a worker of one's own" in everything
    assert not [
        word for word in (PASSWORD, "an-account", "the page's key", "address-password") if word.encode() in everything
    ]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('webhook = "https://hooks.example/T0/SECRET?key=1"', 'webhook = "https://hooks.example"'),
        ("source='rtsp://a:b@c/d'", "source='rtsp://c/d'"),
        ('source = "http://c/a@b"', 'source = "http://c/a@b"'),
    ],
)
def test_what_is_left_of_a_configuration_without_its_secrets(text: str, left: str) -> None:
    assert without_secrets(text) == left


def test_models_go_up_once_and_again_when_one_is_new(device: Device, tmp_path: Path) -> None:
    room = set_up(device.card.data_dir, {"type": "local"}, str(tmp_path / "remote"), encrypted=False)
    device.back_up(room, rows_only=True)
    models = tmp_path / "remote" / "v1" / "edge-1" / "models"
    assert not models.exists(), "on any network only the rows"
    device.back_up(room)
    (first,) = models.iterdir()
    first_at = first.stat().st_mtime_ns
    other = Model(summary="s", task="pose", family="pose", file=asset_of(MODEL[:-1], "added/other.tflite", "MIT"))
    (tmp_path / "other").write_bytes(MODEL[:-1])
    keep_model("other", other, {other.file.file: tmp_path / "other"}, device.models)
    assert device.back_up(room).name is not None
    assert len(list(models.iterdir())) == 2
    assert first.stat().st_mtime_ns == first_at
    assert device.back_up(room).name is None


def test_a_damaged_model_stays_out_and_the_rest_is_safe(device: Device, tmp_path: Path) -> None:
    room = set_up(device.card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    (device.models / "added" / f"{NAME}.tflite").write_bytes(MODEL[:-1] + b"!")
    (device.etc / "own.py").unlink()
    assert device.back_up(room).files == 2
    restore(room, tmp_path / "new", Identity())
    assert not (tmp_path / "new" / "models" / "added").exists()


@pytest.mark.parametrize("path", ["/etc/../root/.ssh/authorized_keys", "../up", "/", ""])
def test_a_place_that_leads_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("named/0", b"x")
        archive.writestr(NAMES, msgspec.json.encode([Place("named/0", path, secret=True)]))
    with pytest.raises(BackupError, match="no path of a backup"):
        put_settings(tmp_path / "z", tmp_path / "new", tmp_path / "models", Identity())
    assert not list(tmp_path.rglob("named*"))


def test_what_was_named_without_its_folder_lies_beside(tmp_path: Path) -> None:
    """As a program before this one noted a configuration that was given as `--config own.toml`."""
    places = [Place("edge.toml", "own.toml", secret=False), Place("named/0", "sub/password", secret=True)]
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        for place in places:
            archive.writestr(place.member, b"x")
        archive.writestr(NAMES, msgspec.json.encode(places))
    put = put_settings(tmp_path / "z", tmp_path / "new", tmp_path / "models", Identity(old_places=True))
    assert put == [tmp_path / "new" / "restored" / name for name in ("edge.toml", "sub/password")]


def test_a_configuration_is_known_by_its_whole_path(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = set_up(device.card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    monkeypatch.chdir(device.etc)
    device.config = Path(device.config.name)
    device.back_up(room)
    before = {path: path.read_bytes() for path in device.etc.iterdir()}
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(device.etc)
    restore(room, tmp_path / "new", Identity(takes_over=True, old_places=True))
    assert {path: path.read_bytes() for path in device.etc.iterdir()} == before


@pytest.mark.e2e
def test_a_new_card_under_a_new_id_goes_on_and_fences_the_old_one_off(device: Device, tmp_path: Path) -> None:
    room = set_up(device.card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    device.write(f"[device]\nid = 'edge-old'\n{device.config.read_text()}")
    device.back_up(room)
    kit, new = tmp_path / "kit", tmp_path / "new"
    kit.write_text(edge("backup", "kit", "--data", device.card.data_dir, check=True).stdout)
    shutil.rmtree(device.etc)
    wrong = tmp_path / "wrong"
    wrong.write_text(kit.read_text().replace("secret-one", "another"))
    refused = edge("restore", "--new-device", "--kit", wrong, "--data", new)
    assert (refused.returncode, "this key opens" in refused.stderr, (new / "backup").exists()) == (1, True, False)
    refused = edge("restore", "--new-device", "--new-id", "Not An Id", "--kit", kit, "--data", new)
    assert (refused.returncode, "no device id" in refused.stderr) == (2, True)

    done = edge("restore", "--new-device", "--new-id", "edge-new", "--kit", kit, "--data", new, check=True)
    assert (new / "device-id").read_text() == "edge-new\n"
    assert not device.config.exists(), "it would make the device the old one again"
    assert (device.etc / "broker-password").exists()
    assert (new / "web" / "access.json").exists()
    assert not (new / "web" / "tls").exists(), "the certificate names the old one"
    assert f"back: {new / 'restored' / 'edge.toml'}" in done.stderr
    again = edge("restore", "--new-device", "--new-id", "--kit", kit, "--data", new, check=True)
    assert again.stdout.endswith(": 0 files restored\n")
    assert (new / "device-id").read_text() == "edge-new\n"
    assert "snapshot" in edge("backup", "now", "--data", new, check=True).stdout
    fenced = edge("backup", "now", "--data", device.card.data_dir)
    assert "another card has taken over" in fenced.stderr
