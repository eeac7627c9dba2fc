"""The default preset in a process of its own: for every number on stdin, so many steps and their pictures a second.

    python -m tests.benchmarks.thread_worker RUN [--choose]

With ``--choose`` ganctl chooses how threads wait, as its command line does; without, everything is left as it is.
"""

import sys
import time


def main() -> None:
    """Answer until stdin ends."""
    if "--choose" in sys.argv:
        from ganctl import threads

        threads.configure()
    from ganctl.engine import loop, session
    from ganctl.engine.setup import configure

    settings = configure("dcgan", data="digits", flags={"device": "cpu", "limit": 2048, "evaluate_every": 0})
    with session.start(settings, sys.argv[1]) as started:
        for line in sys.stdin:
            steps, began = int(line), time.perf_counter()
            for _ in range(steps):
                loop.train_step(started.state, started.batches, started.plan)
            print(steps * started.batches.batch_size / (time.perf_counter() - began), flush=True)


if __name__ == "__main__":
    main()
