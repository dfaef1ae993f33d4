"""Read-infer-write stages with bounded queues, a drop policy and reconnection."""
