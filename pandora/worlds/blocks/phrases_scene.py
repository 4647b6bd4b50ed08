"""The phrasings of pushing, of the light and of waiting; the notation is that of `phrases`."""

# fmt: off

from pandora.worlds.blocks.phrases import AGENTS, COMMON_WORDS, LIGHTS, Phrases, Words


def _sideways(side: str) -> tuple[Words, Words]:
    """Directions and places for left or right."""
    towards = Words(
        {f"to the {side}": 30, side: 25, f"{side}wards": 5, f"{side}ward": 3, f"one step to the {side}": 5, f"one step {side}": 5,
         f"a step to the {side}": 2, f"a bit to the {side}": 3, f"one column to the {side}": 2, f"one place to the {side}": 2,
         f"towards the {side}": 3, f"toward the {side}": 3, f"over to the {side}": 3, f"further {side}": 2, f"one cell to the {side}": 1,
         f"one spot to the {side}": 1, f"toward the {side} side": 2, f"towards the {side} side": 2, f"to the {side} side": 1,
         f"towards the {side} edge": 1, f"one column {side}": 1, f"one cell {side}": 1, f"in the {side} direction": 1,          f"to the {side} by one": 1, f"a little to the {side}": 2, f"a step {side}": 1, f"sideways to the {side}": 1, f"one to the {side}": 1, f"{side} by one": 1, f"{side} a bit": 1, f"{side} one step": 1,
         f"slightly {side}": 1, f"slightly to the {side}": 1, f"a little {side}": 1, f"one space to the {side}": 1, f"{side} a little": 1,
         f"more to the {side}": 1, f"over {side}": 0.5, f"to its {side}": 0.5, f"to the {side} side of the table": 0.5, f"toward the {side} side of the table": 0.5,
         f"towards the {side} end": 0.5, f"farther {side}": 0.5, f"a tad to the {side}": 0.5, f"to my {side}": 0.5,
         f"by one step to the {side}": 0.5, f"{side} by one step": 0.5, f"one tile to the {side}": 0.5, f"to the {side} a bit": 0.5},
        (f"one square to the {side}", f"a notch to the {side}", f"in the direction of the {side} edge", f"{side} by one position"),
    )
    place = Words(
        {f"one step to the {side}": 5, f"further {side}": 5, f"more to the {side}": 4, f"one column further {side}": 2,
         f"one step further {side}": 3, f"one place to the {side}": 3, f"a bit more to the {side}": 2, f"farther to the {side}": 2},
        (f"one position further to the {side}", f"one square further {side}"),
    )
    return towards, place


