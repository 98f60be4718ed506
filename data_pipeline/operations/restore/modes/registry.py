"""Every mode there is, and which one a request is for."""

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module

from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore import modes
from data_pipeline.operations.restore.modes.mode import Mode


def _found() -> Iterator[type[Mode]]:
    """The concrete classes of this room's modules.

    From sync to append: of several clashes in one request, the one that is named is the first in this order.
    """
    for module in sorted((one.name for one in pkgutil.iter_modules(modes.__path__)), reverse=True):
        defined = import_module(f"{modes.__name__}.{module}")
        for kind in vars(defined).values():
            own = inspect.isclass(kind) and kind.__module__ == defined.__name__
            if own and issubclass(kind, Mode) and not inspect.isabstract(kind):
                yield kind


MODES: tuple[type[Mode], ...] = tuple(_found())


def strategies() -> tuple[str, ...]:
    """The values of `strategy`, the default first."""
    return tuple(dict.fromkeys([Mode.strategy, *(mode.strategy for mode in MODES)]))


def of(request: RestoreOptions) -> type[Mode]:
    """The mode that was asked for."""
    return next(mode for mode in MODES if mode.serves(request))
