"""English for the tabletop: templates by verb, in the notation of `pandora.worlds.wording`.

Names with a suffix are further ways to say a verb that fit some scenes only: "_it" speaks of the block in the hand,
"_off" names the block below, "knock" is a push from a tower. Setting down is never called dropping here: a block that
is dropped falls.
"""

from pandora.worlds.wording import Phrasings, Words

PHRASINGS: dict[str, Phrasings] = {
    "pick_up": Phrasings(
        (
            "pick up {a}", "pick {a} up", "grab {a}", "lift {a}", "take {a}", "lift {a} [up|] off whatever it stands on",
            "[raise|fetch|seize|grasp|get] {a}", "take hold of {a} and lift it", "use the [gripper|hand|arm] to lift {a}",
            "close the [fingers|gripper] around {a} and raise it", "reach down and [grab|take] {a}", "lift {a} into the air",
            "go and get {a}", "bring {a} up", "hold {a} up in the air", "[grip|clutch] {a} and go up",
            "~{a} goes up", "~{a} is [lifted|picked up|raised]", "~{a} ends up in the [hand|gripper]",
            "~the [gripper|hand|robot] [picks up|grabs|lifts|takes] {a}", "~the arm comes down and takes {a}",
            "~{a} [rises|is carried up] into the air", "~{a} up", "~{a} hangs in the hand",
            "~the fingers close around {a} and lift it", "~up with {a}",
        ),
        (
            "hoist {a}", "scoop up {a}", "get a grip on {a} and raise it", "pluck {a} from its place",
            "~{a} leaves its place and hangs in the air", "~up goes {a}", "~the claw has {a} now",
        ),
    ),
    "pick_up_off": Phrasings(
        (
            "take {a} off {b}", "lift {a} off {b}", "pick {a} up from {b}", "pick up {a} from {b}", "remove {a} from {b}",
            "unstack {a} from {b}", "grab {a} from on top of {b}", "get {a} off [the top of|] {b}", "raise {a} from {b}",
            "clear {b} by taking {a} off", "free {b}: take {a} away", "~{a} is lifted off {b}", "~{a} comes off {b}",
            "~the [gripper|hand|robot] takes {a} off {b}", "~{a} leaves {b} and goes up", "~{a} off {b}",
        ),
        (
            "hoist {a} off {b}", "separate {a} from {b}", "relieve {b} of {a}", "~off {b} comes {a}",
            "pluck {a} from {b}",
        ),
    ),
    "put_down": Phrasings(
        (
            "put down {a}", "put {a} down", "put {a} on the table", "set {a} down", "set {a} on the table", "lower {a}",
            "place {a} on the table", "lay {a} down [gently|]", "lower {a} [to|onto] the table", "set down {a}",
            "put {a} back on the table", "return {a} to the table", "bring {a} down and leave it on the table",
            "find a free spot for {a} [on the table|]", "gently put {a} down", "[stand|rest|leave] {a} on the table",
            "~{a} is [put|set|placed] on the table", "~{a} goes [back |]down to the table", "~{a} stands on the table again",
            "~the [gripper|hand|robot] sets {a} down [on the table|]", "~the arm lowers {a} to the table",
            "~{a} down", "~{a} [on|to] the table", "~{a} is lowered onto the table", "~the table gets {a} back",
        ),
        (
            "deposit {a} on the table", "park {a} on the table", "ease {a} down", "find a place on the table for {a}",
            "~{a} comes to rest on the table", "~down to the table with {a}",
        ),
    ),
    "put_down_it": Phrasings(
        (
            "put it down", "set it down", "put it on the table", "place it on the table", "lower it to the table",
            "lay it down", "put the block down", "set the block on the table", "put down what you are holding",
            "put it back on the table", "set it on the table gently", "empty the hand onto the table", "lower the block",
            "~it goes down to the table", "~the block is set down", "~down to the table", "~the gripper sets it down",
        ),
        (
            "deposit it on the table", "park it somewhere on the table", "ease it down", "unload onto the table",
            "~it comes to rest on the table",
        ),
    ),
    "stack": Phrasings(
        (
            "stack {a} on {b}", "put {a} on {b}", "place {a} on {b}", "set {a} on {b}", "put {a} on top of {b}",
            "place {a} on top of {b}", "stack {a} on top of {b}", "set {a} down on {b}", "move {a} onto {b}",
            "lay {a} on {b}", "put {a} over {b} and lower it", "build a tower with {a} on {b}", "balance {a} on {b}",
            "carry {a} to {b} and set it on top", "top {b} with {a}", "lower {a} onto {b}", "let {a} stand on {b}",
            "~{a} [goes|is set|is placed|is put] on {b}", "~{a} goes on top of {b}", "~{a} ends up on {b}",
            "~the [gripper|hand|robot] [stacks|puts|sets] {a} on {b}", "~{a} stands on {b}", "~{a} on {b}",
            "~{b} gets {a} on top", "~{b} carries {a}", "~{a} on top of {b}", "use {b} as the base for {a}",
        ),
        (
            "crown {b} with {a}", "perch {a} on {b}", "pile {a} on {b}", "position {a} above {b} and set it there",
            "~on {b} goes {a}", "~{a} finds its place on {b}",
        ),
    ),
    "stack_it": Phrasings(
        (
            "put it on {b}", "stack it on {b}", "place it on {b}", "set it on {b}", "put it on top of {b}",
            "place it on top of {b}", "set it down on {b}", "lower it onto {b}", "balance it on {b}",
            "stack what you hold on {b}", "put the block on {b}", "move it onto {b}", "carry it to {b} and set it on top",
            "~it goes on {b}", "~it goes on top of {b}", "~on top of {b}", "~the gripper sets it on {b}",
            "~{b} gets it on top",
        ),
        (
            "perch it on {b}", "pile it on {b}", "crown {b} with it", "~it finds its place on {b}", "leave it on {b}",
        ),
    ),
    "drop": Phrasings(
        (
            "drop {a}", "let {a} fall", "drop {a} from up there", "let go of {a}", "let {a} drop", "drop {a} right here",
            "drop {a} from where it is", "release {a} in mid-air", "open the [gripper|fingers|hand] and let {a} fall",
            "let {a} go without lowering it", "let go of {a} up in the air", "drop {a} from high up", "just let {a} fall",
            "let {a} slip", "drop {a} straight down", "lose your grip on {a}", "let {a} crash down",
            "~{a} [falls|drops]", "~{a} falls [down|from the hand|from above|out of the gripper]", "~{a} is dropped",
            "~the [gripper|hand|robot] [drops|loses|lets go of] {a}", "~{a} slips out of the fingers",
            "~the fingers open and {a} falls", "~{a} comes crashing down", "~{a} plunges", "~drop: {a}",
        ),
        (
            "let {a} plummet", "release {a} from this height", "fumble {a}", "~{a} tumbles from the fingers",
            "~gravity takes {a}", "~down falls {a}",
        ),
    ),
    "drop_it": Phrasings(
        (
            "drop it", "let it fall", "let go", "let it drop", "let go of it", "drop the block", "let the block fall",
            "open the gripper", "open the fingers and let it fall", "drop what you are holding", "drop it from up there",
            "release it in mid-air", "let it slip", "just let go", "~it falls", "~the block falls", "~it is dropped",
            "~it slips out of the fingers", "~the gripper loses it", "~the gripper opens", "~the fingers open and it falls",
        ),
        (
            "let it plummet", "fumble it", "release it from this height", "~gravity takes it", "~down it falls",
        ),
    ),
    "push": Phrasings(
        (
            "push {a} {way}", "shove {a} {way}", "move {a} {way}", "slide {a} {way}", "nudge {a} {way}", "push {a} a bit {way}",
            "give {a} a push {way}", "give {a} a shove {way}", "shift {a} {way}", "push {a} one step {way}",
            "shove {a} further {way}", "slide {a} over the table {way}", "close the gripper and push {a} {way}",
            "put the closed fingers behind {a} and push {way}", "use the [arm|hand|gripper] to push {a} {way}",
            "make {a} move {way}", "get {a} to slide {way}", "slide {a} a step {way}",
            "~{a} [moves|slides|goes|is pushed|is shoved|gets pushed] {way}", "~{a} {way}",
            "~the [gripper|hand|robot|arm] [pushes|shoves|slides|moves|nudges] {a} {way}", "~{a} is moved a little {way}",
            "~{a} slides one step {way}", "push {way}: {a}",
        ),
        (
            "propel {a} {way}", "displace {a} {way}", "scoot {a} {way}", "press against {a} until it slides {way}",
            "~{a} gets a shove {way}", "~{a} is driven {way}",
        ),
    ),
    "knock": Phrasings(
        (
            "knock {a} off {way}", "push {a} off the tower {way}", "shove {a} off its tower {way}", "push {a} down {way}",
            "knock {a} down {way}", "tip {a} off {way}", "push {a} over the edge {way}", "shove {a} from the top {way}",
            "~{a} is knocked off {way}", "~{a} falls off {way}", "~{a} tumbles off the tower {way}",
            "~the [gripper|hand|robot|arm] knocks {a} off {way}", "~{a} is pushed off {way}", "~{a} goes over the edge {way}",
        ),
        (
            "sweep {a} off the tower {way}", "topple {a} {way}", "bump {a} off {way}", "~{a} is swept off {way}",
            "~{a} loses its place and falls {way}",
        ),
    ),
    "light_on": Phrasings(
        (
            "turn on the light", "switch on the light", "turn the [light|lamp] on", "switch the [light|lamp] on",
            "put the light on", "turn on the [lamp|lights]", "light up the [room|table]", "make it bright",
            "give me [some |more |]light", "brighten the [room|table|scene]", "flip the switch on", "let there be light",
            "~the [light|lamp] [goes|comes|is switched|is turned] on", "~the lights [come|go] on", "~lights on",
            "~light on", "~it gets bright", "~it becomes [bright|light]", "~somebody turns on the lamp",
            "~the room is lit [up|]",
        ),
        (
            "illuminate the [table|room]", "power up the lamp", "put an end to the darkness", "~brightness fills the room",
            "get the lamp going",
        ),
    ),
    "light_off": Phrasings(
        (
            "turn off the light", "switch off the light", "turn the [light|lamp] off", "switch the [light|lamp] off",
            "put the light out", "turn off the [lamp|lights]", "make it dark", "darken the [room|table|scene]",
            "kill the lights", "put out the [light|lamp]", "flip the switch off", "dim the room",
            "~the [light|lamp] [goes|is switched|is turned] off", "~the lights go [out|off]", "~lights off", "~light off",
            "~it gets dark", "~it becomes dark", "~somebody turns off the lamp", "~the room goes dark",
            "~no more light", "~darkness falls",
        ),
        (
            "cut the lights", "extinguish the lamp", "shroud the room in darkness", "~the room falls into darkness",
            "douse the lamp",
        ),
    ),
    "wait": Phrasings(
        (
            "wait", "wait a [moment|second|bit]", "do nothing", "hold still", "stay [still|put|where you are]", "pause",
            "keep still", "hold on [a moment|]", "stand by", "leave everything as it is", "stop for a moment",
            "rest [a moment|]", "let some time pass", "sit still", "~nothing happens", "~everything stays as it is",
            "~nothing moves", "~time passes", "~the robot waits", "~the arm stays where it is", "~all is still",
        ),
        (
            "remain motionless", "take a break", "leave things be", "~not a thing changes", "~a quiet moment goes by",
            "freeze",
        ),
    ),
}  # fmt: skip

