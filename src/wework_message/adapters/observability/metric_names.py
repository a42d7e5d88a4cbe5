"""The names of all metrics, with their labels and texts."""

from collections.abc import Mapping
from typing import Final, Literal

MetricName = Literal[
    "wm_messages_accepted_total",  # type, mode: messages that became durable
    "wm_messages_finished_total",  # type, provider, outcome: the same events as the next metric
    "wm_message_terminal_total",  # outcome: times that a message ended, or stayed UNKNOWN
    "wm_message_seconds",  # status: from acceptance, or its scheduledAt, until a message came to rest for the first time
    "wm_echo_seconds",  # provider: from the begin of a call until its message was seen in the account's stream
    "wm_retries_total",  # calls after a message's first one
    "wm_provider_request_seconds",  # provider, kind, class: calls to providers
    "wm_provider_up",  # provider: 1 or 0; absent until it was observed
    "wm_provider_breaker_open",  # provider: 1 = its breaker is open or half-open
    "wm_bindings_degraded",  # provider: instances that accept sends and show none of them again
    "wm_provider_configured",  # provider: 1 = enabled
    "wm_http_requests_total",  # route (template without the context path), method, status: our own API
    "wm_http_request_seconds",  # route, method
    "wm_requests_shed_total",  # priority: requests that were refused because the process has too much to do
    "wm_rate_limited_total",  # limit: requests that were refused because their caller makes too many
    "wm_in_flight_limit",  # the next two: requests that may be in flight, and those that are; without callbacks
    "wm_requests_in_flight",
    "wm_callbacks_total",  # type, result: items of callbacks
    "wm_callback_misfits_total",  # reason: records that name a message of ours and do not fit it
    "wm_callback_foreign_ids_total",  # ids that are none of ours, in callbacks that name many such
    "wm_callbacks_refused_total",  # reason: callbacks that were answered as a path that does not exist
    "wm_stream_pulls_total",  # provider, outcome: pulls of the message streams of instances
    "wm_stream_records_total",  # provider, result: what they brought
    "wm_stream_lag_seconds",  # provider: how long ago the stream that was pulled last had been read to its end
    "wm_standby_total",  # event: what came of accounts that had no binding left to send through
    "wm_webhook_attempts_total",  # outcome, state: attempts to deliver events to clients
    "wm_media_uploads_total",  # provider, outcome: files that were uploaded to providers, and tries
    "wm_media_fetches_total",  # outcome: files that were fetched from URLs of clients, and tries
    "wm_media_seconds",  # kind: how long each of both took
    "wm_media_bytes_total",  # kind: what they brought
    "wm_spooled_answers",  # the next two: answers that the database did not take, in the spool and in memory only
    "wm_unspooled_answers",
    "wm_security_open",  # 1 where other machines reach the API without a key
    "wm_paused",  # scope: what operators have stopped
    "wm_oldest_open_seconds",  # status; it and the next eight in one process of the cluster: the age of the oldest message of it
    "wm_oldest_due_seconds",  # how long a due row has been waiting
    "wm_inbox_lag_seconds",  # how long a stored callback has been waiting
    "wm_webhook_overdue_seconds",  # how long the delivery to a client has been due that is due for longest
    "wm_media_jobs",  # kind: fetches and uploads of files that have not ended
    "wm_media_overdue_seconds",  # how long the one has been due that is due for longest
    "wm_media_assets",  # state: media assets
    "wm_unknown_open",  # provider: messages that are UNKNOWN now
    "wm_invariant_violations",  # kind: rows that break a rule
    "wm_intake_total",  # result: messages of the intake topic
    "wm_rocketmq_publish_seconds",  # result: published wake-ups for due messages
    "wm_rocketmq_received_total",  # result: received wake-ups for due messages
    "wm_rocketmq_backlog",  # group: unacknowledged messages; absent while unknown
    "wm_db_pool_connections",  # pool, state: connections to the database, or threads for its file
    "wm_db_pool_limit",  # pool: how many there may be
    "wm_db_pool_wait_seconds",  # pool: how long work waited for one
    "wm_backend_up",  # part: 1 or 0 for a server that a part runs on; absent until it was observed
    "wm_redis_call_seconds",  # op, result: calls to Redis
    "wm_event_loop_lag_seconds",  # the largest of the last samples
    "wm_gc_pause_seconds",  # generation: runs of the garbage collector
    "wm_process_threads",  # Python threads
    "wm_trace_spans_dropped_total",  # spans that were recorded and not exported
    "wm_process_memory_ratio",  # resident memory over its limit; absent without a limit
    "wm_workers",  # the next two: processes of this service, and those that work now
    "wm_workers_up",
    "wm_worker_restarts_total",
]

