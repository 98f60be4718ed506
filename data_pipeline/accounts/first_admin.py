"""The first admin of a service that other machines reach: made by a link that the first start prints."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from common.errors import ServiceError
from data_pipeline.accounts.accounts import Accounts

AGAIN_SECONDS = 5.0
TEXT = "There is no admin yet. Make the first one with this link, within a day and once: {url}#/first/{link}"


class FirstAdmin:
    """url: of the panel. output: standard output, since a log is read by others and kept for longer."""

    def __init__(
        self,
        accounts: Accounts,
        url: str,
        output: TextIO | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._accounts = accounts
        self._url = url
        self._output = output or sys.stdout
        self._sleep = sleep

    def offer(self) -> None:
        """Print a link unless there is an admin, as soon as the jobs database can be reached."""
        while True:
            try:
                link = self._accounts.offer_first()
                break
            except ServiceError:
                self._sleep(AGAIN_SECONDS)
        if link:
            print(TEXT.format(url=self._url, link=link), file=self._output, flush=True)
