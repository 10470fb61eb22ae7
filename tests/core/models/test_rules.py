"""Rules: a function as text, loaded, asked, checked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from quarterdeck.core.errors import InputError, IntegrityError, StepError
from quarterdeck.core.models.row_answers import Gives
from quarterdeck.core.models.rules import RulesModel, RulesPredictor, load_function, make_rules, rows_of
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task

SIGNATURE = Signature(
    fields=(
        Field(name="hour", kind=FieldKind.INTEGER, minimum=0, maximum=23),
        Field(name="wind", kind=FieldKind.NUMBER, nullable=True),
        Field(name="carrier", kind=FieldKind.STRING),
        Field(name="night", kind=FieldKind.BOOLEAN),
    ),
    task=Task.BINARY,
    target="late",
    classes=(0, 1),
)
COLUMNS = {"hour": [7, 19], "wind": [None, 30.5], "carrier": ["AA", "UA"], "night": [False, True]}
SOURCE = "def answer(rows):\n    return [0.9 if row['hour'] > 17 else 0.1 for row in rows]\n"


def test_a_function_answers_rows_as_dicts_of_plain_values() -> None:
    assert rows_of({**COLUMNS, "hour": [7.0, 19.0], "wind": [float("nan"), 30]}, SIGNATURE) == [
        {"hour": 7, "wind": None, "carrier": "AA", "night": False},
        {"hour": 19, "wind": 30.0, "carrier": "UA", "night": True},
    ]


def test_what_it_gives_is_settled_when_it_is_made() -> None:
    model = make_rules(SOURCE, "answer", COLUMNS, SIGNATURE)
    assert model.gives is Gives.PROBABILITIES
    assert RulesPredictor(model, SIGNATURE).predict(COLUMNS).labels == [0, 1]


def test_it_comes_back_from_json_the_same_and_another_text_is_refused() -> None:
    model = make_rules(SOURCE, "answer", COLUMNS, SIGNATURE)
    assert RulesModel.from_json(model.to_json()) == model
    with pytest.raises(IntegrityError, match="recorded"):
        RulesModel.from_json(model.to_json() | {"source": SOURCE + "\n"})


def test_the_row_on_which_it_raises_is_named() -> None:
    source = "def answer(rows):\n    return [1 / (19 - row['hour']) > 0 for row in rows]\n"
    model = RulesModel(source=source, function="answer", gives=Gives.LABELS)
    with pytest.raises(InputError, match="ZeroDivisionError") as caught:
        RulesPredictor(model, SIGNATURE).predict(COLUMNS)
    assert caught.value.where == "row 1"


def test_a_failure_of_all_rows_together_is_told_though_none_fails_alone() -> None:
    source = "def answer(rows):\n    assert len(rows) == 1, 'one at a time'\n    return [0.5]\n"
    model = RulesModel(source=source, function="answer", gives=Gives.PROBABILITIES)
    with pytest.raises(InputError, match="one at a time"):
        RulesPredictor(model, SIGNATURE).predict(COLUMNS)


@pytest.mark.parametrize("answer", ["[0.5]", "None", "['late'] * len(rows)", "[float('nan')] * len(rows)", "[2.0] * 2"])
def test_a_wrong_answer_is_refused(answer: str) -> None:
    model = RulesModel(source=f"def f(rows):\n    return {answer}\n", function="f", gives=Gives.PROBABILITIES)
    with pytest.raises(InputError, match="answered wrongly"):
        RulesPredictor(model, SIGNATURE).predict(COLUMNS)


def test_a_label_in_the_place_of_a_probability_is_refused_so_that_batches_do_not_change_the_answer() -> None:
    source = "def f(rows):\n    return ['yes' if row['hour'] > 17 else 0.2 for row in rows]\n"
    words = Signature(fields=SIGNATURE.fields, task=Task.BINARY, target="late", classes=("no", "yes"))
    with pytest.raises(StepError, match="answered wrongly"):
        make_rules(source, "f", COLUMNS, words)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def answer(rows:\n", "SyntaxError"),
        ("raise SystemExit(1)", "SystemExit"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("from .helpers import x", "one file"),
        ("def other(rows): ...", "other"),
        ("answer = 3", "no function"),
        ("async def answer(rows): ...", "async"),
        ("def answer(rows):\n    yield 1", "yields"),
        ("def answer(rows): return []\x00", "rules cannot be loaded"),
    ],
)
def test_text_that_is_no_such_function_is_refused(source: str, said: str) -> None:
    with pytest.raises(StepError) as caught:
        load_function(source, "answer")
    assert said in str(caught.value)


def test_a_function_may_change_its_rows_without_the_next_call_seeing_it() -> None:
    source = "def f(rows):\n    rows[0].clear()\n    rows.append(None)\n    return [0.5] * (len(rows) - 1)\n"
    predictor = RulesPredictor(RulesModel(source=source, function="f", gives=Gives.PROBABILITIES), SIGNATURE)
    assert predictor.predict(COLUMNS).scores.tolist() == predictor.predict(COLUMNS).scores.tolist() == [0.5, 0.5]


def test_two_models_of_the_same_text_do_not_share_what_they_keep() -> None:
    source = "seen = []\ndef f(rows):\n    seen.extend(rows)\n    return [len(seen) / 100] * len(rows)\n"
    first, second = (RulesPredictor(RulesModel(source=source, function="f", gives=Gives.PROBABILITIES), SIGNATURE)
                     for _ in range(2))  # fmt: skip
    first.predict(COLUMNS)
    assert second.predict(COLUMNS).scores.tolist() == [0.02, 0.02]


def test_two_threads_do_not_share_what_the_function_keeps() -> None:
    source = "seen = []\ndef f(rows):\n    seen.extend(rows)\n    return [len(seen) / 100] * len(rows)\n"
    predictor = RulesPredictor(RulesModel(source=source, function="f", gives=Gives.PROBABILITIES), SIGNATURE)
    predictor.predict(COLUMNS)
    with ThreadPoolExecutor(1) as other:
        assert other.submit(predictor.predict, COLUMNS).result().scores.tolist() == [0.02, 0.02]
    assert predictor.predict(COLUMNS).scores.tolist() == [0.04, 0.04]


def test_the_file_may_define_dataclasses_and_import_what_is_installed() -> None:
    source = (
        "from __future__ import annotations\nimport math\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Row:\n    hour: int\n"
        "def f(rows):\n    return [math.tanh(Row(row['hour']).hour) for row in rows]\n"
    )
    assert make_rules(source, "f", COLUMNS, SIGNATURE).gives is Gives.PROBABILITIES


def test_no_rows_are_no_answers() -> None:
    model = make_rules(SOURCE, "answer", COLUMNS, SIGNATURE)
    assert RulesPredictor(model, SIGNATURE).predict({name: [] for name in COLUMNS}).labels == []
