"""A run's process: pausing it while something is timed, and going on."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from . import files
from .errors import Problem


def _status(pid: int) -> tuple[str, str]:
    """A process's state, a letter, and when it started, in the kernel's ticks; X where there is no such process."""
    try:
        # The second field, the command in brackets, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "X", ""
    return fields[0], fields[19]


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Notes this process as the run's while the block lasts; refuses where another one trains in the folder."""
    other = find(folder)
    if other is not None and other != os.getpid():
        raise Problem(f"{folder}: process {other} trains here already")
    words = f"{os.getpid()} {_status(os.getpid())[1]}\n"
    files.write(folder / "pid", lambda file: file.write(words.encode()))
    try:
        yield
    finally:
        (folder / "pid").unlink(missing_ok=True)


def find(folder: Path) -> int | None:
    """The process that trains in the folder; None where it has ended, even if its number was taken by another."""
    try:
        pid, started = (folder / "pid").read_text().split()
        state, since = _status(int(pid))
        return int(pid) if since == started and state not in "ZX" else None
    except (OSError, ValueError):
        return None


def pause(folder: Path) -> int:
    """Stops the run's process where it is. It keeps its memory and takes no processor."""
    pid = find(folder)
    if pid is None:
        raise Problem(f"{folder}: no training runs here")
    os.kill(pid, signal.SIGSTOP)
    for _ in range(1000):  # Its threads stop one by one.
        if _status(pid)[0] in "TZX":
            break
        time.sleep(0.002)
    return pid


def resume(folder: Path) -> int | None:
    """Lets a paused process go on; None where there is none, and the run is to be started from its checkpoint."""
    pid = find(folder)
    if pid is not None:
        os.kill(pid, signal.SIGCONT)
    return pid
