"""Which reverse ETL models a workspace has, to which subscriptions they go, and what their queries read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from segment_dagster.client import SegmentClient
from segment_dagster.endpoints.pipes import DESTINATIONS, REVERSE_ETL_MODELS, SOURCES, SUBSCRIPTIONS
from segment_dagster.errors import SettingError
from segment_dagster.foreign_text import foreign_text
from segment_dagster.syncs.names import check_names
from segment_dagster.syncs.reverse_etl.queries import DIALECTS, Reading, TableRead, dialects, read_tables

MAX_NAME = 200
"""Characters of a name that are kept."""

NO_DIALECT = "the dialect of the query is not: say it in `dialect`, or name the tables in `tables`"


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A subscription of a destination that a model feeds."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class ReverseEtlModel:
    """A model: a query whose rows are sent from a warehouse to subscriptions. The query itself is not kept."""

    id: str
    name: str
    source_id: str
    """Id of the source that stands for the warehouse."""

    enabled: bool = True
    subscriptions: Sequence[Subscription] = ()
    """Those that are enabled."""

    reads: Reading = field(default_factory=lambda: Reading(problem=NO_DIALECT))
    """What the query reads."""

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "ReverseEtlModel":
        """Read what `dataclasses.asdict` gave."""
        reads = given["reads"]
        tables = tuple(TableRead(name=each["name"], key=tuple(each["key"])) for each in reads["tables"])
        subscriptions = tuple(Subscription(**each) for each in given["subscriptions"])
        return cls(
            **{**given, "subscriptions": subscriptions, "reads": Reading(tables=tables, problem=reads["problem"])}
        )


@dataclass(frozen=True, kw_only=True)
class ReverseEtlSelection:
    """Which models count; by default all that are enabled."""

    model_ids: Sequence[str] = ()
    model_names: Sequence[str] = ()

    def of(self, models: Sequence[ReverseEtlModel]) -> list[ReverseEtlModel]:
        """Return the models that count.

        Raises:
            SettingError: There is no model of an id or name.
        """
        problem = "which is no reverse ETL model of the workspace"
        check_names("reverse_etl.models.by_id", self.model_ids, {model.id for model in models}, problem)
        check_names("reverse_etl.models.by_name", self.model_names, {model.name for model in models}, problem)
        if not self.model_ids and not self.model_names:
            return [model for model in models if model.enabled]
        return [model for model in models if model.id in self.model_ids or model.name in self.model_names]


def check_dialect(dialect: str | None) -> None:
    """Refuse a dialect that sqlglot does not know.

    Raises:
        SettingError: It does not.
    """
    if dialect is not None and dialect not in (legal := dialects()):
        raise SettingError("reverse_etl.dialect", f"is {dialect!r}", f"Legal values: {', '.join(legal)}.")


def fetch_models(client: SegmentClient, dialect: str | None = None) -> list[ReverseEtlModel]:
    """Ask the API for the models and their subscriptions: a request for each destination, and three for all.

    Args:
        client: Requests them.
        dialect: The dialect of sqlglot in which the queries are read; by default that of the type of the model's
            source, where its slug is the name of a warehouse.

    Raises:
        ApiError: A list could not be read.
        SettingError: sqlglot does not know the dialect, or the layout has no reverse ETL.
    """
    check_dialect(dialect)
    if not client.offers(REVERSE_ETL_MODELS):
        raise SettingError("SEGMENT_API_LAYOUT", "is one without reverse ETL", "Leave out `reverse_etl`.")
    records = list(_records(client.pages(REVERSE_ETL_MODELS)))
    subscriptions = _subscriptions(client) if records else {}
    by_source = {} if dialect or not records else _dialects(client)
    return [
        ReverseEtlModel(
            id=record["id"],
            name=_name(record),
            source_id=str(record.get("sourceId")),
            enabled=bool(record.get("enabled")),
            subscriptions=tuple(subscriptions.get(record["id"], ())),
            reads=_read(record, dialect or by_source.get(str(record.get("sourceId")))),
        )
        for record in records
    ]


def _read(record: Mapping[str, Any], dialect: str | None) -> Reading:
    query = record.get("query")
    if not isinstance(query, str):
        return Reading(problem="Segment names no query")
    return read_tables(query, dialect) if dialect else Reading(problem=NO_DIALECT)


def _subscriptions(client: SegmentClient) -> dict[str, list[Subscription]]:
    """Return the enabled subscriptions by the id of their model."""
    found: dict[str, list[Subscription]] = {}
    for destination in list(_records(client.pages(DESTINATIONS))):
        for record in _records(client.pages(SUBSCRIPTIONS, {"destinationId": destination["id"]})):
            if record.get("modelId") and record.get("enabled"):
                one = Subscription(id=record["id"], name=_name(record))
                found.setdefault(record["modelId"], []).append(one)
    return found


def _dialects(client: SegmentClient) -> dict[str, str]:
    """Return the dialects that are certain, by the id of the source."""
    found = {}
    for record in _records(client.pages(SOURCES)):
        type_ = record.get("metadata")
        slug = type_.get("slug") if isinstance(type_, dict) else None
        if isinstance(slug, str) and slug in DIALECTS:
            found[record["id"]] = DIALECTS[slug]
    return found


def _records(pages: Iterable[Any]) -> Iterable[dict[str, Any]]:
    return (record for page in pages for record in page.records)


def _name(record: Mapping[str, Any]) -> str:
    return foreign_text(record.get("name") or record["id"], MAX_NAME)
