"""The service as a process of its own."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


class LiveServer:
    """`python unified_api.py` on a free port."""

    def __init__(self, log_file: Path, env: dict[str, str], *arguments: str) -> None:
        self._log_file = log_file
        with open(log_file, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "unified_api.py", *arguments],
                cwd=PROJECT,
                env={**os.environ, "HOST": "127.0.0.1", "PORT": "0", **env},
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        return self._log_file.read_text(encoding="utf-8")

    @property
    def address(self) -> str:
        """host:port, once it serves."""
        return self._said(r'"url": "http://([^"]+)"')[1]

    def wait_for_jobs(self) -> None:
        """Until it takes jobs."""
        self._said(r'"event": "ready for jobs"')

    def _said(self, pattern: str) -> "re.Match[str]":
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(pattern, self.log):
                return found
            time.sleep(0.02)
        raise AssertionError(f"the service did not start: {self.log}")

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)
