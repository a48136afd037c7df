"""Whatever mixture of faults meets the requests: what is loaded is right, and what is not says why."""

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from segment_dagster.emulator import Fault
from segment_dagster_tests.chaos.chaos_length import SEED, at_length
from segment_dagster_tests.chaos.figures import FIGURES
from segment_dagster_tests.chaos.runs import copied, told
from segment_dagster_tests.chaos.tables import ENDPOINTS
from segment_dagster_tests.transient_faults import TRANSIENT_FAULTS

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

MENDED = TRANSIENT_FAULTS | {"slow": 0.05}
"""What another attempt may get past, or patience, and its value."""

LASTING = ("renamed-key", "repeated-cursor", "forbidden", "null-key", "wrong-type")
"""What ends an endpoint. Whatever else the emulator can do alters rows, or is true: a list that is gone is gone."""

faults = st.builds(
    lambda kind, rate, chance, name: Fault(kind, name, value=MENDED.get(kind), rate=rate, seed=chance),
    st.sampled_from([*MENDED, *MENDED, *LASTING]),
    st.floats(0.01, 0.3),
    st.integers(0, 1000),
    st.sampled_from([None, None, *ENDPOINTS]),
).filter(lambda fault: fault.kind in MENDED or fault.endpoint is not None)


@pytest.mark.long
@pytest.mark.timeout(3000)
@seed(SEED)
@settings(
    max_examples=at_length(2, 60),
    deadline=None,
    database=None,
    # to run a mixture takes seconds: it is printed and not made smaller
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(mixture=st.lists(faults, min_size=1, max_size=6))
def test_any_mixture_of_faults(bases, workspace, tmp_path_factory, mixture):
    runs = copied(bases(False), workspace, tmp_path_factory.mktemp("mixture"), f"mixture {mixture}")
    new = runs.change()
    runs.harm(*mixture)
    ran = runs.run()
    runs.harm()
    FIGURES.cases["mixtures"] += 1
    happened = f"the mixture {mixture}"
    if ran.code:
        for line in told(ran):
            name, _, said = line.removeprefix("error: ").partition(": ")
            assert name in ENDPOINTS and said, line
        verdicts = runs.judge(new, happened)
        assert verdicts["old"], happened
        runs.repair(happened)
    else:
        runs.judge(new, happened, only="new")
        assert runs.left() == [], happened
