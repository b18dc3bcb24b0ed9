"""The only place that knows every system: it decides what answers each port.

``open_stores`` is for one command of the command line; ``open_service`` is the embedded
profile's process, ``open_worker`` one of the cluster's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# Each is loaded when it is asked for: no process needs all of them.
if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from connectors.assembly.embedded import Service
    from connectors.assembly.stores import Stores
    from connectors.settings import Settings

__all__ = ["open_service", "open_stores"]


def open_service(settings: Settings) -> AbstractAsyncContextManager[Service]:
    """Open the stores and wire the service that works on them.

    Raises:
        Misconfigured: As ``open_stores``; or the service runs on this folder already.
    """
    from connectors.assembly import embedded

    return embedded.open_service(settings)


def open_stores(settings: Settings) -> AbstractAsyncContextManager[Stores]:
    """Open the stores that *settings* name, and close them at the end.

    Raises:
        Misconfigured: They can't be used as they are set; says why.
        Retryable: A server that is needed is out of reach.
    """
    if settings.profile == "cluster":
        from connectors.assembly import cluster

        return cluster.open_stores(settings)
    from connectors.assembly import embedded

    return embedded.open_stores(settings)
