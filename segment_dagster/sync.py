"""One sync: what every run does, written once. The script and the Dagster op are adapters of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.errors import UnavailableError
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.failures import Failure
from segment_dagster.extract.identity import Workspace, identify
from segment_dagster.extract.result import Extract
from segment_dagster.extract.times import Window
from segment_dagster.load import Destination, LoadResult, UnsupportedError, load_extracts, split_supported
from segment_dagster.load.inspector import DatasetInspector
from segment_dagster.load.owner import refuse_other_workspace
from segment_dagster.load.preflight import preflight
from segment_dagster.load.result import LoadPackage


class SyncObserver:
    """Is told how far a sync has come. Override what is of interest: by themselves these do nothing."""

    def waiting(self) -> None:
        """The destination is waited for."""

    def reading(self, endpoints: Sequence[Endpoint]) -> None:
        """The API is about to be asked for these endpoints."""

    def read(self, extracts: Sequence[Extract], asked: int, requests: int) -> None:
        """Everything has been read.

        Args:
            extracts: What came.
            asked: How many endpoints were asked for.
            requests: How many requests were sent.
        """

    def skipped(self, endpoint: Endpoint, reason: str) -> None:
        """An endpoint that the workspace or the destination does not have is left out. The reason is a clause."""

    def failed(self, failures: Sequence[Failure]) -> None:
        """These endpoints could not be read, or their tables not be loaded."""

    def loading(self, extracts: Sequence[Extract]) -> None:
        """These are about to be loaded."""

    def loaded(self, result: LoadResult) -> None:
        """What can be loaded has been."""


@dataclass(frozen=True, kw_only=True)
class SyncResult:
    """What became of a sync."""

    extracts: Sequence[Extract]
    """Those whose tables hold their rows now, loaded or unchanged."""

    unchanged: frozenset[str]
    """Names of the endpoints whose tables held the rows already, and were left alone."""

    packages: Sequence[object]
    """What was told of each load package."""

    skipped: Mapping[str, str]
    """By endpoint, why it was left out, as a clause."""

    failures: Sequence[Failure]
    requests: int


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
    """Read endpoints and load them. Each fails alone.

    Args:
        endpoints: What to read.
        extractor: Reads the workspace.
        destination: Where the rows go.
        windows: By endpoint, the time to read, where it is neither the usual one nor what the table lacks.
        observer: Is told how far it has come.
        load_package: Loads extracts of a workspace in one load package; by dlt's pipeline where it is left out.
        verify: Looks at the tables before another run can change them. Not called where nothing was read.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace than the token.
        LoadError: The destination cannot be reached or loaded into at all.
        SettingError: A setting cannot be used.
        TokenError: The token is not valid.
    """
    observer, settings = observer or SyncObserver(), extractor.settings
    supported, failures = split_supported(destination, endpoints)
    observer.waiting()
    before = extractor.client.sent.requests
    there = preflight(destination, supported)
    workspace = identify(extractor)
    refuse_other_workspace(destination, there.owner, workspace)
    names = {endpoint.name for endpoint in supported}
    wanted = {name: window for name, window in {**(windows or {}), **there.windows}.items() if name in names}
    observer.reading(supported)
    extracts, not_read = extractor.extract_all(supported, wanted)
    requests = extractor.client.sent.requests - before
    observer.read(extracts, len(supported), requests)
    failures = [*failures, *not_read]
    skipped = {}
    if settings.on_unavailable == "skip":
        skipped = {each.endpoint.name: reason for each in failures if (reason := _why_unavailable(each))}
        for failure in failures:
            if failure.endpoint.name in skipped:
                observer.skipped(failure.endpoint, skipped[failure.endpoint.name])
        failures = [failure for failure in failures if failure.endpoint.name not in skipped]
    observer.failed(failures)
    result = LoadResult(extracts=(), unchanged=frozenset(), packages=(), failures=())
    if extracts:
        observer.loading(extracts)

        def verify_loaded(result: LoadResult, tables: DatasetInspector) -> None:
            observer.failed(result.failures)
            observer.loaded(result)
            if verify:
                verify(result, tables)

        result = load_extracts(
            extracts,
            destination,
            history=settings.history,
            always=settings.always_load,
            workspace=workspace,
            load_package=_of_workspace(load_package, workspace),
            verify=verify_loaded,
        )
    return SyncResult(
        extracts=result.extracts,
        unchanged=result.unchanged,
        packages=result.packages,
        skipped=skipped,
        failures=[*failures, *result.failures],
        requests=requests,
    )


def _of_workspace(
    load_package: Callable[[Sequence[Extract], Workspace | None], object] | None, workspace: Workspace | None
) -> LoadPackage | None:
    return load_package and (lambda extracts: load_package(extracts, workspace))


def _why_unavailable(failure: Failure) -> str | None:
    error = failure.error
    return error.reason if isinstance(error, UnavailableError | UnsupportedError) else None
