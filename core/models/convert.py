"""A fitted model as ONNX, taken only where it answers as scikit-learn does.

The ONNX model has two inputs, `numbers` (double) and `strings`, each with the signature's fields of that
kind in order; one that a model does not need is not there. Its outputs are the value, or the label and the
probabilities.
"""

from __future__ import annotations

import copy
import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto
from onnx.shape_inference import infer_shapes
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType
from sklearn import (
    compose,
    discriminant_analysis,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    preprocessing,
    svm,
    tree,
)
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.models import (
    onnx_encoders,
    onnx_forests,
    onnx_hist_gradient_boosting,
    onnx_imputers,
    onnx_linear,
    onnx_numbers,
    onnx_power,
    onnx_svm,
    onnx_targets,
)
from quarterdeck.core.models.columns import number_names, text_names
from quarterdeck.core.models.edges import check_columns
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.kinds import ANSWERS_ITSELF, kind_of
from quarterdeck.core.models.onnx_nodes import shape_classifier, shape_regressor
from quarterdeck.core.models.onnx_tree_ensemble import declare_version
from quarterdeck.core.models.predictors import NUMBERS, TEXTS, Answers, OnnxPredictor, SklearnPredictor
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import ModelKind

TOLERANCE = 1e-5  # relative
OPSETS = {"": 18, "ai.onnx.ml": 3}

# How skl2onnx names a type that it does not know.
_UNKNOWN = re.compile(r"Unable to find a (?:shape calculator|converter) for type '<class '(?:[\w.]*\.)?(\w+)'>'")

# What converters raise where they meet what they do not know.
FAILURES = (
    *(
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        NameError,
        RuntimeError,
        TypeError,
        ValueError,
    ),
    QuarterdeckError,
)

SELECTIONS = (
    *(feature_selection.GenericUnivariateSelect, feature_selection.SelectFdr, feature_selection.SelectFpr),
    *(feature_selection.SelectFromModel, feature_selection.SelectFwe, feature_selection.SelectKBest),
    *(feature_selection.SelectPercentile, feature_selection.RFE, feature_selection.RFECV),
    *(feature_selection.SequentialFeatureSelector, feature_selection.VarianceThreshold),
)

