"""Private: the stand-in, at everyone else, for a value that one party owns. It has a name and a shape, and refuses to be data."""

from typing import Any

from ..errors import MisuseTypeError, NoDataError


class Private:
    """Stands for a value that another party owns: its shape is public, its data is not here."""

    def __init__(self, name: str, owner: str, shape: tuple[int, ...], dtype: str):
        self.__dict__.update(name=name, owner=owner, shape=shape, dtype=dtype)

    def __repr__(self) -> str:
        return f"<private to {self.owner}: {self.name}, {self.dtype}, shape {self.shape}>"

    def __len__(self) -> int:
        if not self.shape:
            raise MisuseTypeError(f"{self!r} has no length")
        return int(self.shape[0])

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise NoDataError(
            f"`{self.name}` belongs to {self.owner} and its data is not in this party. "
            f'Share it: mpc.input("{self.name}", owner="{self.owner}").'
        )

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return self._refuse()


PRIVATE_REFUSES = (
    "bool int float index iter getitem setitem contains add radd sub rsub mul rmul truediv rtruediv floordiv mod pow neg abs "
    "lt le gt ge eq ne and or xor invert array format call hash"
)
for _name in PRIVATE_REFUSES.split(" "):
    setattr(Private, f"__{_name}__", Private._refuse)
