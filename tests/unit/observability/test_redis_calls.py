from wework_message.adapters.observability.metrics import REDIS_OPS, REDIS_RESULTS, Metrics
from wework_message.adapters.redis.guarded import OPS, RESULTS


def test_the_metric_knows_every_call_of_the_guarded_client() -> None:
    assert (REDIS_OPS, REDIS_RESULTS) == (OPS, RESULTS)


def test_every_call_to_redis_is_there_from_the_start_and_is_counted() -> None:
    metrics = Metrics(providers=(), routes=())
    assert 'wm_redis_call_seconds_count{op="status",result="refused"} 0.0' in metrics.render()[0].decode()
    metrics.redis_call("reserve", "ok", 0.001)
    assert 'wm_redis_call_seconds_count{op="reserve",result="ok"} 1.0' in metrics.render()[0].decode()
