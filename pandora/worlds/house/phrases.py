"""The phrasings of the house world, in the notation of `pandora.worlds.wording`."""

from pandora.worlds.wording import Phrasings, Words

# fmt: off

PHRASES: dict[str, Phrasings] = {
    "walk_forward": Phrasings(
        (
            "walk forward", "walk [straight|] ahead", "go forward", "go straight [ahead|on]", "move forward [a little|a bit|]",
            "take a step forward", "take one step [ahead|forwards]", "step forward", "keep walking", "walk on", "continue straight on",
            "move ahead", "advance [a step|]", "go one step further", "go on walking", "walk a bit further", "head straight on",
            "forward", "straight ahead", "~[you|we|I] walk forward", "~[you|we|I] take a step forward", "~the camera moves forward",
            "~the camera glides ahead", "~the viewer walks [straight on|on|ahead]", "~someone walks [on|forward]",
            "~[we|you] move further into the room", "go a little further in", "carry on in this direction",
        ),
        ("march on", "proceed straight ahead", "~the view pushes forward", "press onward", "put one foot before the other",
         "~we stroll ahead", "go deeper in"),
    ),
    "walk_back": Phrasings(
        (
            "walk back", "walk backwards", "go back [a step|a little|]", "go backwards", "take a step back", "step back[wards|]",
            "take one step back[wards|]", "back up [a bit|a little|]", "move back[wards|]", "back away", "retreat [a step|]",
            "move away without turning", "back", "backwards", "walk back without turning around",
            "~[you|we|I] walk backwards", "~[you|we|I] take a step back", "~the camera moves back[wards|]", "~the camera pulls back",
            "~the viewer steps back", "~someone walks backwards",
        ),
        ("fall back a pace", "~the view draws back", "give ground", "get a bit more distance", "reverse one step", "~we edge backwards"),
    ),
    "turn_left": Phrasings(
        (
            "turn left", "turn to the left", "turn [a bit|a little|slightly|] to your left", "look left", "look to the left", "go left",
            "face left", "rotate left", "rotate to the left", "swing [round|around] to the left", "pan left", "pan to the left",
            "turn your head [left|to the left]", "left", "make a left", "take a left", "see what is on the left",
            "turn counterclockwise", "turn anticlockwise", "~[you|we|I] turn [left|to the left]", "~the camera turns left",
            "~the camera pans to the left", "~the viewer [turns|looks] to the left", "~the view swings to the left",
            "show [me|us] what is on the left",
        ),
        ("veer left", "~the gaze wanders left", "hang a left", "peek to the left", "turn leftwards", "~we pivot to the left"),
    ),
    "turn_right": Phrasings(
        (
            "turn right", "turn to the right", "turn [a bit|a little|slightly|] to your right", "look right", "look to the right", "go right",
            "face right", "rotate right", "rotate to the right", "swing [round|around] to the right", "pan right", "pan to the right",
            "turn your head [right|to the right]", "right", "make a right", "take a right", "see what is on the right",
            "turn clockwise", "~[you|we|I] turn [right|to the right]", "~the camera turns right",
            "~the camera pans to the right", "~the viewer [turns|looks] to the right", "~the view swings to the right",
            "show [me|us] what is on the right",
        ),
        ("veer right", "~the gaze wanders right", "hang a right", "peek to the right", "turn rightwards", "~we pivot to the right"),
    ),
    "turn_around": Phrasings(
        (
            "turn around", "turn round", "turn all the way around", "turn back", "look behind [you|us|me]", "look back",
            "face the other way", "spin around", "spin round", "make an about-turn", "do a half turn", "turn half a circle",
            "turn by 180 degrees", "do a 180", "see what is behind [you|us]", "show [me|us] what is behind [you|us|me]",
            "turn to face the opposite direction", "look the other way", "look over your shoulder",
            "~[you|we|I] turn around", "~the camera turns around", "~the camera spins round", "~the viewer [turns round|looks back]",
            "~the view swings round to the other side",
        ),
        ("do an about-face", "wheel about", "~everything behind us comes into view", "reverse your direction of view", "~we whirl around",
         "turn to where you came from"),
    ),
    "look_at": Phrasings(
        (
            "look at the {thing}", "look towards the {thing}", "turn to the {thing}", "turn towards the {thing}", "face the {thing}",
            "turn to face the {thing}", "have a look at the {thing}", "take a look at the {thing}", "show me the {thing}",
            "point the camera at the {thing}", "bring the {thing} into the middle", "centre the view on the {thing}",
            "let me see the {thing}", "watch the {thing}", "eyes on the {thing}", "~[you|we|I] look at the {thing}",
            "~the camera turns to the {thing}", "~the camera points at the {thing}", "~the viewer [faces|looks at] the {thing}",
            "~the {thing} comes into the middle of the picture",
        ),
        ("inspect the {thing}", "aim your eyes at the {thing}", "~the gaze falls on the {thing}", "give the {thing} a look",
         "keep the {thing} straight ahead", "~the {thing} is what we look at"),
    ),
    "go_to": Phrasings(
        (
            "go to the {thing}", "go [over|up] to the {thing}", "walk to the {thing}", "walk towards the {thing}", "walk over to the {thing}",
            "head for the {thing}", "head to the {thing}", "head towards the {thing}", "approach the {thing}",
            "move towards the {thing}", "move closer to the {thing}", "get closer to the {thing}", "go nearer to the {thing}",
            "come closer to the {thing}", "step up to the {thing}", "make your way to the {thing}", "go where the {thing} is",
            "~[you|we|I] walk towards the {thing}", "~[you|we|I] head for the {thing}", "~the camera moves towards the {thing}",
            "~the viewer [walks over to|approaches] the {thing}", "~the {thing} gets closer",
        ),
        ("set off for the {thing}", "make for the {thing}", "~our steps lead to the {thing}", "wander over to the {thing}",
         "~the {thing} draws near", "close in on the {thing}"),
    ),
    "open_door": Phrasings(
        (
            "open the door", "open that door", "open up the door", "slide the door open", "slide open the door", "pull the door open",
            "push the door open", "push the door aside", "get the door open", "open the [sliding|nearest|next|closed] door", "let the door slide open",
            "see what is behind the door", "show me what is behind the door", "open it up", "door open",
            "~the door opens", "~the door slides open", "~the door slides [aside|into the wall]", "~someone opens the door",
            "~[you|we|I] open the door", "~a door opens [in front of us|]",
        ),
        ("unlock and open the door", "let the door stand open", "~the door gives way", "move the door out of the way",
         "~the doorway is cleared", "reveal the room behind the door"),
    ),
    "close_door": Phrasings(
        (
            "close the door", "close that door", "shut the door", "slide the door shut", "slide the door closed", "pull the door shut",
            "push the door shut", "pull the door closed", "close the [sliding|nearest|next|open] door", "shut that door [behind us|]",
            "let the door slide shut", "get the door closed", "close it up", "door closed", "close up the doorway",
            "~the door closes", "~the door slides shut", "~the door shuts", "~someone [closes|shuts] the door",
            "~[you|we|I] [close|shut] the door", "~the door slides out of the wall",
        ),
        ("keep the draught out with the door", "let the door fall shut", "~the doorway is barred", "draw the door across",
         "~the next room disappears behind the door", "seal the doorway"),
    ),
    "light_on": Phrasings(
        (
            "turn on the [light|lights|lamp|lamps]", "turn the [light|lights|lamp] on", "switch on the [light|lights|lamp]",
            "switch the [light|lights|lamp] on", "put the light on", "light the [room|house]", "brighten the room", "make it bright in here",
            "make it light in here", "light on", "lights on", "lamp on", "let there be light", "press the light switch to on",
            "~the [light|lamp] comes on", "~the lights come on", "~the light goes on", "~someone switches on the light",
            "~it [gets|becomes] bright in here", "~the room [lights up|brightens]", "~it's too dark in here, turn on the light",
        ),
        ("illuminate the room", "~the bulbs start to shine", "give us some light", "end the darkness", "~the lamps flare up", "power up the lamps"),
    ),
    "light_off": Phrasings(
        (
            "turn off the [light|lights|lamp|lamps]", "turn the [light|lights|lamp] off", "switch off the [light|lights|lamp]",
            "switch the [light|lights|lamp] off", "put out the light", "put the lights out", "darken the room",
            "make it dark in here", "light off", "lights off", "lights out", "lamp off", "press the light switch to off",
            "~the [light|lamp] goes off", "~the lights go out", "~the light goes out", "~someone switches off the light",
            "~it [gets|becomes] dark in here", "~the room [darkens|goes dark]", "~it's too bright in here, turn off the light",
        ),
        ("extinguish the lamps", "~the bulbs stop shining", "kill the lights", "end the brightness", "~the lamps die down", "cut the lighting"),
    ),
    "wait": Phrasings(
        (
            "wait [a moment|a little|a second|]", "stay where you are", "stay here", "stand still", "stay still", "do nothing", "do not move",
            "don't move", "hold on", "hold still", "pause", "stay put", "remain where you are", "stop here", "keep still [for a moment|]",
            "rest a moment", "wait and see", "let a moment pass", "~nothing happens", "~nothing moves", "~[you|we|I] stand still",
            "~[you|we|I] wait", "~everything stays as it is", "~the viewer waits", "~the camera [stays|rests] where it is",
        ),
        ("freeze", "bide your time", "~time passes", "~not a thing stirs", "keep your place", "take a short break"),
    ),
}  # fmt: skip

