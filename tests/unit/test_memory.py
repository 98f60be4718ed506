"""What is free really goes back to the system."""

import subprocess
import sys

import pytest

from common import memory

# Each piece is too large for Python's own allocator; the last one, at the end of the heap, stays in use, so that the C
# library alone gives nothing of what lies below it back.
PROGRAM = """
import psutil
from common import memory

def freed(count):
    pieces = [bytes(1000) for _ in range(count)]
    last = pieces.pop()
    pieces.clear()
    before = psutil.Process().memory_info().rss
    with memory.returned():
        return before - psutil.Process().memory_info().rss, last

memory.share_arenas()
print(freed(100_000)[0], freed(5_000)[0], freed(100_000)[0])
"""


@pytest.mark.skipif(not memory.IS_GLIBC, reason="the C library isn't glibc")
def test_what_is_free_goes_back_if_it_is_much_although_something_behind_it_is_in_use() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    much, little, much_again = map(int, done.stdout.split())
    assert much > 50 << 20
    assert abs(little) < 1 << 20
    assert much_again > 50 << 20
