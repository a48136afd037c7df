"""Column lineage of a mart, as sqlglot reads it from the SQL."""

from collections.abc import Callable

import dagster as dg
from sqlglot import exp
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from segment_dagster.marts.mart import Mart
from segment_dagster.marts.sql import WRITTEN_IN, sqlglot_schema, with_ephemeral


def mart_lineage(mart: Mart, key_of: Callable[[str], dg.AssetKey | None]) -> dg.TableColumnLineage:
    """Return which columns of loaded tables those of a mart are worked out from.

    Args:
        mart: The mart.
        key_of: Returns the key of a loaded table's asset; `None` if there is no such asset.
    """
    tree = qualify(with_ephemeral(mart.sql), schema=sqlglot_schema(), dialect=WRITTEN_IN, quote_identifiers=False)
    scope = build_scope(tree)
    assert scope is not None and isinstance(tree, exp.Query)
    named, fields = set(tree.named_selects), [column.field for column in mart.columns]
    return dg.TableColumnLineage(
        {
            field: _deps(lineage(field, tree, dialect=WRITTEN_IN, scope=scope, trim_selects=False), key_of)
            for field in fields
            if field in named
        }
    )


def _deps(root: Node, key_of: Callable[[str], dg.AssetKey | None]) -> list[dg.TableColumnDep]:
    found: dict[tuple[str, str], dg.TableColumnDep] = {}
    for node in root.walk():
        if isinstance(node.expression, exp.Table) and (key := key_of(node.expression.name)):
            column = node.name.rsplit(".", 1)[-1]
            found[(node.expression.name, column)] = dg.TableColumnDep(key, column)
    return [found[each] for each in sorted(found)]