TEXTS: Final[Mapping[MetricName, str]] = {
    "wm_messages_accepted_total": "Messages durably accepted.",
    "wm_messages_finished_total": "Times a message came to an end, or was parked as UNKNOWN.",
    "wm_message_terminal_total": "Times a message came to an end, or was parked as UNKNOWN, over all types and providers.",
    "wm_message_seconds": "From acceptance, or scheduledAt where that is later, until a message came to rest for the first time, seconds.",
    "wm_echo_seconds": "From the begin of a call until its message was seen in the account's stream, seconds.",
    "wm_retries_total": "Calls to a provider after a message's first one.",
    "wm_provider_request_seconds": "Duration of calls to providers, seconds.",
    "wm_provider_up": "Whether the provider was well when last observed; absent until then.",
    "wm_provider_breaker_open": "1 = the provider's breaker is open, or lets single messages through.",
    "wm_bindings_degraded": "Bindings whose sends are accepted and not seen again for 2 x H.",
    "wm_provider_configured": "1 = the provider is configured and enabled.",
    "wm_http_requests_total": "Requests answered.",
    "wm_http_request_seconds": "Duration of requests, seconds.",
    "wm_requests_shed_total": "Requests refused while the process had too much to do.",
    "wm_rate_limited_total": "Requests refused because their caller makes too many.",
    "wm_in_flight_limit": "Requests that may be in flight, callbacks aside; it shrinks while they take too long.",
    "wm_requests_in_flight": "Requests in flight, callbacks aside.",
    "wm_callbacks_total": "Items of provider callbacks.",
    "wm_callback_misfits_total": "Callback records that name a message of ours, do not fit it, and were quarantined.",
    "wm_callback_foreign_ids_total": "Message ids that are none of ours, in callbacks that name many such.",
    "wm_stream_pulls_total": "Pulls of the message streams of instances.",
    "wm_stream_records_total": "Records of pulled streams: stored, or known already.",
    "wm_stream_lag_seconds": "How long before its last pull a stream had been read to its end, seconds.",
    "wm_standby_total": "Times that an account had no binding left to send through, by what came of it.",
    "wm_webhook_attempts_total": "Attempts to deliver events to clients, by how each ended and what became of the delivery.",
    "wm_webhook_overdue_seconds": "How long the delivery to a client that is due for longest has been due, seconds.",
    "wm_media_uploads_total": "Uploads of files to providers, by how each ended.",
    "wm_media_fetches_total": "Fetches of files from URLs of clients, by how each ended.",
    "wm_media_seconds": "Duration of fetches and uploads of files, seconds.",
    "wm_media_bytes_total": "Bytes of the files that were fetched, and of those that were uploaded.",
    "wm_spooled_answers": "Answers of providers that the database did not take yet, in the spool.",
    "wm_unspooled_answers": "Answers of providers that the database did not take yet, in memory only.",
    "wm_security_open": "1 where other machines can reach the service and nobody has to show a key (security.mode is open).",
    "wm_paused": "How many things of each scope operators have stopped, as this process read it last.",
    "wm_oldest_open_seconds": "Age of the oldest message that has not come to rest, by its status, seconds; 0 without one.",
    "wm_oldest_due_seconds": "How long the oldest due message has been waiting to be claimed, seconds.",
    "wm_inbox_lag_seconds": "How long ago the oldest callback arrived that waits to be applied, seconds.",
    "wm_media_jobs": "Fetches and uploads of files that have not ended; at most 10,000 are counted.",
    "wm_media_overdue_seconds": "How long the fetch or upload of a file that is due for longest has been due, seconds.",
    "wm_media_assets": "Media assets, at most 10,000 of a state are counted.",
    "wm_unknown_open": "Messages that are UNKNOWN now.",
    "wm_invariant_violations": "Stored rows that break a rule of ours.",
    "wm_callbacks_refused_total": "Callbacks of somebody who may not bring them, answered 404.",
    "wm_intake_total": "Messages of the intake topic by what became of them, and tries that the store did not take.",
    "wm_rocketmq_publish_seconds": "Duration of publishing a ring of due messages, seconds.",
    "wm_rocketmq_received_total": "Rings of due messages received.",
    "wm_rocketmq_backlog": "Messages of the group that nobody has acknowledged; absent while it is unknown.",
    "wm_db_pool_connections": "Connections to the database, or threads for its file, by what they are for.",
    "wm_db_pool_limit": "How many of them may be used at a time.",
    "wm_db_pool_wait_seconds": "How long work waited until it had one, seconds.",
    "wm_backend_up": "Whether the server that a part runs on was well when last observed; absent until then.",
    "wm_redis_call_seconds": "Duration of calls to Redis, seconds.",
    "wm_event_loop_lag_seconds": "Longest delay of the event loop among the last samples, seconds.",
    "wm_gc_pause_seconds": "How long runs of the garbage collector stopped the process, seconds.",
    "wm_process_threads": "Python threads that are alive.",
    "wm_trace_spans_dropped_total": "Spans that were recorded and lost: the queue was full, or the receiver did not take them.",
    "wm_process_memory_ratio": "Resident memory over the memory limit.",
    "wm_workers": "Processes that this service has by its settings, the supervisor not counted.",
    "wm_workers_up": "Processes of this service that work now.",
    "wm_worker_restarts_total": "Times that a process of this service ended and was started again.",
}
