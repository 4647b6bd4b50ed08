"""The phrasings of Blocksworld's four operators; the notation is that of `phrases`."""

# fmt: off

from pandora.worlds.blocks.phrases import COMMON_WORDS, Phrases, Words

PICK_UP = Phrases(
    common=("pick up {a}", "pick {a} up", "grab {a}", "lift {a}", "take {a}"),
    usual=(
        "[grasp|raise|fetch|seize|snatch|hold|get|grip|clutch|pluck] {a}",
        "lift [{a} up|up {a}]",
        "[pick|lift|raise] {a} up from the {t}",
        "[pick|lift|raise|hold] {a} up",
        "[take|grab|get|fetch|pick up|snatch] {a} from the {t}",
        "[lift|raise|take|grab|pluck] {a} off the {t}",
        "[take|grab|get] hold of {a}", "use the {m} to [grab|lift|pick up|take] {a}",
        "[lift|raise|pick] {a} up into the air",
    ),
    rare=(
        "[lift|raise] {a} into the air", "~[take|get] {a} into the {m}", "~take {a} in the {m}", "close the {m} [around|on] {a}",
        "~[reach for|go to] {a} and ^[pick|lift] it up", "~grab {a} and ^[lift|raise] it", "~[go|reach down] and ^[grab|get|fetch] {a}",
        "~bring {a} up off the {t}", "[catch|elevate|pinch|nab|hold on to] {a}", "[grab|take] {a} with the {m}", "snatch up {a}", "[carry|clasp|capture|yank up|take up|hook|suspend|uplift] {a}",
        "[lift|raise] {a} [high|upwards|upward]", "hold {a} in the air", "[remove|clear] {a} from the {t}", "[lift|pick|raise] {a} up off the {t}",
        "get {a} up", "[bring|pull] {a} up", "pull up {a}", "[lift|raise|hold] {a} up in the air", "~reach [down|out] and ^pick up {a}", "snag {a}", "~reach for {a} and ^take it", "bring {a} into the air", "~lower the {m} to {a} and ^[lift|raise] it", "tighten the {m} around {a}", "get a hold of {a}",
        "~close the {m} around {a} and ^[lift|raise] it", "~grip {a} and ^[lift|raise] it", "~come down and ^[take|grab|lift] {a}",
        "[choose|pick] {a} and ^[lift|raise] it", "gather up {a}", "heave {a} up",
    ),
    held=(
        "hoist {a}", "hoist {a} up", "collect {a}", "scoop up {a}", "scoop {a} up", "retrieve {a} from the {t}", "haul {a} up",
        "get a grip on {a}", "lay hold of {a}", "~go down to {a} and ^take it", "acquire {a}",
    ),
    clauses=(
        "{a} [is|ends up|goes|winds up] in the {m}", "the {m} [holds|is holding|has|has got] {a}", "{a} [leaves|rises from] the {t}",
        "{a} [hangs in|hangs from|is held in|is held by|dangles from] the {m}", "the {m} closes around {a}", "{a} is off the {t}",
        "{a} [is|hangs|rises] up in the air", "{a} is no longer on the {t}", "{a} [rises|goes up|is lifted] into the air",
        "the {g} [goes|reaches] down to {a} and [brings|lifts|picks] it up", "{a} moves up into the {m}", "{a} rises", "{a} goes up",
        "{a} comes up off the {t}", "{a} [hovers|floats] above the {t}", "the {g} carries {a}",
    ),
    clauses_held=("{a} finds itself in the {m}", "the {m} has a hold of {a}", "up goes {a}", "{a} takes off from the {t}"),
    small=(
        "{a} [in|held in|held by|inside] the {m}", "{a} up in the air", "{a} off the {t}",
        "{a} [lifted|grabbed|gripped|picked up]", "the {m} holding {a}", "{a} [between the fingers|in the air]",
    ),
    small_held=("{a} above the {t}", "the {m} with {a} in it", "the {m} around {a}"),
    orders=(
        "from the {t}, [pick up|take|lift|grab] {a}", "off the {t} with {a}", "up with {a}", "go [get|grab|fetch] {a}", "come and get {a}", "with the {m}, [grab|lift|take|pick up] {a}",
        "{a} is the one to [pick up|lift|grab|take]", "the [one|block] to [pick up|lift|grab] is {a}", "of all the blocks, [take|pick up] {a}",
        "it's {a} that [you should pick up|I want picked up|should be lifted]", "what I want is {a} in the {m}",
        "{a} is what [you should pick up|I want you to lift|I want you to grab]", "I want you to have {a} in your hand",
        "your hand should [hold|be holding|close around] {a}", "[hold|have|get] {a} in your hand", "take {a} in your hand",
        "{a} should [be|end up] in the {m}", "the next block to pick up is {a}", "up and away from the {t} with {a}",
        "{a} should [leave|come off|go up from] the {t}", "I'd like to have {a} in the {m}", "I want to [hold|have hold of|be holding] {a}", "you should be holding {a}", "may I have {a} lifted?",
        "grip on {a}, then up", "your hand goes to {a} and takes it", "close your hand around {a}",
    ),
    orders_held=("into the {m} with {a}", "into the {m} goes {a}", "choose {a} to lift", "{a} is wanted in the {m}", "off the {t} comes {a}"),
    telegrams=(
        "{a} up", "{a}: [pick up|lift|grab|take|up]", "pickup {a}", "{a}, up", "{a} in {m}", "up: {a}", "{a} pick up", "{a} lift",
        "[lift|grab|pick up|pickup]: {a}", "{a} into {m}", "{a} up from {t}", "pick {a}",
    ),
    telegrams_held=("{a} to {m}", "{m}: {a}", "{a} up, off {t}"),
    words=COMMON_WORDS,
)

