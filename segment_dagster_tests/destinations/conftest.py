"""The table of what conforms, at the end of a session."""


def pytest_terminal_summary(terminalreporter):
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    lines = [value for report in reports for name, value in report.user_properties if name == "conformance"]
    if lines:
        terminalreporter.section("destinations")
        for line in lines:
            terminalreporter.line(line)
