"""The table of settings: built from the code, complete, and true."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

import segment_dagster
from segment_dagster.automation import families
from segment_dagster.definitions import defs
from segment_dagster.endpoints import TABLES, TimeRange
from segment_dagster_tests.docs.pages import BY_NAME, PAGES
from tools.settings_table import SETTINGS, with_settings

PAGE = BY_NAME["docs/settings.md"].text
DOCUMENTED = {name for setting in SETTINGS for name in setting.names}
ONLY_THE_EMULATORS = {"SEGMENT_EMULATOR_TOKEN"}
_NAME = re.compile(r"\bSEGMENT_[A-Z_]*[A-Z]\b")


def read_by(source: str) -> tuple[set[str], list[re.Pattern[str]]]:
    """The settings that a module names, and the forms of those that it puts together."""
    names, forms = set[str](), []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
            names.add(node.value)
        if isinstance(node, ast.JoinedStr):
            constants = [str(part.value) if isinstance(part, ast.Constant) else None for part in node.values]
            form = "".join("[A-Z_]+" if text is None else re.escape(text) for text in constants)
            if re.fullmatch(r"(SEGMENT_|\[A-Z_\]\+_)[A-Z_\\\[\]+-]*", form):
                forms.append(re.compile(form))
    return names, forms


NAMES, FORMS = set[str](), list[re.Pattern[str]]()
for module in Path(segment_dagster.__file__).parent.rglob("*.py"):
    found, made = read_by(module.read_text(encoding="utf-8"))
    NAMES |= found
    FORMS += made


def test_the_table_is_that_of_the_code():
    assert with_settings(PAGE) == PAGE, "stale: run `make readme`"


def test_a_changed_setting_changes_the_table():
    changed = (*SETTINGS[1:], replace(SETTINGS[0], effect="Something else."))
    assert "Something else." in with_settings(PAGE, changed)


def test_a_text_without_a_place_is_refused():
    with pytest.raises(ValueError, match="settings"):
        with_settings("# Nothing here")


def test_every_setting_that_the_code_names_is_documented():
    assert not NAMES - ONLY_THE_EMULATORS - DOCUMENTED
    own = {f"{family.name.upper()}_SCHEDULE_CRON" for family in families(TABLES) if family.partitioned}
    series = {each.domain for each in TABLES if isinstance(each.time, TimeRange) and each.time.granularity}
    own |= {f"SEGMENT_{domain.upper()}_{what}" for domain in series for what in ("GRANULARITY", "GROUP_BY")}
    assert not own - DOCUMENTED


def test_every_documented_setting_is_one_of_the_codes():
    segments = {name for name in DOCUMENTED if name.startswith("SEGMENT_")}
    assert not {name for name in segments - NAMES if not any(form.fullmatch(name) for form in FORMS)}


def test_settings_are_found_in_code():
    source = 'a = "SEGMENT_ONE"\nb = f"SEGMENT_{x}_CRON"\nc = f"{y}_SCHEDULE_CRON"\nd = "see SEGMENT_TWO"\ne = f"{z}"'
    names, forms = read_by(source)
    assert names == {"SEGMENT_ONE"}
    assert [form.pattern for form in forms] == ["SEGMENT_[A-Z_]+_CRON", "[A-Z_]+_SCHEDULE_CRON"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_setting_that_is_none(page):
    assert not set(_NAME.findall(page.text)) - DOCUMENTED - ONLY_THE_EMULATORS


def test_crons_are_those_of_the_schedules():
    schedules = defs().get_repository_def().schedule_defs
    by_name = {schedule.name: schedule.cron_schedule for schedule in schedules}
    defaults = {name: setting.default.strip("`") for setting in SETTINGS for name in setting.names}
    assert defaults["SEGMENT_SCHEDULE_CRON"] == by_name["segment_sync_daily"]
    assert defaults["SEGMENT_SLOW_SCHEDULE_CRON"] == by_name["segment_slow_sync_weekly"]


def test_dlts_own_defaults_are_dlts():
    from dlt.common.configuration.specs import RuntimeConfiguration

    defaults = {name: setting.default.strip("`") for setting in SETTINGS for name in setting.names}
    assert int(defaults["RUNTIME__REQUEST_TIMEOUT"]) == RuntimeConfiguration.request_timeout
    assert int(defaults["RUNTIME__REQUEST_MAX_RETRY_DELAY"]) == RuntimeConfiguration.request_max_retry_delay
