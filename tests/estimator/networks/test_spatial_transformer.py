"""RMPE's spatial transformer and its parallel branch."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import poseflow
from poseflow.errors import PoseFlowError
from poseflow.estimator.networks.build import (
    SmallPoseConfig,
    SpatialTransformerConfig,
    build,
    input_multiple,
)
from poseflow.estimator.networks.fuse import fold_batch_norm
from poseflow.estimator.networks.spatial_transformer import (
    SpatialTransformer,
    bounded_affine,
    invert_affine,
    warp,
)
from poseflow.estimator.training.config import (
    InputConfig,
    ParallelConfig,
    load_config,
)
from poseflow.estimator.training.loop import train
from poseflow.estimator.training.pose.parallel_branch import ParallelBranch, centred
from poseflow.estimator.training.pose.targets import gaussian_heatmaps
from poseflow.estimator.training.pose.validation import validate_pose_network
from poseflow.estimator.weights import (
    NetworkDescription,
    load_network,
    read_weights,
    save_weights,
)
from poseflow.skeletons.skeleton import Skeleton

CAT = Skeleton("cat", ("left_ear", "right_ear", "tail"))
SMALL = SmallPoseConfig(widths=(32, 32), blocks=(1,))
CONFIG = SpatialTransformerConfig(network=SMALL, widths=(8, 16))


def around_a_network():
    torch.manual_seed(0)
    module = build(CONFIG, 3)
    nn.init.normal_(module.network.out.weight, std=0.3)
    return module


def thetas(count=200):
    return bounded_affine(3 * torch.randn(count, 6, generator=torch.manual_seed(1)))


def test_initial_transform_is_the_identity():
    module = around_a_network().eval()
    image = torch.rand(2, 3, 48, 32)
    with torch.inference_mode():
        maps, plain = module(image), module.network(image)
    torch.testing.assert_close(maps, plain, rtol=0, atol=1e-4 * plain.abs().max())
    assert (maps.flatten(2).argmax(2) == plain.flatten(2).argmax(2)).all()
    assert input_multiple(CONFIG) == 4


def test_inverse_undoes_any_transform():
    there, corner = thetas(), torch.tensor([[[0.0, 0, 1]]]).expand(200, 1, 3)
    back = invert_affine(there)
    both = torch.cat([there, corner], 1) @ torch.cat([back, corner], 1)
    torch.testing.assert_close(both, torch.eye(3).expand(200, 3, 3), rtol=0, atol=1e-5)
    assert torch.linalg.det(there[:, :, :2]).min() > 0.1


def test_warped_maps_come_back():
    x, y = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="xy")
    bump = torch.exp(-((x - 30) ** 2 + (y - 35) ** 2) / 50).expand(200, 1, 64, 64)
    theta = bounded_affine(torch.randn(200, 6, generator=torch.manual_seed(2)) / 4)
    back = warp(warp(bump, theta), invert_affine(theta))
    assert (warp(bump, theta) - bump).abs().amax() > 0.5
    torch.testing.assert_close(back, bump, rtol=0, atol=0.05)


def test_heatmaps_land_where_the_crop_had_the_joint():
    """Crop and heatmaps, four times smaller, share their coordinates."""

    class Spot(nn.Module):
        def forward(self, x):
            return nn.functional.avg_pool2d(x[:, :1], 1, 4)  # pixel 4 k to pixel k

    x, y = torch.meshgrid(torch.arange(128.0), torch.arange(96.0), indexing="xy")
    crop = torch.exp(-((x - 60) ** 2 + (y - 52) ** 2) / 200).expand(1, 3, 96, 128)
    module = SpatialTransformer(Spot(), (8,)).eval()
    module.localisation.out.bias.data = torch.tensor([0.8, 0.1, 0.2, -0.1, -0.5, -0.2])
    maps = module(crop)[0, 0].detach().double()
    assert maps.max() > 0.9
    weight = maps.clamp(min=0.3) - 0.3
    rows, columns = weight.sum(1) / weight.sum(), weight.sum(0) / weight.sum()
    assert (columns * torch.arange(32)).sum() == pytest.approx(60 / 4, abs=0.05)
    assert (rows * torch.arange(24)).sum() == pytest.approx(52 / 4, abs=0.05)


def test_gradients_reach_the_localisation_network():
    module = around_a_network().train()
    answer = module(torch.rand(4, 3, 48, 32))
    assert answer.theta.shape == (4, 2, 3)
    answer.heatmaps.square().mean().backward()
    gradient = module.localisation.out.weight.grad
    assert torch.isfinite(gradient).all()
    assert (gradient.abs().amax(dim=1) > 0).all(), "of all six numbers"


def test_bfloat16_keeps_places():
    module = around_a_network().eval()
    nn.init.normal_(module.localisation.out.bias, std=0.3)
    image = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        plain = module(image)
        with torch.autocast("cpu", torch.bfloat16):
            rough = module(image)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, plain, rtol=0, atol=0.05 * plain.abs().max())


def test_batch_norm_folding_inside_the_transformer():
    module = around_a_network().eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_var.uniform_(0.5, 1.5)
    nn.init.normal_(module.localisation.out.bias, std=0.3)
    quick = fold_batch_norm(module)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in quick.modules())
    image = torch.rand(2, 3, 48, 32)
    with torch.inference_mode():
        plain = module(image)
        torch.testing.assert_close(
            quick(image), plain, rtol=0, atol=1e-4 * plain.abs().max()
        )


def test_poses_are_moved_to_the_middle():
    joints = torch.tensor([[[0.0, 0], [4, 2], [90, 90]], [[1.0, 1], [5, 5], [9, 9]]])
    weights = torch.tensor([[1.0, 1, 0], [1, 0, 0]])
    moved, counts = centred(joints, weights, (10, 10))
    assert moved[0, :2].tolist() == [[3, 4], [7, 6]]
    assert counts.tolist() == [[1, 1, 0], [0, 0, 0]], "one joint is too few"
    empty, counts = centred(joints, torch.zeros(2, 3), (10, 10))
    assert torch.isfinite(empty).all()
    assert not counts.any()


@pytest.fixture(scope="module")
def sppe(tmp_path_factory, dots):
    """A single-person network that has learned to find the dots."""
    folder = tmp_path_factory.mktemp("sppe")
    dots.write_coco(folder)
    train(load_config(dots.write_config(folder), ["epochs=24", "data.validate=[]"]))
    return folder / "run" / "best.safetensors"


class FindsBlobs(nn.Module):
    """A trained network of a simple world: joint k is a blob in colour k."""

    def forward(self, x):
        return x[:, :, ::4, ::4]


def off_centre(generator, count=16, shift=6.0):
    """Crops whose person is off the middle, up or down, left or right."""
    pose = torch.tensor([[24.0, 12], [14, 32], [34, 36]])
    ways = torch.randint(0, 2, (count, 1, 2), generator=generator) * 2 * shift - shift
    joints = pose + ways + torch.rand(count, 3, 2, generator=generator) * 4 - 2
    return gaussian_heatmaps(joints, (48, 48), 6.0), joints


def test_the_branch_moves_people_to_the_middle(tmp_path):
    network = build(SMALL, 3)
    description = NetworkDescription(
        model=SMALL, skeleton="cat", joints=CAT.joints, width=48, height=48
    )
    path = tmp_path / "w.safetensors"
    save_weights(path, network.state_dict(), description)
    config = ParallelConfig(weights=str(path))
    seen = InputConfig(width=48, height=48)
    branch = ParallelBranch(config, CAT, seen, 1.5, torch.device("cpu"))
    assert not any(p.requires_grad for p in branch.module.parameters())
    assert not branch.module.training
    branch.module = FindsBlobs()

    torch.manual_seed(0)
    module = SpatialTransformer(nn.Identity(), (8, 8)).train()
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    rest = []
    for _ in range(40):
        image, joints = off_centre(generator)
        answer = module(image)
        loss = branch.loss(answer.warped, joints, torch.ones(16, 3))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        # Where the middle of the person is in what the network is shown, from -1 to 1.
        middle = (joints.amax(1) + joints.amin(1)) / 48 - 1
        back = invert_affine(answer.theta.detach())
        shown = (back[:, :, :2] @ middle[..., None])[..., 0] + back[:, :, 2]
        rest.append(shown.norm(dim=1).mean().item())
    assert rest[0] == pytest.approx(np.hypot(6, 6) / 24, rel=0.1)
    assert np.mean(rest[-5:]) < 0.25 * rest[0]


def settings(sppe, out):
    model = {"name": "spatial_transformer", "widths": [8, 16]}
    model["network"] = {"name": "small", "widths": [32, 32], "blocks": [1]}
    return [
        f"out={out}",
        f"model={json.dumps(model)}",
        f"parallel={{weights: '{sppe}', share: 0.5}}",
        f"initial_weights={sppe}",
        "augment.shift=0.2",
        "epochs=3",
        "checkpoint_minutes=1e-9",
    ]


class Stopped(Exception):
    pass


def test_trained_resumed_and_used(sppe, config_file, tmp_path, dots):
    """Bit for bit after a kill; the weights hold all three parts and estimate poses."""
    rows = train(load_config(config_file, settings(sppe, tmp_path / "whole")))
    assert rows[-1]["pck05"] > 0.5
    config = load_config(config_file, settings(sppe, tmp_path / "cut"))

    def stop(epoch, step, _):
        if (epoch, step) == (1, 2):
            raise Stopped

    with pytest.raises(Stopped):
        train(config, on_step=stop)
    train(config)
    whole, cut = (
        read_weights(tmp_path / name / "last.safetensors")[0]
        for name in ("whole", "cut")
    )
    assert set(whole) == set(cut)
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert whole["localisation.out.weight"].abs().max() > 0, "it has learned"

    path = tmp_path / "whole" / "last.safetensors"
    loaded = load_network(path)
    assert isinstance(loaded.module, SpatialTransformer)
    assert loaded.description.model == config.model
    used = validate_pose_network(config, path)
    assert used.to_dict()["pck05"] == rows[-1]["pck05"]
    estimator = poseflow.Estimator(weights=path, device="cpu", detector="whole")
    poses = estimator.estimate(dots.draw(dots.PLACES))
    assert len(poses) == 1


def test_mistakes_are_named(sppe, config_file, tmp_path):
    wanted = settings(sppe, tmp_path / "run")
    with pytest.raises(PoseFlowError, match="parallel: needs a model with name spatia"):
        load_config(config_file, [wanted[2]])
    with pytest.raises(PoseFlowError, match="softmax: expected 0 within a spatial"):
        load_config(config_file, [*wanted, "model.network.softmax=1.2"])
    with pytest.raises(PoseFlowError, match="width: expected a multiple of 4"):
        load_config(config_file, [*wanted, "input.width=50"])
    with pytest.raises(PoseFlowError, match=r"parallel: .*width of its input is 48, t"):
        train(load_config(config_file, [*wanted, "input.width=64"]))
    with pytest.raises(
        PoseFlowError, match=r"parallel: .*the weights' joints are head_top, "
    ):
        train(load_config(config_file, [*wanted, "skeleton=[left_hip]"]))
