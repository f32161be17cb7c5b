"""The training loop: learning, resuming, reproducibility, losses and distillation."""

import csv
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from poseflow.errors import PoseFlowError
from poseflow.estimator.networks.smallpose import ResidualBlock, SmallPose
from poseflow.estimator.training.config import (
    AugmentConfig,
    EmptyConfig,
    InputConfig,
    ScheduleConfig,
    TeacherConfig,
    load_config,
)
from poseflow.estimator.training.loop import learning_rate, train
from poseflow.estimator.training.pose.distillation import Teacher
from poseflow.estimator.training.pose.readers import read_people
from poseflow.estimator.training.pose.samples import (
    PoseBatch,
    PoseSamples,
    SeededBatches,
)
from poseflow.estimator.training.pose.targets import gaussian_heatmaps, heatmap_loss
from poseflow.estimator.training.pose.validation import predict, report
from poseflow.estimator.weights import load_network, read_weights


def weights_of(folder):
    return read_weights(folder / "last.safetensors")[0]


def same(a, b):
    return set(a) == set(b) and all(torch.equal(a[k], b[k]) for k in a)


class Stopped(Exception):
    pass


def stop_at(epoch, step):
    def on_step(now, done, _):
        if (now, done) == (epoch, step):
            raise Stopped

    return on_step


def test_learns_and_logs(config_file, tmp_path):
    config = load_config(config_file, ["epochs=32"])
    rows = train(config)
    assert rows[-1]["loss"] < rows[0]["loss"] / 3
    assert rows[-1]["pck02"] > 0.6
    assert rows[-1]["pck05"] > 0.9
    assert rows[-1]["ap"] > 0.1
    with (tmp_path / "run" / "log.csv").open() as stream:
        table = list(csv.DictReader(stream))
    assert [int(row["epoch"]) for row in table] == list(range(1, 33))
    assert table[0]["pck02"] == ""
    assert float(table[-1]["pck02"]) == rows[-1]["pck02"]
    loaded = load_network(tmp_path / "run" / "best.safetensors")
    assert loaded.description.joints == config.target().joints
    assert (loaded.description.width, loaded.description.height) == (48, 48)


@pytest.mark.parametrize("at", [(0, 2), (2, 1)])
def test_resumed_equals_uninterrupted(config_file, tmp_path, at):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    often = ["checkpoint_minutes=1e-9"]
    rows = train(load_config(config_file, [f"out={whole}"]))
    config = load_config(config_file, [f"out={cut}", *often])
    with pytest.raises(Stopped):
        train(config, on_step=stop_at(*at))
    resumed = train(config)
    assert same(weights_of(whole), weights_of(cut))
    assert [r["loss"] for r in rows] == [r["loss"] for r in resumed]
    assert len((cut / "log.csv").read_text().splitlines()) == 5


def test_killed_process_resumes(config_file, tmp_path):
    code = (
        "import sys, time; from poseflow.estimator.training.loop import train;"
        "from poseflow.estimator.training.config import load_config;"
        "train(load_config(sys.argv[1], ['checkpoint_minutes=1e-9']),"
        " on_step=lambda *a: (print(a, flush=True), time.sleep(0.02)))"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code, str(config_file)], stdout=subprocess.PIPE
    )
    for _ in range(8):
        assert process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    steps = []
    train(load_config(config_file), on_step=lambda *a: steps.append(a[:2]))
    assert steps[0] > (0, 1), "began anew"
    killed = weights_of(tmp_path / "run")
    train(load_config(config_file, [f"out={tmp_path / 'whole'}"]))
    assert same(killed, weights_of(tmp_path / "whole"))


def test_sigterm_leaves_a_checkpoint(config_file, tmp_path):
    config = load_config(config_file)

    def terminate(epoch, step, _):
        if (epoch, step) == (1, 1):
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        train(config, on_step=terminate)
    assert signal.getsignal(signal.SIGTERM) is before
    steps = []
    train(config, on_step=lambda *a: steps.append(a[:2]))
    assert steps[0] in ((1, 2), (1, 3))