PUT_DOWN = Phrases(
    common=("put down {a}", "put {a} down", "put {a} on the {t}", "set {a} down", "drop {a}", "release {a}"),
    usual=(
        "lower {a}", "lower {a} [to|onto] the {t}", "let go of {a}", "let {a} go", "set down {a}", "lay {a} down", "lay down {a}",
        "[place|lay|set|rest|drop|leave|position] {a} on the {t}", "[put|place|set|lay] {a} down on the {t}", "put {a} onto the {t}",
        "[put|place|set|lay] {a} back [down|on the {t}]", "[return|bring] {a} [back |]to the {t}", "[place|set|drop] {a} onto the {t}", "bring {a} down",
        "?let go", "?release", "?open the {m}", "?empty the {m}", "place {a} down",
    ),
    rare=(
        "~open the {m} and ^[release|drop] {a}", "let {a} down", "lower {a} down", "~let {a} [rest|stand] on the {t}", "drop {a} down",
        "~lower {a} and ^let it go", "~put {a} on the {t} and ^let it go", "~lower {a} and ^release it", "move {a} down to the {t}",
        "give {a} back to the {t}", "stand {a} on the {t}", "leave {a} down on the {t}", "stop holding {a}", "set {a} back on the {t}",
        "?release the grip", "?loosen the grip", "?unload the {m}", "?free the {m}", "?open up", "~go down and ^[release|put down] {a}",
        "rest {a} on the {t}", "place {a} back on the {t}", "unhand {a}", "ungrasp {a}", "drop {a} there on the {t}", "[free|unclasp|ungrip|let loose] {a}", "~let {a} fall", "~let {a} drop [to|onto|on] the {t}", "get {a} out of the {m}", "put {a} to rest on the {t}",
        "let {a} out of the {m}", "set {a} free", "~let go and ^leave {a} on the {t}", "take {a} down to the {t}", "stop carrying {a}", "dump {a} on the {t}",
        "give up {a}", "bring {a} back down", "land {a} on the {t}", "?clear the {m}", "?release what the {m} holds", "?open the {m} to let the block go", "?put the load down",
    ),
    held=(
        "deposit {a} on the {t}", "park {a} on the {t}", "plop {a} down", "ease {a} down", "ease {a} onto the {t}", "unload {a} onto the {t}",
        "plonk {a} on the {t}", "?relax the grip", "?let the block go", "~let {a} sink to the {t}", "relinquish {a}",
    ),
    clauses=(
        "{a} [ends up|is|lands|rests|stands|sits|is back|lies] on the {t}", "{a} goes [back on|down to|onto|on] the {t}", "{a} comes down",
        "{a} [touches down|touches down on the {t}|returns to the {t}]", "the {m} [lets {a} go|lets go of {a}|releases {a}]",
        "{a} leaves the {m}", "{a} is [no longer in|out of] the {m}", "the {m} [no longer holds|gives up] {a}", "{a} goes down",
        "the {m} [opens|is empty|is empty again|holds nothing|is free again]", "the {m} has put {a} down", "{a} stands on the {t} again",
    ),
    clauses_held=("{a} finds its place on the {t}", "down goes {a}", "the {m} parts with {a}", "{a} has its feet on the {t} again"),
    small=(
        "{a} [on|back on|down on] the {t}", "{a} [down|released|put down]", "{a} out of the {m}", "the {m} empty",
        "{a} standing on the {t}", "the {m} without {a}",
    ),
    small_held=("{a} safely on the {t}", "an empty {m}", "{a} back down"),
    orders=(
        "[on|onto] the {t}, [put|place|set|lay] {a}", "down with {a}", "on the {t} [goes|with] {a}", "back [on|to] the {t} with {a}",
        "the {t} is where {a} [goes|belongs]", "{a} belongs [on|back on] the {t}", "the place for {a} is the {t}", "you can let go of {a}",
        "don't hold {a} any longer", "{a} should [be|end up|stand|go] on the {t}", "open your hand and [drop|release] {a}",
        "?put the block in your hand down", "?[open|empty] your hand", "?let it go", "?let go of it", "?put it back down", "?drop it",
        "?you can let go", "?don't hold it any longer", "{a} has to go [on|to|back to] the {t}", "?no need to hold it any longer",
        "I don't want you to hold {a} any more", "down on the {t} with {a}", "onto the {t} goes {a}", "?put your load down",
    ),
    orders_held=("to the {t} with {a}", "back down with {a}", "let the {t} have {a}", "?your hand should be empty", "?let the block fall"),
    telegrams=(
        "{a} down", "{a} [on|to|onto] {t}", "{a}: [put down|drop|release|let go|down|on {t}]", "{a}, down", "putdown {a}", "{a} back on {t}",
        "[put down|drop|release]: {a}", "?down", "?put down", "?drop", "?on the {t}", "?onto the {t}", "down {a}", "{a} drop",
    ),
    telegrams_held=("{t}: {a}", "?back to {t}", "{a} back to {t}", "?down on {t}"),
    takes_held_object=True,
    words=COMMON_WORDS,
)

