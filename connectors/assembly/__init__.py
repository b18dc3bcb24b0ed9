"""The only place that knows every system: it decides what answers each port.

``open_stores`` is for one command of the command line; ``open_service`` is the embedded
profile's process, ``open_worker`` one of the cluster's.
"""

from contextlib import AbstractAsyncContextManager

from connectors.assembly.embedded import Service, open_service
from connectors.assembly.stores import Stores
from connectors.settings import Settings

__all__ = ["Service", "Stores", "open_service", "open_stores"]


def open_stores(settings: Settings) -> AbstractAsyncContextManager[Stores]:
    """Open the stores that *settings* name, and close them at the end.

    Raises:
        Misconfigured: They can't be used as they are set; says why.
        Retryable: A server that is needed is out of reach.
    """
    if settings.profile == "cluster":
        from connectors.assembly import cluster  # here, since embedded needs none of it

        return cluster.open_stores(settings)
    from connectors.assembly import embedded

    return embedded.open_stores(settings)
