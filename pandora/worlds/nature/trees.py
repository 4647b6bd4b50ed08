"""Trees: far woods, a few near ones, and the two great trunks that stand where the panorama ends."""

import numpy as np

from pandora.worlds.nature.noise import Array, noise, smooth
from pandora.worlds.nature.place import EYE, FOCAL, HORIZON, MARGIN, SCALE, SIZE, STEP, WIDTH, Place, Rgb
from pandora.worlds.nature.terrain import COLUMNS, ROWS, Canvas, azimuth, height


def foot(place: Place, column: float | Array, distance: float | Array) -> Array:
    """The large panorama's row where something at that column and distance stands on the land."""
    at = np.asarray(distance, np.float32)
    ground = np.maximum(height(place, azimuth(column), at), 0)
    return (HORIZON + FOCAL * (EYE - ground) / at) * SCALE


def plant(canvas: Canvas, place: Place) -> None:
    """Draws every tree, the far ones first."""
    rng = np.random.default_rng([place.seed, 0x73EE])
    _plant_far(canvas, place, rng)
    _plant_near(canvas, place, rng)
    _strew(canvas, place, rng)
    for column, side in ((MARGIN + 2.0, -1), (WIDTH - MARGIN - 2.0, 1)):
        _trunk(canvas, place, column, side, rng)


def _plant_far(canvas: Canvas, place: Place, rng: np.random.Generator) -> None:
    count = int(420 * place.forest)
    columns = rng.uniform(0, WIDTH, count).astype(np.float32)
    start = place.far * 0.65
    distances = (start * np.exp(rng.uniform(0, 1.6, count))).astype(np.float32)
    ground = height(place, azimuth(columns), distances)
    seed = place.seed % 4096
    wooded = noise(distances * np.sin(azimuth(columns)) / 40, distances / 40, seed + 31) < 0.25 + 0.6 * place.forest
    fits = (ground > 0.5) & (ground < place.snow_line * place.far) & wooded & (distances < 900)
    rows = foot(place, columns, distances)
    for i in np.argsort(-distances):
        size = float(rng.uniform(6, 11))
        pick, kind = rng.integers(len(place.leaves)), rng.random()
        if fits[i]:
            pine = kind < place.mixed or place.tree == "pine"
            colour = place.leaves[-1] if pine else place.leaves[pick]
            _draw(
                canvas,
                "pine" if pine else "round",
                float(columns[i]),
                float(rows[i]),
                float(distances[i]),
                size,
                colour,
                rng,
            )


def _plant_near(canvas: Canvas, place: Place, rng: np.random.Generator) -> None:
    """Up to five, at the sides: what stands in the clearing stays free."""
    for _ in range(int(rng.integers(1, 6))):
        left = rng.random() < 0.5
        column = float(rng.uniform(24, 52) if left else rng.uniform(WIDTH - 52, WIDTH - 24))
        distance, size = float(rng.uniform(9.5, place.shore - 0.8)), float(rng.uniform(3.2, 6.5))
        pine = rng.random() < place.mixed
        colour = place.leaves[rng.integers(len(place.leaves))]
        kind = "pine" if pine or place.tree == "pine" else place.tree
        colour = place.leaves[-1] if kind == "pine" else colour
        _draw(canvas, kind, column, float(foot(place, column, distance)), distance, size, colour, rng)


def _strew(canvas: Canvas, place: Place, rng: np.random.Generator) -> None:
    """Stones and bushes on the near ground, around the clearing."""
    found = []
    for _ in range(int(rng.integers(6, 22))):
        column, distance = float(rng.uniform(0, WIDTH)), float(rng.uniform(4.3, place.shore - 1.5))
        bush, size, pick = rng.random() < 0.6, float(rng.uniform(0.25, 0.7)), rng.integers(len(place.leaves))
        if not MARGIN + 2 * STEP < column < MARGIN + SIZE or distance > place.fire_distance + 2.5:
            found.append((distance, column, bush, size if distance > 6 else 0.6 * size, place.leaves[pick]))
    for distance, column, bush, size, leaf in sorted(found, reverse=True):
        row = float(foot(place, column, distance))
        _draw(canvas, "bush" if bush else "stone", column, row, distance, size, leaf if bush else place.rock, rng)


