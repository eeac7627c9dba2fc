"""The command line, the only room that knows Typer: read it, make one call, show what comes out.

application  the application, and how a failure becomes a sentence and an exit code
words        arguments and sentences that several commands share
training     train, resume
use          sample, translate, make-gif
look         evaluate, explain, check, compare, info, runs
report       report
cache        cache

What is heavy is imported where it is needed.
"""

from ganctl.cli.application import app, main
from ganctl.cli.cache import show_cache
from ganctl.cli.look import check_data, compare, evaluate, explain, info, list_runs
from ganctl.cli.report import make_report
from ganctl.cli.training import resume, train
from ganctl.cli.use import make_gif, sample, translate

__all__ = ["main"]

for command in (train, resume, sample, translate, make_gif, evaluate, compare, explain, info):
    app.command()(command)
app.command("check")(check_data)
app.command("runs")(list_runs)
app.command("report")(make_report)
app.command("cache")(show_cache)
