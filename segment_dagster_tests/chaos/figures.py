"""What the chaos came to, over all tests of a session."""

from collections import Counter

from segment_dagster_tests.chaos.chaos_length import LONG, SEED


class Figures:
    """Counts, and the lines that tell them."""

    def __init__(self):
        self.runs = Counter[str]()
        """Processes, by how they ended."""

        self.kills = Counter[str]()
        """By the stage in which the process was."""

        self.faults = Counter[str]()
        """Answers that went wrong, by kind."""

        self.cases = Counter[str]()
        """Whatever else happened."""

        self.compared = Counter[str]()
        """Tables, rows and bytes that were compared with the workspace; tables that held the old and the new rows."""

        self.losses: list[str] = []
        """What neither the old nor the new rows was, or was not repaired."""

        self.notes: list[str] = []

    def lines(self):
        """What is printed at the end."""
        compared = self.compared
        yield f"form: {'long' if LONG else 'short'}, seed {SEED} (CHAOS_SEED)"
        yield f"runs: {sum(self.runs.values())} ({_listed(self.runs)})"
        yield f"kills: {sum(self.kills.values())} ({_listed(self.kills)})"
        yield f"faults of the API: {sum(self.faults.values())} ({_listed(self.faults)})"
        yield f"other cases: {sum(self.cases.values())} ({_listed(self.cases)})"
        yield (
            f"compared: {compared['tables']:,} tables, {compared['rows']:,} rows, {compared['bytes']:,} bytes; after "
            f"what went wrong {compared['old']:,} tables held the old rows and {compared['new']:,} the new ones"
        )
        yield from self.notes
        yield f"losses: {len(self.losses)}"
        yield from self.losses


def _listed(counts):
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items())) or "none"


FIGURES = Figures()