def _draw(
    canvas: Canvas,
    kind: str,
    column: float,
    row: float,
    distance: float,
    size: float,
    colour: Rgb,
    rng: np.random.Generator,
) -> None:
    tall = FOCAL * SCALE * size / distance
    wide = tall * {"pine": 0.26, "round": 0.42, "palm": 0.6, "bush": 0.75, "stone": 0.85}[kind]
    centre = column * SCALE
    top, bottom = int(row - tall) - 1, int(row) + 1
    left, right = int(centre - wide) - 1, int(centre + wide) + 2
    rows, columns = slice(max(0, top), min(ROWS, bottom)), slice(max(0, left), min(COLUMNS, right))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    v = ((np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5 - (row - tall)) / tall)[:, None]
    u = ((np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5 - centre) / wide)[None]
    seed = int(rng.integers(4096))
    rough = noise(u * tall / 7 + 50, v * tall / 5, seed)
    crown, trunk, shade, lift = {"pine": _pine, "round": _round, "palm": _palm, "bush": _bush, "stone": _stone}[kind](
        u, v, rough, seed
    )
    mask = (crown | trunk) & (canvas.depth[rows, columns] > distance)
    leaf = np.asarray(colour, np.float32) * shade[..., None]
    bark = np.array([0.30, 0.22, 0.16], np.float32) * (0.8 + 0.4 * rough[..., None])
    albedo = np.where(crown[..., None], leaf, bark)
    normal = np.stack(np.broadcast_arrays(np.clip(u, -1, 1) * 0.8, lift, -np.float32(0.6)), -1)
    normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    _put(canvas, (rows, columns), mask, distance, albedo, normal, np.where(crown, 0.75 * smooth(lift, -0.1, 0.6), 0.1))


def _put(
    canvas: Canvas, at: tuple[slice, slice], mask: Array, distance: float, albedo: Array, normal: Array, snow: Array
):
    canvas.depth[at][mask] = distance
    canvas.albedo[at][mask] = albedo[mask]
    canvas.normal[at][mask] = normal[mask]
    canvas.snow[at][mask] = snow[mask]
    canvas.water[at][mask] = False


def _pine(u: Array, v: Array, rough: Array, seed: int) -> tuple[Array, Array, Array, Array]:
    layers = (v * 6.5 + 0.2 * rough) % 1
    profile = (0.04 + 0.96 * np.clip(v / 0.92, 0, 1)) * (0.55 + 0.45 * layers) * (0.75 + 0.45 * rough)
    crown = (np.abs(u) < profile) & (v < 0.92)
    trunk = (np.abs(u) < 0.09) & (v > 0.9)
    shade = (0.7 + 0.45 * layers) * (0.75 + 0.5 * rough)
    return crown, trunk, shade, np.broadcast_to(0.1 + 0.8 * layers, crown.shape)


def _round(u: Array, v: Array, rough: Array, seed: int) -> tuple[Array, Array, Array, Array]:
    rng = np.random.default_rng(seed)
    crown = np.zeros(np.broadcast(u, v).shape, bool)
    lift = np.zeros(crown.shape, np.float32)
    for _ in range(6):
        x, y, r = rng.uniform(-0.5, 0.5), rng.uniform(0.22, 0.52), rng.uniform(0.24, 0.4)
        inside = ((u - x) / r / 1.35) ** 2 + ((v - y) / r * 1.35) ** 2 < 0.75 + 0.5 * rough
        crown |= inside
        lift = np.where(inside, np.clip(0.35 - (v - y) / r * 0.8, -0.4, 0.9), lift)
    trunk = (np.abs(u + 0.05 * (v - 0.7)) < 0.075) & (v > 0.4)
    shade = (0.72 + 0.55 * rough) * (0.85 + 0.25 * lift)
    return crown, trunk, shade, lift


