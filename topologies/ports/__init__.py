"""What the stages, the engine and the ways in need of the world: one noun a file.

Every answer to a port, embedded or cluster, passes the same suite in
``tests/contracts/``. All of them may raise ``Retryable`` when the system behind
them is out of reach; foreign exceptions never cross a port.
"""
