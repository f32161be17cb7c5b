"""Tiny ONNX models in the real layouts that find the brightest pixel of an image."""

import torch
from torch import nn

JOINTS = 17
HALF = 24.0  # of the boxes they give, in frame pixels


def peak(planes):
    """Column and row `(N,)` of the brightest pixel."""
    light = planes.sum(1)
    return light.amax(1).argmax(1).float(), light.amax(2).argmax(1).float()


class SimCC(nn.Module):
    """RTMPose: two distributions of twice the crop's sides."""

    def forward(self, planes):
        light = planes.sum(1)
        x = light.amax(1).repeat_interleave(2, 1)[:, None] / 10
        y = light.amax(2).repeat_interleave(2, 1)[:, None] / 10
        return x.expand(-1, JOINTS, -1) + 0.0, y.expand(-1, JOINTS, -1) + 0.0


class SwappedSimCC(SimCC):
    """The same, y first."""

    def forward(self, planes):
        x, y = super().forward(planes)
        return y, x


class Heatmaps(nn.Module):
    def forward(self, planes):
        maps = nn.functional.avg_pool2d(planes.sum(1, keepdim=True), 4)
        return maps.expand(-1, JOINTS, -1, -1) + 0.0


class RTMO(nn.Module):
    """dets (N, 2, 5) and keypoints (N, 2, K, 3); the second has score 0."""

    def forward(self, planes):
        x, y = peak(planes)
        score = x * 0 + 0.9
        person = torch.stack([x - HALF, y - HALF, x + HALF, y + HALF, score], 1)
        dets = torch.stack([person, person * 0], 1)
        joint = torch.stack([x, y, score], 1)[:, None, None]
        return dets, joint.expand(-1, 2, JOINTS, -1) + 0.0


class YoloPose(nn.Module):
    """(N, 5 + 3K, 100): a person, its duplicate, and an empty candidate."""

    def forward(self, planes):
        x, y = peak(planes)
        score = x * 0 + 0.9
        size = x * 0 + 2 * HALF
        joint = torch.stack([x, y, score], 1).repeat(1, JOINTS)
        row = torch.cat([torch.stack([x, y, size, size, score], 1), joint], 1)
        worse = row * torch.cat([torch.ones(4), torch.full((52,), 0.9)])
        rest = row[..., None].expand(-1, -1, 98) * 0
        return torch.cat([row[..., None], worse[..., None], rest], 2)


class YoloPoseEndToEnd(nn.Module):
    """(N, 3, 6 + 3K): suppression built in."""

    def forward(self, planes):
        x, y = peak(planes)
        score = x * 0 + 0.9
        box = torch.stack([x - HALF, y - HALF, x + HALF, y + HALF, score, x * 0], 1)
        joint = torch.stack([x, y, score], 1).repeat(1, JOINTS)
        row = torch.cat([box, joint], 1)
        return torch.stack([row, row * 0, row * 0], 1)


class Yolo(nn.Module):
    """(N, 4 + classes, 100): a person, a bicycle of higher score, and an empty one."""

    def forward(self, planes):
        x, y = peak(planes)
        size = x * 0 + 2 * HALF
        person = torch.stack([x, y, size, size, x * 0 + 0.8, x * 0], 1)
        bike = torch.stack([x * 0, y, size, size, x * 0, x * 0 + 0.9], 1)
        rest = person[..., None].expand(-1, -1, 98) * 0
        return torch.cat([person[..., None], bike[..., None], rest], 2)


class YoloX(nn.Module):
    """(N, anchors, 5 + classes) before decoding, on the grids of 8, 16 and 32."""

    def forward(self, planes):
        parts = []
        for stride in (8, 16, 32):
            light = nn.functional.max_pool2d(planes.sum(1, keepdim=True), stride)
            on = (light.flatten(2)[:, 0] > 700).float() if stride == 8 else None
            flat = light.flatten(2)[:, 0]
            on = flat * 0 if on is None else on
            size = torch.log(flat * 0 + 2 * HALF / stride)
            half = flat * 0 + 0.5
            parts.append(torch.stack([half, half, size, size, on, on, on * 0], 2))
        return torch.cat(parts, 1)


