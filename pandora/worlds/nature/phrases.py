"""The sentences of the nature world, put together."""

from functools import cache

from pandora.worlds.nature.phrases_fire import FIRE
from pandora.worlds.nature.phrases_hours import HOURS
from pandora.worlds.nature.phrases_weather import WEATHER
from pandora.worlds.nature.phrases_wind import LOOKS, WAIT, WIND
from pandora.worlds.wording import Grammar


@cache
def grammar() -> Grammar:
    return Grammar(WEATHER | HOURS | WIND | FIRE | LOOKS | WAIT)
