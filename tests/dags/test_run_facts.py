"""What the report says about a run's batches."""

from microbiome.facts import describe

RUN = {"outcome": "success", "capacity": "spot", "launches": 1, "seconds": 60.0, "cost_usd": 0.01}


def test_what_the_batches_took() -> None:
    on_demand = RUN | {"capacity": "on_demand", "launches": 2, "seconds": 65.5}
    assert describe([RUN, on_demand], 75.2, reused=3) == {
        "Samples analysed before": "3",
        "Batches succeeded": "2 of 2",
        "Time of the fan-out": "1 min 15 s",
        "Containers of the batches": "3",
        "Batches on Spot": "1",
        "Container time": "2 min 06 s",
        "Cost of the batches": "0.0200 USD (list price on demand)",
    }


def test_what_is_not_known_is_said() -> None:
    unpriced = {name: value for name, value in RUN.items() if name != "cost_usd"}
    found = describe([RUN, unpriced, RUN | {"outcome": "memory"}, None], None, reused=0)
    assert found["Batches succeeded"] == "2 of 4 (1 memory, 1 unknown)"
    assert found["Cost of the batches"] == "0.0200 USD for 2 of 4 (list price on demand)"
    assert "Time of the fan-out" not in found


def test_nothing_ran() -> None:
    assert describe([], 0.0, reused=12) == {"Samples analysed before": "12"}
