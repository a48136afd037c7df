"""Source code of functions, with a secret in it."""

from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.texts import ODD

_KEYS = ("const key = ", "const headers = {authorization: 'Basic ' + ", "settings.token ||= ")


def code(draw: RandomValues, number: int) -> str:
    """Return the source code of a function or plugin.

    Args:
        draw: Source of the secret.
        number: Number of the function. It decides the form.
    """
    end = "}" if number % len(_KEYS) == 1 else ""
    comment = ODD[number % len(ODD)].replace("\n", "\n// ")
    return (
        f'// {comment}\n{_KEYS[number % len(_KEYS)]}"{draw.secret()}"{end};\n'
        "async function onTrack(event, settings) {\n"
        "\tconst response = await fetch(`https://api.example.com/v1/${event.event}`, {method: 'POST'});\n"
        "\tif (response.status >= 500) throw new RetryError(`HTTP \\\\ ${response.status}`);\n"
        "}\n"
    )
