"""One peer that stays up and answers the questions of `esvitd bench --rounds` by the same lines of JSON.

    python contestant.py NAME FOLDER [COUNT]     FOLDER keeps the exported networks, COUNT is that of the vectors
"""
import json
import os
import sys
import time

import numpy as np

import inputs

THREADS = 2


def times(run, seconds):
    """Milliseconds of each call, after one that does not count."""
    run()
    start = time.perf_counter()
    found = []
    while len(found) < 3 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        run()
        found.append((time.perf_counter() - begin) * 1e3)
    return found


class Encoder:
    """`prepare(batch)` gives a function from images to embeddings."""

    def __init__(self, prepare):
        self.prepare, self.ready = prepare, {}

    def loaded(self, count):
        if count not in self.ready:
            self.ready[count] = (self.prepare(count), inputs.images(count))
        return self.ready[count]

    def encode(self, count, seconds):
        run, batch = self.loaded(int(count))
        return {"milliseconds": times(lambda: run(batch), float(seconds))}

    def embed(self, count):
        run, batch = self.loaded(int(count))
        return {"embeddings": np.asarray(run(batch)).tolist()}


def openvino_encoder(folder, precision, network="swin"):
    import openvino

    import networks

    core = openvino.Core()

    def prepare(batch):
        if precision == "int8":
            model, hint = networks.quantised(folder, batch), "bf16"  # bf16 is what the rest runs in by default
        else:
            model, hint = networks.onnx(network, folder, batch), precision
        request = core.compile_model(model, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": THREADS, "INFERENCE_PRECISION_HINT": hint,
        }).create_infer_request()
        return lambda images: next(iter(
            request.infer({0: images}, share_inputs=True, share_outputs=True).values()))

    return Encoder(prepare)


def openvino_streams(folder, precision):
    """A stream a core, one image each at a time: OpenVINO's own way to the most images a second."""
    import openvino

    import networks

    model = networks.quantised(folder, 1) if precision == "int8" else networks.onnx("swin", folder, 1)
    compiled = openvino.Core().compile_model(model, "CPU", {
        "PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_NUM_THREADS": THREADS, "NUM_STREAMS": THREADS,
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "int8" else precision})
    queue = openvino.AsyncInferQueue(compiled, THREADS)
    outputs = {}
    queue.set_callback(lambda request, place: outputs.__setitem__(place, request.get_output_tensor().data.copy()))

    def run(images):
        for place in range(len(images)):
            queue.start_async({0: images[place:place + 1]}, place, share_inputs=True)
        queue.wait_all()
        return np.concatenate([outputs[place] for place in range(len(images))])

    return Encoder(lambda batch: run)


def onnxruntime_encoder(folder, is_fused):
    import onnxruntime

    import networks

    def prepare(batch):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        path = networks.fused(folder, batch) if is_fused else networks.onnx("swin", folder, batch)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda images: session.run(None, {"image": images})[0]

    return Encoder(prepare)


def torch_encoder(is_compiled):
    import torch

    import networks

    torch.set_num_threads(THREADS)
    model = networks.swin()
    if is_compiled:
        import torch._inductor.config

        torch._inductor.config.freezing = True
        model = torch.compile(model, dynamic=False)

    def prepare(batch):
        def run(images):
            # Freezing needs no_grad; inference_mode is the faster one without it.
            with torch.no_grad() if is_compiled else torch.inference_mode():
                return model(torch.from_numpy(images)).numpy()

        return run

    return Encoder(prepare)


class Search:
    """`prepare(count)` gives a function from unit queries to the places of their ten nearest, for each of its ways."""

    def __init__(self, count, prepare):
        self.ways = prepare(count)
        self.queries = inputs.vectors(count, 64)

    def part(self, count):
        return np.ascontiguousarray(self.queries[:int(count)])

    def search(self, count, seconds, way):
        queries = self.part(count)
        return {"milliseconds": times(lambda: self.ways[way](queries), float(seconds))}

    def neighbours(self, count, way):
        return {"neighbours": np.asarray(self.ways[way](self.part(count))).tolist()}


def faiss_search(count):
    import faiss

    faiss.omp_set_num_threads(THREADS)
    index = faiss.IndexFlatIP(inputs.DIMENSION)
    for _, block in inputs.blocks(count):
        index.add(block)
    return {"faiss": lambda queries: index.search(queries, inputs.K)[1]}


def array_search(count):
    import torch

    torch.set_num_threads(THREADS)
    vectors = np.empty((count, inputs.DIMENSION), np.float32)
    for start, block in inputs.blocks(count):
        vectors[start:start + len(block)] = block
    tensor = torch.from_numpy(vectors)

    def by_numpy(queries):
        scores = queries @ vectors.T
        part = np.argpartition(scores, -inputs.K, axis=1)[:, -inputs.K:]
        order = np.argsort(-np.take_along_axis(scores, part, 1), axis=1)
        return np.take_along_axis(part, order, 1)

    def by_torch(queries):
        return torch.topk(torch.from_numpy(queries) @ tensor.T, inputs.K, dim=1).indices.numpy()

    return {"numpy": by_numpy, "torch": by_torch}


class Picture:
    """torchvision v2 on tensors: decode_jpeg, antialiased bicubic resize, crop, normalise."""

    def __init__(self):
        import torch

        import networks  # noqa: F401, makes torchvision importable
        from torchvision.io import decode_jpeg
        from torchvision.transforms import v2

        torch.set_num_threads(1)  # one image at a time: two threads are slower
        transform = v2.Compose([
            v2.Resize(inputs.RESIZE, interpolation=v2.InterpolationMode.BICUBIC, antialias=True),
            v2.CenterCrop(inputs.CROP), v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(inputs.MEAN.tolist(), inputs.STD.tolist())])
        self.run = lambda data: transform(decode_jpeg(torch.frombuffer(data, dtype=torch.uint8)))

    def image(self, seconds, path):
        with open(path, "rb") as file:
            data = bytearray(file.read())
        return {"milliseconds": times(lambda: self.run(data), float(seconds))}


def made(name, folder, count):
    kind, _, rest = name.partition(":")
    if kind == "openvino":
        return openvino_encoder(folder, *rest.split(":"))
    if kind == "openvino-streams":
        return openvino_streams(folder, rest)
    if kind == "onnxruntime":
        return onnxruntime_encoder(folder, rest == "fused")
    if kind == "torch":
        return torch_encoder(rest == "compile")
    if kind == "search":
        return Search(count, faiss_search if rest == "faiss" else array_search)
    return Picture()


def main():
    # Whatever a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    name, folder = sys.argv[1:3]
    contestant = None
    for line in sys.stdin:
        question, *words = line.split()
        try:
            contestant = contestant or made(name, folder, int(sys.argv[3]) if len(sys.argv) > 3 else 0)
            answer = getattr(contestant, question)(*words)
        except Exception as error:  # told to the one who asked, who goes on without this peer
            answer = {"error": f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
