"""What the autoencoder sees that is in no world."""

import numpy as np
import pytest

from pandora.training import variety


@pytest.fixture
def film() -> variety.Film:
    """A grey film in which a white square moves."""
    film = np.full((5, 64, 48, 3), 90, np.uint8)
    for t in range(5):
        film[t, 10:20, 4 * t : 4 * t + 10] = 255
    return film


@pytest.mark.parametrize("way", [variety.recolour, variety.sprites, variety.leaves])
def test_each_way_gives_another_film_of_that_size(film: variety.Film, way) -> None:
    before = film.copy()
    made = way(film, np.random.default_rng(3))
    assert made.shape == film.shape
    assert made.dtype == np.uint8
    assert (made != film).any()
    assert (film == before).all(), "the film itself stays"
    assert (made == way(film, np.random.default_rng(3))).all(), "the same seed gives the same"


def test_recoloured_films_keep_their_shapes(film: variety.Film) -> None:
    made = variety.recolour(film, np.random.default_rng(0))
    square = (film == 255).all(-1)
    assert len(np.unique(made[square], axis=0)) == 1
    assert len(np.unique(made[~square], axis=0)) == 1


def test_sprites_cover_little_and_are_of_few_colours(film: variety.Film) -> None:
    for seed in range(20):
        made = variety.sprites(film, np.random.default_rng(seed))
        changed = (made != film).any(-1)
        assert 0 < changed.mean() < 0.7
        assert len(np.unique(made[changed], axis=0)) <= 8 * 4


def test_leaves_drift(film: variety.Film) -> None:
    films = [variety.leaves(film, np.random.default_rng(seed)) for seed in range(12)]
    moving = [(one[0] != one[-1]).any() for one in films]
    assert any(moving)
    assert not all(moving), "some stand still"
    assert all(len(np.unique(one[0].reshape(-1, 3), axis=0)) > 40 for one in films)


def test_about_a_share_of_the_windows_changes(film: variety.Film) -> None:
    films = np.stack([film] * 200)
    rng = np.random.default_rng(0)
    changed = (variety.vary(films, 0.3, rng) != films).any((1, 2, 3, 4))
    assert 0.2 < changed.mean() < 0.4
    assert (variety.vary(films, 0.0, rng) == films).all()
