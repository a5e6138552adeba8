"""Fan-outs from the outside: the plan before, the view during and after, the resume of what failed."""
