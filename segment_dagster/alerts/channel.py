"""Send a message to a channel, by apprise. The address of a channel holds secrets and is never shown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from segment_dagster.alerts.message import Message
from segment_dagster.alerts.muted_logs import muted_logs, status_in
from segment_dagster.errors import SegmentError, SettingError

EXTRA = "alerts"

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ChannelError(SegmentError):
    """A message could not be sent to a channel.

    Args:
        channel: The channel.
        problem: What is wrong, without the address.
        remedy: What to do.
    """

    def __init__(self, channel: "Channel", problem: str, remedy: str) -> None:
        super().__init__(f"{channel} {problem}. {remedy}")


@dataclass(frozen=True)
class Channel:
    """Where messages go."""

    position: int
    """Its place among the channels, from 1."""

    variable: str
    """The environment variable that holds its address."""

    def __str__(self) -> str:
        """Return how errors name it."""
        return f"Channel {self.position} ({self.variable})"

    def check(self) -> None:
        """Look whether the channel has an address that apprise knows.

        Raises:
            SettingError: apprise is not installed.
            ChannelError: It has none.
        """
        self._service()

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            SettingError: apprise is not installed.
            ChannelError: It was not sent.
        """
        library, service = _apprise(), self._service()
        sender = library.Apprise(asset=service.asset)
        sender.add(service)
        failure: str | None = None
        with muted_logs() as messages:
            try:
                sent = sender.notify(
                    message.body,
                    title=message.title,
                    notify_type=message.type,
                    body_format=library.NotifyFormat.TEXT,
                )
            except Exception as error:  # whatever a plugin raises: its text may hold the address
                sent, failure = False, type(error).__name__
        if not sent:
            status = status_in(messages)
            reason = failure or (f"HTTP status {status}" if status else "no answer, or a refusal")
            raise ChannelError(
                self,
                f"did not take the message: {reason}",
                "The next tick sends it again: see whether its address is right.",
            )

    def _service(self) -> Any:
        library, address = _apprise(), dg.EnvVar(self.variable).get_value()
        if not address:
            raise ChannelError(self, "has no address: the variable is not set", "Set it to one of apprise's addresses.")
        asset = library.AppriseAsset(app_id="Segment", app_desc="Segment in Dagster", app_url="", async_mode=False)
        with muted_logs():
            service = library.Apprise.instantiate(address.strip(), asset=asset)
        if service is None:
            raise ChannelError(
                self,
                "has an address that apprise does not know",
                "See https://appriseit.com for the forms of addresses.",
            )
        return service


def channels_of(given: Sequence[str]) -> tuple[Channel, ...]:
    """Return the channels whose addresses are in environment variables.

    Args:
        given: Names of the variables, as texts or `dg.EnvVar`.

    Raises:
        SettingError: There is none, one is given twice, or one is no name of a variable.
    """
    names = [each.env_var_name if isinstance(each, dg.EnvVar) else each for each in given]
    if not names:
        raise SettingError("channels", "is empty", "Name at least one environment variable with an address.")
    for position, name in enumerate(names, 1):
        # not shown: it may be the address itself
        if not _VARIABLE.fullmatch(name):
            problem = f"has an entry that is no name of an environment variable: number {position}"
            raise SettingError("channels", problem, "Put the address into a variable, and name that one.")
    if len(set(names)) < len(names):
        raise SettingError("channels", "names a variable twice", "Name each once.")
    return tuple(Channel(position, name) for position, name in enumerate(names, 1))


def _apprise() -> Any:
    try:
        with muted_logs():
            import apprise
    except ModuleNotFoundError:
        remedy = f"Install it: pip install 'segment_dagster[{EXTRA}]'."
        raise SettingError("channels", "needs the package apprise", remedy) from None
    return apprise
