"""The training loop: seeded, resumable, on one process or many."""

from __future__ import annotations

import copy
import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset

from poseflow.errors import PoseFlowError
from poseflow.estimator.devices import to_device, warn_of_slow_bfloat16
from poseflow.estimator.training.averaging import AveragedWeights
from poseflow.estimator.training.checkpoint import (
    NAME,
    Progress,
    load_checkpoint,
    save_checkpoint,
)
from poseflow.estimator.training.config import (
    RunConfig,
    ScheduleConfig,
    TrainConfig,
)
from poseflow.estimator.training.detection.config import DetectionConfig
from poseflow.estimator.training.detection.task import DetectionTask
from poseflow.estimator.training.distributed import Process, join_processes
from poseflow.estimator.training.logs import RunLog
from poseflow.estimator.training.pose.samples import SeededBatches, single_thread_worker
from poseflow.estimator.training.pose.task import PoseTask
from poseflow.estimator.training.task import Task, ValidationReport
from poseflow.estimator.weights import (
    read_tensors,
    save_weights,
    state_on_cpu,
)
from poseflow.storage.inputs import protect_inputs

log = logging.getLogger(__name__)

Row = dict[str, Any]


def train(
    config: RunConfig,
    *,
    device: str = "auto",
    fresh: bool = False,
    on_step: Callable[[int, int, int], None] | None = None,
    on_epoch: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Train a network, or resume a run that was stopped.

    Writes to `config.out`: `last.safetensors` and `best.safetensors` (by the score of
    the validation report, else by the loss), `log.csv`, and the checkpoint to resume
    from. A run that was killed and resumed ends with the same weights as one that was
    not, on the same machine. The first SIGINT or SIGTERM stops
    the run after a step, with a checkpoint.

    Args:
        config: The network, its data and the options.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        fresh: Start anew even if there is a checkpoint.
        on_step: Called after each step with epoch, step and steps of the epoch.
        on_epoch: Called after each epoch with its row of the log.

    Returns:
        The log, one row an epoch.

    Raises:
        PoseFlowError: If the data cannot be used, a checkpoint belongs to another
            configuration, or the loss is not finite.
        KeyboardInterrupt: After a signal, once the checkpoint is written.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    with (
        protect_inputs(initial_weights=config.initial_weights, data=_files(config)),
        join_processes(device) as process,
        graceful_stop(process) as stop,
    ):
        return _Run(config, process, fresh, stop).run(on_step, on_epoch)


def _files(config: RunConfig) -> list[Path]:
    """The files of annotations and weights that a configuration names."""
    data = config.data
    sets = (*getattr(data, "train", ()), *data.validate, *data.test)
    names = ("annotations", "detections", "found", "others")
    files = [
        Path(data.root, part.root, getattr(part, name))
        for part in sets
        for name in names
        if isinstance(getattr(part, name, None), str)
    ]
    helpers = (getattr(config, name, None) for name in ("teacher", "parallel"))
    files += [Path(helper.weights) for helper in helpers if helper is not None]
    return [file for file in files if file.is_file()]


class _Run:
    """One run's state; its methods are the parts of the loop."""

    def __init__(
        self,
        config: RunConfig,
        process: Process,
        fresh: bool,
        stop: threading.Event,
    ) -> None:
        self.config = config
        self.process = process
        self.stop = stop
        self.folder = Path(config.out)
        self.folder.mkdir(parents=True, exist_ok=True)
        if config.precision == "bfloat16":
            warn_of_slow_bfloat16(process.device)
        self.task = task_of(config, process.device)
        self.order = SeededBatches(
            len(self.task.samples),
            config.batch_size,
            config.seed,
            process.rank,
            process.world,
        )
        self.loader = DataLoader(
            cast("Dataset[Any]", self.task.samples),
            batch_sampler=self.order,
            num_workers=config.data.workers,
            persistent_workers=config.data.workers > 0,
            pin_memory=process.device.type == "cuda",
            worker_init_fn=single_thread_worker,
        )

        # All batches have the same shape, so searching for the fastest kernels pays.
        torch.backends.cudnn.benchmark = process.device.type == "cuda"
        module = self.task.network()
        if config.initial_weights:
            load_initial_weights(module, Path(config.initial_weights))
        self.module = to_device(module, process.device)
        self.network: Callable[[Tensor], Tensor] = self.module
        if config.compile:
            self.network = torch.compile(self.module)
        if process.world > 1:
            self.network = DistributedDataParallel(self.module)
        self.optimizer = _optimizer(config, self.module)
        self.average = AveragedWeights(self.module, config.ema) if config.ema else None

        self.progress = Progress()
        found = None if fresh else load_checkpoint(self.folder, config)
        if found is None and not fresh and process.first:
            _refuse_other_files(self.folder)
        self.begins = found is None
        process.wait()  # so that all processes have found the same files
        if found is not None:
            self.progress, content = found
            self.module.load_state_dict(content["model"])
            self.optimizer.load_state_dict(content["optimizer"])
            if self.average is not None:
                self.average.load(*content["average"])
            torch.set_rng_state(content["torch_rng"])
            log.info(
                "resuming after epoch %d, step %d of %s",
                self.progress.epoch,
                self.progress.step,
                self.folder / NAME,
            )

    def run(
        self,
        on_step: Callable[[int, int, int], None] | None,
        on_epoch: Callable[[Row], None] | None,
    ) -> list[Row]:
        if self.begins:  # from now on a run that is killed is known by its checkpoint
            self._save(checked=True)
        run_log = RunLog(self.folder, self.task.metrics) if self.process.first else None
        try:
            while self.progress.epoch < self.config.epochs:
                row = self._epoch(on_step)
                if run_log is not None:
                    run_log.write(self.progress.rows)
                if on_epoch is not None and self.process.first:
                    on_epoch(row)
                self.process.wait()
        finally:
            if run_log is not None:
                run_log.close()
        return self.progress.rows

    def _epoch(self, on_step: Callable[[int, int, int], None] | None) -> Row:
        config, progress, order = self.config, self.progress, self.order
        order.epoch, order.start = progress.epoch, progress.step
        self.module.train()
        lr = 0.0
        begun = saved = time.monotonic()
        before = progress.seconds
        # Kept on the device: reading a number every step would stall a GPU.
        exact = torch.float32 if self.process.device.type == "mps" else torch.float64
        total = torch.zeros((), dtype=exact, device=self.process.device)
        for batch in self.loader:
            when = progress.epoch + progress.step / order.steps
            lr = learning_rate(
                config.schedule, config.optimizer.lr, when, config.epochs
            )
            total += self._step(batch, lr)
            progress.step += 1
            now = time.monotonic()
            progress.seconds = before + now - begun
            if on_step is not None:
                on_step(progress.epoch, progress.step, order.steps)
            due = now - saved > 60 * config.checkpoint_minutes
            if (due or self.stop.is_set()) and progress.step < order.steps:
                progress.loss_sum += float(total)
                total.zero_()
                self._save()
                saved = time.monotonic()
                if self.stop.is_set():
                    raise KeyboardInterrupt
        progress.loss_sum += float(total)
        return self._finish_epoch(lr)

    def _step(self, batch: Any, lr: float) -> Tensor:
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        loss = self.task.loss(self.network, batch, self.process.device)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if config.optimizer.clip:
            nn.utils.clip_grad_norm_(self.module.parameters(), config.optimizer.clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.module)
        return loss.detach()

    def _finish_epoch(self, lr: float) -> Row:
        progress, process = self.progress, self.process
        loss = process.total(progress.loss_sum) / process.world / self.order.steps
        progress.epoch += 1
        row: Row = {
            "epoch": progress.epoch,
            "steps": self.order.steps,
            "seconds": round(progress.seconds, 2),
            "lr": lr,
            "loss": loss,
        }
        progress.step, progress.loss_sum, progress.seconds = 0, 0.0, 0.0
        if not math.isfinite(loss):
            self._refuse(progress.epoch)
        if process.first:
            state = self._kept_state()
            due = progress.epoch % self.config.validate_every == 0
            found = None
            if due or progress.epoch == self.config.epochs:
                found = self._validate(state)
            description = self.task.describe()
            save_weights(self.folder / "last.safetensors", state, description)
            score = None
            if found is not None:
                row |= {k: v for k, v in found.to_dict().items() if k not in row}
                score = found.score
            elif not self.config.data.validate:
                score = -loss
            if score is not None and score > progress.best:
                progress.best = score
                save_weights(self.folder / "best.safetensors", state, description)
        progress.rows.append(row)
        self._save(checked=True)
        if self.stop.is_set() and progress.epoch < self.config.epochs:
            raise KeyboardInterrupt
        return row

    def _kept_state(self) -> dict[str, Tensor]:
        if self.average is None:
            return state_on_cpu(self.module)
        return {k: v.cpu() for k, v in self.average.state.items()}

    def _validate(self, state: dict[str, Tensor]) -> ValidationReport | None:
        module = copy.deepcopy(self.module)
        module.load_state_dict(state)
        return self.task.validate(module, self.process.device)

    def _save(self, checked: bool = False) -> None:
        if not checked and not math.isfinite(self.progress.loss_sum):
            self._refuse(self.progress.epoch + 1)
        if self.process.first:
            average = None
            if self.average is not None:
                average = (self.average.state, self.average.updates)
            save_checkpoint(
                self.folder,
                self.config,
                self.progress,
                self.module.state_dict(),
                self.optimizer.state_dict(),
                average,
            )

    def _refuse(self, epoch: int) -> None:
        raise PoseFlowError(
            f"{self.folder}: the loss is not finite in epoch {epoch}; lower "
            "optimizer.lr or set optimizer.clip, and start again from the checkpoint "
            "before it"
        )


def task_of(config: RunConfig, device: torch.device) -> Task:
    """The task of a configuration, with its data."""
    if isinstance(config, DetectionConfig):
        return DetectionTask(config)
    assert isinstance(config, TrainConfig)
    return PoseTask(config, device)


def load_initial_weights(module: nn.Module, path: Path) -> None:
    """Load those tensors of a file that fit by name and shape.

    Raises:
        PoseFlowError: If none does.
    """
    state, _ = read_tensors(path)
    own = module.state_dict()
    # The names of a plain backbone's tensors lack FastPose's prefix, those of a plain
    # network the spatial transformer's.
    for prefix in ("preact.", "network."):
        state |= {prefix + k: v for k, v in state.items()}
    fitting = {
        k: v.to(own[k].dtype)
        for k, v in state.items()
        if k in own and v.shape == own[k].shape
    }
    if not fitting:
        raise PoseFlowError(
            f"{path}: none of its tensors fit a {type(module).__name__}"
        )
    module.load_state_dict(fitting, strict=False)
    log.info("%s: loaded %d of %d tensors", path, len(fitting), len(own))


def _refuse_other_files(folder: Path) -> None:
    """Raise `PoseFlowError` if a new run would replace weights or logs of another."""
    for name in ("best.safetensors", "last.safetensors", "log.csv"):
        if (folder / name).exists():
            raise PoseFlowError(
                f"{folder}: it holds {name}, but no checkpoint ({NAME}) to go on from; "
                "choose another folder with --set out=..., or replace it with --fresh"
            )


def _optimizer(config: RunConfig, module: nn.Module) -> torch.optim.Optimizer:
    decayed = [p for p in module.parameters() if p.ndim > 1]
    rest = [p for p in module.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.optimizer.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    kind = torch.optim.AdamW if config.optimizer.name == "adamw" else torch.optim.Adam
    return kind(groups, lr=config.optimizer.lr)


def learning_rate(
    schedule: ScheduleConfig, highest: float, epoch: float, epochs: int
) -> float:
    """Learning rate at a moment of training: a function of the epoch alone.

    There is no state to save and restore.

    Args:
        schedule: Its shape.
        highest: Its largest value.
        epoch: Epochs done, with the fraction of the current one.
        epochs: Epochs in all.

    Examples:
        >>> steps = ScheduleConfig(name="step", milestones=(90, 120))
        >>> [learning_rate(steps, 1e-3, e, 140) for e in (0, 89.9, 90)]
        [0.001, 0.001, 0.0001]
    """
    if schedule.warmup_epochs and epoch < schedule.warmup_epochs:
        highest *= (epoch + 1e-3) / schedule.warmup_epochs
    if schedule.name == "step":
        passed = sum(epoch >= milestone for milestone in schedule.milestones)
        return float(highest * schedule.gamma**passed)
    share = 0.5 * (1 + math.cos(math.pi * min(epoch / epochs, 1.0)))
    return highest * (schedule.final + (1 - schedule.final) * share)


@contextmanager
def graceful_stop(process: Process) -> Iterator[threading.Event]:
    """An event set by the first SIGINT or SIGTERM; the second has its usual effect.

    Only for a single process: several would stop at different steps and wait for each
    other forever.
    """
    stop = threading.Event()
    main = threading.current_thread() is threading.main_thread()
    if process.world > 1 or not main:
        yield stop
        return

    previous = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def set_stop(number: int, frame: FrameType | None) -> None:
        stop.set()
        for which, handler in previous.items():
            signal.signal(which, handler)

    for which in previous:
        signal.signal(which, set_stop)
    try:
        yield stop
    finally:
        for which, handler in previous.items():
            signal.signal(which, handler)
