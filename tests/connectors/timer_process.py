"""A process that is a Kafka timer and nothing else, for tests that kill it.

``python -m tests.connectors.timer_process SERVER PREFIX AHEAD_S``: its clock is so far ahead.
"""

import asyncio
import sys
from datetime import timedelta

from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.kafka.timer import KafkaTimer
from connectors.memory.clock import ManualClock, SystemClock


async def main(server: str, prefix: str, ahead_s: float) -> None:
    log = KafkaLog([server], clock=SystemClock(), prefix=prefix)
    timer = KafkaTimer(
        [server],
        prefix=prefix,
        write=log.write,
        lags=KafkaReader([server], prefix=prefix).lags,
        clock=ManualClock(SystemClock().now() + timedelta(seconds=ahead_s)),
        look_every_s=0.05,
    )
    await timer.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
