"""What the container makes of two of its parts, where a rule decides."""

from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.commit.scope import Commits
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.bootstrap.storage import Storage
from wework_message.domain.ports.queries import StatusReader
from wework_message.domain.ports.repositories import UnitOfWorkFactory


def committer_beside(commits: GroupCommit, storage: Storage) -> GroupCommit:
    """A committer of its own where the store takes concurrent transactions; the same one elsewhere."""
    return commits.add_committer() if storage.side_by_side else commits


def behind_sends(commits: GroupCommit, storage: Storage) -> Commits:
    """A committer of its own where the store takes concurrent transactions; a queue behind those of sends elsewhere."""
    return commits.add_committer() if storage.side_by_side else commits.add_queue_behind()


def intake_of(commits: GroupCommit, storage: Storage) -> Commits:
    """A committer of its own where the store takes concurrent transactions; a queue of its own elsewhere."""
    return commits.add_committer() if storage.side_by_side else commits.add_queue()


def units_of(shared: Shared, units: UnitOfWorkFactory) -> UnitOfWorkFactory:
    """The units of work to use: with a cache of accounts, where processes share one."""
    return shared.units(units)


def statuses_of(shared: Shared, reader: StatusReader) -> StatusReader:
    """The reader for clients that poll: with a cache, where processes share one."""
    return shared.statuses(reader)
