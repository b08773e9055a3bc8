"""The networks as PyTorch has them, exported once for the others."""
import os

import numpy as np
import torch

import inputs

for _operator in ("nms", "qnms"):  # a GPU build of torchvision beside a CPU build of torch lacks them; unused here
    try:
        torch.library.define(f"torchvision::{_operator}", "(Tensor a, Tensor b, float c) -> Tensor")
    except RuntimeError:
        pass


def swin():
    """timm's Swin-T with esvitd's generated weights and the original's epsilon."""
    from functools import partial

    from timm.models.swin_transformer import SwinTransformer

    model = SwinTransformer(img_size=224, patch_size=4, window_size=7, embed_dim=96, depths=(2, 2, 6, 2),
                            num_heads=(3, 6, 12, 24), num_classes=0,
                            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
    state = {}
    for name, value in inputs.weights().items():
        if ".downsample." in name:  # timm keeps it at the start of the next stage
            stage = int(name.split(".")[1])
            name = name.replace(f"layers.{stage}.", f"layers.{stage + 1}.", 1)
        state[name] = torch.from_numpy(np.ascontiguousarray(value, dtype=np.float32))
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all("relative_position_index" in m or "attn_mask" in m for m in missing), missing
    return model.eval()


def resnet():
    import timm

    torch.manual_seed(0)
    return timm.create_model("resnet50", pretrained=False, num_classes=0).eval()


def onnx(name, folder, batch):
    """The path of a network as ONNX for a fixed batch, exported where it is not there yet."""
    path = os.path.join(folder, f"{name}-{batch}.onnx")
    if not os.path.exists(path):
        with torch.no_grad():
            torch.onnx.export({"swin": swin, "resnet": resnet}[name](), (torch.from_numpy(inputs.images(batch)),),
                              path + ".partial", input_names=["image"], output_names=["features"], opset_version=18,
                              dynamo=True, external_data=False, optimize=True)
        os.rename(path + ".partial", path)
    return path


def fused(folder, batch):
    """The same with ONNX Runtime's fusions for transformers."""
    path = os.path.join(folder, f"swin-{batch}-fused.onnx")
    if not os.path.exists(path):
        from onnxruntime.transformers import optimizer

        model = optimizer.optimize_model(onnx("swin", folder, batch), model_type="swin", num_heads=0, hidden_size=0,
                                         opt_level=0)
        model.save_model_to_file(path + ".partial")
        os.rename(path + ".partial", path)
    return path


def quantised(folder, batch):
    """OpenVINO's int8 form, by NNCF with its settings for transformers and 32 images."""
    path = os.path.join(folder, f"swin-{batch}-int8.xml")
    if not os.path.exists(path):
        import nncf
        import openvino

        model = openvino.Core().read_model(onnx("swin", folder, batch))
        images = [inputs.images(batch, first=1000 + batch * i) for i in range(max(1, 32 // batch))]
        model = nncf.quantize(model, nncf.Dataset(images), subset_size=len(images),
                              model_type=nncf.ModelType.TRANSFORMER)
        openvino.save_model(model, path.replace(".xml", ".partial.xml"), compress_to_fp16=False)
        for end in (".bin", ".xml"):
            os.rename(path.replace(".xml", ".partial" + end), path.replace(".xml", end))
    return path
