"""Write the report's file."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from segment_dagster.errors import SettingError

SETTING = "report path"


def write_report(path: Path, content: str) -> None:
    """Write a file that its owner alone can read, in one step: who opens it meanwhile sees the one before.

    Args:
        path: The file. Its directory is made where it is not there.
        content: What it holds.

    Raises:
        SettingError: It cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mode 0600
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                file.write(content)
            Path(temporary).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        problem = f"leads to {path}, which cannot be written ({error.strerror})"
        raise SettingError(SETTING, problem, "Set it to a file in a directory that can be written to.") from None
