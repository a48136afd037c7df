"""What goes wrong where Dagster starts a sync of reverse ETL."""

from segment_dagster.client.errors import ApiError
from segment_dagster.errors import SegmentError
from segment_dagster.text import duration


class NotStartedError(SegmentError):
    """Segment refuses to start a sync.

    Args:
        what: The model and the subscription.
        error: What it says.
    """

    def __init__(self, what: str, error: ApiError) -> None:
        super().__init__(
            f"The sync of {what} was not started: {error.told} "
            "If the model or the subscription has changed, run `dg utils refresh-defs-state`."
        )
        self.retryable = error.retryable


class NoAnswerError(SegmentError):
    """A start got no answer, and no sync is listed that has started since.

    Args:
        what: The model and the subscription.
        error: What came in place of the answer to the last attempt.
        attempts: How often it was tried.
    """

    def __init__(self, what: str, error: ApiError, attempts: int) -> None:
        super().__init__(
            f"Whether the sync of {what} was started is not known: {error.told} No sync is listed that has started "
            f"since, after {attempts} attempts. Look at the model in the Segment app before you run it again."
        )


class UnseenError(SegmentError):
    """A start got no answer, and the list of syncs cannot be read either.

    Args:
        what: The model and the subscription.
        error: What came in place of the answer.
        unread: Why the list is not read.
    """

    def __init__(self, what: str, error: ApiError, unread: ApiError) -> None:
        super().__init__(
            f"Whether the sync of {what} was started is not known: {error.told} Nor can its syncs be listed: "
            f"{unread.told} Look at the model in the Segment app before you run it again."
        )


class LostSyncError(SegmentError):
    """A sync was started, and how it goes cannot be read. Another attempt waits for the same sync.

    Args:
        what: The model and the subscription.
        sync_id: Id of the sync.
        error: Why.
    """

    retryable = True

    def __init__(self, what: str, sync_id: str, error: ApiError) -> None:
        super().__init__(
            f"How the sync {sync_id} of {what} ends is not known: {error.told} It was not cancelled. The sensor tells "
            "of its end."
        )


class EndlessSyncError(SegmentError):
    """A sync does not end.

    Args:
        what: The model and the subscription.
        sync_id: Id of the sync.
        seconds: How long it was waited for.
    """

    def __init__(self, what: str, sync_id: str, seconds: float) -> None:
        super().__init__(
            f"The sync {sync_id} of {what} has not ended after {duration(seconds)}. It was not cancelled: look at the "
            "model in the Segment app. The sensor tells of its end."
        )


class SyncFailedError(SegmentError):
    """A sync that Dagster has started has not succeeded.

    Args:
        what: The model and the subscription.
        description: What its check says.
    """

    def __init__(self, what: str, description: str) -> None:
        super().__init__(f"The sync of {what} has not succeeded: {description}")
