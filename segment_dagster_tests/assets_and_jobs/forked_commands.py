"""Run `python -m dagster` many times, importing Dagster once: a line with commands by name in, one with statuses out.

The argument is an empty directory: it becomes a Dagster home to copy, because making one takes a second.

Each command is a fork of this process, so it has an interpreter, an environment and directories of its own.
"""

import json
import os
import runpy
import sys
import traceback
from contextlib import redirect_stdout, suppress

import dagster

import segment_dagster.assets.run
import segment_dagster.definitions  # noqa: F401 - for the forks, which need not import it again

AT_ONCE = 3


def main() -> None:
    # these import the command line and what it needs
    home = sys.argv[1]
    with dagster.DagsterInstance.local_temp(home):
        pass
    sys.argv = ["dagster", "--version"]
    with suppress(SystemExit), redirect_stdout(None):
        runpy.run_module("dagster", run_name="__main__", alter_sys=True)
    print(home, flush=True)
    for line in sys.stdin:
        waiting: dict[str, dict] = json.loads(line)
        running: dict[int, str] = {}
        ended: dict[str, int] = {}
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                name, command = waiting.popitem()
                child = os.fork()
                if child == 0:
                    run(command)
                running[child] = name
            child, status = os.wait()
            ended[running.pop(child)] = os.waitstatus_to_exitcode(status)
        print(json.dumps(ended), flush=True)


def run(command: dict) -> None:
    status = 1
    try:
        os.chdir(command["directory"])
        os.environ.clear()
        os.environ.update(command["environment"])
        output = os.open(command["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.argv = ["dagster", *command["arguments"]]
        runpy.run_module("dagster", run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
