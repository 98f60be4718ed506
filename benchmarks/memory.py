"""Peak memory of a process and all its children: the sum of their PSS, which counts a shared page once."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

EVERY_SECONDS = 0.02
PSS = re.compile(r"^Pss: +(\d+) kB", re.MULTILINE)


@dataclass
class Peak:
    """The largest sum seen so far, in bytes, and how often it was looked."""

    bytes: int = 0
    samples: int = 0

    def note(self, found: int) -> None:
        self.bytes, self.samples = max(self.bytes, found), self.samples + 1


@contextmanager
def watched(pid: int) -> Iterator[Peak]:
    """Look at the process and its children while the block runs."""
    peak, done = Peak(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(psutil.Process(pid), peak, done))
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _watch(process: psutil.Process, peak: Peak, done: threading.Event) -> None:
    while True:
        peak.note(sum(_pss(one.pid) for one in (process, *process.children(recursive=True))))
        if done.wait(EVERY_SECONDS):
            return


def _pss(pid: int) -> int:
    """Bytes; the kernel's sum over all mappings of a process, nothing for one that has just ended."""
    try:
        found = PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(found[1]) * 1024 if found else 0