def test_two_processes(config_file, tmp_path):
    code = (
        "import sys;from poseflow.estimator.training.loop import train;"
        "from poseflow.estimator.training.config import load_config;"
        "train(load_config(sys.argv[1], ['epochs=1', 'data.validate=[]']))"
    )
    script = tmp_path / "run.py"
    script.write_text(code.replace(";", "\n"))
    subprocess.run(
        [
            *(sys.executable, "-P", "-m", "torch.distributed.run"),
            *("--nproc-per-node", "2", "--standalone"),
            *(str(script), str(config_file)),
        ],
        check=True,
        capture_output=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").open()))
    assert len(rows) == 1
    assert np.isfinite(float(rows[0]["loss"]))


def test_processes_share_each_step():
    def keys(world):
        parts = [SeededBatches(20, 8, 3, rank, world) for rank in range(world)]
        for part in parts:
            part.epoch = 5
        return [[t for part in step for t in part] for step in zip(*parts, strict=True)]

    assert keys(1) == keys(2) == keys(4)
    assert all(len(step) == 8 for step in keys(1))
    with pytest.raises(PoseFlowError, match="multiple of the 3 processes"):
        SeededBatches(20, 8, 0, 0, 3)


def test_fewer_people_than_a_batch():
    order = SeededBatches(5, 8, 0)
    assert [len(step) for step in order] == [5]


def test_worker_count_changes_nothing(config_file):
    from torch.utils.data import DataLoader

    config = load_config(config_file)
    people = read_people(config.data.train, config_file.parent, config.target())
    samples = PoseSamples(people, config.target(), config.input, config.augment, 7)

    def batches(workers):
        order = SeededBatches(len(samples), 8, 7)
        order.epoch = 2
        return list(DataLoader(samples, batch_sampler=order, num_workers=workers))

    for alone, shared in zip(batches(0), batches(2), strict=True):
        for a, b in zip(alone, shared, strict=True):
            assert torch.equal(a, b)


def test_another_configuration_is_refused(config_file):
    train(load_config(config_file, ["epochs=1"]))
    other = load_config(config_file, ["epochs=2", "optimizer.lr=1e-4"])
    with pytest.raises(PoseFlowError, match=r"another optimizer.*--fresh"):
        train(other)
    assert len(train(other, fresh=True)) == 2


def test_broken_checkpoint_is_named(config_file, tmp_path):
    config = load_config(config_file, ["epochs=1"])
    train(config)
    path = tmp_path / "run" / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(PoseFlowError, match=r"checkpoint\.pt: not a checkpoint"):
        train(config)


def test_non_finite_loss_is_reported(config_file, tmp_path):
    config = load_config(config_file, ["optimizer.lr=1e30", "schedule.name=step"])
    with pytest.raises(PoseFlowError, match=r"lower optimizer\.lr"):
        train(config)
    assert not list((tmp_path / "run").glob(".*"))


def test_unreadable_images_are_skipped(config_file, tmp_path):
    content = json.loads((tmp_path / "people.json").read_text())
    content["images"][0]["file_name"] = "gone.png"
    (tmp_path / "people.json").write_text(json.dumps(content))
    config = load_config(config_file)
    people = read_people(config.data.train, tmp_path, config.target())
    with pytest.warns(UserWarning, match=r"left out: .*gone\.png"):
        batch = PoseSamples(people, config.target(), config.input)[0]
    assert not batch.weights.any()


def test_crops_without_people_are_in_no_metric(config_file, tmp_path):
    config = load_config(config_file)
    target = config.target()
    empty = EmptyConfig(images="images.zip", crops=1)
    network = SmallPose(len(target), (32, 32), (1,)).eval()
    reports = []
    for datasets in (config.data.train, (*config.data.train, empty)):
        people = read_people(datasets, tmp_path, target)
        samples = PoseSamples(people, target, config.input)
        found = predict(network, samples, target, torch.device("cpu"))
        reports.append(report(found, samples, target).to_dict())
    assert reports[0]["people"] == 24
    assert reports[0] == reports[1]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_command_line_trains_and_validates(config_file, tmp_path, precision):
    import typer

    from poseflow.cli.guard import GuardedGroup
    from poseflow.cli.train import train as train_command
    from poseflow.cli.train import validate as validate_command

    app = typer.Typer(cls=GuardedGroup)
    app.command()(train_command)
    app.command()(validate_command)
    runner = CliRunner()
    wanted = ["--set", "epochs=1", "--set", f"precision={precision}"]
    result = runner.invoke(app, ["train", str(config_file), *wanted])
    assert result.exit_code == 0, result.output
    best = result.output.splitlines()[-1]
    figures = tmp_path / "figures.json"
    command = ["validate", str(config_file), "--weights", best, "--json", str(figures)]
    result = runner.invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "PCK@0.2" in result.output
    assert json.loads(figures.read_text())["people"] == 24

    result = runner.invoke(app, ["train", str(config_file), "--set", "epochs=none"])
    assert result.exit_code == 1
    assert "Expected `int`, got `str` - at `$.epochs`" in result.output


def test_gaussians():
    maps = gaussian_heatmaps(torch.tensor([[[3.0, 2.0], [-9.0, -9.0]]]), (8, 6), 1.0)
    assert maps.shape == (1, 2, 6, 8)
    assert maps[0, 0, 2, 3] == 1
    assert maps[0, 0, 2, 5] == pytest.approx(np.exp(-2))
    assert maps[0, 1].max() < 1e-6


def test_ignored_joints_have_no_loss():
    maps = torch.zeros(2, 3, 4, 4)
    target = torch.ones(2, 3, 4, 4)
    weights = torch.zeros(2, 3)
    assert heatmap_loss(maps, target, weights) == 0
    weights[0, 1] = 1
    assert heatmap_loss(maps, target, weights) == pytest.approx(0.5 / 6)


def test_distributions_are_compared_by_cross_entropy():
    target = gaussian_heatmaps(torch.tensor([[[3.0, 2.0], [5.0, 1.0]]]), (8, 6), 1.2)
    weights = torch.tensor([[1.0, 0.0]])
    equal = torch.full((1, 2, 6, 8), 7.0)
    guess = heatmap_loss(equal, target, weights, softmax=True)
    assert guess == pytest.approx(np.log(48) / 2), "the second joint is ignored"
    nowhere = torch.zeros_like(target)
    absent = heatmap_loss(equal, nowhere, weights, softmax=True)
    assert absent == pytest.approx(np.log(48) / 2), "any place is as likely"
    certain = heatmap_loss(target.log(), nowhere, weights, softmax=True)
    assert certain > 1.2 * absent
    right = heatmap_loss(target.log(), target, weights, softmax=True)
    share = target[0, 0] / target[0, 0].sum()
    assert right == pytest.approx(-(share * share.log()).sum().item() / 2)


def test_softmax_network_outputs_probabilities_in_eval_mode():
    network = SmallPose(3, (32, 32), (1,), softmax=1.2)
    image = torch.rand(2, 3, 16, 24)
    logits = network.train()(image)
    assert (logits.flatten(2).sum(2) - 1).abs().min() > 0.01
    maps = network.eval()(image)
    assert 0 <= maps.min() <= maps.max() < 0.9, "knows nothing yet"
    nn.init.constant_(network.out.bias, 0)
    network.out.weight.data *= 1e5
    assert network(image).max() == 1, "certainty"


def test_softmax_network_prefers_many_likely_places_to_the_likeliest():
    network = SmallPose(1, (32, 32), (1,), softmax=1.2).eval()
    near = gaussian_heatmaps(torch.tensor([[[5.0, 4.0]]]), (24, 16), 1.2)
    network.out = nn.Identity()
    network.refine = _Constant(near.log())
    maps = network(torch.zeros(1, 3, 64, 96))
    assert maps.max() == pytest.approx(1, abs=1e-4)
    assert maps[0, 0, 4, 5] == maps.max()
    one_pixel = torch.full((1, 1, 16, 24), -50.0)
    one_pixel[0, 0, 10, 18] = 0
    network.refine = _Constant(torch.logaddexp(near.log(), one_pixel + 0.5))
    maps = network(torch.zeros(1, 3, 64, 96))
    assert maps[0, 0, 4, 5] > maps[0, 0, 10, 18] > 0.1


class _Constant(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, _):
        return self.answer


def test_context_starts_at_zero_and_has_a_global_receptive_field():
    plain, deep = SmallPose(3, (32, 32), (1,)), SmallPose(3, (32, 32), (1,), 0, True)
    deep.load_state_dict(plain.state_dict(), strict=False)
    image = torch.rand(1, 3, 16, 64)
    plain.eval(), deep.eval()
    assert torch.equal(plain(image), deep(image))
    nn.init.normal_(deep.context[-1].weight)
    changed = image.clone()
    changed[..., :8] = 0
    far = (..., slice(12, None))
    assert torch.equal(plain(image)[far], plain(changed)[far])
    assert not torch.equal(deep(image)[far], deep(changed)[far])


def test_stochastic_depth_keeps_the_shortcut():
    torch.manual_seed(0)
    block = ResidualBlock(32, 32, drop=0.5)
    image = torch.rand(64, 32, 4, 4)
    block.train()
    passed = (block(image) == image).flatten(1).all(dim=1)
    assert 10 < passed.sum() < 54
    with torch.no_grad():
        block.bn2.weight.zero_(), block.bn2.bias.fill_(1.0)
        # Kept branches weigh more, so that the mean over many samples stays.
        kept = (block(image) - image).flatten(1).mean(dim=1)
    assert set(kept.round(decimals=3).tolist()) == {0.0, 2.0}
    block.eval()
    assert torch.allclose(block(image), image + 1)
    assert ResidualBlock(32, 64, drop=0.5).drop == 0, "nothing else carries it on"


def test_mirror_tolerance_accepts_exchanged_labels():
    target = torch.rand(2, 2, 4, 4)
    exchanged, flip = target[:, [1, 0]], torch.tensor([1, 0])
    weights = torch.ones(2, 2)
    assert heatmap_loss(exchanged, target, weights, flip, 1.0) == 0
    strict = heatmap_loss(exchanged, target, weights)
    half = heatmap_loss(exchanged, target, weights, flip, 0.5)
    assert half == pytest.approx(strict.item() / 2)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        pytest.param(0, 0.0005, id="begins just above 0"),
        pytest.param(1, 0.5 * (0.01 + 0.99 * 0.9931806), id="half way up"),
        pytest.param(2, 0.01 + 0.99 * 0.9729079, id="cosine from the start"),
        pytest.param(100, 0.01, id="stays at the end"),
    ],
)
def test_cosine_with_warm_up(epoch, rate):
    schedule = ScheduleConfig(name="cosine", warmup_epochs=2, final=0.01)
    found = learning_rate(schedule, 1.0, epoch, 19)
    assert found == pytest.approx(rate, rel=2e-3)


