"""What a tick sends to one channel, and what the channel was told afterwards."""

from copy import deepcopy
from datetime import datetime

from segment_dagster.alerts.changes import Findings, changes_since
from segment_dagster.alerts.channel import Channel
from segment_dagster.alerts.digest import WeeklyDigest
from segment_dagster.alerts.message import Message, change_message, digest_message
from segment_dagster.alerts.state import ChannelState
from segment_dagster.errors import SegmentError


class Delivery:
    """The messages of a tick to a channel. Its state only counts what the channel took.

    Args:
        channel: The channel.
        before: What it was told; `None` if it is new.
        name: Name of the instance.
        found: What is wrong now.
        digest: When a digest is due; `None` for never.
        now: The current time, in UTC.
    """

    def __init__(
        self,
        channel: Channel,
        before: ChannelState | None,
        name: str,
        found: Findings,
        digest: WeeklyDigest | None,
        now: datetime,
    ) -> None:
        self.channel = channel
        self.state = before
        """What the channel was told; `None` if it is new and could not be told."""

        self.sent = 0
        self.failure: SegmentError | None = None
        self._is_new = before is None
        changes, after = changes_since(before, found, now.timestamp())
        self._steps: list[tuple[Message | None, ChannelState]] = [
            (change_message(name, changes) if changes else None, after)
        ]
        if digest and digest.is_due(after.digest, now):
            message = digest_message(name, after, found.checks, now)
            after = deepcopy(after)
            after.digest, after.events, after.further_events = now.timestamp(), [], 0
            self._steps.append((message, after))

    def send(self) -> None:
        """Send the messages, up to the first that the channel does not take."""
        try:
            if self._is_new:
                # a wrong address is seen when the sensor is turned on, not when it is needed
                self.channel.check()
            for message, after in self._steps:
                if message:
                    self.channel.send(message)
                    self.sent += 1
                self.state = after
        except SegmentError as error:
            self.failure = error
