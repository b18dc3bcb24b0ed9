"""In whose name a user may write: any address of ours that leads to them, and to nobody else."""

from topologies.ports.directory import Directory


async def may_write_as(directory: Directory, user_id: str, address: str) -> bool:
    """Return whether *address* is the user's: their own, an alias, one with a plus-tag.

    Raises:
        Retryable: The directory is out of reach.
    """
    targets = (await directory.resolve(address)).targets
    return [target.user_id for target in targets] == [user_id]
