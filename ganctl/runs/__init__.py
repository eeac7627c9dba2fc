"""Read and write run directories. Only `checkpoint` imports torch.

run           the names of all files, the log, the events and the best checkpoint
record        run.json
json_lines    log.jsonl and events.jsonl as files
lock          one writer at a time
checkpoint    saving, verifying and choosing checkpoints
rollback      going back to an earlier step
names         what RUN and MODEL on the command line mean
metric_names  the names in a line of the log
events        the events as verdicts, entries and times
status        what a model or a run is, and how far
comparison    several runs beside each other
"""
