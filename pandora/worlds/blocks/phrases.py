"""Words and sentence frames that the phrasings of every verb share.

Notation of a sentence: `[x|y]` is a choice; a first `~` means that it has no passive, a first `?` that it only makes
sense where the acting block is where the verb wants it; `^` marks further verbs to inflect. Its slots are filled with words
of a class: `{a}` `{b}` blocks, `{h}` the held block, `{g}` who acts, `{r}` who is spoken to, `{m}` what holds, `{t}` the
table, `{l}` the light, `{d}` a direction, `{p}` a place that way, `{o}` onto, `{i}` on, `{f}` off, `{k}` its tower, `{ask}`
could you, `{want}` I want, `{must}` `{you}` should; `{is}` and the like agree with `{l}`.

A frame holds a verb phrase as `{vp}`, `{ing}` or `{s}` (base, gerund, third person), an object `{x}` with the participle
`{pp}` of its verb, or a clause `{c}`.
"""

# fmt: off

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Interchangeable words with weights; `held` are kept out of training."""

    train: dict[str, float]
    held: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """The phrasings of one verb, by kind; each `held` counterpart is kept out of training."""

    common: tuple[str, ...]
    usual: tuple[str, ...]
    rare: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    clauses_held: tuple[str, ...] = ()
    small: tuple[str, ...] = ()
    small_held: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    orders_held: tuple[str, ...] = ()
    telegrams: tuple[str, ...] = ()
    telegrams_held: tuple[str, ...] = ()
    takes_held_object: bool = False
    takes_manner: bool = True
    words: dict[str, Words]


COLOURS: dict[str, Words] = {
    "red": Words({"red": 90, "scarlet": 5, "crimson": 5}, ("ruby",)),
    "orange": Words({"orange": 92, "tangerine": 8}, ("pumpkin",)),
    "yellow": Words({"yellow": 88, "golden": 5, "lemon": 4, "gold": 3}, ("canary yellow",)),
    "green": Words({"green": 90, "emerald": 6, "lime": 4}, ("jade",)),
    "blue": Words({"blue": 88, "azure": 4, "navy": 4, "cobalt": 4}, ("sapphire",)),
    "purple": Words({"purple": 88, "violet": 8, "lilac": 4}, ("plum",)),
}
NOUNS = Words(
    {"block": 58, "cube": 13, "one": 12, "brick": 5, "box": 4, "piece": 3, "thing": 1.5, "toy block": 1, "square": 1,
     "building block": 1, "toy": 0.5},
    ("object", "item", "toy brick"),
)
ADJECTIVES = ("little", "small", "bright", "wooden", "shiny", "vivid", "solid")
AGENTS = Words(
    {"robot": 30, "gripper": 25, "arm": 15, "hand": 8, "claw": 5, "robot arm": 8, "robotic arm": 4, "robot hand": 3,
     "crane": 1},
    ("machine", "manipulator", "mechanical arm"),
)
SPEAKERS = Words({"robot": 60, "robot arm": 10, "gripper": 10, "arm": 5}, ("machine",))
HANDS = Words({"hand": 40, "gripper": 40, "claw": 14}, ("grabber", "pincer"))
TABLES = Words(
    {"table": 70, "tabletop": 5, "table top": 3, "desk": 6, "surface": 5, "floor": 6, "ground": 5}, ("workbench", "tray")
)
LIGHTS = Words(
    {"the light": 45, "the lights": 30, "the lamp": 14, "the room light": 3, "the ceiling light": 2, "the lamps": 2,
     "the overhead light": 2},
    ("the bulb", "the spotlight", "the light bulb"),
)
HELD_OBJECTS = Words(
    {"the block": 6, "the held block": 3, "the cube": 1, "the brick": 0.5, "the block in the hand": 3, "the block in the gripper": 3, "what is in the hand": 1,
     "the block being held": 1, "the block in the claw": 1, "the carried block": 1},
    ("the grasped block", "the block currently held"),
)
HELD_OBJECTS_YOU = Words(
    {"the block": 8, "the cube": 1, "the block you hold": 3, "the block you are holding": 4, "the block you're holding": 3, "what you hold": 1,
     "what you are holding": 2, "what you're holding": 1, "the cube you are holding": 1, "the block in your hand": 4, "that block in your hand": 1, "the one you hold": 1,
     "the block you carry": 1, "the thing in your hand": 1},
    ("whatever you are holding", "the block you've got in your hand"),
)
ASKS = Words(
    {"could you": 30, "can you": 30, "would you": 14, "will you": 5, "would you be able to": 1, "are you able to": 1, "can we": 2, "could we": 2,
     "shall we": 1, "could I ask you to": 1},
    ("won't you", "may I ask you to"),
)
WANTS = Words(
    {"I want": 40, "I'd like": 25, "I would like": 10, "I need": 10, "we want": 4, "we need": 4, "we'd like": 3, "I'd love": 2},
    ("I'd prefer", "we would like"),
)
MUSTS = Words({"should": 55, "must": 15, "has to": 12, "needs to": 12, "is to": 4}, ("ought to", "had better"))
MUSTS_YOU = Words({"should": 45, "must": 15, "have to": 15, "need to": 15, "are to": 3, "can": 5, "may": 2}, ("ought to", "had better"))
SHARED_WORDS = {"ask": ASKS, "want": WANTS, "must": MUSTS, "you": MUSTS_YOU, "r": SPEAKERS}
COMMON_WORDS = {"g": AGENTS, "m": HANDS, "t": TABLES, "h": HELD_OBJECTS}

# (weight, kind, frame); kinds: imp an imperative, req a request, dec a statement, tel a telegram.
Frame = tuple[float, str, str]

BASE_FRAMES: tuple[Frame, ...] = (
    (20, "req", "{ask} {vp}?"), (3, "req", "could the {g} {vp}?"), (1, "req", "can the {g} {vp}?"), (12, "req", "{want} you to {vp}"),
    (12, "req", "{want} the {g} to {vp}"), (5, "req", "{want} to {vp}"), (1, "req", "I wish the {g} would {vp}"), (7, "req", "you {you} {vp}"),
    (9, "req", "the {g} {must} {vp}"), (3, "dec", "the {g} will {vp}"), (1, "dec", "the {g} is going to {vp}"), (4, "req", "have the {g} {vp}"),
    (4, "req", "make the {g} {vp}"), (3, "req", "let the {g} {vp}"), (3, "req", "get the {g} to {vp}"), (3, "req", "tell the {g} to {vp}"),
    (1, "req", "ask the {g} to {vp}"), (9, "imp", "{r}, {vp}"), (2, "imp", "dear {r}, {vp}"), (3, "req", "let's {vp}"), (2, "req", "time to {vp}"),
    (1, "req", "it's time to {vp}"), (3, "imp", "go ahead and {vp}"), (2, "req", "your task is to {vp}"), (1, "req", "your job is to {vp}"),
    (1, "req", "the next step is to {vp}"), (1, "req", "the next move is to {vp}"), (2, "imp", "try to {vp}"), (1, "req", "why don't you {vp}?"),
    (1, "imp", "be so kind as to {vp}"), (1, "imp", "do me a favour and {vp}"), (1, "req", "I'd be glad if you could {vp}"),
    (1, "req", "would it be possible to {vp}?"), (1, "imp", "{vp}, will you?"), (1, "imp", "{vp} if you can"), (1, "req", "I think you should {vp}"),
    (1, "req", "it would be nice to {vp}"), (1, "req", "action: {vp}"), (1, "req", "instruction: {vp}"), (1, "req", "command: {vp}"),
    (1, "req", "make sure to {vp}"), (1, "req", "I was wondering if you could {vp}"), (2, "req", "let me see the {g} {vp}"),
    (1, "req", "watch the {g} {vp}"), (2, "req", "{want} to see the {g} {vp}"), (1, "imp", "next up: {vp}"), (2, "dec", "you {vp}"),
    (1, "imp", "feel free to {vp}"), (1, "imp", "remember to {vp}"), (1, "req", "help me {vp}"), (1, "dec", "the {g} decides to {vp}"),
    (1, "dec", "I'm going to {vp}"), (1, "dec", "I'll {vp}"), (1, "dec", "we {vp}"), (1, "dec", "I {vp}"), (1, "req", "let me {vp}"),
    (1, "dec", "we will {vp}"), (1, "req", "the plan is to {vp}"), (1, "req", "the goal is to {vp}"), (1, "req", "what you have to do is {vp}"),
    (1, "req", "I expect you to {vp}"), (1, "imp", "come on, {vp}"), (1, "req", "it is necessary to {vp}"), (1, "req", "we should {vp}"),
)
BASE_FRAMES_HELD: tuple[Frame, ...] = (
    (3, "req", "your mission is to {vp}"), (3, "req", "I'd appreciate it if you would {vp}"), (2, "imp", "be good and {vp}"),
    (3, "req", "instruct the {g} to {vp}"), (2, "req", "how about you {vp}?"), (3, "req", "it is time for the {g} to {vp}"),
    (2, "req", "let me see you {vp}"), (2, "req", "your next order is to {vp}"), (2, "imp", "be a dear and {vp}"),
)
ING_FRAMES: tuple[Frame, ...] = (
    (3, "dec", "{ing}"), (1, "dec", "a {g} {ing}"), (1, "dec", "I am {ing}"), (1, "dec", "a video of the {g} {ing}"), (1, "req", "your task: {ing}"),
    (2, "req", "how about {ing}?"), (2, "req", "would you mind {ing}?"), (1, "req", "what about {ing}?"), (1, "req", "I suggest {ing}"),
    (2, "imp", "try {ing}"), (3, "dec", "the {g} is {ing}"), (2, "dec", "{want} to see the {g} {ing}"), (1, "req", "show me the {g} {ing}"),
    (1, "dec", "we see the {g} {ing}"), (1, "req", "proceed by {ing}"), (1, "dec", "the {g} starts {ing}"),
)
ING_FRAMES_HELD: tuple[Frame, ...] = (
    (1, "req", "carry on by {ing}"), (1, "dec", "picture the {g} {ing}"), (1, "req", "I'm in favour of {ing}"),
)
S_FRAMES: tuple[Frame, ...] = (
    (10, "dec", "the {g} {s}"), (2, "req", "make sure the {g} {s}"), (1, "dec", "in the next clip the {g} {s}"), (1, "dec", "a {g} {s}"),
    (1, "dec", "we watch as the {g} {s}"), (1, "dec", "it {s}"), (1, "req", "{want} to see how the {g} {s}"), (1, "dec", "you see how the {g} {s}"),
)
S_FRAMES_HELD: tuple[Frame, ...] = (
    (1, "dec", "here the {g} {s}"), (1, "req", "see to it that the {g} {s}"), (1, "dec", "what happens is that the {g} {s}"),
)
PASSIVE_FRAMES: tuple[Frame, ...] = (
    (9, "req", "{x} {must} be {pp}"), (4, "dec", "{x} {gets} {pp}"), (4, "dec", "{x} {is} {pp}"), (1, "dec", "{x} {is} {pp} by the {g}"),
    (8, "req", "{want} {x} {pp}"), (3, "req", "{want} {x} to be {pp}"), (2, "req", "{want} to see {x} {pp}"), (1, "req", "let {x} be {pp}"),
    (3, "req", "get {x} {pp}"), (2, "req", "have {x} {pp}"), (2, "req", "could {x} be {pp}?"), (1, "req", "can {x} be {pp}?"),
    (2, "dec", "{x} will be {pp}"), (1, "dec", "{x} {is} being {pp}"), (1, "dec", "{x} being {pp}"), (1, "dec", "{x} {has} been {pp}"),
    (1, "req", "make sure {x} {gets} {pp}"), (1, "req", "time for {x} to be {pp}"), (1, "req", "would you have {x} {pp}?"), (1, "dec", "we see {x} {pp}"),
)
PASSIVE_FRAMES_HELD: tuple[Frame, ...] = (
    (1, "req", "may {x} be {pp}?"), (1, "req", "it is time for {x} to be {pp}"),
    (1, "req", "see to it that {x} {is} {pp}"),
)
TOPIC_FRAMES: tuple[Frame, ...] = (
    (2, "imp", "{x}: {vp}"), (2, "imp", "{x}, {vp}"), (1, "imp", "see {x}? {vp}"), (1, "imp", "you see {x}? {vp}"),
    (1, "imp", "look at {x} and {vp}"), (1, "req", "about {x}: {vp}"), (1, "req", "as for {x}, {vp}"),
    (1, "imp", "there is {x}, {vp}"),
)
TOPIC_FRAMES_HELD: tuple[Frame, ...] = ((1, "imp", "find {x} and {vp}"), (1, "req", "{x}, could you {vp}?"))
CLAUSE_FRAMES: tuple[Frame, ...] = (
    (8, "dec", "{c}"), (2, "req", "make sure {c}"), (1, "req", "make it so that {c}"), (1, "req", "make sure that {c}"),
    (1, "dec", "at the end {c}"), (1, "dec", "afterwards {c}"), (1, "dec", "in the next picture {c}"), (1, "dec", "result: {c}"),
    (1, "dec", "in the end {c}"), (1, "req", "do something so that {c}"), (1, "dec", "finally {c}"),
    (1, "req", "the goal is that {c}"), (1, "req", "I want a picture where {c}"),
)
CLAUSE_FRAMES_HELD: tuple[Frame, ...] = (
    (1, "req", "see to it that {c}"), (1, "dec", "a moment later {c}"), (1, "req", "act so that {c}"),
)
SMALL_FRAMES: tuple[Frame, ...] = (
    (8, "req", "{want} {c}"), (4, "req", "{want} to see {c}"), (2, "tel", "{c}"), (1, "req", "let me see {c}"), (1, "req", "show me {c}"),
    (1, "req", "get {c}"), (1, "req", "goal: {c}"), (1, "req", "can I have {c}?"), (1, "req", "could we have {c}?"),
)
SMALL_FRAMES_HELD: tuple[Frame, ...] = (
    (1, "req", "the aim is {c}"), (1, "req", "may we have {c}?"), (1, "req", "all I ask for is {c}"),
)

PREFIXES = {
    "imp": ("now ", "now, ", "then ", "next, ", "ok, ", "okay, ", "ok ", "please ", "please, ", "alright, ", "so, ",
            "and now ", "first, ", "after that, ", "just ", "hey, ", "well, ", "hello, "),
    "req": ("ok, ", "now ", "next, ", "hey, ", "so, ", "okay, ", "hello, ", "hi, "),
    "dec": ("now ", "next, ", "then ", "and then ", "and now "),
    "tel": ("now ", "next: ", "ok, ", "then ", "please: ", "now: "),
}
SUFFIXES = {
    "imp": (" please", ", please", " now", ", thanks", " for me", " next", ", thank you"),
    "req": (" now", " please", " next"),
    "dec": (" now", " next"),
    "tel": (" please", ", please", " now", ", thanks"),
}
MANNERS = ("carefully", "gently", "slowly", "quickly", "softly", "smoothly", "precisely")
FILLERS = (
    "please", "pls", "kindly", "now", "just", "then", "next", "ok", "okay", "alright", "so", "well", "hey", "hello", "hi", "first",
    "thanks", *MANNERS,
)
FILLER_PHRASES = ("after that", "and then", "and now", "for me", "thank you")
