"""Code that people wrote, with a secret in it."""

from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.texts import ODD

_KEYS = ("const key = ", "const headers = {authorization: 'Basic ' + ", "settings.token ||= ")


def code(draw: RandomValues, number: int) -> str:
    """The source text of a function or a plugin.

    Args:
        draw: Where the secret comes from.
        number: Which one it is: decides the form.
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