_LEFT, _LEFT_PLACE = _sideways("left")
_RIGHT, _RIGHT_PLACE = _sideways("right")
_AWAY = Words(
    {"away": 25, "back": 15, "backwards": 8, "backward": 4, "away from me": 10, "away from the camera": 6, "away from the viewer": 3,
     "away from us": 2, "further away": 8, "farther away": 5, "further back": 5, "farther back": 3, "to the back": 5, "to the rear": 3,
     "towards the back": 4, "toward the back": 3, "towards the rear": 2, "deeper into the scene": 2, "into the distance": 3,
     "towards the wall": 3, "toward the wall": 2, "to the far side": 2, "towards the far edge": 1, "one step back": 4, "one step away": 3,
     "one row back": 2, "one row away": 1, "deeper": 1, "to the back of the table": 2, "a bit further away": 2, "a step back": 2,
     "a little further back": 1, "away from you and me": 0.5, "to the back row": 0.5, "farther away from me": 1, "into the background": 2,
     "further from me": 1, "a bit back": 1, "one cell away": 1, "backwards by one": 1, "in the direction of the wall": 1, "back a bit": 1, "away a bit": 1,
     "slightly away": 0.5, "slightly back": 0.5, "back one step": 1, "a little away": 0.5, "to the far end": 1, "off into the distance": 0.5,
     "toward the back wall": 1, "to the far side of the table": 1, "back by one": 0.5, "farther": 1.5, "farther from the camera": 1, "further away from me": 2, "farther away from the camera": 1,
     "further away from the viewer": 1, "deeper into the table": 0.5, "away from where I am": 0.5, "backwards a bit": 0.5, "a tad further away": 0.5, "one space back": 0.5,
     "toward the far side": 1, "towards the far side": 1, "deeper into the picture": 0.5, "a little back": 0.5, "away by one step": 0.5},
    ("toward the far end of the table", "further from the camera", "away from the front edge", "rearwards", "one notch back"),
)
_AWAY_PLACE = Words(
    {"further away": 6, "further back": 6, "farther away": 3, "farther back": 2, "one row further back": 3, "one step further back": 3,
     "one step further away": 3, "farther from me": 2, "further from me": 2, "deeper in the scene": 1, "closer to the wall": 2,
     "farther away from the camera": 2, "nearer to the back": 1},
    ("one row deeper", "at a greater distance from me", "more distant"),
)
_TOWARDS = Words(
    {"towards me": 20, "toward me": 14, "closer": 14, "nearer": 8, "closer to me": 8, "nearer to me": 4, "towards the camera": 6,
     "toward the camera": 5, "to the front": 8, "towards the front": 5, "toward the front": 3, "towards the viewer": 3,
     "toward the viewer": 2, "forward towards the camera": 1, "forward toward me": 2, "closer to the camera": 3, "to the front edge": 1,
     "one step closer": 4, "one row closer": 2, "one step towards me": 3, "one step toward the camera": 1, "in my direction": 2,
     "towards us": 2, "one step nearer": 2, "to the near side": 1, "a bit closer": 3, "a little closer to me": 2, "forwards to me": 1,
     "nearer to the camera": 1, "closer to us": 1, "towards the front edge": 1, "a step closer": 2, "to the front row": 0.5,
     "to the front of the table": 2, "one row towards me": 1, "up to the front": 1, "into the foreground": 1, "one cell closer to me": 1,
     "forward to the front": 1, "a little closer": 2, "slightly closer": 1, "closer a bit": 0.5, "a tad closer": 0.5, "to me": 1,
     "toward my side": 1, "to my side": 1, "closer by one step": 0.5, "toward the screen": 0.5, "to the edge near me": 0.5, "a bit nearer": 1,
     "over to me": 0.5, "up close to me": 0.5, "one space closer": 0.5, "a bit towards me": 1, "nearer by one": 0.5, "near me": 0.5, "nearer to us": 0.5, "closer to the viewer": 1, "closer to the front": 1, "towards the near side": 1},
    ("to the near edge of the table", "in our direction", "towards the foreground", "toward the observer", "one notch closer"),
)
_TOWARDS_PLACE = Words(
    {"closer": 6, "nearer": 4, "closer to me": 6, "nearer to me": 3, "closer to the camera": 3, "one row closer": 2, "one step closer": 4,
     "one step nearer to me": 2, "closer to the front": 3, "further to the front": 2, "nearer to the camera": 2, "more in front": 1},
    ("one row nearer", "less far from me", "more in the foreground"),
)


