"""Who is the same person on several platforms: a second person must be another one, a code key serves all of one's."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Persons:
    """Users ("platform:user_id") by the name of the person they belong to; others are persons of their own."""

    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def users_of(self, user: str) -> tuple[str, ...]:
        """Every user of this user's person, the asked one first."""
        others = (other for group in self.users.values() if user in group for other in group)
        return tuple(dict.fromkeys((user, *others)))

    def same(self, one: str, other: str) -> bool:
        """True when two users are one person."""
        return other in self.users_of(one)
