"""The tests' shell in the machine: a real shell on a real terminal, behind a socket as the emulator has it."""

import contextlib
import os
import pty
import select
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.image.running import ImageError
from scripts.image.twin.shell import Shell

DEADLINE_S = 60.0


def carry(listener: socket.socket, terminal: int, lost: bytes) -> None:
    """Between the socket and the terminal, until one of them ends; once, `lost` does not arrive."""
    client, _ = listener.accept()
    with client, contextlib.suppress(OSError):
        while True:
            for ready in select.select([client, terminal], [], [])[0]:
                if ready is client:
                    data = client.recv(4096)
                    if not data:
                        return
                    os.write(terminal, data.replace(lost, b"", 1))
                    lost = b""
                else:
                    client.sendall(os.read(terminal, 4096))


@contextlib.contextmanager
def behind_a_terminal(program: str, path: Path, lost: bytes = b"") -> Iterator[Shell]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        ours, theirs = pty.openpty()
        process = subprocess.Popen([program], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        carrier = threading.Thread(target=carry, args=(listener, ours, lost), daemon=True)
        carrier.start()
        shell = Shell(path)
        shell.wait(DEADLINE_S)
        yield shell
        process.kill()
        process.wait()
        shell.close()
        carrier.join(DEADLINE_S)
        os.close(ours)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with behind_a_terminal("/bin/sh", tmp_path / "s") as shell:
        yield shell


def test_a_shell_that_lost_the_first_line_is_told_again(tmp_path: Path) -> None:
    with behind_a_terminal("/bin/bash", tmp_path / "s", lost=b"exec dash\n") as shell:
        assert shell.run("echo one") == "one"


def test_a_command_gives_what_it_prints(shell: Shell) -> None:
    assert shell.run("printf 'one\\ntwo\\n'; echo three >&2") == "one\ntwo\nthree"
    assert shell.run("true") == ""
    assert shell.run("printf 'no line end'") == "no line end"


def test_a_command_that_fails_says_so(shell: Shell) -> None:
    with pytest.raises(ImageError, match=r"exit code 3: because"):
        shell.run("echo because; (exit 3)")
    assert shell.run("echo because; (exit 3)", check=False) == "because"


def test_what_is_long_comes_whole(shell: Shell) -> None:
    assert shell.run("seq 20000").splitlines()[-1] == "20000"


def test_a_machine_that_goes_is_told(shell: Shell) -> None:
    with pytest.raises(ImageError, match="gone"):
        shell.run("kill -KILL $$")
