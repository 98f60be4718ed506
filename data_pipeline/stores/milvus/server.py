"""One Milvus server: calls of its protocol, each with a limit in time and heard when the operation is cancelled."""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.stores.milvus import faults, lite
from data_pipeline.stores.milvus.protocol import grpc, protocol
from data_pipeline.stores.target import StoreTarget

CONNECT_SECONDS = 5.0
CALL_SECONDS = 120.0
"""Of one call. Loads and indexes are asked about, and not waited for in one call."""

HEARD_SECONDS = 0.2
"""How long a cancelled operation goes on waiting for an answer, at most."""

LARGEST_MESSAGE = 32 << 20
"""Bytes of an answer. A page of rows that is larger is asked for again, with fewer rows."""

QUOTA_SECONDS = 120.0
QUOTA_WAIT = 0.5
"""How long a call is tried again that a quota of the server refuses, and how often."""

LITE = "milvus_lite"


@dataclass(frozen=True)
class Server:
    """A connection. version: as the server calls it. database: the one that is meant, "default" if none is named."""

    stub: Any
    version: str
    database: str
    metadata: tuple[tuple[str, str], ...]
    progress: Progress = SILENT

    @property
    def is_lite(self) -> bool:
        return self.version.startswith(LITE)

    def call(self, method: str, request: Any, *, about: str = "", seconds: float = CALL_SECONDS) -> Any:
        """The answer of one call, its status looked at. Raises ServiceError, Cancelled, faults.TooLarge."""
        deadline = time.monotonic() + QUOTA_SECONDS
        while True:
            try:
                return self.answer(method, self.begin(method, request, seconds), about)
            except faults.RateLimited:
                if time.monotonic() > deadline:
                    raise faults.refused(method, about, {"step": method, "name": about, "server_code": 8}) from None
            time.sleep(QUOTA_WAIT)
            self.progress.expect_wanted()

    def begin(self, method: str, request: Any, seconds: float = CALL_SECONDS) -> Any:
        """Send a call; answer() waits for it."""
        return getattr(self.stub, method).future(request, timeout=seconds, metadata=self.metadata)

    def answer(self, method: str, call: Any, about: str) -> Any:
        """Wait for a call that was begun. Raises faults.RateLimited beside what call() raises."""
        rpc = grpc()
        while True:
            try:
                found = call.result(timeout=HEARD_SECONDS)
                break
            except rpc.FutureTimeoutError:
                try:
                    self.progress.expect_wanted()
                except BaseException:
                    call.cancel()
                    raise
            except rpc.RpcError as error:
                raise faults.of_call(error, method) from None
        status = found.status if hasattr(found, "status") else found
        if (fault := faults.of_status(status, method, about)) is not None:
            raise fault
        return found


@contextmanager
def connected(target: StoreTarget, progress: Progress = SILENT) -> Iterator[Server]:
    """A server that has answered. Raises ServiceError."""
    rpc, messages = grpc(), protocol()
    with lite.address(target) as address:
        options = [("grpc.max_receive_message_length", LARGEST_MESSAGE), ("grpc.max_send_message_length", -1)]
        if target.scheme == "milvus+https":
            channel = rpc.secure_channel(address, rpc.ssl_channel_credentials(), options)
        else:
            channel = rpc.insecure_channel(address, options)
        try:
            database = target.option("db") or "default"
            stub = messages.stubs.MilvusServiceStub(channel)
            server = Server(stub, "", database, _metadata(target, database), progress)
            found = server.call("GetVersion", messages.milvus.GetVersionRequest(), seconds=CONNECT_SECONDS)
            yield Server(stub, str(found.version), database, server.metadata, progress)
        finally:
            channel.close()


def _metadata(target: StoreTarget, database: str) -> tuple[tuple[str, str], ...]:
    """Who calls, and which database is meant. A user without a password is a token."""
    found = [("dbname", database)]
    if target.user or target.password:
        secret = ":".join(part for part in (target.user, target.password) if part)
        found.append(("authorization", base64.b64encode(secret.encode()).decode()))
    return tuple(found)
