"""SecretHandle: what a notebook holds of a secret that lives in the parties. It has no data to give."""

from typing import Any

from ramp_notebook import MisuseTypeError


class SecretHandle:
    """Names a secret for the next cell; says its type, shape, protocol and holders. Overwriting it does no harm."""

    __slots__ = ("_name", "_text")
    lives_in_parties = True  # how the runtime tells a handle from data

    def __init__(self, name: str, text: str):
        self._name, self._text = name, text

    def __repr__(self) -> str:
        return self._text

    def _reason(self) -> str:
        return (
            f"`{self._name}` is a secret that lives in the parties; the notebook has no data of it. "
            f"Use it in a %%mpc cell, e.g. `y = mpc.reveal({self._name})`."
        )

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise MisuseTypeError(self._reason())

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # displays and inspectors look for their own methods
            raise AttributeError(attribute)
        raise AttributeError(self._reason())


REFUSED = (
    "bool int float complex index len iter getitem setitem contains call array add radd sub rsub mul rmul truediv rtruediv floordiv "
    "rfloordiv mod rmod pow rpow matmul rmatmul lshift rshift neg pos abs invert lt le gt ge eq ne and rand or ror xor rxor hash format "
    "reduce_ex"
)
for _name in REFUSED.split(" "):
    setattr(SecretHandle, f"__{_name}__", SecretHandle._refuse)
