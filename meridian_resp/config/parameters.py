"""The one typed table of parameters.

Every parameter is one row: an annotated attribute of the classes `ServerParameters`,
`StorageParameters`, `OperationParameters` and `ClusterParameters`. They are links of one chain
(each extends the one before) only because a file has at most 500 lines; nothing but this module
looks at them one by one. `PARAMETERS` is the table as data, in the order of the rows.

To add a parameter: write its row, run `python -m tools.generate_docs`, and read
`settings.<attribute>` where it is meant to act.
"""

from __future__ import annotations

import attrs

from meridian_resp.config.cluster_parameters import ClusterParameters
from meridian_resp.config.parameter import METADATA_KEY, Parameter


@attrs.define(eq=False, kw_only=True)
class Parameters(ClusterParameters):
    """All parameters as typed attributes; a plain slot each, so reading one costs nothing."""


def _table() -> tuple[Parameter, ...]:
    parameters = []
    for field in attrs.fields(Parameters):
        parameter = field.metadata[METADATA_KEY]
        assert isinstance(parameter, Parameter), field.name
        parameters.append(attrs.evolve(parameter, attribute=field.name))
    return tuple(parameters)


#: The table, in the order of its rows.
PARAMETERS: tuple[Parameter, ...] = _table()

_BY_NAME = {name: parameter for parameter in PARAMETERS for name in parameter.names}
assert len(_BY_NAME) == sum(len(parameter.names) for parameter in PARAMETERS), "a name twice"


def find(name: str) -> Parameter | None:
    """Return the parameter of a name or an alias in any case, or None."""
    return _BY_NAME.get(name.lower())


def names() -> list[str]:
    """Return all names and aliases in the order of the table."""
    return list(_BY_NAME)