ONTO = Words({"on": 50, "onto": 22, "on top of": 25, "atop": 2, "on to": 1}, ("upon",))
ON = Words({"on": 60, "on top of": 36, "atop": 4}, ("upon",))
OFF = Words(
    {"off": 40, "from": 28, "off of": 10, "from the top of": 8, "off the top of": 6, "from on top of": 4, "from atop": 1},
    ("clear off", "away from the top of"),
)
TOWER = Words({"its stack": 3, "the stack": 4, "its tower": 3, "the tower": 3, "its pile": 1}, ("the stack it is part of",))

STACK = Phrases(
    common=("[put|stack|place|set] {a} {o} {b}",),
    usual=(
        "[lay|drop|rest|balance|position|lower|move|get] {a} {o} {b}", "[set|put|lay|place] {a} down {i} {b}",
        "[cover|cap|top] {b} with {a}", "put {a} above {b}", "[stack|put|place] {a} up on {b}",
        "[add|move|bring|transfer] {a} to the top of {b}", "~let {a} [stand|rest|sit] {i} {b}",
        "leave {a} {i} {b}", "stack up {a} on {b}", "[sit|stand] {a} {i} {b}", "put {a} up there on {b}", "let {a} down {i} {b}",
    ),
    rare=(
        "use {a} to [cover|cap] {b}", "[build|make] a tower with {a} {i} {b}", "[let go of|release|drop] {a} [{o}|over|above] {b}",
        "build a tower with {b} below and {a} on top", "~[take|carry|bring|move] {a} over to {b} and ^put it on top", "place {a} over {b}",
        "~move over {b} and ^[drop|release|put down] {a}", "[fit|stick|land|plant] {a} {i} {b}", "~bring {a} to {b} and ^stack it",
        "join {a} onto {b}", "~go to {b} and ^put {a} on it", "load {a} onto {b}", "make a stack of {b} with {a} on top", "stand {a} on {b}",
        "~carry {a} to {b} and ^set it down on top", "[put|place|set] {a} so that it [stands|sits|rests] {i} {b}", "build on {b} with {a}",
        "combine {a} and {b} into a tower with {a} on top", "[put|place|set] {a} higher than {b}, on top of it", "add {a} to {b}", "drop {a} down {o} {b}",
        "~make {b} carry {a}", "extend the tower of {b} with {a}", "[use|take] {b} as the place for {a}", "stack {a} over {b}", "give {b} {a} as its top", "raise the tower of {b} with {a}", "put {a} as a [lid|hat|roof] on {b}",
    ),
    held=(
        "pile {a} {o} {b}", "mount {a} on {b}", "perch {a} on {b}", "park {a} on top of {b}", "deposit {a} on {b}",
        "crown {b} with {a}", "~hover over {b} and ^let go of {a}", "pile up {a} on {b}", "seat {a} on {b}", "heap {a} onto {b}", "~hover over {b} and ^lower {a}",
    ),
    clauses=(
        "{a} [ends up|is|goes|sits|stands|rests|lands|lies] {i} {b}", "{b} [carries|supports|bears] {a}", "{a} [tops|covers|caps] {b}",
        "{b} [is|ends up|stands|sits] [under|below|beneath|underneath] {a}", "{b} has {a} on top", "{b} gets {a} on top", "{a} is above {b}",
        "there is a tower with {a} {i} {b}", "{a} moves [{o}|over] {b}", "{a} goes up on {b}", "{a} forms a stack with {b} below",
        "the {m} leaves {a} on {b}", "{a} gets a place on {b}",
    ),
    clauses_held=("{a} finds its place on {b}", "{b} serves as the base of {a}", "{a} crowns {b}"),
    small=(
        "{a} [{i}|above|up on] {b}", "{b} [under|below|beneath|underneath] {a}", "{b} with {a} on top", "{a} stacked on {b}",
        "{a} [sitting|standing|resting] on {b}", "a tower with {a} {i} {b}",
    ),
    small_held=("{b} covered by {a}", "{b} at the bottom and {a} on top", "{b} as the base of {a}"),
    orders=(
        "{o} {b}, [put|place|set|stack] {a}", "{o} {b} goes {a}", "{i} {b} I want {a}",
        "{b} is where {a} [goes|belongs]", "the place for {a} is {i} {b}", "{a} belongs {i} {b}", "to the top of {b}, move {a}",
        "{a} should [be|end up|stand|go|sit] {i} {b}", "{b} should [carry|have|support] {a}", "{b} should be [under|beneath|below|underneath] {a}",
        "{b} needs {a} on top", "{i} {b} with {a}", "{a} has to [go|be] on {b}", "{a} goes on top, {b} below",
        "I want {a} to [be|stand|sit|end up] on {b}", "let {b} [carry|support] {a}", "{b} should get {a} on top",
        "?put it {i} {b}", "?{o} {b} with it", "?put the block in your hand on {b}", "?let go of it [over|on|above] {b}",
        "?{b} is where it goes", "?{b} should carry it", "?make a tower on {b} with it", "?use it to cover {b}", "from the {m} onto {b} with {a}",
        "?on {b}, put it down", "open your hand over {b} and drop {a}",
    ),
    orders_held=(
        "over {b}, let go of {a}", "make {b} the base for {a}", "use {b} as a base for {a}", "onto {b} I'd put {a}",
    ),
    telegrams=(
        "{a} [{o}|over] {b}", "stack {a} {b}", "{a}: {o} {b}", "{b}: {a} on top", "stack: {a} on {b}",
        "{a} to the top of {b}", "{o} {b}: {a}", "?{o} {b}", "?stack on {b}", "?drop on {b}",
        "{a} above, {b} below", "{a} top, {b} bottom", "?put on {b}",
    ),
    telegrams_held=("{b} below, {a} above", "{b} beneath, {a} on top", "{b} bottom, {a} top"),
    takes_held_object=True,
    words=COMMON_WORDS | {"o": ONTO, "i": ON},
)

