"""What the columns are for, as the verbs that read real people take it: one set of options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from salus.synth.cli import options
from salus.synth.errors import OptionError

__all__ = ["NO_ROLES", "Roles", "spread"]


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Hold the roles of columns; each field is an option of the command line.

    A verb takes them as one parameter, ``roles: Roles``; ``spread`` gives it the options.
    """

    outcome: options.Outcome = None
    person: options.Person = None
    sensitive: options.Sensitive = None
    known: options.Known = None
    drop: options.Drop = None
    group: options.Group = None
    time: options.Time = None
    event: options.Event = None

    def given(self, *, schema: object = None) -> dict[str, Any]:
        """Return the roles as ``read_table`` and its like take them.

        Parameters
        ----------
        schema : object
            The schema given beside them, if any: it may name the time.

        Raises
        ------
        OptionError
            If an event is named and no time: nothing would come of it.
        """
        if self.event is not None and self.time is None and schema is None:
            raise OptionError(
                "--event is the level of a survival outcome and does nothing without a time.",
                remedy="Name the follow-up time with --time, or leave --event out.",
            )
        return {
            "outcome": self.outcome,
            "person": self.person,
            "sensitive": self.sensitive or (),
            "known": self.known or (),
            "drop": self.drop or (),
            "groups": self.group or (),
            "time": self.time,
            "event": self.event,
        }


NO_ROLES = Roles()


def spread(verb: Callable[..., int]) -> Callable[..., int]:
    """Return the verb with one option for each role in place of its parameter ``roles``.

    A verb without such a parameter is returned as it is.
    """
    signature = inspect.signature(verb, eval_str=True)
    if not any(p.annotation is Roles for p in signature.parameters.values()):
        return verb
    hints = get_type_hints(Roles, include_extras=True)
    names = [f.name for f in fields(Roles)]

    @functools.wraps(verb)
    def called(**kwargs: Any) -> int:
        roles = Roles(**{name: kwargs.pop(name) for name in names if name in kwargs})
        return verb(roles=roles, **kwargs)

    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.annotation is Roles:
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            parameters += [
                inspect.Parameter(name, kind, default=None, annotation=hints[name])
                for name in names
            ]
        else:
            parameters.append(parameter)
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    return called
