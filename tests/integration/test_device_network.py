"""The network from real sources, in namespaces: each flips the verdict of a work, and starts or stops it."""

from pathlib import Path

from tests.device_networks import ADDRESS, GATEWAY, cable, namespace, network_manager
from tests.device_rig import device, end

CONNECTED = {"kind": "network"}
UNMETERED = {"kind": "network", "need": "unmetered"}


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


def test_networkmanager_metered_behind_a_portal_without_a_cable_and_gone(tmp_path: Path) -> None:
    with (
        network_manager(tmp_path) as (manager, process),
        device(tmp_path, [UNMETERED], prefix=manager.here.prefix, variables=manager.variables) as seen,
    ):
        line = seen.runs()
        assert line["sources"]["networkmanager"] == ""  # found by itself
        network = line["network"]
        assert (network["kind"], network["validated"], network["metered"]) == ("ethernet", True, False)

        manager.set_metered("yes")
        assert seen.waits_for("an unmetered network")["stop_reason"] == "metered"
        manager.set_metered("no")
        seen.runs()

        manager.answer.write_text("log in here")
        assert seen.waits_for("an unmetered network")["network"]["validated"] is False
        manager.answer.write_text("online")
        seen.runs()

        manager.there.run("ip", "link", "set", "cable0", "down")
        assert seen.waits_for("an unmetered network")["stop_reason"] == "connectivity"
        # NetworkManager gives a cable a few seconds to come back.
        seen.until("no network", lambda line: line["network"]["kind"] == "none" and not line["network"]["connected"])
        manager.there.run("ip", "link", "set", "cable0", "up")
        seen.runs()

        end(process)
        line = seen.waits_for("an unmetered network: nobody can tell")
        assert line["sources"]["networkmanager"]
