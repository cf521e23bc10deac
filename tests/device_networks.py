"""Networks of a test's own, in namespaces that end with it: nothing of the machine's network is touched. Needs root."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.device_rig import need_programs, need_root, server
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
