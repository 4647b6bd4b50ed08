"""The MuJoCo model: six blocks, the hand, a pusher, table and room. Looks are written into it later; one model does."""

from itertools import product

from pandora.worlds.tabletop.look import TEXTURE
from pandora.worlds.towers import COLOURS

SUBSTEPS = 32  # of physics, in an eighth of a second
STEP_SECONDS = 1 / 8 / SUBSTEPS
TABLE_HALF = (4.2, 2.75)
PUSHER_HALF = (0.3, 0.14, 0.3)
FAR_UP = 5000.0  # where blocks fall that a scene has not, for as long as anything moves
GRAVITY = 150.0  # block edges a second squared: blocks of 6.5 cm
DRAWN = 256  # pixels a side; twice the picture, which is shrunk from it


def block_geom(colour: str) -> str:
    return f"{colour}_skin"


def _vertices() -> str:
    """Of a block of edge 1 with bevelled edges."""
    corners = [
        tuple(s * (0.5 if i == axis else 0.435) for i, s in enumerate(signs))
        for axis in range(3)
        for signs in product((-1, 1), repeat=3)
    ]
    return " ".join(f"{value:g}" for corner in corners for value in corner)


def _blocks() -> str:
    return "".join(
        f"""<body name="{colour}" pos="{30 + 3 * i} 0 {FAR_UP}"><freejoint/>
        <geom class="solid" type="box" size="0.5 0.5 0.5" mass="1" rgba="0 0 0 0" group="3"/>
        <geom class="skin" name="{block_geom(colour)}" type="mesh" mesh="block" material="paint"/></body>"""
        for i, colour in enumerate(COLOURS)
    )


def _fingers() -> str:
    return "".join(
        f"""<body name="finger_{side}" mocap="true">
        <geom class="skin" type="box" size="0.09 0.16 0.62" pos="0 0 0.36" material="rubber"/>
        <geom class="skin" type="box" size="0.10 0.20 0.20" pos="0 0 0.9" material="steel"/></body>"""
        for side in ("left", "right")
    )


def _rim() -> str:
    """Low, but nothing gets over it: what leaves the picture is lost to the eye."""
    width, depth = TABLE_HALF
    return "".join(
        f"""<geom class="skin" type="box" size="{sx} {sy} 0.21" pos="{x} {y} 0" material="edge"/>
        <geom class="solid" type="box" size="{sx} {sy} 5" pos="{x} {y} 5" rgba="0 0 0 0" group="3"/>"""
        for x, y, sx, sy in (
            (-width, 0, 0.12, depth + 0.12),
            (width, 0, 0.12, depth + 0.12),
            (0, -depth, width + 0.12, 0.12),
            (0, depth, width + 0.12, 0.12),
        )
    )


def xml() -> str:
    """The model's source. Bodies named by colour have free joints; "hand", "finger_left" ... are moved by hand."""
    (width, depth), pusher = TABLE_HALF, " ".join(map(str, PUSHER_HALF))
    return f"""
<mujoco model="tabletop">
  <compiler angle="degree"/>
  <option timestep="{STEP_SECONDS}" gravity="0 0 {-GRAVITY}" iterations="30" cone="elliptic" impratio="3"/>
  <statistic center="0 0 1.5" extent="6.2"/>
  <visual>
    <quality shadowsize="512" offsamples="0" numslices="14" numstacks="6" numquads="1"/>
    <global offwidth="{DRAWN}" offheight="{DRAWN}" fovy="30"/>
    <map znear="1.15" zfar="4.6" shadowscale="0.3"/>
    <headlight ambient="0.3 0.3 0.3" diffuse="0.12 0.12 0.12" specular="0 0 0"/>
  </visual>
  <default>
    <default class="solid"><geom friction="0.42 0.01 0.001" solref="0.008 0.75" solimp="0.95 0.99 0.002"/></default>
    <default class="skin"><geom contype="0" conaffinity="0" mass="0"/></default>
  </default>
  <asset>
    <mesh name="block" vertex="{_vertices()}" inertia="shell"/>
    <texture name="top" type="2d" builtin="flat" width="{TEXTURE}" height="{TEXTURE}" rgb1="1 1 1"/>
    <material name="top" texture="top" specular="0.15" shininess="0.2"/>
    <material name="edge" specular="0.1" shininess="0.1"/>
    <material name="wall" specular="0" shininess="0"/>
    <material name="floor" specular="0.1" shininess="0.1"/>
    <material name="paint" specular="0.35" shininess="0.45"/>
    <material name="arm" specular="0.5" shininess="0.6"/>
    <material name="steel" rgba="0.24 0.25 0.28 1" specular="0.4" shininess="0.5"/>
    <material name="rubber" rgba="0.10 0.10 0.11 1" specular="0.2" shininess="0.2"/>
  </asset>
  <worldbody>
    <light name="sun" type="spot" castshadow="true" pos="0 0 16" dir="0 0 -1" ambient="0 0 0"
      specular="0.3 0.3 0.3" cutoff="80" exponent="0.5"/>
    <geom class="solid" type="plane" size="60 60 1" rgba="0 0 0 0" group="3" priority="1" friction="0.28 0.01 0.001"/>
    {_rim()}
    <geom class="skin" name="top" type="box" size="{width} {depth} 0.1" pos="0 0 -0.1" material="top"/>
    <geom class="skin" name="edge" type="box" size="{width} {depth} 0.14" pos="0 0 -0.15" material="edge"/>
    <geom class="skin" name="wall" type="box" size="40 0.1 20" pos="0 8.2 12" material="wall"/>
    <geom class="skin" name="board" type="box" size="40 0.15 0.35" pos="0 8.05 -5.65" material="edge"/>
    <geom class="skin" name="floor" type="box" size="40 40 0.1" pos="0 0 -6.1" material="floor"/>
    {_blocks()}
    <body name="hand" mocap="true">
      <geom class="skin" type="box" size="0.92 0.27 0.15" pos="0 0 1.2" material="steel"/>
      <geom class="skin" type="cylinder" size="0.34 0.22" pos="0 0 1.5" material="arm"/>
      <geom class="skin" type="capsule" size="0.27 5" pos="0 0 6.8" material="arm"/>
      <geom class="skin" type="cylinder" size="0.30 0.07" pos="0 0 2.1" material="steel"/>
    </body>
    {_fingers()}
    <body name="pusher" mocap="true" pos="0 0 40">
      <geom class="solid" type="box" size="{pusher}" rgba="0 0 0 0" group="3" friction="0.1 0.01 0.001"/>
    </body>
  </worldbody>
</mujoco>"""
