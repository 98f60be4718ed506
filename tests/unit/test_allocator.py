"""What is free really goes back to the system."""

import subprocess
import sys

import pytest

from data_pipeline import allocator

# Each piece is too large for Python's own allocator; the last one, at the end of the heap, stays in use, so that the C
# library alone gives nothing of what lies below it back.
PROGRAM = """
import psutil
from data_pipeline import allocator

allocator.share_arenas()
pieces = [bytes(1000) for _ in range(100_000)]
last = pieces.pop()
pieces.clear()
before = psutil.Process().memory_info().rss
with allocator.returned():
    print(before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(not allocator.IS_GLIBC, reason="the C library isn't glibc")
def test_what_is_free_goes_back_although_something_behind_it_is_in_use() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 50 << 20
