"""Salus net, defaults."""

# install: {root}[net]

from with_salus import run

import salus

run(salus.Net())