def _push(towards: Words, place: Words, verbs: str, rare: tuple[str, ...] = (), held: tuple[str, ...] = ()) -> Phrases:
    """Pushing one way; `verbs` are the usual extra verbs that suit the direction."""
    return Phrases(
        common=("push {a} {d}", "move {a} {d}", "slide {a} {d}", "shove {a} {d}"),
        usual=(f"[nudge|shift|{verbs}] {{a}} {{d}}", "give {a} a [push|shove|nudge] {d}", "~make {a} [go|move|slide] {d}"),
        rare=(
            "[poke|prod|edge|press|guide|force|drive|tap|bump|knock|steer|ease] {a} {d}", "give {a} a [little push|little nudge|gentle push|small shove] {d}",
            "~let {a} [slide|glide|move] {d}", "push against {a} so that it goes {d}", "~touch {a} and ^[push|slide|move] it {d}",
            "~go to {a} and ^[push|shove|move|slide] it {d}", "use the {m} to [push|shove|slide] {a} {d}", "~get {a} to [move|slide|go] {d}",
            "change the position of {a}: {d}", "[push|move|slide|shove] {a} along the {t} {d}", "[push|move|slide] {a} across the {t} {d}",
            "push {a} {d} with the {m}", "~have {a} [slide|move] {d}", "relocate {a} {d}", "give {a} a [gentle nudge|light push|tap|poke] {d}", "change where {a} is: move it {d}", "~help {a} [go|move] {d}", "displace {a} {d}", "push {a} so it ends up {p}",
            *rare,
        ),
        held=("scoot {a} {d}", "scooch {a} {d}", "budge {a} {d}", "give {a} a bump {d}", "propel {a} {d}", "thrust {a} {d}", *held),
        clauses=(
            "{a} [moves|slides|goes|shifts|glides|travels|is moved] {d}", "{a} [ends up|is|comes to stand|lands|stands|winds up] {p}",
            "{a} [slides|glides|moves] across the {t} {d}", "{a} changes its place: {d}", "{a} gets [a push|a shove|a nudge] {d}",
            "{a} has moved {d}", "the {m} pushes {a} so that it [stands|is|ends up] {p}", "{a} stands {p} than before",
        ),
        clauses_held=("{a} finds itself {p}", "{a} drifts {d}", "{a} advances {d}"),
        small=("{a} {p}", "{a} [moved|pushed|shifted] {d}", "{a} [sliding|moving|going] {d}"),
        small_held=("{a} travelling {d}", "a push {d} for {a}"),
        orders=(
            "{d}, [push|move|slide|shove] {a}", "{d} with {a}", "{a} should [go|move|slide|be moved|travel] {d}", "{a} must [go|move] {d}",
            "{a} has to [go|move] {d}", "I want {a} to [go|move|slide] {d}", "{a} needs to [go|move] {d}", "{a} should [be|stand|end up] {p}",
            "I'd like {a} to move {d}", "{d} please, {a}", "{a} wants a push {d}", "{a} is to go {d}", "it's {a} that should go {d}",
            "the block to push {d} is {a}", "with the {m}, push {a} {d}", "could {a} [go|move|slide] {d}?", "can {a} move {d}?",
            "{a} can [go|move] {d}", "along the {t}, push {a} {d}", "the place of {a} is {p}", "start pushing {a} {d}",
        ),
        orders_held=("{d} goes {a}", "{d} is where {a} should go", "{a} is due for a push {d}", "with a push, send {a} {d}"),
        telegrams=("{a} {d}", "{a}: {d}", "{a}, {d}", "{d}: {a}", "{a} push {d}", "{a}: push {d}", "push {d}: {a}",
                   "{a} move {d}", "{a} slide {d}", "push {d} {a}", "move {d} {a}"),
        telegrams_held=("{a}, move, {d}", "shove {d}: {a}", "{a}: a push {d}"),
        words=COMMON_WORDS | {"d": towards, "p": place},
    )


PUSH_LEFT = _push(_LEFT, _LEFT_PLACE, "drag|send|bring", ("[pull|swipe|sweep] {a} {d}",))
PUSH_RIGHT = _push(_RIGHT, _RIGHT_PLACE, "drag|send|bring", ("[pull|swipe|sweep] {a} {d}",))
PUSH_AWAY = _push(_AWAY, _AWAY_PLACE, "send")
PUSH_TOWARDS = _push(
    _TOWARDS, _TOWARDS_PLACE, "pull|drag|bring|draw", ("[haul|get] {a} {d}", "~reach behind {a} and ^[pull|push] it {d}"), ("tug {a} {d}", "fetch {a} {d}")
)