class YoloXDecoded(YoloX):
    """The same with `--decode_in_inference`: centres and sides in pixels."""

    def forward(self, planes):
        raw = super().forward(planes)
        rows, start = [], 0
        height, width = planes.shape[2:]
        for stride in (8, 16, 32):
            across, down = int(width) // stride, int(height) // stride
            y, x = torch.meshgrid(
                torch.arange(down), torch.arange(across), indexing="ij"
            )
            cells = torch.stack([x.flatten(), y.flatten()], 1).float()
            part = raw[:, start : start + across * down]
            start += across * down
            centre = (part[..., :2] + cells) * stride
            rows.append(
                torch.cat([centre, part[..., 2:4].exp() * stride, part[..., 4:]], 2)
            )
        return torch.cat(rows, 1)


class YoloEndToEnd(nn.Module):
    """(N, 3, 6): x1, y1, x2, y2, score, class; a bicycle scores higher."""

    def forward(self, planes):
        x, y = peak(planes)
        box = [x - HALF, y - HALF, x + HALF, y + HALF]
        person = torch.stack([*box, x * 0 + 0.8, x * 0], 1)
        bike = torch.stack([*box, x * 0 + 0.9, x * 0 + 1], 1)
        return torch.stack([bike, person, person * 0], 1)


class RTDETR(nn.Module):
    """(N, 2, 4 + 3): normalised centre and sides, scores of three classes."""

    def forward(self, planes):
        x, y = peak(planes)
        height, width = planes.shape[2:]
        box = [
            x / width,
            y / height,
            2 * HALF / width + x * 0,
            2 * HALF / height + x * 0,
        ]
        person = torch.stack([*box, x * 0 + 0.8, x * 0, x * 0], 1)
        bike = torch.stack([*box, x * 0, x * 0 + 0.9, x * 0], 1)
        return torch.stack([bike, person], 1)


class RFDETR(nn.Module):
    """dets (N, 2, 4) and labels (N, 2, classes): logits."""

    def __init__(self, classes=91):
        super().__init__()
        self.classes = classes
        self.person = 1 if classes == 91 else 0

    def forward(self, planes):
        boxes = RTDETR()(planes)[..., :4]
        logits = torch.full((1, 2, self.classes), -6.0)
        logits[:, 0, 2] = 3.0
        logits[:, 1, self.person] = 2.0
        return boxes, logits + boxes[..., :1] * 0


class Anchors(nn.Module):
    """(N, 1200, columns): the layout of YOLOv5 and YOLOv7, centre, sides, score, ..."""

    def __init__(self, columns):
        super().__init__()
        self.columns = columns

    def forward(self, planes):
        score = planes.mean((1, 2, 3))[:, None, None] * 0
        return score.expand(-1, 1200, self.columns) + 0.0


class DetsLabels(nn.Module):
    """RTMDet and YOLOX by mmdeploy: dets (N, 2, 5) and labels (N, 2).

    The score is the grey value at the bottom right, which is padding: it tells how the
    input was normalised.
    """

    def forward(self, planes):
        x, y = peak(planes)
        score = planes[:, 0, -1, -1]
        box = torch.stack([x - HALF, y - HALF, x + HALF, y + HALF, score], 1)
        other = torch.stack([x * 0, y * 0, x, y, score], 1)
        labels = torch.stack([x * 0, x * 0 + 1], 1).long()
        return torch.stack([box, other], 1), labels


def export(module, path, size=(64, 48), batch=None, names=("output",), metadata=()):
    """Write a module as an ONNX file; size fixed, batch free unless given."""
    import onnx

    planes = torch.rand(batch or 1, 3, *size)
    torch.onnx.export(
        module.eval(),
        (planes,),
        str(path),
        input_names=["input"],
        output_names=list(names),
        dynamic_axes=None if batch else {"input": {0: "batch"}},
        dynamo=False,
    )
    if metadata:
        model = onnx.load(str(path))
        for key, value in dict(metadata).items():
            entry = model.metadata_props.add()
            entry.key, entry.value = key, value
        onnx.save(model, str(path))
    return path
