"""A Redis server on loopback, where the machine has its program."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segment_dagster_tests.destinations.engines import free_port
from segment_dagster_tests.destinations.processes import listening

PROGRAM = "redis-server"


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """Run one, with a password, and keep nothing on disk.

    Args:
        directory: An empty directory.

    Yields:
        Its address.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise FileNotFoundError(f"{PROGRAM} is not installed: run make test-scale")
    port, password = free_port(), secrets.token_hex(16)
    settings = directory / "redis.conf"
    # in a file: all users see the arguments of a process
    settings.write_text(
        f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndir {directory}\n'
    )
    with listening([program, str(settings)], port, directory / "redis.log", dict(os.environ)):
        yield f"redis://:{password}@127.0.0.1:{port}"