WAYS: dict[str, Words] = {
    "left": Words(
        ("left", "to the left", "to the left", "leftwards", "towards the left", "to the left side"),
        ("towards the left edge", "in the left direction"),
    ),
    "right": Words(
        ("right", "to the right", "to the right", "rightwards", "towards the right", "to the right side"),
        ("towards the right edge", "in the right direction"),
    ),
    "away": Words(
        ("away", "away from me", "to the back", "back", "away from the camera", "towards the wall", "further away"),
        ("towards the far edge", "into the background"),
    ),
    "towards": Words(
        (
            "towards me",
            "toward me",
            "to the front",
            "towards the camera",
            "closer",
            "closer to me",
            "towards the front",
        ),
        ("towards the near edge", "in my direction"),
    ),
}
_SHADES = {
    "red": (("scarlet", "crimson"), "ruby"),
    "orange": (("tangerine",), "pumpkin"),
    "yellow": (("golden", "lemon"), "canary yellow"),
    "green": (("emerald", "lime"), "jade"),
    "blue": (("azure", "cobalt"), "sapphire"),
    "purple": (("violet", "lilac"), "plum"),
}
BLOCKS: dict[str, Words] = {
    colour: Words(
        (
            *(f"the {colour} block",) * 4, *(f"the {colour} {noun}" for noun in ("cube", "one", "brick", "box")), colour,
            f"the {colour} piece", f"the {colour} wooden block", *(f"the {shade} block" for shade in shades),
        ),
        (f"the {rare} block", f"the {rare} cube", f"the {colour} object", f"the block that is {colour}"),
    )
    for colour, (shades, rare) in _SHADES.items()
}  # fmt: skip
