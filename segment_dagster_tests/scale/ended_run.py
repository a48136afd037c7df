"""What Dagster's instance tells of a run that has ended."""

from dataclasses import dataclass

import dagster as dg


@dataclass
class EndedRun:
    """A run that has ended, by its events.

    Args:
        instance: The instance that has it.
        run_id: Its id.
    """

    instance: dg.DagsterInstance
    run_id: str

    def __post_init__(self) -> None:
        entries = sorted(self.instance.all_logs(self.run_id), key=lambda entry: entry.timestamp)
        self.events = [entry.dagster_event for entry in entries if entry.dagster_event]

    @property
    def success(self) -> bool:
        run = self.instance.get_run_by_id(self.run_id)
        return run is not None and run.is_success

    @property
    def queued(self) -> bool:
        """Whether it came from the queue."""
        return any(event.event_type_value == "PIPELINE_ENQUEUED" for event in self.events)

    @property
    def failures(self) -> list[str]:
        """Why steps failed, or the run did."""
        failed = [event.step_failure_data for event in self.events if event.is_step_failure]
        said = [each.user_failure_data.description or "" for each in failed if each.user_failure_data]
        return said or [event.message or "" for event in self.events if event.is_failure]

    @property
    def steps(self) -> dict[str, float]:
        """Seconds that each step that succeeded took."""
        succeeded = [event for event in self.events if event.is_step_success]
        return {str(event.step_key): event.step_success_data.duration_ms / 1000 for event in succeeded}

    @property
    def most_at_once(self) -> int:
        """How many steps went on at the same time."""
        going, most = 0, 0
        for event in self.events:
            going += event.is_step_start - (event.is_step_success or event.is_step_failure)
            most = max(most, going)
        return most

    @property
    def workers(self) -> set[str]:
        """The Celery workers that had a step."""
        told = [event.event_specific_data for event in self.events if event.is_engine_event]
        metadata = [getattr(each, "metadata", {}) for each in told]
        return {str(each["Celery worker"].value).partition("@")[0] for each in metadata if "Celery worker" in each}

    @property
    def processes(self) -> set[int | None]:
        """The processes in which steps ran."""
        return {event.pid for event in self.events if event.is_step_start}

    @property
    def checks(self) -> dict[tuple[str, str], bool]:
        """Which checks were recorded, and whether they passed."""
        recorded = [event for event in self.events if event.event_type_value == "ASSET_CHECK_EVALUATION"]
        evaluations = [event.asset_check_evaluation_data for event in recorded]
        return {(each.asset_key.path[-1], each.check_name): each.passed for each in evaluations}
