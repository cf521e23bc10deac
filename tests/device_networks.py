"""Networks of a test's own, in namespaces that end with it: nothing of the machine's network is touched. Needs root."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.device_rig import need_programs, need_root, server, system_bus
from tests.support import until

ADDRESS, GATEWAY = "10.99.0.2", "10.99.0.1"


class Namespace:
    """Its `prefix` starts a program in it. Holds one end of a cable, `cable0`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.prefix = ["nsenter", "-t", str(pid), "-a"]

    def run(self, *command: object) -> str:
        """A command to its end; what it printed."""
        words = [*self.prefix, *map(str, command)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout


@contextmanager
def namespace(log: Path, setup: str = "true") -> Iterator[Namespace]:
    """A network, file systems and processes of its own; /sys shows its network.

    Args:
        setup: shell commands, run in it first.
    """
    need_root()
    need_programs("unshare", "nsenter", "ip")
    script = f"set -e; mount -t sysfs -o ro sysfs /sys; ip link set lo up; {setup}; exec sleep 1000"
    command = ["unshare", "--fork", "--kill-child", "--pid", "--mount-proc", "--mount", "--uts", "--ipc", "--net"]
    with server([*command, "sh", "-c", script], log) as holder:
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children")

        def ready() -> int:
            assert holder.poll() is None, log.read_text()
            pid = next(iter(children.read_text().split()), "")
            return int(pid) if pid and Path(f"/proc/{pid}/comm").read_text() == "sleep\n" else 0

        yield Namespace(until(ready, 20, "the namespace"))


@contextmanager
def cable(here: Namespace, there: Namespace) -> Iterator[None]:
    """`cable0` in both; there it has the address of the gateway."""
    # In the machine's own view of processes, where the other side has its number.
    ends = ["name", "cable0", "type", "veth", "peer", "name", "cable0", "netns", str(there.pid)]
    subprocess.run(["nsenter", "-t", str(here.pid), "-n", "ip", "link", "add", *ends], check=True, timeout=30)
    there.run("ip", "addr", "add", f"{GATEWAY}/24", "dev", "cable0")
    there.run("ip", "link", "set", "cable0", "up")
    yield


# Answers each request with what stands in a file.
WEB = """
import sys, http.server, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = pathlib.Path(sys.argv[2]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer((sys.argv[1], 80), Handler).serve_forever()
"""


def web_server(there: Namespace, answer: Path) -> Sequence[object]:
    """The command."""
    return [*there.prefix, sys.executable, "-c", WEB, GATEWAY, answer]


PROFILES = "/etc/NetworkManager/system-connections"
# /dev without what the machine has; folders for what it keeps that end with the namespace.
NM_SETUP = f"""
mount -t tmpfs tmpfs /run; mkdir -p /run/dbus /run/nm
mkdir /run/dev; for name in null zero full random urandom; do touch /run/dev/$name; mount --bind /dev/$name /run/dev/$name; done
mount --rbind /run/dev /dev
mount -t tmpfs tmpfs {PROFILES}
mount -t tmpfs tmpfs /var/lib/NetworkManager
"""
NM_CONFIG = f"""
[main]
plugins=keyfile
auth-polkit=false
dns=none
no-auto-default=*
[device-cable0]
match-device=interface-name:cable0
managed=1
[connectivity]
uri=http://{GATEWAY}/check
response=online
interval=1
"""
NM_PROFILE = f"""
[connection]
id=cable
type=ethernet
interface-name=cable0
[ipv4]
method=manual
address1={ADDRESS}/24,{GATEWAY}
[ipv6]
method=disabled
"""


class NetworkManager:
    """A real one over one cable. `answer` is what its connectivity check gets: `online`, or something else as from a portal."""

    def __init__(self, folder: Path, here: Namespace, there: Namespace) -> None:
        self.here, self.there = here, there
        self.answer = folder / "answer"
        self.answer.write_text("online")
        self.variables = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder / 'bus'}"}

    def nmcli(self, *words: str) -> str:
        return self.here.run("env", *(f"{name}={value}" for name, value in self.variables.items()), "nmcli", *words)

    def is_connected(self) -> bool:
        command = [*self.here.prefix, "nmcli", "-t", "-f", "STATE", "general"]
        state = subprocess.run(command, env=os.environ | self.variables, capture_output=True, timeout=30, check=False)
        return state.stdout == b"connected\n"

    def set_metered(self, metered: str) -> None:
        self.nmcli("connection", "modify", "cable", "connection.metered", metered)
        self.nmcli("connection", "up", "cable")


@contextmanager
def network_manager(folder: Path) -> Iterator[tuple[NetworkManager, "subprocess.Popen[bytes]"]]:
    """NetworkManager and its process, with a D-Bus, a namespace and a gateway of its own."""
    need_programs("NetworkManager", "nmcli", "dbus-daemon")
    with ExitStack() as stack:
        setup = NM_SETUP.strip().replace("\n", "; ")
        here = stack.enter_context(namespace(folder / "here.log", setup))
        there = stack.enter_context(namespace(folder / "there.log"))
        stack.enter_context(cable(here, there))
        manager = NetworkManager(folder, here, there)
        files = {"/run/nm/nm.conf": NM_CONFIG, "/run/nm/intern.conf": "", f"{PROFILES}/cable.nmconnection": NM_PROFILE}
        for place, text in files.items():
            source = folder / Path(place).name
            source.write_text(text)
            here.run("install", "-m", "600", source, place)
        stack.enter_context(server(web_server(there, manager.answer), folder / "web.log"))
        stack.enter_context(system_bus(folder, here.prefix))
        options = ["--no-daemon", "--config=/run/nm/nm.conf", "--intern-config=/run/nm/intern.conf"]
        command = [*here.prefix, "NetworkManager", *options]
        log = folder / "nm.log"
        process = stack.enter_context(server(command, log, env=os.environ | manager.variables))
        until(manager.is_connected, 30, "the connection")
        yield manager, process
