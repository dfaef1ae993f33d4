from pathlib import Path

import pytest

from eyebright.core.types import Space
from eyebright.store import EmbeddedStore, ExactStore, IndexPlan
from eyebright.testing import check_store

PLANS = {
    "flat": None,
    "ivf": IndexPlan(flat_max=0, filtered_max=0, least=1),
    "ivf-exact-filters": IndexPlan(flat_max=0, least=1),
    "ivf-sq8": IndexPlan(flat_max=0, full_max=0, filtered_max=0, least=1),
}


def test_the_exact_store_keeps_the_contract():
    check_store(ExactStore)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_the_embedded_store_keeps_the_contract(tmp_path: Path, plan):
    made = []

    def make(space: Space) -> EmbeddedStore:
        made.append(tmp_path / f"store-{len(made)}")
        return EmbeddedStore.open(made[-1], space, plan=plan)

    def reopen(store: EmbeddedStore) -> EmbeddedStore:
        store.close()
        return EmbeddedStore.open(store.path, plan=plan)

    check_store(make, reopen=reopen)
