"""The network from real sources, in namespaces: each flips the verdict of a work, and starts or stops it."""

from pathlib import Path

from tests.device_networks import ADDRESS, GATEWAY, cable, namespace
from tests.device_rig import device

CONNECTED = {"kind": "network"}


def test_a_link_that_drops_without_networkmanager(tmp_path: Path) -> None:
    with (
        namespace(tmp_path / "here.log") as here,
        namespace(tmp_path / "there.log") as there,
        cable(here, there),
    ):
        config = '[network]\nsource = "netlink"\n'
        with device(tmp_path, [CONNECTED], config=config, prefix=here.prefix) as seen:
            seen.waits_for("a network")
            here.run("ip", "addr", "add", f"{ADDRESS}/24", "dev", "cable0")
            here.run("ip", "link", "set", "cable0", "up")
            here.run("ip", "route", "add", "default", "via", GATEWAY)
            assert seen.runs()["network"]["kind"] == "ethernet"
            there.run("ip", "link", "set", "cable0", "down")  # the route stays listed
            assert "default via" in here.run("ip", "route")
            assert seen.waits_for("a network")["stop_reason"] == "connectivity"
            there.run("ip", "link", "set", "cable0", "up")
            seen.runs()
