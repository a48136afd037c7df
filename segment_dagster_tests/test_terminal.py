"""How commands end in a terminal: closed streams, interrupts, errors in a line; and the one line of progress."""

import io
import logging
import os
import signal
import subprocess
import sys

import pytest

from segment_dagster import terminal
from segment_dagster.terminal import CLEAR, StatusLine

pytestmark = pytest.mark.slow

COMMAND = """
import os, signal, sys
from segment_dagster.errors import SettingError
from segment_dagster.terminal import run_command

def main():
    {0}

run_command(main)
"""


def run(body, **how):
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    code = COMMAND.format(body)
    return subprocess.run([sys.executable, "-c", code], text=True, timeout=60, check=False, **how)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("return 0", 0, ""),
        ("return 3", 3, ""),
        ("sys.exit(143)", 143, ""),
        ("raise SettingError('SEGMENT_X', 'is\\nodd', 'Mend it.')", 1, "error: SEGMENT_X is odd. Mend it.\n"),
        ("open('/no/such/file')", 1, "error: /no/such/file cannot be used (No such file or directory).\n"),
        ("raise PermissionError(13, 'Permission denied')", 1, "error: A file or directory cannot be used (Permission"),
        (
            "os.mkdir('x'); os.chdir('x'); os.rmdir('../x'); os.getcwd()",
            1,
            "error: The working directory cannot be used",
        ),
        ("raise KeyboardInterrupt", 130, "error: interrupted; nothing was loaded that is not whole\n"),
        ("os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(60)", 130, "error: interrupted;"),
    ],
)
def test_a_command_ends_with_a_line_and_a_status(body, status, said):
    done = run(body)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == bool(said)


def test_a_fault_of_ours_is_no_line():
    assert "ZeroDivisionError" in run("1 / 0").stderr


@pytest.mark.parametrize("lines", [1, 100_000], ids=["at the end", "in the middle"])
def test_a_reader_that_has_seen_enough_ends_the_command_without_a_word(lines):
    reading, writing = os.pipe()
    os.close(reading)
    done = run(f"print('a line\\\\n' * {lines}); return 0", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("closed", ["1", "2", "0 1 2"])
def test_closed_streams_lead_to_nowhere(closed, tmp_path):
    # a file that takes the place of a stream would hold what is printed
    body = (
        "file = open('kept', 'w'); print('out'); print('err', file=sys.stderr); file.write('mine'); "
        "file.close(); return 5"
    )
    closing = "".join(f"os.close({number});" for number in closed.split())
    code = f"import os, sys; {closing} os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"
    done = subprocess.run(
        [sys.executable, "-c", code, COMMAND.format(body)], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 5
    assert b"Traceback" not in done.stderr
    assert (tmp_path / "kept").read_text() == "mine"


def test_a_full_disk_under_the_output_is_told():
    with open("/dev/full", "w") as full:  # noqa: PTH123 - as a shell opens it
        done = run("print('a line'); return 0", stdout=full)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and line.endswith("(No space left on device).")


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


def test_the_line_is_rewritten_in_its_place_and_gone_in_the_end(monkeypatch):
    monkeypatch.setattr(terminal, "REPAINT", 0.001)
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    with StatusLine(stream) as status:
        status.show(lambda: "reading " + "x" * 50)
        while "reading" not in stream.getvalue():
            pass
        logging.getLogger("segment_dagster.test").warning("a warning")
    written = stream.getvalue()
    assert written.endswith(CLEAR)
    assert f"{CLEAR}a warning\n" in written
    texts = [part.removeprefix("\x1b[K") for part in written.split("\r") if "reading" in part]
    assert set(map(len, texts)) == {19}
    assert written.count("\n") == 1


def test_what_is_no_terminal_gets_no_line(monkeypatch):
    monkeypatch.setattr(terminal, "REPAINT", 0.001)
    stream = io.StringIO()
    with StatusLine(stream) as status:
        status.show(lambda: "reading")
        assert status.seconds >= 0
    assert stream.getvalue() == ""
