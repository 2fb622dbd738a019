"""SecretHandle: what a notebook holds of a secret that lives in the parties. It has no data to give."""

from typing import Any

from ramp_notebook import MisuseTypeError


class SecretHandle:
    """Names a secret for the next cell; says its type, shape, protocol and holders. Overwriting it does no harm."""

    __slots__ = ("_name", "_text")

    def __init__(self, name: str, text: str):
        self._name, self._text = name, text

    def __repr__(self) -> str:
        return self._text

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise MisuseTypeError(
            f"`{self._name}` is a secret that lives in the parties; the notebook has no data of it. "
            f"Use it in a %%mpc cell, e.g. `y = mpc.reveal({self._name})`."
        )


REFUSED = (
    "bool int float complex index len iter getitem contains array add radd sub rsub mul rmul truediv matmul "
    "lt le gt ge eq ne and or xor neg hash format reduce_ex"
)
for _name in REFUSED.split(" "):
    setattr(SecretHandle, f"__{_name}__", SecretHandle._refuse)