def test_distillation_without_labels(config_file, tmp_path, dots):
    """A network without labels learns from one that had them."""
    train(load_config(config_file, ["epochs=32"]))
    best = tmp_path / "run" / "best.safetensors"
    blind = json.loads((tmp_path / "people.json").read_text())
    for note in blind["annotations"]:
        note["keypoints"][2::3] = [2.0, 0, 0, 0, 0]
    (tmp_path / "blind.json").write_text(json.dumps(blind))
    rows = train(
        load_config(
            config_file,
            [
                "epochs=32",
                f"out={tmp_path / 'student'}",
                "data.train.0.annotations=blind.json",
                f"teacher={{weights: '{best}', share: 0.5}}",
            ],
        )
    )
    assert rows[-1]["joints"]["left_hip"][1] > 0.7
    with pytest.raises(PoseFlowError, match=r"teacher: .*the weights' joints are"):
        train(
            load_config(
                config_file,
                [f"teacher={{weights: '{best}'}}", "skeleton=[left_hip]", "epochs=1"],
            ),
            fresh=True,
        )


@pytest.mark.parametrize("softmax", [0.0, 1.0], ids=["heatmaps", "distributions"])
@pytest.mark.parametrize(
    ("mirror", "least"),
    [
        pytest.param(False, 0.9, id="plain"),
        pytest.param(True, 0.7, id="with its answers in the mirror"),
    ],
)
def test_teacher_heatmaps_are_warped_to_the_crop(
    config_file, tmp_path, softmax, mirror, least
):
    """Turned, mirrored, enlarged: the heatmaps of the plain crop are warped along."""
    # The dots' colours tell left from right only where nothing is mirrored.
    changes = ["epochs=48", f"model.softmax={softmax}", f"augment.flip={mirror / 2}"]
    config = load_config(config_file, changes)
    train(config)
    skeleton = config.target()
    people = read_people(config.data.train, tmp_path, skeleton)
    best = str(tmp_path / "run" / "best.safetensors")
    chosen = TeacherConfig(weights=best, angles=(0, 15, -15), mirror=mirror)
    teacher = Teacher(
        chosen,
        people,
        skeleton,
        tmp_path / "student",
        torch.device("cpu"),
        softmax=bool(softmax),
    )
    vary = AugmentConfig(rotate=1, rotate_degrees=60, scale=0.4, shift=0.1)
    samples = PoseSamples(people, skeleton, InputConfig(width=64, height=80), vary)
    batch = PoseBatch(*(torch.stack(rows) for rows in zip(*samples, strict=True)))
    assert {-1, 1} == set(np.sign(np.linalg.det(batch.matrices[:, :, :2])))
    weights = torch.zeros(len(people), len(skeleton))
    target = torch.zeros(*weights.shape, 20, 16)
    seen, trust = teacher.correct(batch, target, weights)
    peaks = seen.flatten(2).argmax(dim=2)
    found = torch.stack([peaks % 16, peaks // 16], dim=2) * 4
    near = (found - batch.joints).norm(dim=2) < 6
    assert near[batch.weights > 0].float().mean() > least
    assert (trust[batch.weights > 0] == 1).float().mean() > 0.9


def test_teacher_reports_its_share(config_file, tmp_path):
    config = load_config(config_file, ["epochs=1"])
    train(config)
    skeleton = config.target()
    empty = EmptyConfig(images="images.zip", crops=1)
    parts = (*config.data.train, empty, *config.data.train)
    people = read_people(parts, tmp_path, skeleton)
    chosen = TeacherConfig(
        weights=str(tmp_path / "run" / "best.safetensors"), share=0.25, unlabelled=0.5
    )
    device = torch.device("cpu")
    teacher = Teacher(chosen, people, skeleton, tmp_path / "student", device)
    samples = PoseSamples(people, skeleton, config.input)
    rows = [samples[k] for k in (0, 24, 48)]
    batch = PoseBatch(*map(torch.stack, zip(*rows, strict=True)))
    target, weights = torch.rand(3, 5, 12, 12), torch.ones(3, 5)
    weights[0, 3] = 0
    mixed, trust = teacher.correct(batch, target, weights)
    assert trust[0].tolist() == [1, 1, 1, 0.5, 1]
    assert (trust[1:] == 1).all()
    own, _ = teacher.correct(batch, target, torch.zeros(3, 5))
    torch.testing.assert_close(own[0], own[2])  # the same person, looked at once
    torch.testing.assert_close(mixed[2], 0.25 * own[2] + 0.75 * target[2])
    torch.testing.assert_close(mixed[0, 3], own[0, 3])
    assert torch.equal(mixed[1], target[1]), "no person in the crop"


def test_teacher_runs_once_per_person(config_file, tmp_path, monkeypatch):
    config = load_config(config_file, ["epochs=1"])
    train(config)
    best = tmp_path / "run" / "best.safetensors"
    kept = tmp_path / "student"
    changes = [f"out={kept}", f"teacher={{weights: '{best}'}}"]
    train(load_config(config_file, [*changes, "epochs=1"]))
    (heatmaps,) = kept.glob("teacher-*.npy")
    first = heatmaps.stat().st_mtime_ns
    train(load_config(config_file, [*changes, "epochs=2"]))
    assert heatmaps.stat().st_mtime_ns == first
    other = [f"out={kept}", f"teacher={{weights: '{best}', mirror: false}}"]
    train(load_config(config_file, [*other, "epochs=1"]), fresh=True)
    assert len(list(kept.glob("teacher-*.npy"))) == 2