UNSTACK = Phrases(
    common=("unstack {a} from {b}", "take {a} off {b}", "[take|remove] {a} from {b}", "lift {a} {f} {b}"),
    usual=(
        "[pull|pick|grab|get|pluck|raise|unstack|snatch] {a} {f} {b}", "[take|fetch|remove|pick up] {a} {f} {b}",
        "pick {a} up {f} {b}", "separate {a} from {b}",
        "detach {a} from {b}", "unpile {a} from {b}", "?unstack {a}", "?[take|lift|pull] {a} off", "?[take|lift|pull|grab|pick] {a} off {k}",
        "?[remove|take|lift|grab|get|unstack] {a} from {k}",
    ),
    rare=(
        "lift {a} [away|up] from {b}", "[take|get|bring|lift] {a} down from {b}", "[split|free|clear|unhook] {a} from {b}", "lift {a} clear of {b}", "free {b} [from|of] {a}", "relieve {b} of {a}", "clear {a} off {b}",
        "unload {a} from {b}", "~uncover {b} by [lifting|removing|taking] {a}", "~grab {a} and ^[lift|pull] it off {b}", "lift {a} up off {b}",
        "?[lift|take|pull] {a} off the block [below|underneath|beneath|under it]", "?take {a} off [what|the block] it stands on", "?unpile {a}",
        "?lift {a} from [what|the block] it stands on", "?[lift|take] off the block {i} {b}", "?remove the block {i} {b}",
        "?unstack the block {i} {b}", "?uncover {b}", "~reach for {a} and ^take it off {b}", "disconnect {a} from {b}",
        "?take the block that stands on {b} off", "?free {b} from the block on top", "?[take|remove|lift] the top block {f} {b}", "part {a} from {b}",
        "~go to {b} and ^lift {a} off", "?[lift|take] {a} off the block it is on",
    ),
    held=(
        "hoist {a} off {b}", "dismount {a} from {b}", "peel {a} off {b}", "withdraw {a} from the top of {b}", "strip {b} of {a}",
        "dislodge {a} from {b}", "?collect {a} from {k}", "?clear the top of {b}", "scoop {a} off {b}", "unload {b} of {a}",
        "extract {a} from the top of {b}",
    ),
    clauses=(
        "{a} [leaves|comes off|is no longer on|is off|is lifted away from|rises from] {b}", "{b} is [free|rid|clear] of {a}",
        "{b} no longer [carries|has|supports] {a}", "{a} no longer [stands|sits|rests|is] {i} {b}", "{b} loses {a}",
        "{a} goes from {b} [into|to] the {m}", "the {m} takes {a} {f} {b}", "the {m} holds {a} and {b} is clear",
        "{a} is off {b} and in the {m}", "{a} [leaves|comes off] {k}", "{b} is not under {a} any more",
        "{a} hangs above {b} in the {m}", "{a} is no longer on {k}",
    ),
    clauses_held=("{b} is left without {a}", "{a} parts from {b}", "{a} quits the top of {b}", "{a} gets off {b}"),
    small=(
        "{a} {f} {b}", "{a} off {k}", "{b} without {a} on top", "{b} [clear|free|rid] of {a}",
        "{a} [removed|lifted|gone|separated|unstacked] from {b}", "nothing on {b}, and {a} in the {m}",
    ),
    small_held=("{a} clear of {b}", "{b} without {a} on it", "{a} no longer on {b}"),
    orders=(
        "[off|from|off of] {b}, [take|lift|grab|remove|pull] {a}", "from the top of {b}, [lift|take|grab|remove] {a}", "off {b} [comes|goes] {a}",
        "off {b} with {a}", "{a} [comes|goes] off {b}", "{b} should [lose|no longer carry|be free of] {a}", "{a} should come {f} {b}",
        "{a} should [not be|no longer be|not stay] on {b}", "{a} has to come off {b}", "I don't want {a} on {b}", "{a} shouldn't be on {b}",
        "I want {a} [off|to come off] {b}", "{a} must leave {b}", "?from {k}, [take|lift|remove] {a}", "?off {k} with {a}",
        "get {b} out from under {a} by lifting {a}", "{b} should not have {a} on top", "?{a} should come off {k}",
        "let {a} come off {b}", "the block to take off {b} is {a}",
    ),
    orders_held=("off of {b} I want {a}", "{a} mustn't stay on {b}", "from {b} comes {a}", "{b} has carried {a} long enough", "?away from {k} with {a}"),
    telegrams=(
        "{a} off {b}", "unstack {a} {b}", "{a}: {f} {b}", "off {b}: {a}", "{a} from {b}", "unstack: {a} from {b}", "?{a}: unstack",
        "?{a}: off the stack", "{a}, off {b}", "{a} unstack from {b}", "?{a} off the stack", "?{a} off its tower", "{a} off from {b}",
    ),
    telegrams_held=("from {b}: {a}", "{a} from atop {b}", "?{a} off the pile", "unstack, please: {a}, from {b}"),
    words=COMMON_WORDS | {"o": ONTO, "i": ON, "f": OFF, "k": TOWER},
)
