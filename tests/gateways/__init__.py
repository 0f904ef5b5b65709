"""Real gateways, started on this machine in front of an upstream of ours."""

from . import haproxy, nginx, recipes, routers
from .program import Program

ALL: tuple[Program, ...] = (*nginx.ALL, *haproxy.ALL, *recipes.ALL, *routers.ALL)
