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
