"""One sync: read endpoints and load them. The script and the Dagster op are adapters of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from segment_dagster.config import OnUnavailable
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.errors import UnavailableError
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.failures import Failure
from segment_dagster.extract.identity import Workspace, identify
from segment_dagster.extract.result import Extract
from segment_dagster.extract.times import Window
from segment_dagster.load import Destination, LoadResult, UnsupportedError, load_extracts, split_supported
from segment_dagster.load.inspector import DatasetInspector, inspect_dataset
from segment_dagster.load.lock import destination_lock
from segment_dagster.load.owner import refuse_other_workspace
from segment_dagster.load.parent_state import forget_parents
from segment_dagster.load.preflight import preflight
from segment_dagster.load.result import LoadPackage
from segment_dagster.load.unsupported import check_history
from segment_dagster.refresh import Refresh
from segment_dagster.rolling import plan_slices, read_slices, sliceable


class SyncObserver:
    """Callbacks for the progress of a sync. Override the ones you need; the defaults do nothing."""

    def waiting(self) -> None:
        """Called before the sync waits for the destination."""

    def reading(self, endpoints: Sequence[Endpoint]) -> None:
        """Called before these endpoints are read from the API."""

    def read(self, extracts: Sequence[Extract], asked: int, requests: int) -> None:
        """Called after all endpoints were read.

        Args:
            extracts: The extracts.
            asked: Number of endpoints that were requested.
            requests: Number of requests that were sent.
        """

    def skipped(self, endpoint: Endpoint, reason: str) -> None:
        """Called for an endpoint that the workspace or the destination does not have. The reason is a clause."""

    def failed(self, failures: Sequence[Failure]) -> None:
        """Called with the endpoints that could not be read, or whose tables could not be loaded."""

    def slice_loaded(self, extract: Extract) -> None:
        """Called after each slice of an endpoint that is read in slices, with the sum of them so far."""

    def loading(self, extracts: Sequence[Extract]) -> None:
        """Called before these extracts are loaded."""

    def loaded(self, result: LoadResult) -> None:
        """Called after the load, with its result; and once more for the endpoints that are read in slices."""


@dataclass(frozen=True, kw_only=True)
class SyncResult:
    """The result of a sync."""

    extracts: Sequence[Extract]
    """Extracts whose tables now hold their rows, loaded or unchanged."""

    unchanged: frozenset[str]
    """Names of the endpoints whose tables already held the rows and were not written."""

    packages: Sequence[object]
    """Results of `load_package`, one for each load package, without those of slices: there may be thousands."""

    skipped: Mapping[str, str]
    """Skipped endpoints by name, each with the reason as a clause."""

    failures: Sequence[Failure]
    requests: int

    @property
    def saved(self) -> int:
        """Return how many requests were saved at least: a list of an unchanged parent takes one or more."""
        return lists_saved(self.extracts)


def lists_saved(extracts: Sequence[Extract]) -> int:
    """Return how many lists were not requested, because their parents are unchanged."""
    return sum(extract.reused.parents for extract in extracts if extract.reused)


def sync(
    endpoints: Sequence[Endpoint],
    extractor: Extractor,
    destination: Destination,
    *,
    windows: Mapping[str, Window] | None = None,
    observer: SyncObserver | None = None,
    load_package: Callable[[Sequence[Extract], Workspace | None], object] | None = None,
    verify: Callable[[LoadResult, DatasetInspector], None] | None = None,
) -> SyncResult:
    """Read endpoints and load them. A failed endpoint does not fail the others.

    Args:
        endpoints: The endpoints to read.
        extractor: Reads the workspace.
        destination: The destination.
        windows: Time windows to read, by endpoint, instead of the default ones. Incremental tables with rows
            override them.
        observer: Gets called about the progress.
        load_package: Loads the extracts of a workspace in one load package; by default with dlt's pipeline.
        verify: Checks the tables before another run can change them. Not called if nothing was read.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace than the token.
        LoadError: The destination cannot be reached, or nothing can be loaded into it.
        SettingError: A setting cannot be used.
        TokenError: The token is not valid.
    """
    observer, settings = observer or SyncObserver(), extractor.settings
    check_history(destination, history=settings.history)
    supported, failures = split_supported(destination, endpoints)
    observer.waiting()
    requests_before = extractor.client.sent.requests
    state = preflight(destination, supported, extractor.now)
    workspace = identify(extractor)
    refuse_other_workspace(destination, state.owner, workspace)
    names = {endpoint.name for endpoint in supported}
    wanted = {name: window for name, window in {**(windows or {}), **state.windows}.items() if name in names}
    observer.reading(supported)
    sliced = plan_slices(supported, extractor, destination)
    in_slices = {read.endpoint.name for read in sliced}
    whole = [endpoint for endpoint in supported if endpoint.name not in in_slices]
    refresh = Refresh(whole, extractor, destination)
    refresh.read()
    extracts, not_read = extractor.extract_all(whole, wanted)
    observer.read(extracts, len(whole), extractor.client.sent.requests - requests_before)
    skipped: dict[str, str] = {}
    failures = _not_skipped([*failures, *not_read], settings.on_unavailable, skipped, observer)
    observer.failed(failures)
    result = LoadResult(extracts=(), unchanged=frozenset(), packages=(), failures=())
    if extracts:
        observer.loading(extracts)

        def verify_loaded(result: LoadResult, tables: DatasetInspector) -> None:
            for extract in result.extracts:
                if sliceable(extract.endpoint, extractor, destination):
                    forget_parents(tables, extract.endpoint)
            refresh.record(result, tables)
            observer.failed(result.failures)
            observer.loaded(result)
            if verify:
                verify(result, tables)

        result = load_extracts(
            extracts,
            destination,
            history=settings.history,
            now=extractor.now,
            workspace=workspace,
            read_before=state.read_times,
            load_package=_of_workspace(load_package, workspace),
            verify=verify_loaded,
        )

    def load_slices(slices: Sequence[Extract], record: Callable[[LoadResult, DatasetInspector], None]) -> LoadResult:
        return load_extracts(
            slices,
            destination,
            now=extractor.now,
            history=settings.history,
            workspace=workspace,
            load_package=_of_workspace(load_package, workspace),
            verify=record,
        )

    failures = [*failures, *result.failures]
    if sliced:
        not_read = read_slices(sliced, extractor, destination, load_slices, observer.slice_loaded)
        not_read = _not_skipped(not_read, settings.on_unavailable, skipped, observer)
        observer.failed(not_read)
        failures += not_read
        not_whole = {failure.endpoint.name for failure in not_read} | skipped.keys()
        totals = [read.total(extractor.now) for read in sliced if read.endpoint.name not in not_whole]
        of_slices = LoadResult(
            extracts=totals,
            unchanged=frozenset(extract.endpoint.name for extract in totals if not extract.parents),
            packages=(),
            failures=not_read,
        )
        if totals:
            with destination_lock(destination), inspect_dataset(destination) as tables:
                observer.loaded(of_slices)
                if verify:
                    verify(of_slices, tables)
        result = replace(result, extracts=[*result.extracts, *totals], unchanged=result.unchanged | of_slices.unchanged)
    return SyncResult(
        extracts=result.extracts,
        unchanged=result.unchanged,
        packages=result.packages,
        skipped=skipped,
        failures=failures,
        requests=extractor.client.sent.requests - requests_before,
    )


def _not_skipped(
    failures: Sequence[Failure], on_unavailable: OnUnavailable, skipped: dict[str, str], observer: SyncObserver
) -> list[Failure]:
    """Return the failures, without the endpoints that the workspace does not have, where these are skipped."""
    if on_unavailable is not OnUnavailable.SKIP:
        return list(failures)
    for failure in failures:
        if reason := _why_unavailable(failure):
            skipped[failure.endpoint.name] = reason
            observer.skipped(failure.endpoint, reason)
    return [failure for failure in failures if failure.endpoint.name not in skipped]


def _of_workspace(
    load_package: Callable[[Sequence[Extract], Workspace | None], object] | None, workspace: Workspace | None
) -> LoadPackage | None:
    return load_package and (lambda extracts: load_package(extracts, workspace))


def _why_unavailable(failure: Failure) -> str | None:
    error = failure.error
    return error.reason if isinstance(error, UnavailableError | UnsupportedError) else None
