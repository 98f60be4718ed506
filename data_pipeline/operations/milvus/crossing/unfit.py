"""What the store on the other side has nothing for, of a type and of a value."""

from common.messages import Message


class NoCounterpart(Exception):
    """A type of a column, or of a field, that the other store has nothing for."""


class Unfit(Exception):
    """A value that the other store can't keep. reason: a text for people."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason)
        self.reason = reason
