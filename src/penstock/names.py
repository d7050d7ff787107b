"""Names: which are allowed, the nearest right one, friendly ones for runs; and how things are counted in words."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

_ALLOWED = re.compile(r"^[^/%&><]+$")

_ADJECTIVES = """
amber ancient azure bold brave bright brisk calm clever cobalt copper coral crimson curious daring deft eager
early fair fleet fond free fresh gentle gilded glad golden grand happy hardy humble ivory jade jolly keen kind
lively lucky lunar mellow merry mighty misty modest nimble noble opal patient plucky polite proud quick quiet
rapid ready rosy royal rustic sage scarlet serene sharp silent silver sleek smart snowy solar solid spry
steady stout sunny swift tidy tranquil trusty upbeat valiant velvet vivid warm wise witty zesty
""".split()  # noqa: SIM905 - a list of a hundred quoted words reads worse
_ANIMALS = """
alpaca badger bat bear beaver bee bison bobcat buffalo camel caribou cat cheetah cobra condor coyote crab
crane crow deer dingo dolphin dove dragonfly eagle egret elk falcon ferret finch firefly fox frog gazelle
gecko gibbon goose grouse gull hare harrier hawk heron hornet ibex ibis jackal jaguar jay kestrel kingfisher
koala lark lemur leopard lion llama lobster loon lynx macaw magpie marmot marten mole moose moth mule newt
ocelot octopus orca oriole osprey otter owl panda panther parrot pelican penguin pheasant pigeon puffin puma
quail rabbit raccoon ram raven robin rook salmon seal shark shrew skink sloth snail sparrow squid stork swan
swift tapir tern tiger toad toucan trout turtle viper vole walrus wasp weasel whale wolf wombat woodpecker
wren yak zebra
""".split()  # noqa: SIM905 - a list of a hundred quoted words reads worse


def is_allowed(name: str) -> bool:
    """Whether a name of a flow, deployment, pool, queue or block may be used (no `/ % & > <`, not empty)."""
    return bool(_ALLOWED.match(name))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely meant, or None."""
    import difflib  # 5 ms to import, which whoever spells well never needs

    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def friendly(rng: random.Random | None = None) -> str:
    """A name for a run that people can say, such as `keen-otter`."""
    pick = (rng or random).choice
    return f"{pick(_ADJECTIVES)}-{pick(_ANIMALS)}"


def counted(number: int, noun: str) -> str:
    """So many of a thing, in words: `1 run`, `2 runs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
