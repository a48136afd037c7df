"""Charts as inline SVG. Their colours are those of the style sheet's classes."""

from collections.abc import Sequence
from datetime import date
from html import escape

from segment_dagster.report.figures import Bullet, Daily
from segment_dagster.report.formats import short, shown

WIDTH, HEIGHT, LEFT, TOP, BELOW = 960, 200, 56, 8, 24
SPARK_WIDTH, SPARK_HEIGHT = 84, 18
MAX_LABELS = 7


def spark(values: Sequence[float | None]) -> str:
    """Return a small line. Where values are missing, it has gaps.

    Args:
        values: The values by day.
    """
    most = max((value for value in values if value is not None), default=0) or 1
    step = SPARK_WIDTH / max(1, len(values) - 1)
    lines: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            y = SPARK_HEIGHT - 2 - (SPARK_HEIGHT - 4) * value / most
            lines[-1].append(f"{place * step:.1f},{y:.1f}")
    # a single day is a dot
    drawn = "".join(f'<polyline points="{" ".join(line if len(line) > 1 else line * 2)}"/>' for line in lines if line)
    return f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" aria-hidden="true">{drawn}</svg>'


def daily(figure: Daily) -> str:
    """Return bars by day."""
    values = [value for _, value in figure.days if value is not None]
    most = max(values, default=0) or 1
    step = (WIDTH - LEFT) / max(1, len(figure.days))
    tall = HEIGHT - BELOW - TOP
    bars, labels = [], []
    every = max(1, -(-len(figure.days) // MAX_LABELS))
    for place, (day, value) in enumerate(figure.days):
        x = LEFT + place * step
        title = f"<title>{day:%Y-%m-%d}: {_said(value, figure)}</title>"
        kind, high = ("gap", tall) if value is None else ("bar", tall * value / most)
        bars.append(
            f'<rect class="{kind}" x="{x + 1:.1f}" width="{step - 2:.1f}" y="{TOP + tall - high:.1f}" '
            f'height="{high:.1f}">{title}</rect>'
        )
        if place % every == 0:
            labels.append(f'<text class="middle" x="{x + step / 2:.1f}" y="{HEIGHT - 6}">{_day(day)}</text>')
    axis = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="end" x="{LEFT - 6}" y="{y + 4:.1f}">{shown(most * part, figure.kind)}</text>'
        for part in (0, 0.5, 1)
        for y in [TOP + tall * (1 - part)]
    )
    return _svg(figure.label, HEIGHT, f"{axis}{''.join(bars)}{''.join(labels)}")


def bullet(figure: Bullet) -> str:
    """Return what is used, the range of the forecast and the plan, on one axis."""
    scale = figure.scale()

    def x(value: float) -> float:
        return WIDTH * value / scale

    parts = ['<rect class="track" x="0" y="22" height="24" width="960"/>']
    if figure.low is not None and figure.high is not None:
        parts.append(
            f'<rect class="range" x="{x(figure.low):.1f}" y="22" height="24" '
            f'width="{max(2.0, x(figure.high) - x(figure.low)):.1f}"/>'
        )
    parts.append(f'<rect class="bar" x="0" y="28" height="12" width="{x(figure.used):.1f}"/>')
    parts.append(f'<text x="0" y="62">used {short(figure.used)}</text>')
    if figure.forecast is not None:
        parts.append(_mark("forecast", x(figure.forecast), figure.forecast, 14))
    if figure.plan:
        parts.append(_mark("plan", x(figure.plan), figure.plan, 62))
    return _svg(figure.label, 68, "".join(parts))


def _mark(kind: str, at: float, value: float, y: int) -> str:
    # beside the label of what is used, at the left end, and within the chart
    middle = min(max(at, 170), WIDTH - 70)
    return (
        f'<line class="{kind}" x1="{at:.1f}" x2="{at:.1f}" y1="18" y2="50"/>'
        f'<text class="middle" x="{middle:.1f}" y="{y}">{kind} {short(value)}</text>'
    )


def _said(value: float | None, figure: Daily) -> str:
    return "not loaded" if value is None else shown(value, figure.kind)


def _day(day: date) -> str:
    return f"{day:%d %b}"


def _svg(label: str, height: int, content: str) -> str:
    title = escape(label)
    return (
        f'<figure><figcaption>{title}</figcaption><svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{title}">{content}</svg></figure>'
    )
