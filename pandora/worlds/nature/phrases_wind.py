"""What people say to the wind, to look elsewhere, and to wait."""

from pandora.worlds.wording import Phrasings


def _wind(to: str, source: str) -> dict[str, Phrasings]:
    """Of the wind that blows to one side, from the other."""
    train = (
        "make the wind blow [to the|] TO", "make the wind blow from the FROM", "let the wind [blow|come] from the FROM", "let the wind [blow|go] [to the|] TO", "let it blow from the FROM",
        "turn the wind to the TO", "give me [a|some] wind from the FROM", "send a [breeze|wind|gust] from the FROM", "have the wind push [everything|the flames|the flag] to the TO", "blow to the TO",
        "~the wind blows [to the|] TO", "~the wind [blows|comes|is coming] from the FROM", "~a [breeze|wind|strong wind] [blows|comes|comes up|picks up] from the FROM", "~it blows from the FROM",
        "~the wind turns [to the|] TO", "~the flag [flies|streams|points] to the TO", "~the flames [bend|lean] to the TO", "~wind from the FROM", "~wind to the TO", "~the wind picks up from the FROM",
        "~a gust [from the FROM comes|comes from the FROM]", "~everything [bends|leans] to the TO in the wind", "~the wind drives the clouds to the TO",
        "have the wind blow from the FROM", "have the wind blow to the TO", "the wind should blow to the TO", "add [wind|a breeze] from the FROM", "start a wind from the FROM", "bring [a|some] wind from the FROM", "bring a breeze from the FROM",
        "change the wind to the TO", "make the wind come from the FROM", "make the wind turn to the TO", "make it blow to the TO", "make it blow from the FROM", "let a wind come from the FROM", "let a breeze come from the FROM", "let the flag fly to the TO",
        "let the flames lean to the TO", "bend the flames to the TO", "push the flames to the TO", "blow everything to the TO", "send the wind to the TO", "switch the wind to the TO", "turn on a wind from the FROM", "~wind blows from the FROM",
        "~wind comes up from the FROM", "~wind comes from the FROM", "~a wind from the FROM", "~a breeze to the TO", "~the wind is from the FROM", "~the wind now comes from the FROM", "~the wind goes to the TO", "~the wind changes to the TO",
        "~the flag blows to the TO", "~the flag is blown to the TO", "~the flames are blown to the TO", "~the fire leans to the TO", "~it gets windy from the FROM", "~it is windy from the FROM", "~the smoke drifts to the TO",
    )  # fmt: skip
    held = (
        "~the wind shifts towards the TO", "~gusts sweep in from the FROM", "~the FROM side sends us a breeze", "whip up a wind out of the FROM", "~the air starts moving TO",
    )  # fmt: skip
    filled = [tuple(text.replace("TO", to).replace("FROM", source) for text in few) for few in (train, held)]
    return {f"wind_{to}": Phrasings(*filled)}


_CALM = {
    "wind_calm": Phrasings(
        (
            "stop the wind",
            "calm the wind",
            "make the wind [stop|die down|calm down|go away]",
            "let the wind [die down|stop|drop|rest]",
            "make the air [still|calm]",
            "turn off the wind",
            "quiet the wind",
            "give me [a calm|calm air|still air]",
            "let the flag hang [down|]",
            "~the wind [dies down|stops|drops|calms down|goes away|settles|is gone]",
            "~there is no wind [any more|now|]",
            "~no wind",
            "~it stops blowing",
            "~the air [is|becomes|gets] [still|calm|quiet]",
            "~the flag hangs [down|limp]",
            "~the flames stand upright [again|]",
            "~a calm [sets in|comes]",
            "~the gusts [end|stop]",
            "~the breeze [dies|dies away|stops]",
            "~the water [gets|becomes|is] [calm|smooth|still]",
            "~the wind lets up",
            "end the wind",
            "take away the wind",
            "remove the wind",
            "no more wind",
            "switch off the wind",
            "hush the wind",
            "let it be calm",
            "let it be still",
            "let the air rest",
            "let the flames stand upright",
            "let the flames stand straight",
            "let the water be calm",
            "make it calm",
            "make it windless",
            "make the wind weaker until it is gone",
            "make the water smooth",
            "bring calm air",
            "bring a calm",
            "make the flag hang",
            "~the wind [ends|weakens and stops|rests|is over|falls]",
            "~the wind is still",
            "~it is calm",
            "~it is windless",
            "~it gets calm",
            "~it becomes calm",
            "~no breeze",
            "~not windy any more",
            "~the flag stops moving",
            "~the flag drops",
            "~the flames stand straight",
            "~the fire burns straight up",
            "~the smoke rises straight up",
            "~all is calm",
        ),
        (
            "~the wind eases off",
            "~not a breath of air stirs",
            "~the lake turns to glass",
            "still the air",
            "~the flag goes slack",
        ),
    )
}


