"""The figures as a person reads them."""

from collections.abc import Sequence
from typing import Any

from bench.measured import STEPS, Result
from bench.overhead import EMPTY


def sizes_table(results: Sequence[Result]) -> str:
    """The sizes side by side, a line for each figure."""
    lines = [("", *(f"{result['scale']}x" for result in results))]
    lines += [(label, *(_shown(result, *place) for result in results)) for label, place in _LINES]
    lines += [(label, *(_or_none(made, result) for result in results)) for label, made in _MADE]
    return _table(lines)


def overhead_table(found: dict[str, Any]) -> str:
    """The cases of the overhead, with their ratios to the empty job."""
    lines = [("whole process", "s", "CPU s", "ratio", "CPU ratio")]
    for name, seconds in found["seconds"].items():
        cpu = found["cpu_seconds"][name]
        ratios = (seconds / found["seconds"][EMPTY], cpu / found["cpu_seconds"][EMPTY])
        lines.append((name, *(f"{number:.2f}" for number in (seconds, cpu, *ratios))))
    return _table(lines)


_LINES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("read, s", ("ours", "read")),
    ("dlt's extract, s", ("ours", "extract")),
    ("normalize, s", ("ours", "normalize")),
    ("load, s", ("ours", "load")),
    ("checks, s", ("ours", "checks")),
    ("Dagster, s", ("ours", "dagster")),
    ("pipeline, s", ("ours", "pipeline")),
    ("pipeline, CPU s", ("ours", "pipeline_cpu")),
    ("whole process, s", ("ours", "process")),
    ("whole process, CPU s", ("ours", "process_cpu")),
    ("peak memory, MB", ("ours", "peak_mb")),
    ("again, unchanged, s", ("ours", "again")),
    ("again, unchanged, CPU s", ("ours", "again_cpu")),
    ("again, bytes written", ("ours", "again_written")),
    ("requests", ("ours", "requests")),
    ("most open at once", ("ours", "most_open")),
    ("load average", ("ours", "load_average")),
    ("bound: requests", ("bound", "requests")),
    ("bound, s", ("bound", "seconds")),
    ("bound with limits, s", ("bound", "with_limits")),
    *((f"example: {step}, s", ("example", step)) for step in STEPS),
    ("example: pipeline, s", ("example", "pipeline")),
    ("example: whole process, s", ("example", "process")),
    ("example: CPU s", ("example", "process_cpu")),
    ("example: peak memory, MB", ("example", "peak_mb")),
    ("example: requests", ("example", "requests")),
    ("example: most open", ("example", "most_open")),
    ("example: load average", ("example", "load_average")),
)


def _rows(result: Result) -> str:
    return f"{sum(result['rounds'][0]['rows'].values()):,}"


def _per_row(result: Result) -> str:
    return f"{result['ours']['pipeline'] / sum(result['rounds'][0]['rows'].values()) * 1e6:.1f}"


def _cpu_per_row(result: Result) -> str:
    return f"{result['ours']['pipeline_cpu'] / sum(result['rounds'][0]['rows'].values()) * 1e6:.1f}"


def _to_bound(result: Result) -> str:
    return f"{result['ours']['pipeline'] / result['bound']['seconds']:.2f}"


def _pipelines(result: Result) -> str:
    return f"{result['example']['pipeline'] / result['ours']['pipeline']:.1f}"


def _processes(result: Result) -> str:
    return f"{result['example']['process'] / result['ours']['process']:.1f}"


_MADE = (
    ("rows", _rows),
    ("pipeline, µs a row", _per_row),
    ("pipeline, CPU µs a row", _cpu_per_row),
    ("pipeline / bound", _to_bound),
    ("example / ours: pipeline", _pipelines),
    ("example / ours: process", _processes),
)


def _or_none(made: Any, result: Result) -> str:
    return "" if result["example"] is None and made in (_pipelines, _processes) else str(made(result))


def _shown(result: Result, part: str, name: str) -> str:
    if result[part] is None:
        return ""
    value = result[part][name]
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def _table(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )
