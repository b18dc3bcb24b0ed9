"""Who is told of spans, in whichever process: nobody, unless the settings name a collector."""

from connectors.settings import PREFIX, Settings
from topologies.errors import Misconfigured
from topologies.ports.tracer import Tracer


def tracer_of(settings: Settings, role: str) -> Tracer | None:
    """Return what is told of spans; None: nobody asks for them.

    Raises:
        Misconfigured: Somebody does, and the library is not there.
    """
    if not settings.otlp_endpoint:
        return None
    try:
        from connectors.otlp.tracer import exporting  # an extra
    except ImportError as error:
        raise Misconfigured(
            f"{PREFIX}OTLP_ENDPOINT is set, and {error.name} is missing: install the extra"
            " `traces` (pip install 'rillmail[traces]')"
        ) from error
    return exporting(settings.otlp_endpoint, ratio=settings.trace_ratio, role=role)
