"""Estimators as bytes: equal for equal estimators, and nothing foreign or broken comes in."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from quarterdeck.core.errors import IntegrityError, StepError
from quarterdeck.core.models.skops_io import dumps, loads
from quarterdeck.core.values import Task

RNG = np.random.default_rng(3)
X = RNG.normal(size=(120, 3))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
TREES = [
    DecisionTreeClassifier(max_depth=3, random_state=0),
    RandomForestClassifier(5, random_state=0),
    GradientBoostingClassifier(n_estimators=5, random_state=0),
    BaggingClassifier(n_estimators=3, random_state=0, max_features=2),
    HistGradientBoostingClassifier(max_iter=5, random_state=0),
    HistGradientBoostingClassifier(max_iter=5, random_state=0, categorical_features=[2]),
]


class Foreign(BaseEstimator):
    """A type that is not scikit-learn's."""

    def fit(self, x: Any, y: Any) -> Foreign:
        return self


def _fitted(estimator: Any) -> Any:
    x = X.copy()
    x[:, 2] = np.floor(np.abs(x[:, 2]) * 3)
    return estimator.fit(x, Y)


@pytest.mark.parametrize("estimator", TREES, ids=lambda one: type(one).__name__)
def test_trees_of_every_kind_come_back_and_answer_the_same(estimator: Any) -> None:
    back = loads(dumps(_fitted(estimator)))
    np.testing.assert_array_equal(back.predict_proba(X), estimator.predict_proba(X))


@pytest.mark.parametrize("estimator", TREES, ids=lambda one: type(one).__name__)
def test_trees_inside_another_estimator_that_keeps_them_unfitted_too_come_back(estimator: Any) -> None:
    voting = _fitted(VotingClassifier([("trees", clone(estimator)), ("line", LogisticRegression())], voting="soft"))
    np.testing.assert_array_equal(loads(dumps(voting)).predict_proba(X), voting.predict_proba(X))


def test_a_pipeline_of_fit_comes_back_and_answers_the_same(train: Any) -> None:
    from quarterdeck.core.models.predictors import SklearnPredictor

    model = train("ensemble.HistGradientBoostingClassifier", Task.MULTICLASS, max_iter=5)
    columns = {name: model.reference[name].to_list() for name in model.signature.names}
    one = SklearnPredictor(model.estimator, model.signature).predict(columns)
    other = SklearnPredictor(loads(dumps(model.estimator)), model.signature).predict(columns)
    np.testing.assert_array_equal(one.probabilities, other.probabilities)


@pytest.mark.parametrize("estimator", [*TREES, LogisticRegression()], ids=lambda one: type(one).__name__)
def test_the_same_fit_gives_the_same_bytes_and_keeping_them_again_too(estimator: Any) -> None:
    first = dumps(_fitted(clone(estimator)))  # one that was fitted before keeps its attributes in another order
    again = dumps(_fitted(clone(estimator)))
    assert first == again
    assert dumps(loads(first)) == first


@pytest.mark.slow
def test_another_process_makes_the_same_bytes() -> None:
    program = (
        "import hashlib, numpy as np\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "from quarterdeck.core.models.skops_io import dumps\n"
        "x = np.arange(60.0).reshape(20, 3) % 7\n"
        "fitted = RandomForestClassifier(3, random_state=1).fit(x, x[:, 0] > 3)\n"
        "print(hashlib.sha256(dumps(fitted)).hexdigest())\n"
    )
    command = [sys.executable, "-c", program]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True, timeout=60) for _ in range(2)]
    assert len({run.stdout for run in runs}) == 1
    assert len(runs[0].stdout.strip()) == 64


def test_a_file_with_a_foreign_type_is_refused_and_the_type_named() -> None:
    data = skops.io.dumps(make_pipeline(Foreign(), LogisticRegression()))
    with pytest.raises(IntegrityError, match=r"Foreign.*do not use it"):
        loads(data)


def test_a_function_hidden_in_an_estimator_is_refused() -> None:
    data = skops.io.dumps(FunctionTransformer(subprocess.run))
    with pytest.raises(IntegrityError, match=r"subprocess\.run"):
        loads(data)


