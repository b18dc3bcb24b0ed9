"""An administrator at the command line; what they do is told to the system's log.

As `useradd` and `sudo` tell it: the facility for authorization, which only administrators read.
"""

import os
import syslog

from api.cli.stores import Stores
from topologies.administration import Administration


def administration(stores: Stores) -> Administration:
    """Return whoever runs this command, at work on *stores*."""
    return Administration(
        directory=stores.directory,
        dkim_keys=stores.dkim_keys,
        restraints=stores.restraints,
        app_passwords=stores.app_passwords,
        second_factors=stores.second_factors,
        webhooks=stores.webhooks,
        log=stores.log,
        clock=stores.clock,
        note=_note,
    )


def _note(action: str, on: str) -> None:
    syslog.openlog("rillmail", syslog.LOG_PID, syslog.LOG_AUTH)
    syslog.syslog(syslog.LOG_NOTICE, f"action={action} on={on} by=uid:{os.getuid()}")
