"""The table of what conforms, at the end of a session."""

from segment_dagster_tests.destinations.engines import FURTHER

# they need drivers that `make test-destinations` installs
collect_ignore = [] if FURTHER else ["test_databricks.py", "test_said_further.py"]


def pytest_terminal_summary(terminalreporter):
    reports = [report for outcome in ("passed", "failed", "xfailed") for report in terminalreporter.getreports(outcome)]
    lines = [value for report in reports for name, value in report.user_properties if name == "conformance"]
    lines += [
        f"{report.nodeid.rpartition('[')[2].rstrip(']'):20} FAILED: see above"
        for report in terminalreporter.getreports("failed") + terminalreporter.getreports("error")
        if "test_conformance" in report.nodeid
    ]
    if lines:
        terminalreporter.section("destinations")
        for line in lines:
            terminalreporter.line(line)
