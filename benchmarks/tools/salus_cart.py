"""Salus cart, defaults."""

# install: {root}

from with_salus import run

import salus

run(salus.Cart())