_THINGS: dict[str, Words] = {
    "sofa": Words(("sofa", "couch"), ("settee",)),
    "armchair": Words(("armchair", "easy chair"), ("cosy chair",)),
    "television": Words(("television", "TV", "TV set"), ("telly",)),
    "table": Words(("round table", "coffee table", "little table"), ("side table",)),
    "dining_table": Words(("dining table", "big table", "table with the chairs"), ("dinner table",)),
    "piano": Words(("piano",), ("upright piano",)),
    "bookshelf": Words(("bookshelf", "bookcase", "books"), ("book rack",)),
    "fireplace": Words(("fireplace", "fire"), ("hearth",)),
    "plant": Words(("plant", "potted plant"), ("greenery",)),
    "floor_lamp": Words(("floor lamp", "standing lamp"), ("standard lamp",)),
    "bed": Words(("bed",), ("double bed",)),
    "wardrobe": Words(("wardrobe", "closet"), ("clothes cupboard",)),
    "dresser": Words(("dresser", "chest of drawers"), ("drawers",)),
    "stove": Words(("stove", "cooker", "oven"), ("kitchen range",)),
    "fridge": Words(("fridge", "refrigerator"), ("icebox",)),
    "sink": Words(("sink", "kitchen sink"), ("kitchen tap",)),
    "bathtub": Words(("bathtub", "tub", "bath"), ("bathing tub",)),
    "toilet": Words(("toilet", "loo"), ("lavatory",)),
    "washbasin": Words(("washbasin", "mirror"), ("wash-hand basin",)),
    "desk": Words(("desk", "computer", "writing desk"), ("workplace",)),
    "clock": Words(("clock", "grandfather clock"), ("tall clock",)),
    "coat_rack": Words(("coat rack", "coat stand", "coats"), ("clothes stand",)),
    "bench": Words(("bench",), ("padded bench",)),
    "toy_chest": Words(("toy chest", "toy box", "toys"), ("chest of toys",)),
    "play_tent": Words(("play tent", "tent", "tepee"), ("wigwam",)),
}
_COLOURS: dict[str, tuple[str, str]] = {
    "red": ("red", "scarlet"), "blue": ("blue", "azure"), "green": ("green", "emerald"), "yellow": ("yellow", "golden"),
    "orange": ("orange", "tangerine"), "purple": ("purple", "violet"), "pink": ("pink", "rose-coloured"), "white": ("white", "snow-white"),
}
_SHAPES: dict[str, tuple[tuple[str, ...], str]] = {
    "ball": (("{} ball", "{} sphere", "big {} ball"), "{} globe"),
    "box": (("{} box", "{} crate", "big {} box"), "{} chest"),
}
_LANDMARKS = {
    f"{colour}_{shape}": Words(tuple(name.format(usual) for name in names), (rare.format(usual), names[0].format(unusual)))
    for colour, (usual, unusual) in _COLOURS.items()
    for shape, (names, rare) in _SHAPES.items()
}
WORDS: dict[str, Words] = {**_THINGS, **_LANDMARKS}
