"""The tile sets: their colours, and what grows, glows and lies about in them."""

from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """`skies`: choices of (top, bottom); `layers`: far to near; `body` and `cap`: dark, middle, light.

    `texture`, `edge` and `ladder` name how ground, its upper edge and ladders are drawn; `scenery` what stands far off,
    `decor` what stands on the ground.
    """

    skies: tuple[tuple[Colour, Colour], ...]
    layers: tuple[Colour, ...]
    body: tuple[Colour, Colour, Colour]
    cap: tuple[Colour, Colour, Colour]
    ladder: tuple[Colour, Colour]
    liquid: tuple[Colour, Colour]
    texture: str
    edge: str
    rungs: str
    scenery: tuple[str, ...]
    decor: tuple[str, ...]


PALETTES = {
    "meadow": Palette(
        skies=(
            ((92, 180, 248), (206, 240, 255)), ((118, 168, 240), (255, 226, 206)),
            ((70, 156, 220), (190, 236, 220)),
        ),
        layers=((150, 200, 226), (120, 190, 160), (96, 170, 112)),
        body=((104, 66, 44), (146, 96, 58), (178, 126, 78)),
        cap=((44, 132, 52), (84, 188, 64), (152, 228, 92)),
        ladder=((122, 74, 38), (206, 148, 84)), liquid=((40, 110, 210), (140, 210, 255)),
        texture="dirt", edge="grass", rungs="ladder", scenery=("sun", "clouds", "mountains", "hills"),
        decor=("grass", "flower", "bush"),
    ),
    "forest": Palette(
        skies=(
            ((44, 92, 96), (168, 206, 160)), ((62, 70, 110), (222, 178, 140)),
            ((30, 66, 88), (130, 186, 160)),
        ),
        layers=((100, 150, 130), (64, 116, 104), (40, 86, 80)),
        body=((66, 48, 46), (100, 72, 58), (132, 98, 70)),
        cap=((30, 94, 60), (60, 140, 66), (118, 182, 76)),
        ladder=((40, 110, 48), (112, 190, 70)), liquid=((36, 96, 110), (120, 200, 180)),
        texture="dirt", edge="grass", rungs="vine", scenery=("clouds", "pines", "trunks"),
        decor=("grass", "mushroom", "fern"),
    ),
    "desert": Palette(
        skies=(
            ((92, 190, 230), (255, 236, 186)), ((230, 130, 100), (255, 220, 150)),
            ((110, 96, 170), (255, 176, 130)),
        ),
        layers=((240, 204, 146), (226, 178, 112), (206, 150, 88)),
        body=((160, 98, 58), (206, 144, 82), (230, 178, 110)),
        cap=((206, 150, 84), (244, 206, 132), (255, 236, 176)),
        ladder=((150, 100, 60), (236, 202, 140)), liquid=((104, 58, 30), (190, 124, 66)),
        texture="strata", edge="sand", rungs="rope", scenery=("sun", "pyramids", "hills"),
        decor=("cactus", "bone", "pebble"),
    ),
    "ice": Palette(
        skies=(
            ((22, 34, 84), (110, 190, 220)), ((96, 150, 216), (232, 246, 255)),
            ((60, 50, 120), (190, 170, 230)),
        ),
        layers=((150, 190, 226), (176, 212, 238), (206, 230, 248)),
        body=((66, 124, 190), (110, 176, 226), (178, 224, 250)),
        cap=((168, 204, 238), (236, 248, 255), (255, 255, 255)),
        ladder=((96, 130, 180), (214, 236, 250)), liquid=((24, 66, 130), (120, 190, 240)),
        texture="ice", edge="snow", rungs="ladder", scenery=("stars", "aurora", "mountains"),
        decor=("icicle", "snowpine", "pebble"),
    ),
    "cave": Palette(
        skies=(
            ((24, 20, 44), (66, 52, 92)), ((18, 30, 46), (40, 84, 100)),
            ((36, 18, 36), (96, 54, 74)),
        ),
        layers=((58, 48, 84), (48, 40, 72), (40, 32, 60)),
        body=((70, 62, 88), (104, 94, 122), (142, 130, 156)),
        cap=((92, 84, 116), (150, 140, 172), (196, 188, 212)),
        ladder=((98, 62, 40), (178, 124, 74)), liquid=((30, 130, 110), (130, 255, 200)),
        texture="stone", edge="rim", rungs="ladder", scenery=("stalactites", "crystals"),
        decor=("crystal", "glowshroom", "pebble"),
    ),
    "castle": Palette(
        skies=(
            ((70, 56, 84), (112, 92, 112)), ((52, 62, 92), (88, 104, 130)),
            ((86, 58, 62), (128, 96, 88)),
        ),
        layers=((96, 82, 108), (80, 66, 92), (66, 54, 78)),
        body=((84, 84, 104), (128, 128, 148), (168, 168, 184)),
        cap=((110, 110, 132), (176, 176, 194), (220, 220, 232)),
        ladder=((70, 70, 84), (170, 174, 190)), liquid=((190, 50, 20), (255, 190, 60)),
        texture="brick", edge="rim", rungs="chain", scenery=("wall", "windows"),
        decor=("torch", "banner", "pebble"),
    ),
    "candy": Palette(
        skies=(
            ((255, 176, 214), (255, 240, 226)), ((178, 206, 255), (255, 226, 244)),
            ((206, 176, 255), (255, 222, 206)),
        ),
        layers=((255, 206, 226), (246, 180, 216), (226, 160, 214)),
        body=((140, 78, 62), (186, 114, 78), (222, 158, 106)),
        cap=((236, 110, 170), (255, 166, 208), (255, 222, 240)),
        ladder=((206, 40, 76), (255, 244, 246)), liquid=((112, 56, 40), (196, 120, 80)),
        texture="cake", edge="icing", rungs="cane", scenery=("clouds", "lollipops", "hills"),
        decor=("candy", "lolly", "sprinkle"),
    ),
    "rooftops": Palette(
        skies=(
            ((22, 22, 62), (126, 72, 130)), ((34, 24, 54), (226, 110, 96)),
            ((12, 22, 50), (44, 92, 130)),
        ),
        layers=((70, 56, 106), (50, 42, 84), (34, 30, 62)),
        body=((88, 44, 52), (134, 68, 66), (170, 96, 84)),
        cap=((56, 60, 84), (98, 106, 136), (158, 168, 196)),
        ladder=((62, 66, 88), (150, 160, 186)), liquid=((44, 22, 64), (150, 80, 190)),
        texture="brick", edge="rim", rungs="ladder", scenery=("stars", "moon", "skyline"),
        decor=("antenna", "chimney", "lamp"),
    ),
    "volcano": Palette(
        skies=(
            ((50, 16, 30), (206, 74, 36)), ((30, 20, 40), (150, 50, 60)),
            ((70, 30, 20), (240, 140, 60)),
        ),
        layers=((110, 40, 40), (84, 30, 38), (58, 24, 34)),
        body=((46, 38, 48), (78, 66, 74), (112, 98, 100)),
        cap=((150, 46, 22), (232, 96, 32), (255, 176, 70)),
        ladder=((70, 60, 66), (150, 140, 140)), liquid=((220, 60, 10), (255, 226, 90)),
        texture="stone", edge="drip", rungs="chain", scenery=("volcano", "embers", "hills"),
        decor=("ember", "pebble", "bone"),
    ),
    "reef": Palette(
        skies=(
            ((40, 160, 206), (10, 60, 122)), ((30, 130, 170), (14, 44, 96)),
            ((70, 180, 190), (16, 80, 120)),
        ),
        layers=((30, 110, 160), (24, 90, 140), (16, 70, 116)),
        body=((140, 96, 110), (190, 140, 138), (226, 186, 166)),
        cap=((220, 180, 130), (248, 222, 170), (255, 244, 210)),
        ladder=((30, 120, 70), (110, 206, 100)), liquid=((12, 16, 50), (60, 50, 130)),
        texture="stone", edge="sand", rungs="kelp", scenery=("rays", "fish", "hills", "bubbles"),
        decor=("coral", "anemone", "starfish"),
    ),
}  # fmt: skip
