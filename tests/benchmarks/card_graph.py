"""A training step as one CUDA graph: how much of a step is waiting for launches, and a faster training loop."""

from collections.abc import Callable

import torch
from torch import Tensor

from ganctl.data.batches import Batches
from ganctl.engine import loop
from ganctl.engine.loop import Plan
from ganctl.engine.state import State
from ganctl.gans.base import Clock, Update
from ganctl.seeds import RandomStream, seeded

WARM_STEPS = 3  # ordinary ones, in which cuDNN chooses, Adam makes its moments, and compilers compile


class GraphedStep:
    """`loop.train_step`, with all kernels of the updates in one launch.

    The first call makes three ordinary steps and records a fourth, which it replays; every further call makes one step.
    The module must do the same at every step: lazy penalties are not for it.
    """

    def __init__(self, train_step: Callable[[State, Batches, Plan], None] = loop.train_step) -> None:
        self._train_step = train_step
        self._graph: torch.cuda.CUDAGraph | None = None
        self._batch: dict[str, Tensor] = {}
        self._metrics: dict[str, Tensor] = {}

    def __call__(
        self, state: State, batches: Batches, plan: Plan, on_update: Callable[[Update], None] = lambda update: None
    ) -> None:
        """As `loop.train_step`."""
        if self._graph is None:
            self._graph = self._record(state, batches, plan)
        clock = Clock(state.step, plan.total_steps, batches.steps_per_epoch)
        scheduled = plan.schedule(clock)
        for player, optimizer in state.optimizers.items():
            factor = loop.lr_factor(scheduled, player) * state.balance_factors.get(player, 1.0)
            for group, base_lr in zip(optimizer.param_groups, state.base_lrs[player], strict=True):
                group["lr"].fill_(base_lr * factor)
        with seeded(state.device, plan.seed, RandomStream.STEP, state.step):
            for name, images in batches.batch(state.step, state.device).items():
                self._batch[name].copy_(images)
            self._graph.replay()
        state.accumulate(self._metrics)
        state.step += 1
        state.update_ema()

    def _record(self, state: State, batches: Batches, plan: Plan) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        recording = torch.cuda.graph(graph)
        with torch.cuda.stream(recording.capture_stream):  # the gradients' stream, too, is chosen at first use
            for _ in range(WARM_STEPS):
                self._train_step(state, batches, plan)
        torch.cuda.synchronize(state.device)
        for optimizer in state.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = torch.tensor(float(group["lr"]), device=state.device)
                group["capturable"] = True
        self._batch = {name: images.clone() for name, images in batches.batch(state.step, state.device).items()}
        clock = Clock(state.step, plan.total_steps, batches.steps_per_epoch)
        with recording:
            self._metrics = loop.move_players(state, self._batch, clock, plan, lambda update: None)
        return graph
