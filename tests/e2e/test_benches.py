"""Each benchmark runs and prints its figures; what they come to is for people to read, on a quiet machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import edge

pytestmark = pytest.mark.e2e


def bench(base_dir: Path, name: str, *options: object, timeout_s: float = 100) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures by name, and the details."""
    done = edge("--log-level", "warning", "bench", name, "--json", "--data", base_dir, *options, timeout_s=timeout_s)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["bench"] == name
    for figure in report["figures"]:
        assert set(figure) == {"name", "value", "unit", "bound", "better", "holds"}
        if figure["bound"] is not None:
            higher = figure["better"] == "higher"
            assert figure["holds"] == (
                figure["value"] >= figure["bound"] if higher else figure["value"] <= figure["bound"]
            )
    return {figure["name"]: figure for figure in report["figures"]}, report["details"]


def test_pipeline(base_dir: Path) -> None:
    figures, details = bench(base_dir, "pipeline", "--rounds", 2, "--frames", 20)
    assert 0 < figures["ratio"]["value"] < 2
    assert figures["ratio"]["bound"] == 0.97
    assert details["events"] > 0, "the frames show things that are recognised and followed"


def test_latency(base_dir: Path) -> None:
    figures, details = bench(base_dir, "latency", "--events", 10)
    assert 0 < figures["p50_ms"]["value"] <= figures["p99_ms"]["value"]
    assert (figures["p50_ms"]["bound"], figures["p99_ms"]["bound"]) == (5.0, 15.0)
    assert details["events"] >= 0.8 * details["appearances"]


def test_soak(base_dir: Path) -> None:
    figures, details = bench(base_dir, "soak", "--minutes", 0.1)
    assert figures["slope_mb_per_hour"]["bound"] == 1.0
    assert details["frames"] > 20


def test_idle(base_dir: Path) -> None:
    figures, details = bench(base_dir, "idle", "--rounds", 1, "--seconds", 2)
    assert (figures["cpu_percent"]["bound"], figures["times_less"]["bound"]) == (5.0, 20.0)
    assert figures["cpu_percent"]["value"] < figures["without_gate_percent"]["value"]
    assert details["looks_with_gate"] <= 1, "nothing moves"


def test_web(base_dir: Path) -> None:
    figures, details = bench(base_dir, "web", "--rounds", 1, "--seconds", 2)
    assert figures["frame_rate_ratio"]["bound"] == 0.95
    assert figures["memory_left_mb"]["bound"] == 10.0
    assert figures["requests_per_s"]["value"] > 0
    assert len(details["frames_per_s"]["crowd"]) == 1


def test_outbox(tmp_path: Path) -> None:
    figures, details = bench(tmp_path, "outbox", "--rounds", 1, "--messages", 500, "--waiting", 500)
    assert figures["rate_ratio"]["bound"] == 0.5
    assert figures["rate_ratio"]["value"] > 0
    assert 0 < figures["p50_ms"]["value"] <= figures["p99_ms"]["value"]
    assert details["sent_while_watched"] == 500


def test_peers(base_dir: Path) -> None:
    figures, _ = bench(base_dir, "peers", "--rounds", 1)
    for name in ("frames_per_s", "cpu_s_per_1000_frames", "latency_ms"):
        ratio = figures[f"ours_{name}"]["value"] / figures[f"loop_{name}"]["value"]
        assert figures[f"{name}_ratio"]["value"] == pytest.approx(ratio, rel=0.01)


def test_store(base_dir: Path) -> None:
    figures, details = bench(base_dir, "store", "--events", 12_000)
    assert details["events"] == 12_000
    assert 0 < figures["retention_ratio"]["value"] == figures["retention_ratio_least"]["value"]
    for name in ("newest_ms", "label_and_day_ms", "count_by_day_ms"):
        assert figures[name]["bound"] == 20.0
        assert figures[name]["value"] > 0


def test_events(base_dir: Path) -> None:
    figures, details = bench(base_dir, "events")
    assert figures["bikes_events_per_object"]["bound"] == 1.2
    assert figures["bikes_events_per_object"]["holds"], details["bikes_more_than_once"]
    assert figures["bikes_background_events"]["holds"], details["bikes_background"]
    assert figures["bikes_recall_crossing"]["value"] >= 0.25
    if "vtest" not in details:  # Debian's opencv-doc is installed
        assert figures["vtest_recall_crossing"]["value"] >= 0.9


def test_work(tmp_path: Path) -> None:
    figures, details = bench(tmp_path, "work", "--seconds", 2, "--enqueues", 64)
    assert {name: figures[name]["bound"] for name in ("wakeup_ratio", "enqueue_per_s", "next_due_ms")} == {
        "wakeup_ratio": 1.1,
        "enqueue_per_s": 500,
        "next_due_ms": 1.0,
    }
    assert details["works"] == 10_000


def test_storage(base_dir: Path) -> None:
    figures, details = bench(base_dir, "storage", "--events", 20)
    assert figures["write_ratio"]["bound"] == 2.0
    assert figures["write_ratio"]["value"] > 1, "a picture is written at least once"
    assert details["picture_bytes_per_event"] > 100_000


@pytest.mark.timeout(400)
def test_backup(tmp_path: Path) -> None:
    figures, details = bench(tmp_path, "backup", "--sizes", 20, 200, "--rounds", 1, "--s3", 50, timeout_s=380)
    assert {name: figures[name]["bound"] for name in ("growth_ratio", "memory_mb", "restore_beside_copy")} == {
        "growth_ratio": 1.2,
        "memory_mb": 120.0,
        "restore_beside_copy": 5.0,
    }
    assert figures["same_commands"]["holds"]
    assert figures["same_requests"]["holds"]
    assert details["s3_requests_at_200"] > 3
    for name in ("ours_beside", "rclone_sync", "rclone_copy_files_from"):
        assert details[f"{name}_at_200_s"] > 0


def test_isolates(base_dir: Path) -> None:
    figures, details = bench(base_dir, "isolates", "--rounds", 1, "--seconds", 1)
    assert figures["recognition_ratio"]["bound"] == 0.95
    assert set(details["by_kind"]) == {"segfault", "hang", "eat_memory", "flood", "fork"}
    assert details["runs_that_ended"]["segfault"] >= 1


def test_buttons(tmp_path: Path) -> None:
    figures, details = bench(tmp_path, "buttons", "--presses", 3)
    assert {figures[name]["bound"] for name in ("sign_most_ms", "acknowledged_most_ms")} == {100.0}
    assert details["contact_rests_ms"] <= figures["sign_p50_ms"]["value"] <= figures["acknowledged_most_ms"]["value"]