def test_an_estimator_that_would_not_be_loaded_is_not_kept() -> None:
    with pytest.raises(StepError, match="Foreign"):
        dumps(Foreign())
    with pytest.raises(StepError, match='algorithm = "brute"'):
        dumps(KNeighborsClassifier(algorithm="kd_tree").fit(X, Y))
    assert loads(dumps(KNeighborsClassifier(algorithm="brute").fit(X, Y))).predict(X).shape == (120,)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nothing", b"\x80\x04\x95 a pickle"], ids=["empty", "zip", "pickle"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="not a skops file"):
        loads(data)


def _tampered(data: bytes, change: Callable[[Any, dict[str, bytes]], None]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    change(schema, files)
    files["schema.json"] = json.dumps(schema).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def _array(files: dict[str, bytes], name: str) -> Any:
    return np.load(io.BytesIO(files[name]))


def _keep(files: dict[str, bytes], name: str, array: Any) -> None:
    out = io.BytesIO()
    np.save(out, array)
    files[name] = out.getvalue()


def _tree(schema: Any) -> Any:
    return schema["content"]["content"]["tree_"]


def _set_node(field: str, value: int) -> Callable[[Any, dict[str, bytes]], None]:
    def change(schema: Any, files: dict[str, bytes]) -> None:
        name = _tree(schema)["content"]["content"]["nodes"]["file"]
        nodes = _array(files, name)
        nodes[field][0] = value
        _keep(files, name, nodes)

    return change


def _set_argument(place: int, value: int, *, number: int = 10**9) -> Callable[[Any, dict[str, bytes]], None]:
    def change(schema: Any, files: dict[str, bytes]) -> None:
        arguments = _tree(schema)["__reduce__"]["args"]
        arguments["__id__"] = number
        arguments["content"][place] |= {"content": str(value), "__id__": number + 1}

    return change


def _two_meanings(schema: Any, files: dict[str, bytes]) -> None:
    """The tree says 1 output, but what stands first under that number says ten million."""
    one = _tree(schema)["__reduce__"]["args"]["content"][2]
    one["__id__"] = 10**9
    many = {**one, "content": "10000000"}
    schema["content"]["content"] = {"aaa": many, **schema["content"]["content"]}
    schema["content"]["key_types"]["content"].insert(0, schema["content"]["key_types"]["content"][0])


def _cached(schema: Any, files: dict[str, bytes]) -> None:
    arguments = _tree(schema)["__reduce__"]["args"]["content"]
    _two_meanings(schema, files)
    arguments[2] = {**arguments[2], "__loader__": "CachedNode", "content": "1"}


def _set_count(schema: Any, files: dict[str, bytes]) -> None:
    _tree(schema)["content"]["content"]["node_count"] |= {"content": "1000000", "__id__": 10**9}


def _hide_count(schema: Any, files: dict[str, bytes]) -> None:
    del _tree(schema)["content"]["content"]["node_count"]


def _more_features(schema: Any, files: dict[str, bytes]) -> None:
    """The tree asks for feature 900, and claims to have so many: only its estimator knows better."""
    _set_node("feature", 900)(schema, files)
    _set_argument(0, 1000)(schema, files)


@pytest.mark.parametrize(
    "change",
    [
        _set_node("left_child", 10**9),
        _set_node("right_child", -7),
        _set_node("left_child", 0),
        _set_node("feature", 3),
        _set_node("feature", -1),
        _set_argument(2, 10**7),
        _set_argument(0, 4),
        _set_count,
        _hide_count,
        _more_features,
        _two_meanings,
        _cached,
    ],
    ids=[
        "far",
        "before",
        "circle",
        "feature",
        "negative",
        "outputs",
        "features",
        "count",
        "no count",
        "own features",
        "two",
        "cached",
    ],
)
def test_a_tree_that_leads_out_of_its_memory_is_refused(
    change: Callable[[Any, dict[str, bytes]], None],
) -> None:
    data = dumps(_fitted(DecisionTreeClassifier(max_depth=3, random_state=0)))
    assert loads(data).predict(X).shape == (120,)
    with pytest.raises(IntegrityError, match="decision tree that cannot be used"):
        loads(_tampered(data, change))


def _boosted_node(field: str, value: int) -> Callable[[Any, dict[str, bytes]], None]:
    def change(schema: Any, files: dict[str, bytes]) -> None:
        name = next(
            name
            for name in sorted(files)
            if name.endswith(".npy") and "missing_go_to_left" in (_array(files, name).dtype.names or ())
        )
        nodes = _array(files, name)
        nodes[field][0] = value
        _keep(files, name, nodes)

    return change


@pytest.mark.parametrize(
    ("field", "value"), [("left", 4_000_000), ("right", 0), ("feature_idx", 77), ("feature_idx", -2)]
)
def test_a_boosted_tree_that_leads_out_of_its_memory_is_refused(field: str, value: int) -> None:
    data = dumps(_fitted(HistGradientBoostingClassifier(max_iter=3, random_state=0)))
    with pytest.raises(IntegrityError, match="decision tree that cannot be used"):
        loads(_tampered(data, _boosted_node(field, value)))


def test_a_split_by_category_on_a_number_is_refused() -> None:
    data = dumps(_fitted(HistGradientBoostingClassifier(max_iter=3, random_state=0)))
    with pytest.raises(IntegrityError, match="decision tree that cannot be used"):
        loads(_tampered(data, _boosted_node("is_categorical", 1)))


def test_a_forest_whose_tree_takes_other_features_is_refused() -> None:
    small = RandomForestClassifier(2, random_state=0).fit(X[:, :2], Y)
    wide = RandomForestClassifier(2, random_state=0).fit(X, Y)
    small.estimators_[1] = wide.estimators_[1]
    with pytest.raises(IntegrityError, match="other features than its forest"):
        loads(dumps(small))


def test_boosting_with_more_trees_than_outputs_is_refused() -> None:
    boosted = GradientBoostingClassifier(n_estimators=2, random_state=0).fit(X, Y)
    boosted.estimators_ = np.repeat(boosted.estimators_, 4, axis=1)
    with pytest.raises(IntegrityError, match="other trees than outputs"):
        loads(dumps(boosted))


def _by_category() -> Any:
    """Boosting that splits by category, because nothing else tells the classes apart."""
    x = np.column_stack([X[:, :2], np.arange(len(X)) % 5])
    boosted = HistGradientBoostingClassifier(max_iter=3, random_state=0, categorical_features=[2])
    return boosted.fit(x, x[:, 2] % 2 == 0)


def _other_set(boosted: Any) -> None:
    for predictor in boosted._predictors[0]:
        predictor.nodes["bitset_idx"] = 4_000


def _no_sets(boosted: Any) -> None:
    for predictor in boosted._predictors[0]:
        predictor.raw_left_cat_bitsets = predictor.raw_left_cat_bitsets[:, :1].copy()


def _far_category(boosted: Any) -> None:
    boosted._bin_mapper.bin_thresholds_[0] = np.array([0.0, 4_000.0])


def _more_categorical(boosted: Any) -> None:
    boosted._bin_mapper.is_categorical_ = np.ones(900, dtype=np.uint8)


def _narrow_rows(boosted: Any) -> None:
    boosted._preprocessor.transformers_[1] = ("numerical", "drop", [0, 1])
    boosted._preprocessor._transformer_to_input_indices["numerical"] = []


@pytest.mark.parametrize("change", [_other_set, _no_sets, _far_category, _more_categorical, _narrow_rows])
def test_boosting_whose_sets_of_categories_lead_out_of_their_memory_is_refused(change: Callable[[Any], None]) -> None:
    boosted = _by_category()
    change(boosted)
    with pytest.raises(IntegrityError, match="decision tree that cannot be used"):
        loads(dumps(boosted))


def test_rows_prepared_for_boosting_without_categories_are_refused() -> None:
    boosted = _fitted(HistGradientBoostingClassifier(max_iter=3, random_state=0))
    boosted._preprocessor = _by_category()._preprocessor
    with pytest.raises(IntegrityError, match="without need"):
        loads(dumps(boosted))


def test_a_function_with_arguments_is_neither_kept_nor_loaded() -> None:
    clipped = FunctionTransformer(partial(np.clip, a_min=0, a_max=1))
    with pytest.raises(StepError, match="clip"):
        dumps(clipped)
    with pytest.raises(IntegrityError):
        loads(skops.io.dumps(FunctionTransformer(partial(LogisticRegression, C=2.0))))


def test_a_file_of_an_older_protocol_is_refused() -> None:
    def older(schema: Any, files: dict[str, bytes]) -> None:
        schema["protocol"] = 0

    data = _tampered(dumps(LogisticRegression().fit(X, Y)), older)
    with pytest.raises(IntegrityError, match="protocol 0"):
        loads(data)
