"""Fan-outs. Every engine shares the plan's manifest, the state, the tolerance, the progress and the link to the page.

What starts batches and finds out how they go differs: `child_runs` is one DAG run per batch (engine "runs", with FanOut
in operator.py), `array_jobs` is AWS Batch (engine "array", with an operator and a trigger of its own).
"""
