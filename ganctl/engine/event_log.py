"""Write the events of a training that belong into ``events.jsonl``."""

from ganctl.engine.events import Ended, Evaluated, Event, Saved, Subscriber, VerdictChanged, Warned
from ganctl.engine.state import State
from ganctl.runs.run import Run


def event_log(run: Run, state: State) -> Subscriber:
    """The subscriber that writes a run's events; `state` is the training's and tells which checkpoint is the best."""

    def write(event: Event) -> None:
        match event:
            case Saved(step, _, seconds):
                run.log_event("save", step=step, seconds=round(seconds, 3))
            case Warned(message):
                run.log_event("warning", message=message)
            case Evaluated(step, epoch, scores, held_out, seconds):
                values = {"scores": scores, "held_out": held_out}
                run.log_event("evaluate", step=step, epoch=epoch, **values, seconds=round(seconds, 3))
                if state.is_new_best and state.best is not None:
                    run.log_event("best", **state.best)
            case VerdictChanged(step, epoch, verdict, raised):
                change = {
                    "code": verdict.code,
                    "severity": verdict.severity,
                    "state": "raised" if raised else "cleared",
                }
                texts = {"message": verdict.title, "remedy": verdict.remedy}
                run.log_event("verdict", **change, step=step, epoch=epoch, **texts)
            case Ended(step, reason):
                run.log_event("stop", step=step, reason=reason or "finished")
            case _:
                pass

    return Subscriber(write, f"{run.events} could not be written")