_ROOM = "the [room|scene|table|place]"
_LIGHT_WORDS = {"g": Words({"robot": 60, "robot arm": 10, "gripper": 6, "arm": 6}, ("machine",)), "l": LIGHTS}
LIGHT_ON = Phrases(
    common=("turn on {l}", "turn {l} on", "switch on {l}", "switch {l} on"),
    usual=(
        "put {l} on", "flip {l} on", "turn {l} back on", "switch {l} back on", f"~light up {_ROOM}", f"~brighten {_ROOM}", f"~illuminate {_ROOM}",
        "~make it [bright|light|brighter|bright again|day]", f"~make {_ROOM} [bright|brighter]", "bring back {l}", "bring {l} back",
    ),
    rare=(
        "click {l} on", "flick {l} on", "flick on {l}", "flip on {l}", "~bring light [into|to] the [room|scene]", "get {l} on",
        f"~light {_ROOM}", f"~fill {_ROOM} with light", "~flip the [light |]switch on", "~press the light switch to on", "put {l} back on",
        "~end the [darkness|night]", "~drive away the darkness", "~let the [light in|sun in|light shine]", f"~shine [a light|some light] on {_ROOM}",
        "~provide [some light|light]", "set {l} to on", "~bring back the day", "~turn night into day", "~lighten up the room", "turn up {l}", "~make light", "~turn the darkness off", "set {l} to bright", "get {l} going", "let {l} shine",
    ),
    held=(
        "activate {l}", "power up {l}", "enable {l}", "~cast some light on the blocks", "~banish the dark", "fire up {l}", "~give the blocks some light",
        "power on {l}",
    ),
    clauses=(
        "{l} {goes} on", "{l} {is} on", "{l} {comes} [on|back on]", "it [gets|becomes|is] [bright|light|brighter]", f"{_ROOM} is [bright|lit|illuminated|lit up]",
        "the [sun|light] comes [up|back]", "day breaks", "everything [gets|is|becomes] bright", "there is light", f"{_ROOM} [brightens|lights up|gets bright]",
        "{l} {is} back on", "it is [day|daytime]", "we can see everything clearly", "it is no longer dark", "the darkness [ends|is over|goes away]",
        "{l} {is} shining", "night turns into day",
    ),
    clauses_held=("morning comes", "{l} {is} no longer off", "the night is over", "brightness fills the room"),
    small=("{l} on", "{l} back on", f"{_ROOM} [bright|lit|lit up|brighter]", "it [bright|brighter|light]", "[some|more] light", "everything bright", "full light"),
    small_held=("bright light in here", "{l} up and shining", "a bright room"),
    orders=(
        "let there be light", "let it be [bright|day|light]", "on with {l}", "give [me|us] [light|some light|more light]", "I need to see [more|something]",
        "{l} should be on", "{l} should go on", "it's too dark", "it is too dark here", "it's too dark, [turn|switch] on {l}", "it's dark, [turn|switch] on {l}", "I can't see, [turn|switch] on {l}", "I can't see anything, it's dark", "I want {l} to be on", "I want it to be bright",
        "it should be [bright|light|brighter]", f"{_ROOM} should be [bright|brighter|lit]", "{l} must be on", "no more darkness", "could we have some light?",
        "can we have {l} on?", "may we have some light?", "it shouldn't be dark", "I would like some light", "we need to see the blocks better",
        "{l}: on, please", "I don't want it dark", "why is it dark? turn on {l}", "the switch should be on",
    ),
    orders_held=("I hate the dark, more light", "how about some light?", "it could be brighter in here", "away with the darkness"),
    telegrams=("{l} on", "{l}: on", "light", "bright", "brighter", "day", "daylight", "day mode", "switch on", "turn on", "bright mode", "on: {l}", "daytime",
               "more light", "some light", "lit"),
    telegrams_held=("lights back on", "sunrise", "{l}, on", "good morning"),
    takes_manner=False,
    words=_LIGHT_WORDS,
)
LIGHT_OFF = Phrases(
    common=("turn off {l}", "turn {l} off", "switch off {l}", "switch {l} off"),
    usual=(
        "shut off {l}", "shut {l} off", "put out {l}", "put {l} out", "kill {l}", "flip {l} off", "dim {l}", f"~darken {_ROOM}", "~make it [dark|darker|night]",
        f"~make {_ROOM} [dark|darker]", "cut {l}", "turn out {l}", "turn {l} out",
    ),
    rare=(
        "click {l} off", "flick {l} off", "flick off {l}", "flip off {l}", "~flip the [light |]switch off", "~press the light switch to off", "get {l} off",
        "~plunge the room into darkness", f"~bring darkness to {_ROOM}", "set {l} to off", "~let [night fall|darkness fall|it get dark|the night come]",
        "~end the [day|brightness]", "~turn day into night", "~get rid of the light", "~take away the light", "switch {l} back off", "~do without {l}",
        "~bring on the night", "turn down {l}", "turn {l} down", "blow out {l}", "fade {l} out", "~turn the brightness off", "set {l} to dark", "~quench the light", "shut down {l}", f"~fill {_ROOM} with darkness", "~remove the light",
    ),
    held=("extinguish {l}", "douse {l}", "power down {l}", "deactivate {l}", "disable {l}", "black out the room", "snuff out {l}", "power off {l}"),
    clauses=(
        "{l} {goes} [off|out]", "{l} {is} [off|out]", "it [gets|becomes|is|goes] [dark|darker]", f"{_ROOM} is [dark|unlit|in the dark]", "[night|darkness] falls",
        "everything [gets|goes|is|becomes] dark", "there is no light", f"{_ROOM} [darkens|goes dark|gets dark]", "it is [night|night time|nighttime]",
        "{l} {is} no longer on", "the sun goes down", "the brightness is gone", "the day is over", "day turns into night", "it is no longer bright",
    ),
    clauses_held=("evening comes", "the light dies", "all is dark", "the room loses its light"),
    small=("{l} off", "{l} out", f"{_ROOM} [dark|darker|unlit|in the dark]", "it [dark|darker]", "no light", "[some|complete] darkness", "everything dark", "less light"),
    small_held=("a dark room", "the scene without light", "{l} down and off"),
    orders=(
        "let there be [darkness|no light|night]", "let it be [dark|night]", "off with {l}", "no more light", "{l} should be [off|out]", "{l} should go [off|out]",
        "it's too bright", "it is too bright here", "it's too bright, [turn|switch] off {l}", "time to sleep, turn off {l}", "I want {l} to be off", "I want it to be dark", "it should be [dark|darker|night]",
        f"{_ROOM} should be [dark|darker|unlit]", "{l} must be off", "can we have {l} off?", "could we have it dark?", "it shouldn't be [bright|light]",
        "I would like darkness", "we don't need {l} any more", "we don't need {l}", "{l}: off, please", "I don't want it bright", "why is it bright? turn off {l}",
        "no need for {l}", "don't leave {l} on", "the switch should be off", "I want the room without light",
    ),
    orders_held=("away with the light", "enough light for today, make it dark", "it could be darker in here", "how about some darkness?"),
    telegrams=("{l} off", "{l}: off", "lights out", "dark", "darker", "darkness", "night", "night mode", "dark mode", "switch off", "turn off", "off: {l}",
               "nighttime", "no light", "{l} out", "less light"),
    telegrams_held=("lights down and out", "sunset", "{l}, off", "good night"),
    takes_manner=False,
    words=_LIGHT_WORDS,
)
WAIT = Phrases(
    common=("wait", "do nothing", "stay still", "hold still"),
    usual=(
        "pause", "idle", "rest", "freeze", "stay put", "stand still", "keep still", "hold on", "remain still", "sit still", "wait [a|for a] [moment|second|bit|while]",
        "stay in place", "remain in place", "take a break", "take a rest", "stop moving", "do absolutely nothing", "take a pause", "stay idle", "do nothing [for now|for a moment|at all]", "skip [this|a|the] turn", "pass",
        "wait a little", "take no action", "stop",
    ),
    rare=(
        "hang on", "[hold|keep] the position", "leave everything [as it is|alone|where it is|unchanged]", "keep everything as it is", "touch nothing",
        "let [some |a little |]time pass", "pause [for |]a [moment|second]", "wait there", "make no move", "move nothing", "wait [one step|one turn|for one step]", "change nothing", "hold back", "stay motionless",
        "remain motionless", "stop for a moment", "stay where it is", "leave the blocks alone", "keep waiting", "stay calm", "be still", "rest for a [moment|while]",
        "keep from moving", "pass the turn", "do no action", "hold everything still", "watch and wait", "leave all blocks where they are", "wait and see",
        "stay as it is", "stay inactive", "do nothing and wait", "skip one step", "delay for a moment", "[watch|observe|look on]", "be [patient|quiet|idle]", "stay there", "halt", "stall", "keep calm", "hold off", "wait it out", "sleep",
        "breathe", "wait patiently", "stay quiet", "skip it", "hold it", "stay as still as possible", "stop everything", "let it all be",
    ),
    held=("linger", "stand by", "chill", "remain idle", "sit tight", "take five", "wait around", "refrain from moving", "loiter", "bide the time", "abstain from any action"),
    clauses=(
        "nothing [happens|moves|changes|is moved|is touched]", "everything [stays|remains] [as it is|the same|in place|where it is|still]",
        "all blocks stay where they are", "the {g} [does not move|doesn't move|does not do anything|stays where it is|keeps its position]", "[some time|time] passes",
        "the scene [stays the same|does not change|stays as it is|is frozen]", "no block [moves|is moved|is touched]", "there is no [change|movement|action]",
        "nothing at all happens", "the blocks stay where they are", "it all stays the same",
    ),
    clauses_held=("the world stands still", "a moment goes by", "not a thing moves", "everything keeps its place"),
    small=("[no change|no action|no movement|no motion]", "everything [unchanged|still|as it is]", "nothing moved", "nothing to change", "things as they are"),
    small_held=("a moment of calm", "a quiet moment", "no activity"),
    orders=(
        "don't [move|do anything|touch anything|move anything|change anything|do a thing]", "do not [move|do anything|touch anything|move anything]",
        "no need to [do anything|move|act]", "you don't need to do anything", "there is nothing to do", "[one|a] moment", "just a [moment|second|minute]", "not yet",
        "stay where you are", "stay the way you are", "hold your position", "keep your position", "keep your hand still", "hold your hand still", "I want you to not move",
        "the {g} should not [move|do anything]", "nothing should [move|happen|change]", "everything should [stay|remain] [as it is|in place]", "let everything stay as it is",
        "let nothing [happen|change|move]", "let it be", "you can rest", "leave it [as it is|be]", "relax", "give it a [moment|second]", "I need a moment", "take your time",
        "I have no orders", "let me think", "wait for [me|my next command|further instructions|the next order]", "keep your hands off the blocks", "don't touch the blocks",
        "hands off", "do not act", "patience", "no rush", "let us wait", "nothing, please", "wait until I say more", "nothing for now",
    ),
    orders_held=("hold it there", "no order at the moment", "not a move", "just let the time go by", "hold your horses", "don't budge"),
    telegrams=("nothing", "no-op", "noop", "skip", "no action", "no move", "no change", "nothing to do", "waiting", "idle mode", "pause mode", "hold", "stay",
               "no operation"),
    telegrams_held=("break", "no moves", "standby", "zero action"),
    takes_manner=False,
    words={"g": AGENTS},
)
