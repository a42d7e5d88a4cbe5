"""``wework-message demo``: the main job end to end with real processes, judged by the simulator's ledger."""
