"""What people say to a driver, to the weather and to the sun. Held-out phrasings are never seen in training."""

from pandora.worlds.wording import Phrasings

PHRASES: dict[str, Phrasings] = {
    "drive": Phrasings(
        (
            "drive", "drive on", "go on driving", "keep driving", "go straight on", "go straight ahead", "drive straight on",
            "drive forward", "keep going", "carry on down the [road|street]", "follow the [road|street]", "set off", "pull away",
            "accelerate", "speed up", "step on the gas", "hit the gas", "put your foot down", "move forward", "get going",
            "get moving", "drive off", "continue straight", "head straight on", "stay on this [road|street]", "go ahead",
            "drive up to the next [junction|crossing]", "roll forward", "keep on driving down the [road|street]",
            "~the car drives on", "~the car [sets off|pulls away]", "~we drive on", "~the car goes straight on",
            "~the car speeds up", "~the car keeps going", "~the [road|way] ahead is free, we drive",
            "~we go straight ahead", "~the driver steps on the gas",
        ),
        (
            "cruise along", "push on down the road", "give it some gas", "proceed straight ahead", "~the car rolls along the road",
            "~we cruise down the street",
        ),
    ),
    "brake": Phrasings(
        (
            "brake", "stop", "stop the car", "stop here", "hit the brakes", "slow down and stop", "come to a stop", "pull up",
            "slow down to a stop", "step on the brake", "bring the car to a stop", "halt", "come to a halt", "brake now",
            "stop driving", "hold it right there", "slam on the brakes", "use the brakes", "stop right [here|there]",
            "slow to a standstill", "let the car roll to a stop", "slow down", "brake to a halt",
            "~the car stops", "~the car brakes", "~the car slows down and stops", "~the car comes to a [stop|halt]",
            "~the driver [brakes|hits the brakes]", "~we stop", "~we come to a stop", "~something runs across the road, brake",
            "~the road is getting slippery, slow down",
        ),
        (
            "pull up short", "bring us to a standstill", "ease the car to a stop", "put the brakes on", "~the car grinds to a halt",
            "~a child is on the road, stop the car",
        ),
    ),
    "wait": Phrasings(
        (
            "wait", "wait a [moment|second]", "do nothing", "just wait", "change nothing", "leave everything as it is",
            "let a second pass", "keep everything as it is", "do nothing for now", "wait and see", "do nothing at all",
            "leave it as it is", "let time pass", "do nothing special", "carry on as before", "keep things as they are",
            "~nothing happens", "~nothing changes", "~everything stays as it is", "~a second passes", "~time passes",
            "~nothing else happens", "~things stay as they are", "~all goes on as before",
        ),
        (
            "bide your time", "do not change a thing", "let a moment go by", "~it all stays the same", "~nothing new happens",
        ),
    ),
    "turn": Phrasings(
        (
            "turn {side}", "go {side}", "take a {side}", "take a {side} turn", "make a {side} turn", "turn {side} here",
            "turn {side} at the [junction|crossing|crossroads|intersection]", "take the next {side}", "take the street on the {side}",
            "go {side} at the [corner|junction|crossing]", "hang a {side}", "turn to the {side}", "steer {side} into the side street",
            "drive around the {side} corner", "take the road to the {side}", "turn into the street on the {side}",
            "turn off to the {side}", "go around the corner to the {side}", "follow the road that goes {side}",
            "~the car turns {side}", "~we turn {side}", "~we go {side} at the [junction|crossing]", "~the car takes the next {side}",
            "~the car turns into the street on the {side}", "~we take the street on the {side}", "~the driver turns {side}",
            "~our way goes {side}",
        ),
        (
            "bear {side} at the crossroads", "swing {side} round the corner", "head down the {side} street",
            "leave this road on the {side}", "~the route leads {side} here", "~the car rounds the corner to the {side}",
        ),
    ),
    "lane": Phrasings(
        (
            "change to the {side} lane", "move to the {side} lane", "go into the {side} lane", "switch to the {side} lane",
            "take the {side} lane", "change lanes to the {side}", "move over to the {side} lane", "get into the {side} lane",
            "use the {side} lane", "move one lane to the {side}", "shift to the {side} lane", "pull over into the {side} lane",
            "get in the {side} lane", "cross into the {side} lane", "steer into the {side} lane", "drive in the {side} lane",
            "merge into the {side} lane", "swap to the {side} lane",
            "~the car changes to the {side} lane", "~we move to the {side} lane", "~the car goes into the {side} lane",
            "~we change lanes to the {side}", "~the car moves over to the {side} lane", "~the driver takes the {side} lane",
        ),
        (
            "slide over into the {side} lane", "hop to the lane on the {side}", "shift a lane over, to the {side}",
            "~we drift into the {side} lane", "~the {side} lane is ours",
        ),
    ),
    "rain": Phrasings(
        (
            "let it rain", "make it rain", "bring the rain", "have it rain", "start the rain", "turn the weather to rain",
            "~it [starts|begins] to rain", "~it rains", "~it is raining", "~rain [falls|starts|sets in]", "~a shower comes down",
            "~it starts raining", "~rain begins to fall", "~the rain comes", "~the weather turns rainy", "~it pours",
            "~it's pouring", "~a rain shower sets in", "~raindrops fall", "~the road gets wet in the rain", "~rain comes down",
            "~dark clouds bring rain",
        ),
        (
            "send down some rain", "~the heavens open", "~a downpour starts", "~drops patter on the windscreen",
            "~it gets wet and rainy",
        ),
    ),
    "snow": Phrasings(
        (
            "let it snow", "make it snow", "bring the snow", "have it snow", "start the snow", "turn the weather to snow",
            "~it [starts|begins] to snow", "~it snows", "~it is snowing", "~snow [falls|sets in]", "~snowflakes fall",
            "~it starts snowing", "~snow begins to fall", "~the snow comes", "~winter comes with snow", "~everything turns white with snow",
            "~the streets are covered in snow", "~snow covers the road", "~a snowfall sets in", "~snow comes down",
            "~the weather turns to snow",
        ),
        (
            "send down some snow", "~flakes drift down", "~a blizzard starts", "~the road disappears under snow",
            "~it gets white and wintry",
        ),
    ),
    "fog": Phrasings(
        (
            "let the fog [in|come]", "make it foggy", "bring the fog", "have fog roll in", "add fog", "turn the weather to fog",
            "~fog rolls in", "~it gets foggy", "~it is foggy", "~fog comes up", "~fog [settles|gathers] on the road", "~mist rises",
            "~thick fog surrounds the car", "~the fog comes", "~a fog descends", "~it becomes foggy", "~everything disappears in fog",
            "~we drive into fog", "~the weather turns foggy", "~the street vanishes in the mist", "~there is fog everywhere",
        ),
        (
            "wrap the street in fog", "~a grey haze hangs over the road", "~the view gets hazy", "~a bank of mist comes in",
            "~it gets misty and grey",
        ),
    ),
    "clear_sky": Phrasings(
        (
            "clear the sky", "make the weather clear", "clear up the weather", "let the sky clear up", "end the bad weather",
            "bring back the good weather", "turn the weather to clear",
            "~the sky clears", "~it clears up", "~the weather clears up", "~the sky is clear", "~the clouds [part|go away]",
            "~the weather turns [fine|good]", "~the sky becomes clear", "~the weather gets better", "~the air is clear again",
            "~the bad weather is over", "~the clouds are gone", "~the weather is fine again", "~the storm is over",
            "~the sky brightens up", "~the sky is clear again",
        ),
        (
            "sweep the clouds away", "~not a cloud is left", "~fair weather returns", "~the weather improves",
            "~the bad weather blows over",
        ),
    ),
    "day": Phrasings(
        (
            "make it day", "make it daytime", "let it be day", "turn night into day", "bring the daylight", "switch to daytime",
            "let the sun rise", "let the sun come up", "set the time to day",
            "~it is day", "~the sun [rises|comes up]", "~day breaks", "~morning comes", "~it becomes day", "~it gets light",
            "~it's noon", "~it is daytime", "~it turns to day", "~the sun is high in the sky", "~daylight comes",
            "~it is broad daylight",
        ),
        (
            "bring on the morning", "~a new day begins", "~it grows light outside", "~the sun climbs into the sky",
            "~the night is over",
        ),
    ),
    "dusk": Phrasings(
        (
            "make it dusk", "make it evening", "let it be dusk", "let the sun go down", "let the sun set", "switch to evening",
            "let evening come", "set the time to dusk", "bring the sunset",
            "~the sun goes down", "~the sun sets", "~it is dusk", "~evening comes", "~dusk falls", "~it becomes evening",
            "~it turns to dusk", "~the sun is low", "~the evening begins", "~it is sunset", "~the sun sinks",
            "~the sky glows in the sunset", "~it's evening",
        ),
        (
            "bring on the evening", "~twilight comes", "~the sun dips below the hills", "~the day draws to a close",
            "~the evening sky turns orange",
        ),
    ),
    "night": Phrasings(
        (
            "make it night", "let it be night", "turn day into night", "let night fall", "switch to night", "bring the night",
            "set the time to night", "make it dark",
            "~it is night", "~night falls", "~it gets dark", "~it becomes night", "~it turns to night", "~night comes",
            "~it's night, and the headlights are on", "~the night begins", "~darkness falls", "~it's dark, and the street lamps are on",
            "~the stars come out", "~it is the middle of the night", "~it's night", "~the moon comes out",
        ),
        (
            "bring on the darkness", "~it is pitch dark outside", "~the lights of the town come on", "~the last light is gone",
            "~it's midnight",
        ),
    ),
}  # fmt: skip

# Said as they are, without a frame around them.
TELEGRAMS: dict[str, tuple[str, ...]] = {
    "drive": ("go", "go!", "forward", "straight", "straight on", "onward", "faster", "gas"),
    "brake": ("stop!", "brakes", "whoa", "standstill", "red light", "slower"),
    "wait": ("nothing", "pause", "as before", "..."),
    "turn_left": ("left", "next left", "left turn", "first left"),
    "turn_right": ("right", "next right", "right turn", "first right"),
    "lane_left": ("left lane", "one lane left"),
    "lane_right": ("right lane", "one lane right"),
    "rain": ("rain", "a shower", "rainy weather"),
    "snow": ("snow", "snowfall", "snowy weather"),
    "fog": ("fog", "mist", "foggy weather"),
    "clear_sky": ("clear sky", "clear weather", "clear skies", "fine weather"),
    "day": ("day", "daylight", "morning", "noon"),
    "dusk": ("dusk", "evening", "sunset", "in the evening"),
    "night": ("night", "darkness", "at night"),
}