def _looks(side: str) -> Phrasings:
    """Of turning the view to one side."""
    train = (
        "look SIDE", "look to the SIDE", "look a bit [further|] to the SIDE", "pan SIDE", "pan the camera [to the|] SIDE", "pan to the SIDE", "turn the camera [to the|] SIDE", "turn your [head|eyes|gaze] to the SIDE", "move the view [to the|] SIDE",
        "swing the camera [to the|] SIDE", "turn the view [to the|] SIDE", "show [me|us] what is [on|to] the SIDE", "see what is on the SIDE", "have a look to the SIDE", "take a look at what is on the SIDE", "glance SIDE", "gaze to the SIDE",
        "~the camera [pans|turns|swings|moves] [to the|] SIDE", "~the view [turns|moves|swings|shifts] [to the|] SIDE", "~we look [to the|] SIDE", "~our eyes turn to the SIDE", "~view to the SIDE",
        "look over to the SIDE", "look further SIDE", "look at what is on the SIDE", "see more of what is on the SIDE", "turn SIDE", "turn to the SIDE", "turn a [bit|little] to the SIDE", "turn the picture to the SIDE", "move the camera [to the|] SIDE",
        "point the camera to the SIDE", "direct the camera to the SIDE", "slide the view to the SIDE", "shift the view to the SIDE", "shift the camera to the SIDE", "scroll SIDE", "scroll to the SIDE", "go SIDE with the camera", "move your eyes to the SIDE",
        "direct your eyes to the SIDE", "glance to the SIDE", "gaze SIDE", "show [me|us] the SIDE side", "show [me|us] more of the SIDE", "to the SIDE", "the view to the SIDE, please", "~we turn to the SIDE", "~we see what is on the SIDE",
        "~what is on the SIDE comes into view", "~the camera goes to the SIDE", "~the camera shifts to the SIDE", "~the picture moves to the SIDE", "~the view goes to the SIDE", "~the view slides to the SIDE", "~someone looks to the SIDE",
    )  # fmt: skip
    held = (
        "let your eyes wander to the SIDE", "peek over to the SIDE", "~the gaze drifts SIDE", "rotate the camera towards the SIDE", "check out the SIDE side",
    )  # fmt: skip
    filled = [tuple(text.replace("SIDE", side) for text in few) for few in (train, held)]
    return Phrasings(*filled)


WIND = _wind("left", "right") | _wind("right", "left") | _CALM
LOOKS = {"look_left": _looks("left"), "look_right": _looks("right")}
WAIT = {
    "wait": Phrasings(
        (
            "wait",
            "wait [a moment|a second|a bit|a while|for a moment]",
            "do nothing",
            "just watch",
            "watch [the scene|for a while|quietly]",
            "stay [as you are|here|put]",
            "hold still",
            "keep [everything|it] as it is",
            "leave [everything|it] as it is",
            "let time pass",
            "let it be",
            "enjoy the view",
            "rest [a moment|for a while]",
            "change nothing",
            "~nothing happens",
            "~nothing changes",
            "~everything stays [the same|as it is]",
            "~time passes",
            "~a moment passes",
            "~all is as before",
            "~we wait",
            "~we just watch",
            "wait here",
            "wait and see",
            "wait for something",
            "wait some time",
            "just wait",
            "just look",
            "keep watching",
            "keep looking",
            "look on",
            "let a moment pass",
            "let some time pass",
            "let time go by",
            "let nothing happen",
            "let everything be",
            "let everything stay as it is",
            "stay",
            "stay a while",
            "stay still",
            "be still",
            "be patient",
            "relax",
            "take a break",
            "take it easy",
            "don't do anything",
            "don't change anything",
            "make no change",
            "no change",
            "carry on",
            "go on like this",
            "keep things as they are",
            "~nothing new",
            "~nothing is done",
            "~everything goes on",
            "~everything remains as it is",
            "~no change",
            "~we do nothing",
            "~we look on",
            "~time goes by",
            "~some time passes",
            "~all stays as it is",
        ),
        (
            "sit back and take it in",
            "pause for a breath",
            "~things go on as they are",
            "~the moment lingers",
            "leave everything alone",
            "stay idle",
        ),
    )
}
