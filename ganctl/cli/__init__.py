"""The command line, the only room that knows Typer: read it, make one call, show what comes out.

app       the application, and how a failure becomes a sentence and an exit code
options   arguments and checks that several commands share
train     train, resume
generate  sample, translate, make-gif
inspect   evaluate, explain, check, compare, info, runs
report    report
cache     cache

What is heavy is imported where it is needed.
"""

from ganctl.cli.app import app as typer_app
from ganctl.cli.app import main
from ganctl.cli.cache import show_cache
from ganctl.cli.generate import make_gif, sample, translate
from ganctl.cli.inspect import check_data, compare, evaluate, explain, info, list_runs
from ganctl.cli.report import make_report
from ganctl.cli.train import resume, train

__all__ = ["main"]

for command in (train, resume, sample, translate, make_gif, evaluate, compare, explain, info):
    typer_app.command()(command)
typer_app.command("check")(check_data)
typer_app.command("runs")(list_runs)
typer_app.command("report")(make_report)
typer_app.command("cache")(show_cache)