CONVERTERS = {
    ensemble.HistGradientBoostingClassifier: onnx_hist_gradient_boosting.convert_classifier,
    ensemble.HistGradientBoostingRegressor: onnx_hist_gradient_boosting.convert_regressor,
    ensemble.RandomForestClassifier: onnx_forests.convert_forest_classifier,
    ensemble.RandomForestRegressor: onnx_forests.convert_forest_regressor,
    ensemble.ExtraTreesClassifier: onnx_forests.convert_forest_classifier,
    ensemble.ExtraTreesRegressor: onnx_forests.convert_forest_regressor,
    ensemble.GradientBoostingClassifier: onnx_forests.convert_boosting_classifier,
    ensemble.GradientBoostingRegressor: onnx_forests.convert_boosting_regressor,
    ensemble.AdaBoostClassifier: onnx_forests.convert_adaboost_classifier,
    compose.TransformedTargetRegressor: onnx_targets.convert_transformed_target,
    tree.DecisionTreeClassifier: onnx_forests.convert_forest_classifier,
    tree.DecisionTreeRegressor: onnx_forests.convert_forest_regressor,
    tree.ExtraTreeClassifier: onnx_forests.convert_forest_classifier,
    tree.ExtraTreeRegressor: onnx_forests.convert_forest_regressor,
    linear_model.Perceptron: onnx_linear.convert_linear_classifier,
    linear_model.RidgeClassifier: onnx_linear.convert_linear_classifier,
    linear_model.RidgeClassifierCV: onnx_linear.convert_linear_classifier,
    svm.LinearSVC: onnx_linear.convert_linear_classifier,
    discriminant_analysis.LinearDiscriminantAnalysis: onnx_linear.convert_discriminant,
    svm.SVC: onnx_svm.convert_classifier,
    svm.NuSVC: onnx_svm.convert_classifier,
    svm.SVR: onnx_svm.convert_regressor,
    svm.NuSVR: onnx_svm.convert_regressor,
    preprocessing.OrdinalEncoder: onnx_encoders.convert_ordinal_encoder,
    preprocessing.OneHotEncoder: onnx_encoders.convert_one_hot_encoder,
    preprocessing.TargetEncoder: onnx_encoders.convert_target_encoder,
    preprocessing.KBinsDiscretizer: onnx_numbers.convert_bins,
    preprocessing.PolynomialFeatures: onnx_numbers.convert_polynomials,
    preprocessing.Normalizer: onnx_numbers.convert_normalizer,
    preprocessing.PowerTransformer: onnx_power.convert_power,
    impute.SimpleImputer: onnx_imputers.convert_simple_imputer,
    impute.MissingIndicator: onnx_numbers.convert_missing_indicator,
    **dict.fromkeys(SELECTIONS, onnx_numbers.convert_selection),
}
SHAPES = {
    **{kind: shape_classifier for kind in CONVERTERS if issubclass(kind, ClassifierMixin)},
    **{kind: shape_regressor for kind in CONVERTERS if issubclass(kind, RegressorMixin)},
    preprocessing.OrdinalEncoder: onnx_encoders.shape_encoder,
    preprocessing.OneHotEncoder: onnx_encoders.shape_encoder,
    preprocessing.TargetEncoder: onnx_encoders.shape_encoder,
    preprocessing.KBinsDiscretizer: onnx_numbers.shape_bins,
    preprocessing.PolynomialFeatures: onnx_numbers.shape_polynomials,
    preprocessing.Normalizer: onnx_numbers.shape_same,
    preprocessing.PowerTransformer: onnx_numbers.shape_same,
    impute.SimpleImputer: onnx_imputers.shape_imputer,
    impute.MissingIndicator: onnx_numbers.shape_missing_indicator,
    **dict.fromkeys(SELECTIONS, onnx_numbers.shape_selection),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversion:
    """`onnx` is None where the model did not convert or disagreed; `reason` says in one line what came of
    it.
    """

    onnx: bytes | None
    reason: str
    max_difference: float | None  # greatest relative difference seen; None where it did not get so far


def to_onnx(model: FittedModel) -> Conversion:
    """Converts a model and compares its answers with scikit-learn's on the reference rows and rows at the
    edges.

    Labels must be equal; probabilities and values within 1e-5 relative, where a size under a thousandth of
    the greatest one counts as that thousandth.
    """
    kind = kind_of(model.estimator)
    if kind is not ModelKind.SKLEARN:
        return Conversion(onnx=None, reason=ANSWERS_ITSELF[kind], max_difference=None)
    if model.reference.is_empty():
        return Conversion(onnx=None, reason="there are no rows to compare the engines on", max_difference=None)
    try:
        data = _convert(model.estimator, model.signature).SerializeToString()
        served = OnnxPredictor(data, model.signature)
    except FAILURES as error:  # whatever it is, scikit-learn serves the model
        return Conversion(onnx=None, reason=f"does not convert: {_why(error)}", max_difference=None)
    return _compare(data, served, SklearnPredictor(model.estimator, model.signature), model)


def _convert(estimator: Any, signature: Signature) -> ModelProto:
    numbers, texts = number_names(signature), text_names(signature)
    types = [
        *([(NUMBERS, DoubleTensorType([None, len(numbers)]))] if numbers else []),
        *([(TEXTS, StringTensorType([None, len(texts)]))] if texts else []),
    ]
    gives_probabilities = signature.classes is not None and hasattr(estimator, "predict_proba")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # skl2onnx warns of its own use of NumPy
        model = convert_sklearn(
            _by_position(estimator, (*numbers, *texts)),
            initial_types=types,
            target_opset=OPSETS,
            options={"zipmap": False} if gives_probabilities else None,
            custom_conversion_functions=CONVERTERS,
            custom_shape_calculators=SHAPES,
        )
    if signature.classes is not None and not gives_probabilities:
        _drop_raw_scores(model)
    declare_version(model)
    return _with_true_output_types(model)


def _drop_raw_scores(model: ModelProto) -> None:
    """Leaves the label alone: the raw scores beside it are no probabilities."""
    del model.graph.output[1:]
    kept = [node for node in model.graph.node if node.op_type != "ZipMap"]
    del model.graph.node[:]
    model.graph.node.extend(kept)


def _with_true_output_types(model: ModelProto) -> ModelProto:
    """skl2onnx settles output types before the encoders' are known; here they are read off the finished
    graph.
    """
    bare = ModelProto()
    bare.CopyFrom(model)
    for output in bare.graph.output:
        output.ClearField("type")
    inferred = {output.name: output.type for output in infer_shapes(bare).graph.output}
    for output in model.graph.output:
        element = inferred[output.name].tensor_type.elem_type
        if element:
            output.type.tensor_type.elem_type = element
    return model


def _by_position(estimator: Any, order: tuple[str, ...]) -> Any:
    """The estimator with a leading ColumnTransformer's columns named by their place in the two inputs."""
    if isinstance(estimator, Pipeline):
        moved = copy.copy(estimator)
        name, first = estimator.steps[0]
        moved.steps = [(name, _by_position(first, order)), *estimator.steps[1:]]
        if len(moved.steps) > 1 and isinstance(moved.steps[-1][1], ensemble.VotingClassifier):
            moved.steps[-1] = (moved.steps[-1][0], _by_position(moved.steps[-1][1], order))
        return moved
    if isinstance(estimator, ensemble.VotingClassifier):
        moved = copy.copy(estimator)
        moved.flatten_transform = False  # speaks of its transform(), which is not asked; True is not converted
        return moved
    if not isinstance(estimator, ColumnTransformer):
        return estimator
    moved = copy.copy(estimator)
    names = estimator.feature_names_in_
    moved.transformers_ = [
        (name, part, [order.index(column) for column in _column_names(columns, names)])
        for name, part, columns in estimator.transformers_
    ]
    return moved


def _column_names(columns: Any, names: Any) -> list[str]:
    """What a ColumnTransformer calls its columns (names, places, a mask or a slice) as names."""
    if isinstance(columns, str):
        return [columns]
    if not isinstance(columns, slice) and all(isinstance(column, str) for column in columns):
        return list(columns)
    return [str(name) for name in np.atleast_1d(names[columns])]


def _compare(data: bytes, served: OnnxPredictor, trusted: SklearnPredictor, model: FittedModel) -> Conversion:
    greatest = 0.0
    for columns in check_columns(model.reference, model.signature):
        try:
            expected = trusted.predict(columns)
        except FAILURES:
            continue  # scikit-learn itself refuses such a row, so it is never asked in earnest
        try:
            answers = served.predict(columns)
        except QuarterdeckError as error:
            return Conversion(onnx=None, reason=f"does not run: {_why(error)}", max_difference=None)
        if answers.labels != expected.labels:
            return Conversion(
                onnx=None, reason="converts, but names other classes than scikit-learn", max_difference=None
            )
        greatest = max(greatest, _difference(answers, expected))
        if not greatest <= TOLERANCE:
            reason = f"converts, but differs from scikit-learn by {greatest:.1e}, more than {TOLERANCE:.0e}"
            return Conversion(onnx=None, reason=reason, max_difference=greatest)
    return Conversion(onnx=data, reason=f"agrees with scikit-learn within {greatest:.1e}", max_difference=greatest)


def _difference(answers: Answers, expected: Answers) -> float:
    """Greatest |a - b| / max(|b|, max|b| / 1000) over probabilities or values; infinite for other shapes or
    NaN.
    """
    one = answers.scores if answers.probabilities is None else answers.probabilities
    other = expected.scores if expected.probabilities is None else expected.probabilities
    if one.shape != other.shape:
        return float("inf")
    sizes = np.abs(other)
    floor = max(sizes.max(initial=0.0) / 1000, np.finfo(np.float64).tiny)
    gaps = np.abs(one - other) / np.maximum(sizes, floor)
    return float(np.nan_to_num(gaps, nan=np.inf).max(initial=0.0))


def _why(error: Exception) -> str:
    """What a converter or ONNX Runtime says, in one line and without their own names for things."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    unknown = _UNKNOWN.search(line)
    if unknown:
        return f"there is no converter for {unknown[1]}"
    if "ONNXRuntimeError" in line:
        return "ONNX Runtime cannot compute what the converter made of it in double precision"
    return line[:160]
