"""The command that makes a page of a run."""

from pathlib import Path

from ganctl.cli import console
from ganctl.cli.options import Force, Output, RunName, require_file, require_free
from ganctl.runs import names


def make_report(run: RunName, output: Output = None, force: Force = False) -> None:
    """Make one page of a run to look at and pass on: its pictures, curves, verdicts, settings and commands."""
    chosen = names.find_run(run)
    path = Path(output or chosen.report)
    require_file(path, "report.html")
    require_free([path], force, own=chosen.report)
    from ganctl import report

    report.write(chosen, path)
    with console.results_of_work() as show:
        show(path)
