"""Tiny published models in folders, and what was trained on them: made anew for every module that asks."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pandora.pretrained.release import Tuned


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """backbone/, pipeline/ and films/, as `save_all` writes them."""
    from tests.training.published import save_all  # late: most tests need no models of that kind

    return save_all(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def trained(home: Path) -> "Tuned":
    """Parts of `home` whose trained weights are somewhere else than they began."""
    from tests.training.published import tune

    return tune(home)


@pytest.fixture(scope="module")
def release(trained: "Tuned", home: Path) -> Path:
    """What the stage would save of `trained`."""
    from tests.training.published import release_of

    return release_of(trained, home)
