"""The budgets of requests a minute, shared by everybody who uses a token."""

from segment_dagster.client.budgets.budget import SECOND, TOKEN, Budget, Learned, owner_of
from segment_dagster.client.budgets.registry import PROCESS
from segment_dagster.client.budgets.shared import SharedBudgets, Take

__all__ = ["PROCESS", "SECOND", "TOKEN", "Budget", "Learned", "SharedBudgets", "Take", "owner_of"]
