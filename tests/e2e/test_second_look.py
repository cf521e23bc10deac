"""Second looks and added models as a user has them."""

import json
from pathlib import Path

import pytest

from edge.demo.broker import Broker
from edge.events.message import TOPIC
from edge.mqtt.subscriber import Subscriber
from tests.support import Collector, edge, until

pytestmark = pytest.mark.e2e


@pytest.fixture
def config(base_dir: Path, shared: Path, tmp_path: Path, broker: Broker) -> Path:
    models, pictures = tmp_path / "models", tmp_path / "pictures"
    models.mkdir()
    pictures.mkdir()
    for folder in (shared / "models", base_dir / "models"):
        for path in folder.iterdir():
            if path.is_file() and not (models / path.name).exists():
                (models / path.name).symlink_to(path)
    for name in ("pets.jpg", "grace_hopper.png"):
        (pictures / name).symlink_to(shared / "pictures" / name)
    path = tmp_path / "edge.toml"
    path.write_text(f"""
[paths]
data = "data"
models = "models"
[[camera]]
name = "inbox"
source = "folder:pictures"
[[second_look]]
labels = ["Dog"]
model = "mobilenet_v2_imagenet"
threshold = 0.4
[[second_look]]
labels = ["Person"]
model = "movenet_lightning"
threshold = 0.3
[mqtt]
host = "127.0.0.1"
port = {broker.port}
""")
    return path


def test_stored_pictures_have_sub_labels_and_key_points_in_every_message(config: Path, broker: Broker) -> None:
    collected = Collector()
    with Subscriber(broker.host, broker.port, [f"edge/+/{TOPIC}"], collected):
        done = edge("run", "--once", "--config", config)
        assert done.returncode == 0, done.stderr
        until(lambda: len(collected.events()) == 6, 10, "three things with a start and an end")
    events = collected.events()
    dogs = {event["sub_label"] for event in events if event["label"] == "Dog"}
    assert dogs == {"Italian greyhound", "Boston bull, Boston terrier"}
    for event in events:
        if event["label"] == "Person":
            assert event["sub_label"] is None
            name, x, y, score = event["keypoints"][0]
            assert name == "nose"
            assert 0.3 < x < 0.7
            assert 0.2 < y < 0.6
            assert 0.3 <= score <= 1
        else:
            assert event["keypoints"] is None
            assert event["sub_score"] >= 0.4
    listed = edge("events", "list", "--config", config).stdout
    assert "Dog (Italian greyhound)" in listed
    person = next(event["id"] for event in events if event["label"] == "Person")
    assert "points   nose 0." in edge("events", "show", person, "--config", config).stdout


def test_a_model_of_ones_own_from_the_file_to_the_second_look(config: Path, shared: Path) -> None:
    file = shared / "models" / "mobilenet_v2_1.0_224_quant.tflite"
    added = edge(
        "models", "add", file, "--name", "mine", "--config", config, "--picture", shared / "pictures" / "cat_720p.jpg"
    )
    assert added.returncode == 0, added.stderr
    assert "read as classification" in added.stdout
    assert "trial    cat_720p.jpg: Egyptian cat " in added.stdout
    assert "licence  Apache-2.0" in added.stdout
    listed = {entry["name"]: entry for entry in json.loads(edge("models", "list", "--json", "--config", config).stdout)}
    assert (listed["mine"]["state"], listed["mine"]["licence"]) == ("here", "Apache-2.0")
    config.write_text(config.read_text().replace("mobilenet_v2_imagenet", "mine"))
    assert edge("run", "--once", "--config", config).returncode == 0
    assert "Dog (Italian greyhound)" in edge("events", "list", "--config", config).stdout


def test_a_model_that_cannot_be_decoded_is_refused(config: Path, shared: Path) -> None:
    done = edge("models", "add", shared / "models" / "mobilenet_v1_0.25_128_quant_edgetpu.tflite", "--config", config)
    assert done.returncode == 1
    assert "compiled for the Edge TPU (give the model that it was compiled from" in done.stderr
    assert not (config.parent / "models" / "catalogue.toml").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ('labels = ["Dog"]', 'labels = ["Dogg"]'),
            "second_look[0].labels: the detector has no label 'Dogg' (did you mean 'Dog'?)",
        ),
        (('labels = ["Dog"]', "labels = []"), "second_look"),
        (("threshold = 0.4", "treshold = 0.4"), "second_look[0].treshold: unknown key (did you mean 'threshold'?)"),
        (('"mobilenet_v2_imagenet"', '"ssd_mobilenet_v2_oid"'), "finds things in whole pictures"),
    ],
)
def test_mistakes_are_named(config: Path, change: tuple[str, str], message: str) -> None:
    config.write_text(config.read_text().replace(*change))
    done = edge("run", "--once", "--config", config)
    assert done.returncode == 2
    assert message in done.stderr
