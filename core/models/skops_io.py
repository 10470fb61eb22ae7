"""Estimators as skops bytes: audited before they are loaded, and equal for equal estimators.

skops never executes what it reads: it builds objects of named types, and refuses types that it does not know
to be safe. What scikit-learn itself puts into its estimators beyond skops's own list is below, each with its
reason. A file that names anything else is refused before any of it is built, and one with a tree that leads
nowhere before it is asked.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import skops.io
from skops.io._audit import audit_tree, get_tree
from skops.io._protocol import PROTOCOL
from skops.io._utils import read_schema

from quarterdeck.core.errors import IntegrityError, StepError
from quarterdeck.core.models.tree_audit import audit_estimator, audit_nodes, foreign_partials

_KERNELS = (
    *("CompoundKernel", "ConstantKernel", "DotProduct", "Exponentiation", "ExpSineSquared", "Matern"),
    *("PairwiseKernel", "Product", "RBF", "RationalQuadratic", "Sum", "WhiteKernel"),
)

# Types beyond skops's defaults that fitted estimators of scikit-learn hold, each with why it may be built.
TRUSTED = (
    # Trees hold node numbers that scikit-learn follows unchecked: tree_audit.py checks every one first.
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    # Holders of attributes, of estimators or of numbers; building one runs none of their code.
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.utils._bunch.Bunch",
    # A loss of generalised linear models: a function of numbers, without state.
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    # Gaussian processes: kernels hold numbers and each other, and compute what they are asked.
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    *(f"sklearn.gaussian_process.kernels.{kernel}" for kernel in _KERNELS),
    # A tuned threshold keeps the score that it was tuned by; it is asked in training only.
    "sklearn.metrics._classification.balanced_accuracy_score",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
    # The default scores of feature selection: functions of two arrays.
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    # Histogram boosting with categories keeps its check of arrays as a partial; tree_audit.py refuses any other.
    "functools.partial",
    "sklearn.utils.validation.check_array",
    # The type of an array's elements.
    "numpy.dtype",
)
_UNREADABLE = (
    *(AttributeError, EOFError, ImportError, LookupError, RecursionError, TypeError, ValueError),
    zipfile.BadZipFile,
)
_NULL = {
    "__class__": "str",
    "__module__": "builtins",
    "__loader__": "JsonNode",
    "content": "null",
    "is_json": True,
    "__id__": 0,
}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment a zip file can name


def dumps(estimator: Any, trusted: Sequence[str] = ()) -> bytes:
    """An estimator as skops bytes; the same fitted estimator gives the same bytes.

    `trusted`: further types, trusted by a person for this very model. Raises StepError for one that skops
    cannot hold, or that holds a type which would not be loaded again.
    """
    try:
        data = skops.io.dumps(estimator, compression=zipfile.ZIP_DEFLATED)
    except (NotImplementedError, AttributeError, TypeError, ValueError) as error:
        raise StepError(
            f"A {type(estimator).__name__} cannot be kept: {error}", hint="use estimators of scikit-learn"
        ) from error
    foreign = foreign_types(data, trusted) or foreign_partials(estimator)
    if foreign:
        raise StepError(
            f"A {type(estimator).__name__} holds {', '.join(foreign)}, not trusted when a model is loaded.",
            hint="use estimators of scikit-learn, without functions or classes of your own inside; "
            'nearest neighbours can be kept with algorithm = "brute"',
        )
    return _canonical(data)


def loads(data: bytes, trusted: Sequence[str] = ()) -> Any:
    """The estimator in `data`; IntegrityError, before anything is built, where it names a type not trusted
    here. `trusted`: as in dumps().
    """
    foreign = foreign_types(data, trusted)
    if foreign:
        raise IntegrityError(
            f"The model file holds types that are not trusted: {', '.join(foreign)}.",
            hint="do not use it; find out who made it",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            estimator = _build(archive, [*TRUSTED, *trusted])
    except _UNREADABLE as error:
        raise IntegrityError(
            f"The model file cannot be loaded: {error}", hint="was it made with another scikit-learn?"
        ) from error
    audit_estimator(estimator)
    return estimator


def _build(archive: zipfile.ZipFile, trusted: list[str]) -> Any:
    """What `skops.io.loads` does, with a look at every tree between reading and building."""
    schema, context = read_schema(archive)
    if context.protocol != PROTOCOL:  # an older one would be read by older rules
        raise ValueError(f"it is of skops protocol {context.protocol}; {PROTOCOL} is read")
    root = get_tree(schema, context, trusted=trusted)
    audit_tree(root, trusted=trusted)
    audit_nodes(root)
    return root.construct()


def foreign_types(data: bytes, trusted: Sequence[str] = ()) -> list[str]:
    """Types in `data` that neither skops nor `TRUSTED` nor `trusted` names, sorted; IntegrityError for other bytes."""
    try:
        found: Sequence[str] = skops.io.get_untrusted_types(data=data)
    except _UNREADABLE as error:
        raise IntegrityError(f"This is not a skops file: {error}", hint="take it from its run again") from error
    return sorted(set(found) - {*TRUSTED, *trusted})


def _canonical(data: bytes) -> bytes:
    """The same content without what differs from process to process: memory addresses as numbers, and times.

    skops numbers objects by their address, names the files of arrays after it, and stamps them with the time.
    """
    schema, files = _unpack(data)
    renamed = _renumber(schema)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for old, new in sorted(renamed.items(), key=lambda pair: pair[1]):
            _write(archive, new, _without_padding(files[old]) if new.endswith(".npy") else files[old])
        _write(archive, "schema.json", json.dumps(schema, separators=(",", ":")).encode())
    return out.getvalue()


def _unpack(data: bytes) -> tuple[Any, dict[str, bytes]]:
    """The schema, and the files of arrays by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(files.pop("schema.json")), files


def _without_padding(data: bytes) -> bytes:
    """An .npy file of records with zeros where no field stands, and in what a leaf of a tree leaves unset.

    Both hold whatever the memory held before.
    """
    array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.dtype.names is None:
        return data
    clean = np.zeros(array.shape, dtype=array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    if {"left_child", "missing_go_to_left"} <= set(array.dtype.names):
        clean["missing_go_to_left"][clean["left_child"] < 0] = 0
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, np.lib.format.header_data_from_array_1_0(clean))
    return out.getvalue() + clean.view(np.uint8).tobytes()


def _renumber(schema: Any) -> dict[str, str]:
    """Numbers objects in the order they stand, in place; gives the new name of each file by its old one.

    Constants share a number by their text: whether two equal ones share an address is chance.
    """
    numbers: dict[Any, int] = {}
    files: dict[str, str] = {}
    first: dict[Any, str] = {}
    for node in _objects(schema):
        if node.get("__loader__") == "PartialNode" and node["content"]["namespace"].get("content") == {}:
            node["content"]["namespace"] = dict(_NULL)  # it had none before it was loaded
        if "__id__" in node:
            constant = node.get("is_json") and isinstance(node.get("content"), str)
            key = node["content"] if constant else node["__id__"]
            node["__id__"] = numbers.setdefault(key, len(numbers) + 1)
        if isinstance(node.get("file"), str):
            suffix = node["file"].rpartition(".")[2]
            # the same bytes at two places are two files under one number: the first stands for both
            kept = first.setdefault(node.get("__id__"), node["file"])
            node["file"] = files.setdefault(kept, f"{len(files) + 1:06}.{suffix}")
    return files


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    if isinstance(schema, dict | list):
        for value in schema.values() if isinstance(schema, dict) else schema:
            yield from _objects(value)


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)
