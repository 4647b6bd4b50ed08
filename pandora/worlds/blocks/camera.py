"""Where things are: the table's cells in world units (one block is one unit) and their perspective picture.

World axes: x right, y up, z away from the viewer; the origin lies on the table under the middle cell. The camera looks
down through a shifted lens, as architects' cameras do: what is upright stays upright, so towers don't lean.
"""

from math import cos, radians, sin

from pandora.worlds.blocks.state import COLUMNS, MIDDLE_ROW

Point = tuple[float, float, float]
Pixel = tuple[float, float]

SIZE = 128  # pixels
COLUMN_PITCH = 1.22
ROW_PITCH = 1.18
HOVER = 6.45  # height of the gripper's centre at rest: its tips clear a tower of six, a held block clears one of five

_ELEVATION = radians(31.0)
_DISTANCE = 20.0
_SCALE = 13.3  # pixels a unit at the origin
_CENTRE_X = SIZE / 2
_CENTRE_Y = 109.0  # where the origin appears
_SIN, _COS = sin(_ELEVATION), cos(_ELEVATION)
_FOCAL = _SCALE * _DISTANCE


def project(x: float, y: float, z: float, scale: float = 1.0) -> Pixel:
    """World point -> (u, v) in pixels of the 128x128 picture times `scale`; u right, v down."""
    depth = _FOCAL / (_DISTANCE + z * _COS)
    return (_CENTRE_X + x * depth) * scale, (_CENTRE_Y - (y * _COS + z * _SIN) * depth) * scale


def column_x(column: float) -> float:
    return (column - (COLUMNS - 1) / 2) * COLUMN_PITCH


def row_z(row: float) -> float:
    return (row - MIDDLE_ROW) * ROW_PITCH


def block_centre(column: int, row: int, level: int) -> Point:
    """Centre of the block at `level` (0 stands on the table) of the stack in that cell."""
    return column_x(column), level + 0.5, row_z(row)
