"""The names of all metrics, with their labels."""

from typing import Literal

MetricName = Literal[
    "wm_messages_accepted_total",  # type, mode: messages that became durable
    "wm_messages_finished_total",  # type, provider, outcome: the same events as the next metric
    "wm_message_terminal_total",  # outcome: times that a message ended, or stayed UNKNOWN
    "wm_retries_total",  # calls after a message's first one
    "wm_provider_request_seconds",  # provider, kind, class: calls to providers
    "wm_provider_up",  # provider: 1 or 0; absent until it was observed
    "wm_provider_breaker_open",  # provider: 1 = its breaker is open or half-open
    "wm_bindings_degraded",  # provider: instances that accept sends and show none of them again
    "wm_provider_configured",  # provider: 1 = enabled
    "wm_http_requests_total",  # route (template without the context path), method, status: our own API
    "wm_http_request_seconds",  # route, method
    "wm_callbacks_total",  # type, result: items of callbacks
    "wm_callback_misfits_total",  # reason: records that name a message of ours and do not fit it
    "wm_callback_foreign_ids_total",  # ids that are none of ours, in callbacks that name many such
    "wm_callbacks_refused_total",  # reason: callbacks that were answered as a path that does not exist
    "wm_stream_pulls_total",  # provider, outcome: pulls of the message streams of instances
    "wm_stream_records_total",  # provider, result: what they brought
    "wm_stream_lag_seconds",  # provider: how long ago the stream that was pulled last had been read to its end
    "wm_standby_total",  # event: what came of accounts that had no binding left to send through
    "wm_paused",  # scope: what operators have stopped
    "wm_oldest_due_seconds",  # the next three in one process of the cluster: how long a due row has been waiting
    "wm_unknown_open",  # provider: messages that are UNKNOWN now
    "wm_invariant_violations",  # kind: rows that break a rule
    "wm_intake_total",  # result: messages of the intake topic
    "wm_rocketmq_publish_seconds",  # result: published wake-ups for due messages
    "wm_rocketmq_received_total",  # result: received wake-ups for due messages
    "wm_rocketmq_backlog",  # group: unacknowledged messages; absent while unknown
    "wm_redis_call_seconds",  # op, result: calls to Redis
    "wm_event_loop_lag_seconds",  # the largest of the last samples
    "wm_process_threads",  # Python threads
    "wm_process_memory_ratio",  # resident memory over its limit; absent without a limit
    "wm_workers",  # the next two: processes of this service, and those that work now
    "wm_workers_up",
    "wm_worker_restarts_total",
]
