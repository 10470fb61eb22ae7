"""What the monitor judges by is read from the manifest, and every wrong key is reported at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.core.drift_spec import DriftMethod, DriftSpec, FeatureDriftSpec, Multivariate, QualitySpec
from quarterdeck.core.errors import ManifestError
from quarterdeck.core.manifest import MonitoringSpec
from quarterdeck.core.manifest_monitoring import DRIFT_KEYS, FEATURE_KEYS, QUALITY_KEYS
from quarterdeck.core.manifest_reader import read_manifest

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
HEAD = """
[pipeline]
name = "flights"
task = "binary"
target = "late"
[steps.flights]
uses = "read_table"
"""


def read(folder: Path, text: str) -> MonitoringSpec:
    path = folder / "flights" / "pipeline.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEAD + text)
    return read_manifest(path).monitoring


def test_without_a_line_the_defaults_hold(tmp_path: Path) -> None:
    found = read(tmp_path, "")
    assert (found.drift, found.quality) == (DriftSpec(), QualitySpec())


def test_all_keys_are_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
        [monitoring.drift]
        method = "psi"
        threshold = 0.3
        alpha = 0.01
        share = 0.25
        ignore = ["flight_id"]
        multivariate = ["pca", "domain_classifier"]
        [monitoring.drift.features.distance]
        method = "kolmogorov_smirnov"
        [monitoring.drift.features."dep delay"]
        threshold = 0.2
        [monitoring.quality]
        alpha = 0.01
        missing = 0.1
        outside = 0
        volume = 5
        ignore = ["carrier"]
        """,
    )
    assert found.drift == DriftSpec(
        method=DriftMethod.PSI, threshold=0.3, alpha=0.01, share=0.25, ignore=("flight_id",),
        multivariate=(Multivariate.PCA, Multivariate.DOMAIN_CLASSIFIER),
        features={
            "distance": FeatureDriftSpec(method=DriftMethod.KOLMOGOROV_SMIRNOV),
            "dep delay": FeatureDriftSpec(threshold=0.2),
        },
    )  # fmt: skip
    assert found.quality == QualitySpec(alpha=0.01, missing=0.1, outside=0.0, volume=5.0, ignore=("carrier",))
    assert found.drift.of("dep delay") == FeatureDriftSpec(method=DriftMethod.PSI, threshold=0.2)
    assert found.drift.of("distance") == FeatureDriftSpec(method=DriftMethod.KOLMOGOROV_SMIRNOV, threshold=0.3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('drift.method = "jensen"', "jensen_shannon"),
        ("drift.treshold = 0.1", "did you mean `threshold`"),
        ("drift.threshold = 0", "expected a number above 0"),
        ("drift.alpha = 1", "expected a probability above 0, below 1"),
        ("drift.share = 2", "expected a share above 0, up to 1"),
        ('drift.ignore = "x"', "expected a list of features' names"),
        ('drift.multivariate = ["pcs"]', "did you mean `pca`"),
        ('drift.multivariate = "pca"', "expected a list of pca, domain_classifier"),
        ('drift.features.x.method = "ks"', "expected one of auto, psi"),
        ("drift.features.x.alpha = 0.1", "is not a key of [monitoring.drift.features.x]"),
        ("quality.missing = 1.5", "expected a share from 0 to 1"),
        ("quality.volume = 1", "expected a number above 1"),
        ("quality.outliers = 1", "is not a key of [monitoring.quality]"),
    ],
)
def test_what_is_wrong_is_named_at_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, f"[monitoring]\n{text}\n")
    assert said in caught.value.message
    assert str(caught.value.where).endswith("flights/pipeline.toml:9")


def test_every_key_method_and_kind_is_documented() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = (*DRIFT_KEYS, *FEATURE_KEYS, *QUALITY_KEYS, *DriftMethod, *Multivariate)
    assert [name for name in named if f"`{name}`" not in text] == []