def _bush(u: Array, v: Array, rough: Array, seed: int) -> tuple[Array, Array, Array, Array]:
    crown = u**2 + ((v - 1) * 0.95) ** 2 < 0.45 + 0.7 * rough
    lift = np.broadcast_to(np.clip(0.9 - v, -0.2, 0.9), crown.shape)
    return crown, np.zeros_like(crown), (0.65 + 0.6 * rough) * (1.1 - 0.35 * v), lift


def _stone(u: Array, v: Array, rough: Array, seed: int) -> tuple[Array, Array, Array, Array]:
    crown = u**2 + (((v - 0.75) * 1.3) / (0.75 + 0.3 * u)) ** 2 < 0.55 + 0.3 * rough
    lift = np.broadcast_to(np.clip(1.0 - 1.3 * v, -0.5, 0.9), crown.shape)
    return crown, np.zeros_like(crown), 0.85 + 0.3 * rough, lift


def _palm(u: Array, v: Array, rough: Array, seed: int) -> tuple[Array, Array, Array, Array]:
    rng = np.random.default_rng(seed)
    lean = rng.uniform(-0.35, 0.35)
    trunk = (np.abs(u - lean * np.clip(1 - v, 0, 1) ** 1.5) < 0.045 + 0.03 * v) & (v > 0.24)
    crown = np.zeros(trunk.shape, bool)
    head = lean * 0.76**1.5
    for angle in np.linspace(-1, 1, 7) + rng.normal(0, 0.08, 7):
        reach = 0.62 * np.sign(angle) * (0.45 + 0.55 * abs(angle)) if abs(angle) > 0.05 else 0.2
        along = (u - head) / reach
        arc = (
            0.24
            - 0.2 * (1 - abs(angle)) * along
            + 0.03 * along
            + 0.26 * along**2 * (0.4 + 0.6 * abs(angle))
            - 0.14 * along * (1 - along)
        )
        crown |= (along > 0) & (along < 1) & (np.abs(v - arc) < 0.028 * (1.4 - along) * (0.6 + 0.9 * rough))
    return crown, trunk & ~crown, 0.7 + 0.6 * rough, np.broadcast_to(np.float32(0.5), crown.shape)


def _trunk(canvas: Canvas, place: Place, column: float, side: int, rng: np.random.Generator) -> None:
    """A trunk from bottom to top with a bough above: who sees it looks as far as one can."""
    rows = slice(0, ROWS)
    at = slice(0, 50 * SCALE) if side < 0 else slice(COLUMNS - 50 * SCALE, COLUMNS)
    y = (np.arange(ROWS, dtype=np.float32)[:, None] + 0.5) / SCALE
    x = (np.arange(at.start, at.stop, dtype=np.float32)[None] + 0.5) / SCALE
    seed = int(rng.integers(4096))
    inward = (x - column) * -side  # pixels from the trunk's middle towards the panorama's middle
    grain = noise(x * 1.1, y * 0.14, seed)
    wide = 6.0 + 0.00035 * (y - 20) ** 2 + 1.2 * noise(y * 0.05, 0 * y, seed + 1)
    trunk = np.abs(inward) < wide
    ragged = noise(x * 0.22, y * 0.22, seed + 2) + 0.6 * noise(x * 0.6, y * 0.6, seed + 3)
    reach = np.clip(1 - inward / 30, 0, 1)
    leaves = ragged > 0.52 + smooth(y, 6, 26) * 1.2 + (1 - reach) * 0.9
    leaves &= inward > -22
    if place.tree == "palm":
        leaves &= ragged > 0.8
    bark = np.array([0.27, 0.20, 0.15], np.float32) * (0.6 + 0.8 * grain[..., None])
    leaf = np.asarray(place.leaves[0] if place.tree != "pine" else place.leaves[-1], np.float32) * (
        0.5 + 0.5 * ragged[..., None]
    )
    mask = trunk | leaves
    lean = np.clip(inward / wide, -1, 1)
    normal = np.stack([-side * lean, 0 * lean + 0.2, -np.sqrt(1.05 - lean**2)], -1)
    normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    albedo = np.where(leaves[..., None], leaf, bark)
    _put(canvas, (rows, at), mask, 4.0, albedo, normal, np.where(leaves, 0.25, 0.06 + 0 * x))
