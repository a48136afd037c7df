"""The root of every error that a person is meant to read."""


class SegmentError(Exception):
    """Something went wrong that its one line explains: what happened, where, and what to do.

    The message holds no secret and no line break, so it can be shown as it is.
    """

    retryable = False
    """Whether another attempt may help, with nothing changed."""


class SettingError(SegmentError):
    """A setting has a value that cannot be used.

    Args:
        setting: The name a user sets, such as `SEGMENT_REGION`.
        problem: What is wrong with it, without the value where that is a secret.
        remedy: The legal values, or what to do.
    """

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        super().__init__(f"{setting} {problem}. {remedy}")
        self.setting = setting
