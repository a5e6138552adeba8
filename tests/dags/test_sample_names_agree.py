"""The planner and the image's `run` read file names alike: a sample's files, their order, and what is wrong.

The image is installed nowhere near Airflow, so its module is loaded by its path.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from microbiome.samples import StoredObject, find_samples

NAMES = Path(__file__).resolve().parents[2] / "task_images/microbiome/src/microbiome/names.py"


@pytest.fixture(scope="module")
def image() -> ModuleType:
    spec = importlib.util.spec_from_file_location("microbiome_image_names", NAMES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "names",
    [
        "Mock_S280_L001_R1_001.fastq.gz Mock_S280_L001_R2_001.fastq.gz",
        "a_10_L001_R1_001.fastq.gz a_11_L001_R2_001.fastq.gz",
        "a_S1_L001_R1_001.fq a_S1_L001_R2_001.fq a_S1_L002_R1_001.fq a_S1_L002_R2_001.fq",
        "a_S1_L001_R1_001.fq a_S1_L002_R1_001.fq",
        "a_L001_R1_001.fq a_L002_R1_001.fq",
        "run1/a_S1_L002_R1_001.fq run2/a_S1_L001_R1_001.fq",
        "run1/a_S1_L001_R1_001.fq run2/a_S1_L001_R1_001.fq",
        "a_S1_L001_R1_001.fq a_S2_L002_R1_001.fq",
        "a_S1_L001_R1_001.fq a_S2_L001_R2_001.fq",
        "a_10_L001_R1_001.fq a_12_L002_R1_001.fq",
        "a_S1_L001_R1_001.fq a_L002_R1_001.fq",
        "a_S1_L001_R1_001.fq a_S1_R1_001.fq",
        "a_S1_L001_R1_001.fq a_S1_L002_R2_001.fq",
        "a_S1_L001_R1_001.fq a_S1_L001_R2_001.fq a_S1_L002_R1_001.fq",
        "a_S1_L001_R2_001.fq a_S1_L002_R2_001.fq",
        "a_R1.fastq.gz a_R2.fastq.gz b_R1.fastq.gz",
        "a_R1.fastq.gz b_R1.fastq.gz plain.fastq",
        "a_1.fq.gz a_2.fq.gz a.R1.fq.gz",
        "x/a_R1.fq y/a_R1.fq",
        "a_7_R1_001.FASTQ.GZ a_7_R2_001.FASTQ.GZ",
        "a_S3_R1_001.fastq.gz sample_10.fastq.gz notes.txt .hidden_R1.fastq.gz ._a_S3_R1_001.fastq.gz",
        "腸内_S1_L001_R1_001.fastq.gz 腸内_S1_L001_R2_001.fastq.gz",
        "a_S1_L001_I1_001.fastq.gz a_S1_L001_I2_001.fastq.gz a_S1_L001_R1_001.fastq.gz a_S1_L001_R2_001.fastq.gz",
        "a_I1_001.fq a_R1_001.fq b_I1.fq",
        ["a\nb_R1.fq", "a\nb_R2.fq", "c\x07_S1_L001_R1_001.fq", "d\u2028e.fq", " _R1.fq", "f_R1.fq\n", "g_R1\n.fq"],
        ["x\ty/h_R1.fq", "x\ty/h_R2.fq", "i j_R1.fq", "i j_R2.fq", "a\\nb.fq", "a\nb.fq"],
    ],
)
def test_both_sides_find_the_same_samples(image: ModuleType, tmp_path: Path, names: str | list[str]) -> None:
    files = names.split() if isinstance(names, str) else names
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    planned = {
        sample.name: ([stored.key for stored in sample.objects], sample.layout, sample.problem)
        for sample in find_samples(StoredObject(name, 1, "etag") for name in files)
    }
    on_disk = {
        sample.name: (
            [str(path.relative_to(tmp_path)) for path in sample.files],
            sample.layout,
            sample.problem.replace(f"{tmp_path}/", ""),
        )
        for sample in image.find_samples(tmp_path)
    }
    assert planned == on_disk
    assert planned
