"""What a sensor watches."""

from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg


@dataclass(frozen=True)
class Monitored:
    """Checks, assets and jobs of one instance, each in order."""

    checks: tuple[dg.AssetCheckKey, ...]
    """Checks whose failures are told."""

    assets: tuple[dg.AssetKey, ...]
    """Assets whose lost partitions are told."""

    jobs: tuple[str, ...]
    """Jobs whose failed runs are told."""

    @classmethod
    def of(
        cls,
        checks: Iterable[dg.AssetCheckKey] = (),
        assets: Iterable[dg.AssetKey] = (),
        jobs: Iterable[str] = (),
    ) -> "Monitored":
        """Return what is named, each once.

        Args:
            checks: Keys of checks.
            assets: Keys of assets.
            jobs: Names of jobs.
        """
        return cls(
            tuple(sorted(set(checks), key=lambda key: (key.asset_key, key.name))),
            tuple(sorted(set(assets))),
            tuple(sorted(set(jobs))),
        )

    @classmethod
    def in_definitions(cls, *definitions: dg.Definitions) -> "Monitored":
        """Return all checks, assets and jobs of definitions.

        Args:
            definitions: Such as `build_segment_defs` returns.
        """
        checks: set[dg.AssetCheckKey] = set()
        assets: set[dg.AssetKey] = set()
        jobs: set[str] = set()
        for each in definitions:
            for made in (*(each.assets or ()), *(each.asset_checks or ())):
                if isinstance(made, dg.AssetsDefinition):
                    checks |= set(made.check_keys)
                    assets |= set(made.keys)
            jobs |= {job.name for job in each.jobs or ()}
        return cls.of(checks, assets, jobs)
