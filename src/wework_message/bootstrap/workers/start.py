"""The start of several workers: from the settings to the supervisor's loop."""

import dataclasses
import gc
import os
import secrets

from wework_message import __version__
from wework_message.adapters.observability.logs import LogSettings
from wework_message.bootstrap.settings import Loaded
from wework_message.bootstrap.settings.logs import rotation_of
from wework_message.bootstrap.sockets import Ports
from wework_message.bootstrap.workers.link import Membership
from wework_message.bootstrap.workers.report import SupervisorReport
from wework_message.bootstrap.workers.supervisor import Supervisor


def log_settings(loaded: Loaded, membership: Membership | None) -> LogSettings:
    """Of a process alone or, with a `membership`, of one worker of several."""
    logging = loaded.settings.logging
    settings = LogSettings(
        version=__version__,
        level=logging.level,
        file=logging.file.name,
        form=logging.format,
        rotation=rotation_of(logging.file),
    )
    if membership is None:
        return settings
    return dataclasses.replace(
        settings,
        pseudonym_key=membership.pseudonym_key,
        worker=membership.number,
        turn=membership.log_turn,
    )


def supervised(loaded: Loaded, ports: Ports) -> Membership | int:
    """Returns in each worker what it is, and in the supervisor, once all have ended, the exit code."""
    workers = loaded.settings.server.workers
    turn = os.memfd_create("log-turn")
    pseudonym_key = secrets.token_bytes(32)
    report = SupervisorReport(log_settings(loaded, None), turn)
    report.line("INFO", "supervisor.started", {"workers": workers, "port": ports.first, "pid": os.getpid()})
    gc.collect()
    gc.freeze()  # a collection in a worker would write to every object of ours, and so copy the memory that they share
    worker = Supervisor(workers, report).run()
    if isinstance(worker, int):
        report.line("INFO", "supervisor.ended", {"code": worker})
        return worker
    return Membership(worker.number, workers, worker.end, turn, pseudonym_key)
