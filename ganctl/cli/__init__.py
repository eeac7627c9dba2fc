"""The command line, the only room that knows Typer and Rich: read it, make one call, show what comes out.

app               the application, and how a failure becomes a sentence and an exit code
options           arguments, completions and checks that several commands share
train             train, resume
families          train's command for each family, with flags made of its options
generate          sample, translate, make-gif, report
inspect           evaluate, explain, compare, info, runs, cache
check             check
console           lines, tables and failures
progress          bars
comparison_table  the table of compare

What is heavy is imported where it is needed.
"""

from ganctl.cli.app import main

__all__ = ["main"]
