"""The live settings: typed attributes to read, and what CONFIG does to them.

Reading is `settings.port`: a slot, no look-up. Writing goes through `change`, which is all or
nothing: values are parsed before the first is set, and when a component refuses to take one over,
all are put back and the components that had followed are told again.

Invariants: an attribute always holds a value its type allows (tests and the loader may assign
directly); `origin` is what last set it; a parameter that a component has to take over cannot
change before one has registered, so CONFIG SET never answers OK to what nobody does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from meridian_resp.config.errors import (
    RefusedChangeError,
    RewriteError,
    UnknownParameterError,
    ValueRefusedError,
)
from meridian_resp.config.parameter import Change, Parameter
from meridian_resp.config.parameters import PARAMETERS, Parameters, find
from meridian_resp.config.patterns import compile_pattern, is_pattern
from meridian_resp.config.rewrite import ConfigFile, rewrite_file
from meridian_resp.config.sources import Origin, Provenance

ChangeHook = Callable[[], None]

_DEFAULT = Provenance(Origin.DEFAULT)


@attrs.define(eq=False, kw_only=True)
class Settings(Parameters):
    """All parameters of a running server.

    `Settings()` holds the defaults, and any attribute can be given by keyword, which is what
    tests want; `meridian_resp.config.loading.load` builds one from the command line and files.

    Attributes:
        config_file: what CONFIG REWRITE writes to; None when the server has no file.
        start_warnings: what the user should be told once logging works, a paragraph each.
    """

    config_file: ConfigFile | None = None
    start_warnings: tuple[str, ...] = ()
    _provenances: dict[str, Provenance] = attrs.field(factory=dict, init=False)
    _hooks: dict[str, list[ChangeHook]] = attrs.field(factory=dict, init=False)

    def origin(self, name: str) -> Provenance:
        """Say where the value of a parameter came from.

        Raises:
            KeyError: no such parameter.
        """
        return self._provenances.get(_known(name).attribute, _DEFAULT)

    def record_provenances(self, provenances: Mapping[str, Provenance]) -> None:
        """Note, by attribute, where values came from that were set directly."""
        self._provenances.update(provenances)

    def value(self, parameter: Parameter) -> object:
        """Return the value of a row of the table."""
        value: object = getattr(self, parameter.attribute)
        return value

    def on_change(self, name: str, hook: ChangeHook) -> None:
        """Call `hook` after CONFIG SET gave the parameter another value.

        The hook reads the new value from these settings. It may raise `ValueRefusedError` with a
        reason; then the whole CONFIG SET is undone. A hook given for several parameters is
        called once when several change.

        Raises:
            KeyError: no such parameter.
        """
        self._hooks.setdefault(_known(name).attribute, []).append(hook)

    def get_matching(self, patterns: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
        """Answer CONFIG GET: names and values that match any pattern, each name once.

        Names are aliases too, as in Redis; a name asked for in another case is answered so.
        """
        found: dict[str, Parameter] = {}
        for pattern in patterns:
            text = pattern.decode("utf-8", "surrogateescape")
            if not is_pattern(text):
                parameter = find(text)
                if parameter is not None and parameter.visible:
                    found[text] = parameter
                continue
            compiled = compile_pattern(text)
            for parameter in PARAMETERS:
                for name in parameter.names:
                    if parameter.visible and compiled.fullmatch(name):
                        found[name] = parameter
        return [
            (_to_bytes(name), _to_bytes(parameter.type.format(self.value(parameter))))
            for name, parameter in found.items()
        ]

    def change(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        """Do CONFIG SET: all the changes or none.

        Raises:
            ChangeError: a name or a value cannot be taken; nothing is changed. Its `text` is
                Redis' error.
        """
        requests = self._resolve(pairs)
        before = {request.parameter: self.value(request.parameter) for request in requests}
        for request in requests:
            try:
                setattr(self, request.parameter.attribute, self._parse(request))
            except ValueRefusedError as error:
                self._restore(before)
                raise RefusedChangeError(request.name, error.reason) from None
        self._call_hooks(requests, before)
        for request in requests:
            provenance = Provenance(Origin.RUN_TIME)
            self._provenances[request.parameter.attribute] = provenance

    def rewrite(self) -> None:
        """Do CONFIG REWRITE: make the file say what is set now, keeping the rest of it.

        Raises:
            RewriteError: there is no file, or it cannot be written; it is as it was.
        """
        if self.config_file is None:
            raise RewriteError("The server is running without a config file")
        rewrite_file(self.config_file, self)

    def _resolve(self, pairs: Sequence[tuple[bytes, bytes]]) -> list[_Request]:
        """Look all names up before any value; the first that cannot be changed is named."""
        requests: list[_Request] = []
        for name_given, value in pairs:
            name = name_given.decode("utf-8", "surrogateescape")
            parameter = find(name)
            if parameter is None or not parameter.visible:
                raise UnknownParameterError(name)
            if not self._is_changeable(parameter):
                raise RefusedChangeError(name, "can't set immutable config")
            if any(request.name == name.lower() for request in requests):
                raise RefusedChangeError(name, "duplicate parameter")
            text = value.decode("utf-8", "surrogateescape")
            words = text.split(" ") if parameter.type.several else [text]
            requests.append(_Request(name=name.lower(), parameter=parameter, words=words))
        return requests

    def _is_changeable(self, parameter: Parameter) -> bool:
        if parameter.change is Change.HOOK:
            return parameter.attribute in self._hooks
        return parameter.change is Change.LIVE

    def _parse(self, request: _Request) -> object:
        parameter = request.parameter
        value: object = parameter.type.parse(request.words, self.value(parameter))
        text = parameter.type.format(value)
        reason = parameter.ignored.get(text)
        if reason is not None:
            raise ValueRefusedError(reason)
        return value

    def _restore(self, before: Mapping[Parameter, object]) -> None:
        for parameter, value in before.items():
            setattr(self, parameter.attribute, value)

    def _call_hooks(
        self, requests: Sequence[_Request], before: Mapping[Parameter, object]
    ) -> None:
        """Tell the components; when one refuses, put all back and tell the earlier ones again."""
        called: list[ChangeHook] = []
        for request in requests:
            parameter = request.parameter
            if self.value(parameter) == before[parameter]:
                continue
            for hook in self._hooks.get(parameter.attribute, ()):
                if hook in called:
                    continue
                try:
                    hook()
                except ValueRefusedError as error:
                    self._restore(before)
                    for followed in called:
                        followed()
                    raise RefusedChangeError(request.name, error.reason) from None
                called.append(hook)


@attrs.frozen(kw_only=True)
class _Request:
    """One pair of CONFIG SET with its row of the table."""

    name: str
    parameter: Parameter
    words: list[str]


def _known(name: str) -> Parameter:
    parameter = find(name)
    if parameter is None:
        raise KeyError(f"no parameter is called {name}")
    return parameter


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
